"""The steps of a journey are what its set of facts says, in one order."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.components import fact_of
from controltower.domain.journeys import Fact, fold
from controltower.domain.steps import hand_overs, list_steps
from tests.builders import NOW, an_event, order_to_cash
from tests.model import events

PROCESS = order_to_cash()
facts = st.lists(st.builds(fact_of, events()), min_size=1, max_size=10)


def a_fact(type: str, minute: int = 0, **rest: Any) -> Fact:
    return fact_of(an_event(type, at=NOW + timedelta(minutes=minute), **rest))


def activities(*told: Fact, **options: Any) -> list[str]:
    return [step.activity for step in list_steps(told, PROCESS, **options)]


@given(facts, st.booleans(), st.data())
def test_order_and_repetition_of_facts_do_not_change_the_steps(
    told: list[Fact], by_stage: bool, data: st.DataObject
):
    shuffled = data.draw(st.permutations([*told, *told]))
    assert list_steps(shuffled, PROCESS, by_stage=by_stage) == list_steps(told, PROCESS, by_stage=by_stage)


@given(facts)
def test_there_are_as_many_steps_as_the_journey_has_events(told: list[Fact]):
    steps = list_steps(told, PROCESS)
    journey = fold(PROCESS, told)
    assert len(steps) == journey.event_count
    assert [step.at_us for step in steps] == sorted(step.at_us for step in steps)
    assert {step.system for step in steps} == set(journey.systems)


def test_steps_of_one_moment_come_in_the_order_of_the_process():
    told = [a_fact("order.cancelled"), a_fact("shipment.delivered"), a_fact("note"), a_fact("order.captured")]
    assert activities(*told) == ["order.captured", "shipment.delivered", "note", "order.cancelled"]


def test_a_failure_is_never_called_like_the_success():
    told = [
        a_fact("order.posted", outcome="failed"),
        a_fact("order.posted", 1),
        a_fact("order.posted.rejected", 2),
    ]
    assert activities(*told) == ["order.posted.failed", "order.posted", "order.posted.rejected"]
    assert activities(*told, by_stage=True) == ["posted.failed", "posted", "posted.failed"]


def test_by_stage_only_what_the_process_knows_is_a_step():
    told = [a_fact("acme.order.captured"), a_fact("note", 1), a_fact("order.completed", 2)]
    told.append(a_fact("order.cancelled", 3))
    assert activities(*told, by_stage=True) == ["captured", "completed", "cancelled"]


def test_without_a_process_every_event_is_a_step_and_none_a_stage():
    told = [a_fact("order.captured"), a_fact("note", 1)]
    assert [step.activity for step in list_steps(told, None)] == ["order.captured", "note"]
    assert list_steps(told, None, by_stage=True) == ()


def test_a_hand_over_is_between_different_systems():
    steps = list_steps(
        [a_fact("a", 0, system="shop"), a_fact("b", 1, system="shop"), a_fact("c", 2, system="erp")], PROCESS
    )
    assert [(one.activity, other.activity) for one, other in hand_overs(steps)] == [("b", "c")]
