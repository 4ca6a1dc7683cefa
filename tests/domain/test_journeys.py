"""Folding: a journey is what its set of facts says, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.components import fact_of
from controltower.domain.facts import FAILED
from controltower.domain.journeys import (
    CANCELLED,
    DONE,
    FAILED_STATUS,
    IN_FLIGHT,
    STATUSES,
    Fact,
    Journey,
    fold,
)
from tests.builders import NOW, an_event, order_to_cash, us
from tests.model import TYPES, events

PROCESS = order_to_cash()
TYPES_TO_THE_END = [*TYPES, "shipment.delivered", "payment.settled", "order.cancelled", "order.completed"]

facts = st.lists(
    st.builds(
        lambda event, kind, failed, words: fact_of(
            event._replace(type=kind, outcome=FAILED if failed else "ok", **words)
        ),
        events(),
        st.sampled_from(TYPES_TO_THE_END),
        st.booleans(),
        st.fixed_dictionaries(
            {
                name: st.sampled_from(["", "a", "b"])
                for name in ("channel", "amount", "currency", "customer", "status")
            }
        ),
    ),
    min_size=1,
    max_size=10,
)


def a_fact(type: str, minute: int = 0, **rest: Any) -> Fact:
    return fact_of(an_event(type, at=NOW + timedelta(minutes=minute), **rest))


def journey(*told: Fact) -> Journey:
    return fold(PROCESS, told)


@given(facts, st.data())
def test_order_and_repetition_do_not_change_a_journey(told: list[Fact], data: st.DataObject):
    shuffled = data.draw(st.permutations([*told, *told]))
    assert fold(PROCESS, shuffled) == fold(PROCESS, told)


@given(facts)
def test_a_journey_is_consistent_in_itself(told: list[Fact]):
    found = fold(PROCESS, told)
    assert found.status in STATUSES
    assert found.started_us <= found.stage_since_us <= found.last_event_us
    assert (found.stage == "") == (found.reached == ())
    assert found.event_count + found.conflicts == len(set(told))
    assert found.event_count == len({(fact.source, fact.id) for fact in told})
    assert found.reached == tuple(
        (stage.name, dict(found.reached)[stage.name])
        for stage in PROCESS.stages
        if stage.name in dict(found.reached)
    )
    assert [leg.started_us for leg in found.legs if leg.kind == 0] == sorted(
        leg.started_us for leg in found.legs if leg.kind == 0
    )
    if found.status == FAILED_STATUS:
        assert found.failure is not None


def test_a_journey_of_no_facts_is_a_mistake():
    with pytest.raises(IndexError):
        fold(PROCESS, [])


def test_the_furthest_stage_is_the_current_one_even_when_an_earlier_one_is_told_later():
    found = journey(a_fact("order.posted", 1), a_fact("order.captured", 5))
    assert found.stage == "posted"
    assert found.stage_since_us == us(NOW + timedelta(minutes=1))
    assert [name for name, _ in found.reached] == ["captured", "posted"]


def test_a_stage_is_reached_when_it_is_first_told():
    found = journey(a_fact("order.captured", 3), a_fact("order.captured", 1))
    assert found.reached == (("captured", us(NOW + timedelta(minutes=1))),)


def test_of_facts_with_one_id_the_earliest_counts_and_the_others_are_conflicts():
    first = a_fact("order.captured", 1, id="same")
    second = a_fact("order.posted", 2, id="same")
    assert journey(second, first) == journey(first, second)
    assert journey(first, second).stage == "captured"
    assert (journey(first, second).event_count, journey(first, second).conflicts) == (1, 1)


def test_the_same_id_from_two_sources_is_two_facts():
    found = journey(
        a_fact("order.captured", id="1", source="/shop"), a_fact("order.posted", id="1", source="/erp")
    )
    assert (found.event_count, found.conflicts) == (2, 0)
    assert found.systems == ("erp", "shop")


# Status


def test_a_journey_that_only_began_is_in_flight():
    assert journey(a_fact("order.captured")).status == IN_FLIGHT


def test_a_journey_without_any_known_type_is_in_flight_at_no_stage():
    found = journey(a_fact("note"))
    assert (found.status, found.stage, found.reached) == (IN_FLIGHT, "", ())


def test_delivered_and_settled_make_an_order_done():
    settled, delivered = a_fact("payment.settled", 1), a_fact("shipment.delivered", 2)
    assert journey(settled).status == IN_FLIGHT
    assert journey(settled, delivered).status == DONE


def test_some_events_complete_a_journey_by_themselves():
    assert journey(a_fact("order.captured"), a_fact("order.completed", 1)).status == DONE


def test_cancelled_is_stronger_than_failed_and_done():
    told = [a_fact("order.cancelled"), a_fact("order.posted.failed", 1), a_fact("order.completed", 2)]
    assert journey(*told).status == CANCELLED


def test_a_cancellation_that_failed_cancels_nothing():
    assert journey(a_fact("order.captured"), a_fact("order.cancelled", 1, outcome=FAILED)).status != CANCELLED
    assert journey(a_fact("order.captured"), a_fact("order.cancelled.failed", 1)).status != CANCELLED


# Failures


def test_a_failure_is_open_until_its_stage_succeeds():
    failed = a_fact("order.posted.failed", 2, error_code="SKU", error_message="no item", system="erp")
    broken = journey(a_fact("order.captured"), failed)
    assert broken.status == FAILED_STATUS
    assert broken.failure is not None
    assert (broken.failure.stage, broken.failure.system) == ("posted", "erp")
    assert (broken.failure.code, broken.failure.message) == ("SKU", "no item")
    mended = journey(a_fact("order.captured"), failed, a_fact("order.posted", 3))
    assert (mended.status, mended.failure) == (IN_FLIGHT, None)


def test_a_success_before_the_failure_does_not_mend_it():
    assert journey(a_fact("order.posted", 1), a_fact("order.posted.failed", 2)).status == FAILED_STATUS


def test_a_success_of_another_stage_does_not_mend_it():
    assert journey(a_fact("order.posted.failed", 1), a_fact("order.released", 2)).status == FAILED_STATUS


def test_a_failed_outcome_is_a_failure_whatever_the_type():
    found = journey(a_fact("order.posted", outcome=FAILED))
    assert (found.status, found.stage) == (FAILED_STATUS, "")


def test_a_failure_of_no_stage_is_mended_by_any_later_progress():
    failed = a_fact("nightly.import.failed", 2)
    assert journey(a_fact("order.captured", 1), failed).status == FAILED_STATUS
    assert journey(failed, a_fact("order.captured", 3)).status == IN_FLIGHT


def test_the_newest_open_failure_is_shown():
    found = journey(a_fact("order.posted.failed", 1), a_fact("shipment.shipped.failed", 2))
    assert found.failure is not None
    assert found.failure.stage == "shipped"


# What people see


def test_the_first_word_about_whose_and_where_counts_and_the_last_about_worth_and_state():
    found = journey(
        a_fact(
            "order.captured", 1, channel="web", customer="Jane", amount="10.00", currency="EUR", status="new"
        ),
        a_fact(
            "order.posted",
            2,
            channel="erp",
            customer="J. Doe",
            amount="9.50",
            currency="EUR",
            status="booked",
        ),
        a_fact("note", 3),
    )
    assert (found.channel, found.customer) == ("web", "Jane")
    assert (found.amount, found.currency, found.reported_status) == ("9.50", "EUR", "booked")
