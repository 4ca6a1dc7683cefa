"""Open failures by fingerprint, the journeys of one, and the rules that people made; on both databases."""

from collections import Counter
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from controltower.domain.failure_rules import FailureRule
from controltower.domain.fingerprints import fingerprint_of
from controltower.store import failures
from controltower.store.engine import Database, reading, writing
from controltower.store.failure_rules import (
    add_failure_rule,
    find_failure_rule,
    list_failure_rules,
    list_removed_rules,
    mark_removed,
)
from controltower.store.failures import find_failure_group, list_failure_groups
from controltower.store.journeys import JourneyFilter, list_journeys
from tests.builders import NOW, an_event
from tests.store.facts import explained, store
from tests.stores import clear

UNMAPPED = fingerprint_of("erp", "SKU_UNMAPPED", "No item for 1")
LATER = NOW + timedelta(minutes=5)


def a_failure(
    order: str, message: str = "No item for 1", *, at=NOW, code: str = "SKU_UNMAPPED", channel: str = ""
):
    """A posting that failed."""
    return an_event(
        "order.posted.failed",
        ("order", order),
        source="/erp",
        at=at,
        error_code=code,
        error_message=message,
        channel=channel,
    )


def a_rule(message: str = "no item", code: str = "") -> FailureRule:
    return FailureRule(
        name="",
        failure_class="data_quality",
        action="Map it.",
        owner="Master data",
        link="/search",
        code=(code,) if code else (),
        message=(message,) if message else (),
    )


# Groups


def test_failures_of_one_kind_are_one_group_told_by_the_newest(emptied_database: Database):
    store(
        emptied_database,
        a_failure("A", "No item for 17", at=NOW),
        a_failure("B", "no item for 4", at=LATER),
        a_failure("C", "Credit limit reached", code="CREDIT", at=NOW + timedelta(minutes=9)),
    )
    with reading(emptied_database) as c:
        credit, unmapped = list_failure_groups(c)
    assert credit.failure.code == "CREDIT" and credit.journeys == 1
    assert (unmapped.fingerprint, unmapped.journeys) == (UNMAPPED, 2)
    assert (unmapped.oldest_at, unmapped.newest_at) == (NOW, LATER)
    assert (unmapped.example.title, unmapped.failure.message) == ("B", "no item for 4")


def test_a_failure_that_was_put_right_is_in_no_group(emptied_database: Database):
    store(emptied_database, a_failure("A"), an_event("order.posted", ("order", "A"), at=LATER))
    with reading(emptied_database) as c:
        assert list_failure_groups(c) == []
        assert find_failure_group(c, UNMAPPED) is None
        assert list_journeys(c, JourneyFilter(fingerprint=UNMAPPED)) == []


def test_many_failures_of_one_moment_have_one_example(emptied_database: Database):
    store(emptied_database, *(a_failure(f"N{number}") for number in range(20)))
    with reading(emptied_database) as c:
        (group,) = list_failure_groups(c)
        assert find_failure_group(c, UNMAPPED) == group
    assert group.journeys == 20


def test_only_the_newest_groups_are_handed_out(emptied_database: Database, monkeypatch):
    monkeypatch.setattr(failures, "MOST_GROUPS", 2)
    store(
        emptied_database,
        *(a_failure(c, code=f"CODE_{c}", at=NOW + timedelta(minutes=n)) for n, c in enumerate("ABC")),
    )
    with reading(emptied_database) as c:
        assert [group.failure.code for group in list_failure_groups(c)] == ["CODE_C", "CODE_B"]


@given(st.lists(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from(["X", "Y", "Z"])), max_size=12))
@settings(max_examples=25)
def test_groups_count_every_failed_journey_once(module_database: Database, told: list[tuple[str, str]]):
    clear(module_database)
    store(
        module_database,
        *(
            a_failure(order, "no", code=code, at=NOW + timedelta(minutes=n))
            for n, (order, code) in enumerate(told)
        ),
    )
    with reading(module_database) as c:
        groups = {group.failure.code: group for group in list_failure_groups(c)}
        newest = dict(told)  # a journey has the newest of its failures
        assert {code: group.journeys for code, group in groups.items()} == Counter(newest.values())
        for code, group in groups.items():
            listed = list_journeys(c, JourneyFilter(fingerprint=group.fingerprint))
            assert {row.title for row in listed} == {o for o, own in newest.items() if own == code}


def test_the_journeys_of_a_kind_page_by_key_and_pass_the_other_filters(emptied_database: Database):
    orders = [
        a_failure(f"N{number}", at=NOW + timedelta(minutes=number), channel="web" if number % 2 else "app")
        for number in range(5)
    ]
    store(emptied_database, *orders, a_failure("M9", code="OTHER"))
    with reading(emptied_database) as c:
        titles, after = [], None
        while page := list_journeys(c, JourneyFilter(fingerprint=UNMAPPED), after=after, limit=2):
            titles += [row.title for row in page]
            after = page[-1].cursor
        by_channel = list_journeys(c, JourneyFilter(fingerprint=UNMAPPED, channel="web", system="erp"))
        by_text = list_journeys(c, JourneyFilter(fingerprint=UNMAPPED, text="N3"))
        assert list_journeys(c, JourneyFilter(fingerprint=UNMAPPED, text="M9")) == []
    assert titles == ["N4", "N3", "N2", "N1", "N0"]
    assert [row.title for row in by_channel] == ["N3", "N1"]
    assert [row.title for row in by_text] == ["N3"]


def test_what_it_costs_follows_the_open_failures(emptied_database: Database):
    """Every statement starts from the partial index of open failures, or from the keys it found there."""
    store(emptied_database, a_failure("A"), an_event("order.captured", ("order", "B")))
    with explained(emptied_database) as (c, plans):
        list_failure_groups(c)
        find_failure_group(c, UNMAPPED)
        list_journeys(c, JourneyFilter(fingerprint=UNMAPPED, system="erp"), limit=5)
    served = ("ix_journey_failure_fingerprint", "pk_journey", "sqlite_autoindex_journey")
    assert len(plans) == 6 and all(any(index in plan for index in served) for plan in plans), plans
    finding = [plan for plan in plans if "journey.id IN" not in plan]
    assert len(finding) == 3 and all(served[0] in plan for plan in finding), finding


# Rules that people made


def test_rules_are_kept_newest_first_with_who_made_them(emptied_database: Database):
    with writing(emptied_database) as c:
        add_failure_rule(c, b"a" * 16, a_rule("no item"), "ada", NOW)
        add_failure_rule(c, b"b" * 16, a_rule("", "E_*"), "bob", LATER)
    with reading(emptied_database) as c:
        newer, older = list_failure_rules(c)
    assert (newer.rule.code, newer.rule.message, newer.made_by) == (("E_*",), (), "bob")
    assert (older.rule.message, older.rule.action, older.made_at) == (("no item",), "Map it.", NOW)
    assert (older.rule.owner, older.rule.link) == ("Master data", "/search")
    assert older.rule.diagnosis.rule != newer.rule.diagnosis.rule


def test_a_rule_is_removed_once_and_stays_known(emptied_database: Database):
    with writing(emptied_database) as c:
        add_failure_rule(c, b"a" * 16, a_rule(), "ada", NOW)
        assert mark_removed(c, b"a" * 16, "bob", LATER)
        assert not mark_removed(c, b"a" * 16, "eve", LATER)
        assert not mark_removed(c, b"z" * 16, "eve", LATER)
    with reading(emptied_database) as c:
        assert list_failure_rules(c) == []
        (gone,) = list_removed_rules(c)
        assert find_failure_rule(c, b"a" * 16) == gone
        assert find_failure_rule(c, b"z" * 16) is None
    assert (gone.made_by, gone.removed_by, gone.removed_at) == ("ada", "bob", LATER)
