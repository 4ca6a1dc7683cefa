"""Reports in the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.builders import an_event
from tests.web.tower import Tower, json_of


def get(tower: Tower, url: str, role: str = "viewer"):
    response = tower.client(role).get(f"/api/v1/reports{url}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return json_of(response)


@pytest.fixture
def told(tower: Tower) -> Tower:
    """Two orders, of which one was delivered two hours later and a day after its promise."""
    at = tower.clock()
    promise = b'{"data": {"promised": "2026-05-30T00:00:00Z", "ship": "air"}}'
    tower.store(
        an_event("order.captured", ("order", "1"), at=at)._replace(payload=promise),
        an_event("order.delivered", ("order", "1"), at=at + timedelta(hours=2)),
        an_event("order.captured", ("order", "2"), at=at, source="/other"),
    )
    return tower


def test_sources_and_events_are_counted(told: Tower):
    assert get(told, "/sources")["sources"] == [
        {"source": "/other", "events": 1},
        {"source": "/shop", "events": 2},
    ]
    found = get(told, "/events?source=/shop")
    assert (found["types"], found["identifiers"]) == (
        {"order.captured": 1, "order.delivered": 1},
        {"order": 1},
    )


def test_values_are_counted(told: Tower):
    assert get(told, "/values?path=ship&types=order.captured", "support") == {"values": {"air": 1, "": 1}}


def test_values_are_counted_by_how_they_are_written(told: Tower):
    found = get(told, "/values?path=promised&types=order.captured&shapes=yes", "support")
    assert found == {"values": {"9999-99-99A99:99:99A": 1, "": 1}}


def test_amounts_are_added_up(tower: Tower):
    paid = an_event("payment.captured", ("order", "1"))
    tower.store(paid._replace(payload=b'{"data": {"amount": "0.00", "currency": "EUR"}}'))
    found = get(tower, "/amounts?types=payment.captured", "support")
    (amounts,) = found["amounts"]
    assert (amounts["currency"], amounts["n"], amounts["zero"], amounts["total"]) == ("EUR", 1, 1, "0.00")


def test_journeys_are_counted_by_their_identifiers(told: Tower):
    assert get(told, "/identifiers?kind=order")["counts"] == {"1": 2}
    assert get(told, "/identifiers?kind=package")["counts"] == {"0": 2}


def test_a_tower_without_traces_says_so(tower: Tower):
    found = get(tower, "/traces")
    assert (found["traces"], found["first_start_ns"], found["calls"]) == (0, None, [])


def test_durations_are_measured(told: Tower):
    found = get(told, "/durations?start=order.captured&end=order.delivered&over_hours=1.5")
    assert (found["n"], found["median_h"], found["over"], found["unfinished"]) == (1, 2.0, 1, 1)


def test_what_is_late_is_found(told: Tower):
    found = get(told, "/late?rule=calendar&zone=Europe/Berlin")
    assert (found["late"], found["undelivered"]) == (1, {})
    journey = told.client("viewer").get(f"/api/v1/journeys/{found['examples'][0]}")
    assert json_of(journey)["title"] == "1"


def test_variants_are_counted(told: Tower):
    found = get(told, "/variants?types=order.captured,order.delivered")
    assert [(one["sequence"], one["count"]) for one in found["variants"]] == [
        (["order.captured"], 1),
        (["order.captured", "order.delivered"], 1),
    ]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("/values", "path: expected a dotted path"),
        ("/identifiers", "kind: expected a kind of identifier"),
        ("/durations?start=a", "start and end: expected event types"),
        ("/durations?start=a&end=b&over_hours=x", "over_hours: expected a number of hours"),
        ("/durations?start=a&end=b&wall_clock=Mars", "wall_clock: no time zone"),
        ("/late?zone=Mars", "zone: no time zone is named"),
        ("/late?rule=odd", "rule: expected one of"),
        ("/late?as_of=soon", "as_of: expected a time such as"),
    ],
)
def test_what_cannot_be_reported_is_said(tower: Tower, url: str, complaint: str):
    response = tower.client("support").get(f"/api/v1/reports{url}")
    assert response.status_code == 400
    assert complaint in response.get_data(as_text=True)
