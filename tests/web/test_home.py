"""The home page: figures, funnel, failures, sources, and what it says while nothing has arrived."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controltower.store.engine import reading
from controltower.web.charts import arrivals_figure, list_minutes
from controltower.web.home import build_funnel, freshness_of
from tests.builders import NOW, an_event, order_to_cash
from tests.web.tower import Tower, text_of

FRAGMENT = {"HX-Request": "true"}


def at(tower: Tower, **before: float):
    """A moment before the tower's clock."""
    return tower.clock() - timedelta(**before)


def test_an_empty_store_teaches_how_to_send_a_first_fact(tower: Tower):
    page = text_of(tower.client("viewer").get("/"))

    assert "Nothing has arrived yet" in page
    assert "/api/v1/events" in page and "OTEL_EXPORTER_OTLP_ENDPOINT" in page
    assert "here now" not in page


def test_the_teaching_page_makes_way_once_something_came(tower: Tower):
    client = tower.client("viewer")
    assert client.get("/?part=first_fact", headers=FRAGMENT).status_code == 200

    tower.store(an_event("order.captured", ("order", "1001"), at=at(tower)))
    answer = client.get("/?part=first_fact", headers=FRAGMENT)

    assert answer.headers["HX-Redirect"] == "/"


def test_tiles_count_journeys_and_lead_to_them(tower: Tower):
    tower.store(
        an_event("order.captured", ("order", "1001"), at=at(tower, minutes=2)),
        an_event("order.captured", ("order", "1002"), at=at(tower, minutes=2)),
        an_event("order.cancelled", ("order", "1002"), at=at(tower, minutes=1)),
    )

    tiles = text_of(tower.client("viewer").get("/?part=tiles", headers=FRAGMENT))

    assert tiles.count('class="tile__value">1<') == 2
    assert 'href="/journeys?status=in_flight"' in tiles and 'href="/journeys?status=cancelled"' in tiles


def test_failures_say_where_and_why_and_mask_addresses(tower: Tower):
    tower.store(
        an_event(
            "order.captured", ("order", "1001"), at=at(tower, minutes=9), amount="1299.9", currency="EUR"
        ),
        an_event(
            "order.posted.failed",
            ("order", "1001"),
            source="/erp",
            at=at(tower, minutes=5),
            outcome="failed",
            error_code="SKU_UNMAPPED",
            error_message="<b>ask</b> jane@example.com",
        ),
    )

    failures = text_of(tower.client("viewer").get("/?part=failures", headers=FRAGMENT))

    assert "Posted to ERP" in failures and "SKU_UNMAPPED" in failures and "5 min ago" in failures
    assert ">Source data</span>" in failures
    assert "1,299.9 EUR" in failures
    assert "j•••@example.com" in failures and "jane@" not in failures and "<b>" not in failures


@pytest.mark.parametrize("part", ["tiles", "minutes", "sources", "failures", "funnel"])
def test_every_part_renders_alone(tower: Tower, part: str):
    tower.store(an_event("order.captured", ("order", "1001"), at=at(tower)))

    answer = tower.client("viewer").get(f"/?part={part}", headers=FRAGMENT)

    assert answer.status_code == 200
    assert "<html" not in text_of(answer) and f'id="{part}"' in text_of(answer)


def test_an_unknown_part_is_not_found(tower: Tower):
    assert tower.client("viewer").get("/?part=secrets").status_code == 404


def test_the_funnel_marks_a_stage_whose_oldest_journey_is_late():
    process = order_to_cash()
    moment = NOW
    key = (process.name, "captured")
    oldest = {key: moment - timedelta(minutes=16)}  # accepted usually takes 15

    late = build_funnel(process, {key: 1}, {key: 4}, oldest, moment).stages[0]
    calm = build_funnel(process, {key: 1}, {key: 4}, oldest, moment - timedelta(minutes=2)).stages[0]

    assert late.is_late and not calm.is_late
    assert (late.here_share, late.ever_share) == (25.0, 100.0)


def test_the_chart_has_every_minute_of_the_hour(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1001"), at=at(tower)))

    figure = tower.client("viewer").get("/charts/arrivals.json").get_json()

    events = next(trace for trace in figure["data"] if trace["name"] == "Events")
    assert len(events["x"]) == 60 and sum(events["y"]) == 1 and events["y"][-1] == 1
    assert "#" not in str(figure)  # colours are names of tokens, so that they follow the theme


def test_a_figure_without_spans_has_one_axis(tower: Tower):
    with reading(tower.db) as c:
        figure = arrivals_figure(list_minutes(c, tower.clock()))

    assert "yaxis2" not in figure["layout"]


@pytest.mark.parametrize(
    ("silence", "word"),
    [(timedelta(0), "fresh"), (timedelta(minutes=6), "quiet"), (timedelta(hours=2), "silent")],
)
def test_sources_fall_silent_in_steps(tower: Tower, silence: timedelta, word: str):
    assert freshness_of(tower.clock() - silence, tower.clock()) == word
