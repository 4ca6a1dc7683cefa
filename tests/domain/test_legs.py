"""Legs: which facts are about the same part of a journey, and how the parts make the whole."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.components import fact_of
from controltower.domain.facts import FAILED
from controltower.domain.journeys import CANCELLED, DONE, FAILED_STATUS, IN_FLIGHT, Fact, Journey, fold
from controltower.domain.legs import Leg
from controltower.domain.stages import leg_rail, stage_rail, whose_move
from controltower.domain.times import from_us
from tests.builders import NOW, an_event, built_in, order_to_cash

PROCESS = order_to_cash()
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ORDER = ("order", "1001")

TYPES = (
    "order.captured order.amended order.cancelled shipment.picked shipment.shipped shipment.delivered "
    "shipment.shipped.failed shipment.cancelled shipment.returned line.cancelled return.requested "
    "return.refunded payment.settled note"
).split()
names = st.sampled_from(
    [("shipment", "S1"), ("shipment", "S2"), ("wms.shipment", "S1"), ("tracking", "T1"), ("tracking", "T2"),
     ("line", "1001/1"), ("line", "1001/2"), ("return", "R1")]
)  # fmt: skip
facts = st.lists(
    st.builds(
        lambda kind, named, minute, failed, own: fact_of(
            an_event(
                kind,
                ORDER,
                *named,
                id=own,
                at=NOW + timedelta(minutes=minute),
                outcome=FAILED if failed else "ok",
            )
        ),
        st.sampled_from(TYPES),
        st.lists(names, max_size=3, unique=True),
        st.integers(0, 5),
        st.booleans(),
        st.sampled_from("abcdefgh"),
    ),
    min_size=1,
    max_size=12,
)


def told(type: str, *named: tuple[str, str], after: timedelta = timedelta(), **rest: Any) -> Fact:
    return fact_of(an_event(type, ORDER, *named, at=NOW + after, **rest))


def journey(*facts: Fact) -> Journey:
    return fold(PROCESS, facts)


def legs(found: Journey, kind: str = "shipment") -> list[Leg]:
    return [leg for leg in found.legs if PROCESS.legs[leg.kind].name == kind]


def shipment(number: str) -> tuple[str, str]:
    return ("shipment", number)


# A function of the set of facts


@given(facts, st.data())
def test_order_and_repetition_do_not_change_legs(told: list[Fact], data: st.DataObject):
    shuffled = data.draw(st.permutations([*told, *told]))
    assert fold(PROCESS, shuffled) == fold(PROCESS, told)


@given(facts)
def test_every_identifier_is_of_one_leg_and_every_leg_has_facts(told: list[Fact]):
    found = fold(PROCESS, told)
    named = [identifier for leg in found.legs for identifier in leg.identifiers]
    assert len(named) == len(set(named))
    assert all(0 < leg.event_count <= found.event_count for leg in found.legs)
    assert all(leg.title in [value for _, value in leg.identifiers] for leg in found.legs)


@given(facts)
def test_a_journey_of_which_nothing_is_expected_has_no_open_leg_that_holds_it(told: list[Fact]):
    found = fold(PROCESS, told)
    if found.status == DONE and not any(f.type == "order.completed" for f in told):
        assert not any(leg.is_open and PROCESS.legs[leg.kind].holds for leg in found.legs)


# Which facts are one leg


def test_numbers_that_one_fact_names_together_are_one_leg():
    found = journey(
        told("shipment.picked", ("wms.shipment", "77")),
        told("shipment.shipped", ("wms.shipment", "77"), ("tracking", "1Z"), after=HOUR),
        told("shipment.delivered", ("tracking", "1Z"), after=DAY),
    )
    (leg,) = legs(found)
    assert (leg.title, leg.status, leg.stage) == ("77", DONE, "delivered")
    assert [name for name, _ in leg.reached] == ["picked", "shipped", "delivered"]


def test_a_fact_that_names_several_of_a_kind_is_about_each_and_joins_none():
    found = journey(
        told("shipment.shipped", shipment("A"), shipment("B"), ("tracking", "T")),
        told("shipment.delivered", shipment("A"), after=DAY),
    )
    assert [(leg.title, leg.stage) for leg in legs(found)] == [
        ("A", "delivered"),
        ("B", "shipped"),
        ("T", "shipped"),
    ]


def test_an_order_without_any_named_leg_is_read_as_a_whole():
    found = journey(
        told("order.captured"), told("order.delivered", after=DAY), told("payment.settled", after=DAY)
    )
    assert (found.legs, found.status, found.progress) == ((), DONE, "")


# The whole


def split_order() -> list[Fact]:
    return [
        told("order.captured", ("line", "1"), ("line", "2"), ("line", "3")),
        told("shipment.shipped", shipment("A"), after=HOUR),
        told("shipment.delivered", shipment("A"), after=DAY),
        told("shipment.shipped", shipment("B"), after=2 * HOUR),
        told("shipment.delivered", shipment("B"), after=2 * DAY),
        told("shipment.created", shipment("C"), after=HOUR),
        told("line.cancelled", ("line", "3"), after=3 * HOUR),
        told("payment.settled", after=2 * DAY),
    ]


def test_an_order_is_done_when_its_last_shipment_is():
    found = journey(*split_order())
    assert found.status == IN_FLIGHT
    picked = told("shipment.picked", shipment("C"), after=3 * DAY)
    assert journey(*split_order(), picked).status == IN_FLIGHT
    delivered = told("shipment.delivered", shipment("C"), after=4 * DAY)
    assert journey(*split_order(), picked, delivered).status == DONE


def test_progress_is_said_for_each_kind_of_leg():
    assert journey(*split_order()).progress == (
        "2 of 3 shipments delivered, 1 waiting to be shipped, 1 of 3 lines cancelled"
    )


def test_one_shipment_that_goes_its_way_needs_no_words():
    assert journey(told("shipment.shipped", shipment("A"))).progress == ""


def test_a_shipment_that_failed_is_said():
    found = journey(
        told("shipment.delivered", shipment("A")),
        told("shipment.delivered.failed", shipment("B"), error_message="nobody home"),
    )
    assert found.progress == "1 of 2 shipments delivered, 1 failed at delivered"


def test_a_cancelled_shipment_holds_nothing_open():
    found = journey(
        told("shipment.delivered", shipment("A")),
        told("shipment.cancelled", shipment("B")),
        told("payment.settled"),
    )
    assert found.status == DONE


def test_an_order_all_of_whose_lines_are_cancelled_is_cancelled():
    first = [told("order.captured", ("line", "1"), ("line", "2")), told("line.cancelled", ("line", "1"))]
    assert journey(*first).status == IN_FLIGHT
    assert journey(*first, told("line.cancelled", ("line", "2"))).status == CANCELLED


def test_lines_that_are_named_only_to_cancel_them_are_not_all_of_an_order():
    found = journey(told("order.captured"), told("line.cancelled", ("line", "3"), after=HOUR))
    assert (found.status, found.progress) == (IN_FLIGHT, "1 line cancelled")


def test_an_order_of_which_a_shipment_goes_its_way_is_not_cancelled_with_its_lines():
    backordered = told("line.backordered", ("line", "3"))
    cancelled = told("line.cancelled", ("line", "3"), after=HOUR)
    sent = told("shipment.picked", shipment("A"), after=HOUR)
    stopped = told("shipment.cancelled", shipment("A"), after=2 * HOUR)
    assert journey(backordered, cancelled).status == CANCELLED
    assert journey(backordered, cancelled, sent).status == IN_FLIGHT
    assert journey(backordered, cancelled, sent, stopped).status == CANCELLED


def test_a_failure_in_one_leg_is_not_mended_by_another():
    failed = told("shipment.shipped.failed", shipment("A"), after=HOUR, error_message="no label")
    other = told("shipment.shipped", shipment("B"), after=2 * HOUR)
    found = journey(failed, other)
    assert (found.status, [leg.status for leg in legs(found)]) == (FAILED_STATUS, [FAILED_STATUS, IN_FLIGHT])
    assert journey(failed, other, told("shipment.shipped", shipment("A"), after=3 * HOUR)).status == IN_FLIGHT


def test_a_return_opens_an_order_again_until_the_money_is_back():
    order = [told("shipment.delivered", shipment("A")), told("payment.settled")]
    asked = told("return.requested", ("return", "R1"), after=DAY)
    refunded = told("return.refunded", ("return", "R1"), after=2 * DAY)
    assert journey(*order).status == DONE
    assert journey(*order, asked).status == IN_FLIGHT
    assert journey(*order, asked, refunded).status == DONE


@pytest.mark.parametrize(
    ("process", "sold"),
    [
        ("store_pickup", ["order.captured", "pickup.ready", "pickup.collected"]),
        ("drop_ship", ["order.captured", "supplier.accepted", "shipment.delivered", "payment.settled"]),
    ],
)
def test_what_was_collected_or_sent_by_a_supplier_may_be_brought_back_anywhere(process: str, sold: list[str]):
    def after(*types: str) -> Journey:
        returns = [told(type, ("return", "R1"), after=DAY) for type in types]
        return fold(built_in(process), [*(told(type) for type in sold), *returns])

    assert after().status == DONE
    back = after("return.requested", "return.received")
    assert (back.status, [leg.stage for leg in back.legs]) == (IN_FLIGHT, ["return_received"])
    assert after("return.requested", "return.received", "payment.refunded").status == DONE


@pytest.mark.parametrize("outcome", ["returned", "refused"])
def test_an_order_may_end_otherwise(outcome: str):
    assert journey(told("order.captured"), told(f"order.{outcome}", after=DAY)).status == outcome


def test_amendments_and_duplicate_submissions_are_counted():
    found = journey(
        told("order.captured", id="1", system="shop"),
        told("order.captured", id="2", system="shop", after=HOUR),
        told("order.captured", id="3", system="oms", after=HOUR),
        told("order.amended", id="4", after=HOUR),
        told("order.amended.failed", id="5", after=HOUR),
    )
    assert (found.amendments, found.duplicates) == (1, 1)


# What people see


def test_a_stage_of_legs_says_how_many_have_passed_it():
    shares = {view.stage.name: view.share for view in stage_rail(PROCESS, journey(*split_order()), NOW + DAY)}
    assert (shares["captured"], shares["shipped"], shares["delivered"]) == (None, (2, 3), (2, 3))


def test_the_latest_leg_has_the_move():
    found = journey(*split_order())
    move = whose_move(PROCESS, found, NOW + 10 * DAY)
    assert move == ("Warehouse", "Shipment C: Shipped is 8 d 23 h late.")


def test_a_leg_has_a_rail_of_its_own():
    (leg,) = legs(journey(told("shipment.shipped", shipment("A"))))
    rail = leg_rail(PROCESS, leg, from_us(leg.started_us) + HOUR)
    assert [(view.stage.name, view.state) for view in rail] == [
        ("picked", "not_needed"),
        ("shipped", "current"),
        ("delivered", "due"),
    ]


def test_the_move_names_the_leg_that_failed():
    found = journey(
        told("shipment.shipped", shipment("A")),
        told("shipment.shipped.failed", shipment("B"), error_message="no label", system="wms"),
    )
    assert whose_move(PROCESS, found, NOW) == ("Warehouse", "Shipment B: Shipped failed in wms: no label")
