"""The stage rail and whose move it is."""

from datetime import timedelta

import pytest

from controltower.domain.components import fact_of
from controltower.domain.durations import in_words
from controltower.domain.journeys import Journey, fold
from controltower.domain.stages import stage_rail, whose_move
from tests.builders import NOW, an_event, order_to_cash

PROCESS = order_to_cash()
HOUR = timedelta(hours=1)


def a_journey(*told: tuple[str, timedelta], message: str = "") -> Journey:
    events = [an_event(type, ("order", "1"), at=NOW + after, error_message=message) for type, after in told]
    return fold(PROCESS, [fact_of(event) for event in events])


def states(journey: Journey, after: timedelta) -> dict[str, str]:
    return {view.stage.name: view.state for view in stage_rail(PROCESS, journey, NOW + after)}


def test_the_furthest_stage_is_current_and_the_next_is_due() -> None:
    journey = a_journey(("order.captured", 0 * HOUR), ("order.accepted", HOUR / 60))
    assert states(journey, HOUR / 30) == {
        "captured": "reached",
        "accepted": "current",
        "posted": "due",
        "released": "not_reached",
        "picked": "not_reached",
        "shipped": "not_reached",
        "delivered": "not_reached",
        "invoiced": "not_reached",
        "settled": "not_reached",
    }


def test_the_next_stage_is_late_once_its_usual_time_has_passed() -> None:
    journey = a_journey(("order.captured", 0 * HOUR))
    rail = stage_rail(PROCESS, journey, NOW + HOUR)
    assert (rail[1].state, rail[1].overdue_by) == ("late", timedelta(minutes=45))
    assert whose_move(PROCESS, journey, NOW + HOUR) == ("Order management", "Accepted is 45 min late.")


def test_a_stage_that_a_later_one_overtook_is_not_reported() -> None:
    journey = a_journey(("order.captured", 0 * HOUR), ("shipment.shipped", 5 * HOUR))
    rail = stage_rail(PROCESS, journey, NOW + 6 * HOUR)
    assert [view.state for view in rail[:7]] == [
        "reached",
        "not_reported",
        "not_reported",
        "not_reported",
        "not_needed",  # picking is optional
        "current",
        "due",
    ]
    assert rail[5].took == 5 * HOUR
    assert rail[1].overdue_by is None


def test_time_taken_is_negative_when_a_clock_runs_ahead() -> None:
    journey = a_journey(("order.captured", HOUR), ("order.accepted", 0 * HOUR))
    assert stage_rail(PROCESS, journey, NOW + HOUR)[1].took == -HOUR


def test_a_failed_stage_is_its_owners_move() -> None:
    journey = a_journey(
        ("order.captured", 0 * HOUR), ("order.posted.failed", HOUR), message="SKU 7 is not mapped"
    )
    rail = stage_rail(PROCESS, journey, NOW + 30 * HOUR)
    assert [view.state for view in rail[:4]] == ["reached", "not_reported", "failed", "not_reached"]
    assert whose_move(PROCESS, journey, NOW) == ("ERP", "Posted to ERP failed in shop: SKU 7 is not mapped")


def test_a_failure_outside_every_stage_is_the_move_of_the_system_that_reported_it() -> None:
    journey = a_journey(("order.captured", 0 * HOUR), ("tax.check.failed", HOUR))
    assert whose_move(PROCESS, journey, NOW) == ("shop", "A step failed in shop: no reason was reported")


@pytest.mark.parametrize("last", ["order.cancelled", "payment.settled"])
def test_nobody_has_to_move_once_it_is_over(last: str) -> None:
    journey = a_journey(("shipment.delivered", HOUR), (last, 2 * HOUR))
    rail = stage_rail(PROCESS, journey, NOW + 500 * HOUR)
    assert {view.state for view in rail} <= {"reached", "not_reported", "not_needed", "not_reached"}
    assert whose_move(PROCESS, journey, NOW).owner == ""


def test_completion_waits_for_the_stage_that_was_overtaken() -> None:
    journey = a_journey(("shipment.shipped", 0 * HOUR), ("payment.settled", HOUR))
    after = timedelta(days=6)
    assert states(journey, after)["delivered"] == "late"
    assert whose_move(PROCESS, journey, NOW + after).owner == "Carrier"


def test_before_any_stage_the_first_one_is_due() -> None:
    journey = a_journey(("order.noted", 0 * HOUR))
    assert states(journey, 90 * HOUR)["captured"] == "due"
    move = whose_move(PROCESS, journey, NOW)
    assert move == ("Commerce", "Captured is awaited; no usual time is declared for it.")


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(microseconds=7), "7 us"),
        (timedelta(milliseconds=12), "12 ms"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(hours=3, minutes=20, seconds=9), "3 h 20 min"),
        (timedelta(hours=3, seconds=9), "3 h"),
        (-timedelta(days=2, hours=1), "2 d 1 h"),
    ],
)
def test_durations_are_said_in_their_two_largest_parts(duration: timedelta, words: str) -> None:
    assert in_words(duration) == words
