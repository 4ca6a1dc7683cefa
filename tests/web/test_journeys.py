"""Journeys: the list, its filters, pages and CSV; one journey and the events it is made of."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from controltower.domain.identifiers import Identifier, key_of
from controltower.store.engine import reading
from controltower.store.journeys import find_journey, journey_events
from controltower.web.csv_cells import defused
from controltower.web.event_views import view_events
from controltower.web.formatting import masked, money, nanoseconds
from controltower.web.journey_filters import just_before
from controltower.web.journeys import PAGE_ROWS
from controltower.web.lanes import build_lanes
from controltower.web.payloads import show_payload
from tests.builders import an_event, order_to_cash
from tests.web.tower import Tower, text_of

FRAGMENT = {"HX-Request": "true"}


def at(tower: Tower, **before: float):
    """A moment before the tower's clock."""
    return tower.clock() - timedelta(**before)


def url_of(*identifier: str) -> str:
    """Where the key of an identifier leads."""
    return f"/journeys/{key_of(Identifier(*identifier)).hex()}"


def titles(page: str) -> list[str]:
    """The journeys that a list shows, in its order."""
    return re.findall(r'id="open-[0-9a-f]{32}"[^>]*>([^<]+)<', page)


def a_failed_order(tower: Tower) -> None:
    """Order 1001, refused by the ERP."""
    tower.store(
        an_event(
            "order.captured", ("order", "1001"), at=at(tower, minutes=30), customer="Jane", channel="web"
        ),
        an_event(
            "order.posted.failed",
            ("order", "1001"),
            source="/erp",
            at=at(tower, minutes=10),
            outcome="failed",
            error_code="SKU_UNMAPPED",
            error_message="No item for 88",
        ),
    )


# The list


def test_the_newest_journey_comes_first(tower: Tower):
    tower.store(
        an_event("order.captured", ("order", "1001"), at=at(tower, hours=2)),
        an_event("order.captured", ("order", "1002"), at=at(tower, hours=1)),
    )

    assert titles(text_of(tower.client("viewer").get("/journeys"))) == ["1002", "1001"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=failed", ["1001"]),
        ("status=in_flight", ["1002"]),
        ("stage=accepted", ["1002"]),
        ("system=erp", ["1001"]),
        ("channel=web", ["1001"]),
        ("text=1002", ["1002"]),
        ("since=2026-05-31T11:40", ["1002"]),
        ("until=2026-05-31T11:40Z", ["1001"]),
        ("process=order-to-cash&status=&stage=", ["1002", "1001"]),
        ("process=other", []),
    ],
)
def test_filters_are_in_the_address(tower: Tower, query: str, found: list[str]):
    a_failed_order(tower)
    tower.store(
        an_event("order.captured", ("order", "1002"), at=at(tower, minutes=5)),
        an_event("order.accepted", ("order", "1002"), source="/oms", at=at(tower, minutes=4)),
    )

    page = text_of(tower.client("viewer").get(f"/journeys?{query}"))

    assert titles(page) == found
    assert found or "No journey passes this filter" in page


def test_a_set_filter_can_be_taken_back(tower: Tower):
    page = text_of(tower.client("viewer").get("/journeys?status=failed&channel=web"))

    assert 'href="/journeys?channel=web"' in page and 'href="/journeys?status=failed"' in page
    assert '<option value="failed" selected>' in page


def test_pages_follow_each_other_without_gap_or_repetition(tower: Tower):
    count = PAGE_ROWS + 3
    tower.store(
        *(
            an_event("order.captured", ("order", f"{1000 + n}"), at=at(tower, minutes=5))  # all at one moment
            for n in range(count)
        )
    )
    client = tower.client("viewer")

    first = text_of(client.get("/journeys"))
    following = re.search(r'href="(/journeys\?after=[^"]+)"', first)
    assert following is not None
    second = text_of(client.get(following[1]))

    assert sorted(titles(first) + titles(second)) == sorted(f"{1000 + n}" for n in range(count))
    assert "hx-get" in first.partition('id="journeys"')[2][:200]
    assert "hx-get" not in second.partition('id="journeys"')[2][:200]  # what is past does not move


def test_a_refresh_keeps_the_rows_and_counts_what_is_newer(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1001"), at=at(tower, minutes=9)))
    client = tower.client("viewer")
    refresh = re.search(r'hx-get="([^"]+)"', text_of(client.get("/journeys")).partition('id="journeys"')[2])
    assert refresh is not None
    tower.store(
        an_event("order.accepted", ("order", "1001"), at=at(tower, minutes=2)),
        an_event("order.captured", ("order", "1002"), at=at(tower, minutes=1)),
    )

    rows = text_of(client.get(refresh[1], headers=FRAGMENT))

    assert titles(rows) == ["1001"] and "Accepted" in rows
    assert "1 newer journey" in rows


def test_the_place_before_a_row_lists_it_again():
    assert just_before((5, bytes(16))) == (5, bytes(15) + b"\x01")
    assert just_before((5, b"\xff" * 16)) is None


@pytest.mark.parametrize("query", ["after=x", "from=1.zz", "since=yesterday", "until=25:00"])
def test_a_malformed_address_is_a_bad_request(tower: Tower, query: str):
    assert tower.client("viewer").get(f"/journeys?{query}").status_code == 400


# CSV


def test_the_export_has_the_filtered_journeys_and_no_formula(tower: Tower):
    a_failed_order(tower)
    tower.store(
        an_event(
            "order.captured",
            ("order", "=1+1"),
            at=at(tower, minutes=5),
            amount="-5.00",
            customer="Bo bo@example.com",
        )
    )

    answer = tower.client("viewer").get("/journeys.csv?status=in_flight")
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))

    assert all(None not in row and None not in row.values() for row in rows)  # as many cells as columns
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    assert [(row["title"], row["amount"], row["customer"]) for row in rows] == [
        ("'=1+1", "-5.00", "Bo b•••@example.com")
    ]


def test_the_export_says_what_kind_of_failure_it_is(tower: Tower):
    a_failed_order(tower)
    tower.store(an_event("order.captured", ("order", "2002"), at=at(tower, minutes=5)))

    rows = csv.DictReader(io.StringIO(text_of(tower.client("viewer").get("/journeys.csv"))))

    assert {(row["failure_code"], row["failure_class"]) for row in rows} == {
        ("SKU_UNMAPPED", "data_quality"),
        ("", ""),
    }


def test_support_exports_whole_addresses(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1"), customer="Bo bo@example.com"))

    assert "bo@example.com" in text_of(tower.client("support").get("/journeys.csv"))


@pytest.mark.parametrize("cell", ["=A1", "+x", "-x", "@SUM", "\tx", "\r=1"])
def test_formulas_are_defused(cell: str):
    assert defused(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "x", "-5.00", "+31"])
def test_plain_cells_stay_as_they_are(cell: str):
    assert defused(cell) == cell


# One journey


def test_any_identifier_leads_to_the_one_address(tower: Tower):
    tower.store(
        an_event("order.captured", ("order", "1001"), ("correlation", "c-1"), at=at(tower, minutes=5))
    )
    client = tower.client("viewer")

    answer = client.get(url_of("order", "1001"))

    assert answer.status_code == 303
    assert client.get(answer.headers["Location"]).status_code == 200


def test_a_failed_journey_says_what_happened_and_whose_move_it_is(tower: Tower):
    a_failed_order(tower)

    page = text_of(tower.client("viewer").get(url_of("order", "1001")))

    assert "<strong>Master data</strong> has the next move" in page
    assert "Source data" in page and "Add the SKU mapping in the item master, then replay." in page
    assert "Posted to ERP failed in erp: No item for 88" in page and "SKU_UNMAPPED" in page
    assert "rail__stop--failed" in page and "Not reached yet" in page
    assert "style=" not in page


def test_a_late_stage_is_said_in_words(tower: Tower):
    tower.store(an_event("order.captured", ("order", "1001"), at=at(tower, minutes=45)))

    page = text_of(tower.client("viewer").get(url_of("order", "1001")))

    assert "Late by 30 min" in page and "Accepted is 30 min late." in page


def test_a_skipped_stage_is_not_reported_rather_than_waited_for(tower: Tower):
    tower.store(
        an_event("order.captured", ("order", "1001"), at=at(tower, minutes=45)),
        an_event("order.released", ("order", "1001"), at=at(tower, minutes=5)),
    )

    page = text_of(tower.client("viewer").get(url_of("order", "1001")))

    assert page.count("Not reported") == 2


def test_a_moving_journey_polls_and_hears_when_nothing_changed(tower: Tower):
    a_failed_order(tower)
    client = tower.client("viewer")
    poll = re.search(
        r'id="journey" hx-get="([^"]+)" hx-trigger="every 3s"', text_of(client.get(url_of("order", "1001")))
    )
    assert poll is not None

    assert client.get(poll[1], headers=FRAGMENT).status_code == 204

    tower.clock.advance(seconds=1)
    tower.store(an_event("order.posted", ("order", "1001"), source="/erp", at=tower.clock()))
    changed = client.get(poll[1], headers=FRAGMENT)
    assert changed.status_code == 200 and "In flight" in text_of(changed) and "<html" not in text_of(changed)


def test_a_journey_that_rests_is_looked_at_rarely_and_a_finished_one_not_at_all(tower: Tower):
    a_failed_order(tower)
    tower.store(an_event("order.cancelled", ("order", "1002"), at=at(tower, minutes=1)))
    tower.clock.advance(hours=2)
    client = tower.client("viewer")

    assert 'hx-trigger="every 60s"' in text_of(client.get(url_of("order", "1001")))
    assert 'id="journey" hx-get' not in text_of(client.get(url_of("order", "1002")))


def test_late_reports_and_conflicts_are_marked(tower: Tower):
    tower.store(
        an_event("order.captured", ("order", "1001"), at=at(tower, hours=3)),
        an_event("note.added", ("order", "1001"), id="same", at=at(tower, minutes=2), status="a"),
        an_event("note.added", ("order", "1001"), id="same", at=at(tower, minutes=1), status="b"),
    )

    page = text_of(tower.client("viewer").get(url_of("order", "1001")))

    assert page.count("Reported 3 h late") == 1
    assert page.count("Conflict: the source sent another event") == 1


@pytest.mark.parametrize(("role", "shown"), [("viewer", "j•••@example.com"), ("support", "jane@example.com")])
def test_who_may_see_addresses(tower: Tower, role: str, shown: str):
    tower.store(an_event("order.captured", ("order", "1001"), ("email", "jane@example.com")))

    page = text_of(tower.client(role).get(url_of("order", "1001")))

    assert f'identifier__value">{shown}<' in page
    assert role == "support" or "jane@example.com" not in page


def test_markup_in_facts_stays_text(tower: Tower):
    nasty = "<img src=x onerror=alert(1)>"
    tower.store(
        an_event(f"order.{nasty}", ("order", nasty), source=f"/{nasty}", customer=nasty, status=nasty)
    )

    assert "<img src=x" not in text_of(tower.client("viewer").get(url_of("order", nasty)))


def test_the_raw_payload_is_shown_as_it_came(tower: Tower):
    event = an_event("order.captured", ("order", "1001"))
    tower.store(event._replace(payload=b'{"amount":129.90,"mail":"jane@example.com","x":"</code>"}'))
    client = tower.client("viewer")
    link = re.search(r'href="(/journeys/[^"]+/events/[^"]+)"', text_of(client.get(url_of("order", "1001"))))
    assert link is not None

    page = text_of(client.get(link[1]))

    assert "129.90" in page and "j•••@example.com" in page and "&lt;/code&gt;" in page
    assert 'id="payload"' in text_of(client.get(link[1], headers=FRAGMENT))


@pytest.mark.parametrize("path", ["00", "zz" * 16, "ff" * 16, "ff" * 16 + "/events/00/00"])
def test_what_is_not_there_is_not_found(tower: Tower, path: str):
    assert tower.client("viewer").get(f"/journeys/{path}").status_code == 404


# Drawing


def test_lanes_fold_silence_and_keep_the_order_of_systems(tower: Tower):
    tower.store(
        an_event("order.captured", ("order", "1001"), at=at(tower, days=2)),
        an_event("order.accepted", ("order", "1001"), source="/oms", at=at(tower, days=2, minutes=-1)),
        an_event(
            "order.posted.failed", ("order", "1001"), source="/erp", at=at(tower, minutes=1), outcome="failed"
        ),
        an_event(
            "order.posted.failed", ("order", "1001"), source="/erp", at=at(tower, minutes=1), outcome="failed"
        ),
    )
    with reading(tower.db) as c:
        row = find_journey(c, key_of(Identifier("order", "1001")))
        assert row is not None
        views = view_events(journey_events(c, row.id), (), order_to_cash())

    lanes = build_lanes(views)

    assert [lane.system for lane in lanes.lanes] == ["shop", "oms", "erp"]
    assert [(mark.kind, mark.events) for mark in lanes.marks] == [("stage", 1), ("stage", 1), ("failed", 2)]
    assert [fold.short for fold in lanes.folds] == ["1 d"]
    assert all(0 <= mark.x <= 100 for mark in lanes.marks)


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b'{"a":[1.50]}', "JSON", '{\n  "a": [\n    1.50\n  ]\n}'),
        (b"plain", "text", "plain"),
        (b"\xff\x00A", "bytes", "00000000  ff 00 41"),
        (b"[" * 100_000, "text", "[["),
    ],
)
def test_payloads_are_laid_out_by_what_they_are(body: bytes, kind: str, text: str):
    shown = show_payload(body, "application/json", whole_names=True)

    assert shown.kind == kind and shown.text.startswith(text)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("1299.90", "1,299.90 EUR"),
        ("12 apples", "12 apples EUR"),
        ("NaN", "NaN EUR"),
        ("1E+400000", "1E+400000 EUR"),
    ],
)
def test_money_is_shown_as_reported(amount: str, words: str):
    assert money(amount, "EUR") == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (0, "0 ns"),
        (840_000, "840 µs"),
        (12_400_000, "12.4 ms"),
        (3_210_000_000, "3.21 s"),
        (10**11, "1 min 40 s"),
    ],
)
def test_durations_of_spans_suit_their_size(length: int, words: str):
    assert nanoseconds(length) == words


def test_masking_hides_the_name_and_keeps_the_host():
    text = 'mail jane@example.com, not @home; {"to":"bo@example.com"}'

    assert masked(text) == 'mail j•••@example.com, not @home; {"to":"b•••@example.com"}'


def test_masking_takes_no_time_over_long_texts():
    assert masked("a" * 200_000) == "a" * 200_000


@pytest.mark.parametrize("body", [b'{"mail":"jane\\u0040example.com"}', b"\xffjane@example.com"])
def test_no_spelling_of_an_address_gets_past_the_mask(body: bytes):
    shown = show_payload(body, "application/json", whole_names=False)

    assert "jane" not in shown.text and shown.is_masked
