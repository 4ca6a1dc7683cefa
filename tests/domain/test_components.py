"""How events and spans are tied together, whatever the order in which they are looked at."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.components import (
    NO_TITLE,
    Component,
    fact_of,
    home_of_span,
    ties_of,
    title_of,
)
from controltower.domain.facts import Event
from controltower.domain.identifiers import Bond, Identifier, bond_of_key, key_of, trace_key
from tests.builders import an_event
from tests.model import events

TRACE = bytes([7]) * 16
pairs = st.tuples(
    st.sampled_from(["correlation", "order", "shipment", "tracking", "email"]),
    st.sampled_from(["1", "2", "N/A", ""]),
)


def key(kind: str, value: str) -> bytes:
    return key_of(Identifier(kind, value))


# Events


def test_an_event_is_at_home_where_its_strongest_identifiers_are():
    ties = ties_of(an_event("note", ("order", "1"), ("tracking", "T"), ("correlation", "c"), ("email", "e")))
    assert ties.home.keys() == {key("order", "1"), key("correlation", "c")}
    assert ties.weaker.keys() == {key("tracking", "T")}
    assert ties.labels.keys() == {key("email", "e")}
    assert ties.anchor == key("correlation", "c")


def test_an_event_of_a_parcel_is_at_home_there():
    ties = ties_of(an_event("note", ("tracking", "T"), ("shipment", "S"), trace=TRACE))
    assert ties.home.keys() == {key("tracking", "T"), key("shipment", "S")}
    assert ties.weaker == {}


def test_an_event_that_knows_only_its_trace_is_at_home_there():
    ties = ties_of(an_event("note", ("email", "e"), trace=TRACE))
    assert ties.anchor == trace_key(TRACE)
    assert ties.home == {trace_key(TRACE): Identifier("trace", TRACE.hex())}


def test_an_event_that_knows_nothing_has_an_anchor_that_no_identifier_has():
    event = an_event("note", ("email", "e"))
    ties = ties_of(event)
    assert ties.home == {}
    assert ties.anchor == b"\xff" + event.digest[:15]


def test_identifiers_that_would_melt_journeys_tie_nothing_and_are_counted():
    ties = ties_of(an_event("note", ("order", "N/A"), ("tracking", "0"), ("email", ""), ("order", "1")))
    assert ties.home.keys() == {key("order", "1")}
    assert (ties.weaker, ties.labels, ties.refused) == ({}, {}, 3)


@given(st.lists(pairs, max_size=5), st.sampled_from([b"", TRACE]), st.data())
def test_ties_do_not_depend_on_the_order_or_repetition_of_identifiers(
    named: list[tuple[str, str]], trace: bytes, data: st.DataObject
):
    event = an_event("note", *named, id="a", trace=trace)
    shuffled = data.draw(st.permutations([*event.identifiers, *event.identifiers]))
    again = ties_of(event._replace(identifiers=tuple(shuffled)))
    ties = ties_of(event)
    assert again._replace(refused=0) == ties._replace(refused=0)
    assert again.refused == 2 * ties.refused
    assert {bond_of_key(k) for k in ties.home} <= {min(map(bond_of_key, ties.home), default=Bond.ORDER)}


@given(st.lists(pairs.filter(lambda pair: pair[1] in ("1", "2")), max_size=4))
def test_a_span_ties_as_an_event_with_its_identifiers_does(named: list[tuple[str, str]]):
    home, weaker = home_of_span([Identifier(*pair) for pair in named])
    ties = ties_of(an_event("note", *named))
    assert (home, weaker) == (ties.home, ties.weaker)


# Components


def component(*facts: Event) -> Component:
    """A component of its own for facts that share a home."""
    made = Component([min(ties_of(facts[0]).home)])
    for event in facts:
        ties = ties_of(event)
        made.keys |= ties.home.keys()
        made.id = min(made.keys)
        made.facts[event.digest] = fact_of(event)
        made.members |= ties.weaker.keys()
        made.title = min(made.title, title_of(ties.home.values()))
    return made


def content(made: Component) -> tuple[object, ...]:
    return made.id, made.keys, made.facts, made.owners, made.members, made.title


at_home = events().filter(lambda event: bool(ties_of(event).home))


def united(parts: list[list[Event]]) -> tuple[object, ...]:
    def absorb(one: Component, other: Component) -> Component:
        one.absorb(other)
        return one

    return content(reduce(absorb, [component(*part) for part in parts]))


@given(st.lists(st.lists(at_home, min_size=1, max_size=3), min_size=1, max_size=5), st.data())
def test_uniting_is_commutative_associative_and_idempotent(parts: list[list[Event]], data: st.DataObject):
    again = data.draw(st.permutations([*parts, *parts]))
    regrouped = [[event for part in parts for event in part]]
    assert united(again) == united(parts) == united(regrouped)


def test_a_component_is_called_by_its_least_key():
    made = Component([key("order", "1"), key("correlation", "c")])
    assert made.id == key("correlation", "c")
    made.absorb(Component([key("order", "2")]))
    assert made.id == key("correlation", "c")
    assert made.bond is Bond.ORDER


def test_a_component_has_the_bond_of_its_keys():
    assert Component([key("tracking", "T")]).bond is Bond.LEG
    assert Component([trace_key(TRACE)]).bond is Bond.TRACE


# Titles


def test_people_call_a_journey_by_its_order_before_any_technical_id():
    named = [Identifier("correlation", "c"), Identifier("order", "1001"), Identifier("tracking", "T")]
    assert title_of(named)[1:] == ("order", "1001")
    assert title_of([*named, Identifier("order_name", "#1001")])[2] == "#1001"


def test_of_two_names_of_one_kind_the_lesser_is_the_title():
    assert title_of([Identifier("order", "2"), Identifier("order", "1")])[2] == "1"


def test_a_dotted_kind_makes_as_good_a_title():
    assert title_of([Identifier("netsuite.order", "7"), Identifier("correlation", "a")])[2] == "7"


def test_without_identifiers_there_is_no_title():
    assert title_of([]) == NO_TITLE


# Facts


def test_a_fact_names_the_source_where_no_system_is_known():
    assert fact_of(an_event(source="/shop", system="")).system == "/shop"


def test_a_fact_keeps_the_beginning_of_a_long_error_message():
    assert len(fact_of(an_event(error_message="x" * 5_000)).error_message) == 200
