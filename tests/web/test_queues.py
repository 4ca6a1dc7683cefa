"""The queues screen, the page of one queue, and both as JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest

from controltower.domain.facts import QueueSample
from controltower.domain.times import to_us
from controltower.services.ingest import FactBatch
from tests.builders import an_event
from tests.services.test_waiting import put, took
from tests.web.tower import Tower, json_of, text_of

MINUTE = timedelta(minutes=1)
HTMX = {"HX-Request": "true"}


def read(
    tower: Tower,
    measure: str,
    values: Sequence[float],
    *,
    queue: str = "erp.post",
    group: str = "",
    system: str = "rabbitmq",
    ago: timedelta = 0 * MINUTE,
) -> None:
    """A reading a minute, the newest one `ago`."""
    last = tower.clock() - ago
    samples = [
        QueueSample(system, queue, group, to_us(last - n * MINUTE), measure, value)
        for n, value in enumerate(reversed(values))
    ]
    tower.ingest.submit(FactBatch(samples=samples)).result(timeout=10)


@pytest.fixture
def filled(tower: Tower) -> Tower:
    """A queue that drains, one that grows, one that nobody reads any more, and a topic with two groups."""
    read(tower, "ready", [100, 90, 80, 70, 60])
    read(tower, "unacknowledged", [5, 5, 5, 5, 5])
    read(tower, "consumers", [2])
    read(tower, "depth", [10, 400, 800], queue="wms.release")
    read(tower, "depth", [7, 7], queue="old.mail", ago=3 * 60 * MINUTE)
    read(tower, "depth", [9000, 9000], queue="orders", system="kafka")
    read(tower, "lag", [20, 30], queue="orders", system="kafka", group="billing")
    read(tower, "lag", [0, 0], queue="orders", system="kafka", group="crm")
    return tower


def order_of(page: str, *names: str) -> list[str]:
    """The names in the order in which the list has them."""
    return sorted(names, key=lambda name: page.index(f">{name}</a>"))


def text_in(page: str) -> str:
    """What people read of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# The list


def test_each_queue_says_what_waits_whether_that_grows_and_when_it_is_empty(filled: Tower):
    words = text_in(text_of(filled.client("viewer").get("/queues")))

    assert "erp.post rabbitmq Draining 65 60 ready, 5 unacknowledged −10/min over 4 min ≈ 6 min 2" in words
    assert "wms.release rabbitmq Growing 800 +395/min over 2 min Not draining" in words
    assert "orders kafka Read by groups – keeps 9,000, read or not" in words
    assert "read by billing Growing 30" in words and "read by crm Empty 0" in words


def test_a_stale_reading_is_shown_as_what_was(filled: Tower):
    page = text_of(filled.client("viewer").get("/queues?text=old"))

    assert "Stale" in page and '<span class="is-old">was 7</span>' in page
    assert "Unknown" in page and "3 h ago" in page


def test_most_waiting_comes_first_and_stale_ones_last(filled: Tower):
    client = filled.client("viewer")
    names = ("erp.post", "old.mail", "orders", "wms.release")

    assert order_of(text_of(client.get("/queues")), *names) == [
        "wms.release",
        "erp.post",
        "orders",
        "old.mail",
    ]
    by_drain = order_of(text_of(client.get("/queues?sort=drain")), *names)
    assert by_drain[2:] == ["erp.post", "old.mail"]
    assert order_of(text_of(client.get("/queues?sort=name")), *names) == list(names)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("system=kafka", ["orders"]),
        ("text=BILL", ["orders"]),
        ("state=draining", ["erp.post"]),
        ("state=not_draining", ["orders", "wms.release"]),
        ("state=empty", ["orders"]),
        ("state=stale", ["old.mail"]),
        ("state=unknown", []),
    ],
)
def test_the_filter_is_in_the_address(filled: Tower, query: str, left: list[str]):
    page = text_of(filled.client("viewer").get(f"/queues?{query}"))

    assert sorted(re.findall(r'class="row-link wrap-anywhere" href="[^"]+">([^<]+)<', page)) == left
    assert left or "No queue passes this filter" in page


@pytest.mark.parametrize("query", ["sort=colour", "state=fine", "over=2y"])
def test_other_words_are_refused_with_those_that_are_offered(filled: Tower, query: str):
    response = filled.client("viewer").get(f"/queues?{query}")

    assert response.status_code == 400 and "expected one of" in text_of(response)


def test_the_list_polls_itself_with_its_filter(filled: Tower):
    fragment = text_of(filled.client("viewer").get("/queues?system=kafka&sort=name", headers=HTMX))

    assert fragment.strip().startswith('<section class="card" id="queues"')
    assert 'hx-get="/queues?system=kafka&amp;sort=name"' in fragment and "<html" not in fragment


def test_an_empty_screen_teaches_how_to_feed_it(tower: Tower):
    page = text_of(tower.client("viewer").get("/queues"))

    assert "No queue was read yet" in page
    assert "CONTROLTOWER_CONNECTIONS" in page and "otlphttp" in page
    assert 'aria-label="Filter queues"' not in page


def test_a_queue_that_only_groups_are_read_of_is_one_row(tower: Tower):
    read(tower, "lag", [3, 3], queue="orders", system="kafka", group="billing")

    words = text_in(text_of(tower.client("viewer").get("/queues")))

    assert "orders kafka, read by billing Steady 3" in words


def test_a_name_that_no_address_can_have_is_listed_without_a_link(tower: Tower):
    read(tower, "depth", [3, 3], queue="/odd//name")

    assert '<strong class="wrap-anywhere">/odd//name</strong>' in text_of(
        tower.client("viewer").get("/queues")
    )


# One queue


def test_a_queue_has_its_figures_its_history_and_what_waits(filled: Tower):
    words = text_in(text_of(filled.client("viewer").get("/queues/rabbitmq/erp.post")))

    assert "Waiting 65 60 ready, 5 unacknowledged" in words and "Empty in ≈ 6 min" in words
    assert "Ready Unacknowledged Consumers" in words  # the table that says what the chart draws
    assert "Journeys that wait here by the spans of the last hour" in words
    assert "Dead letters taken from here" in words


def test_one_that_is_not_drained_says_why(filled: Tower):
    page = text_of(filled.client("viewer").get("/queues/rabbitmq/wms.release"))

    assert "Not draining" in page and '<span class="meta">It grows</span>' in page


def test_a_stale_one_says_so_and_where_to_look(filled: Tower):
    page = text_of(filled.client("viewer").get("/queues/rabbitmq/old.mail"))

    assert "Last known" in page and "not how it is" in page and "/sources#connections" in page
    assert "Nothing was read of this queue in this window" in page


def test_a_topic_lists_its_groups_and_partitions(filled: Tower):
    for partition in range(2):
        read(filled, "lag", [partition, partition], queue=f"orders/{partition}", system="kafka", group="crm")

    page = text_of(filled.client("viewer").get("/queues/kafka/orders"))

    assert "Consumer group" in page and "<strong>billing</strong>" in page
    assert 'href="/queues/kafka/orders/1"' in page
    assert "orders/1" in text_of(filled.client("viewer").get("/queues/kafka/orders/1"))


def test_names_are_escaped_in_addresses(tower: Tower):
    read(tower, "depth", [3, 3], queue="shop/orders in?", system="my broker")
    client = tower.client("viewer")

    assert 'href="/queues/my%20broker/shop/orders%20in%3F"' in text_of(client.get("/queues"))
    assert client.get("/queues/my%20broker/shop/orders%20in%3F").status_code == 200


def test_an_unknown_queue_is_not_found(filled: Tower):
    for path in ("/queues/rabbitmq/none", "/queues/rabbitmq/erp.post?part=none", "/charts/queue.json"):
        assert filled.client("viewer").get(path).status_code == 404


@pytest.mark.parametrize(
    ("part", "root"), [("now", "queue-now"), ("history", "queue-history"), ("waiting", "queue-waiting")]
)
def test_each_part_refreshes_itself(filled: Tower, part: str, root: str):
    client = filled.client("viewer")
    fragment = text_of(client.get(f"/queues/rabbitmq/erp.post?part={part}&window=6h", headers=HTMX))

    assert re.match(rf'\s*<(section|div) [^>]*id="{root}"', fragment) and "<html" not in fragment
    assert f'part={part}"' in fragment and "window=6h" in fragment
    assert f'id="{root}"' in text_of(client.get("/queues/rabbitmq/erp.post"))


def test_the_chart_draws_what_the_table_says(filled: Tower):
    client = filled.client("viewer")
    url = re.search(r'data-chart="([^"]+)"', text_of(client.get("/queues/rabbitmq/erp.post")))
    assert url

    figure = json_of(client.get(url[1].replace("&amp;", "&")))

    assert [line["name"] for line in figure["data"]] == ["Ready", "Unacknowledged", "Consumers"]
    assert figure["data"][0]["y"] == [100, 90, 80, 70, 60]
    assert figure["layout"]["xaxis"]["range"] == ["2026-05-31 11:00:00", "2026-05-31 12:00:00"]


def test_a_time_in_which_nothing_was_read_is_a_gap_in_the_line(tower: Tower):
    read(tower, "depth", [1, 1, 1], ago=40 * MINUTE)
    read(tower, "depth", [2, 2, 2], ago=MINUTE)
    address = "/charts/queue.json?system=rabbitmq&queue=erp.post"

    (line,) = json_of(tower.client("viewer").get(address))["data"]

    assert line["y"] == [1, 1, 1, None, 2, 2, 2]


def test_journeys_wait_whose_message_was_not_taken(filled: Tower):
    at = filled.clock() - 5 * MINUTE
    events = [an_event("order.captured", ("order", order), at=at) for order in ("A", "B")]
    spans = [put(b"a" * 16, "A", at=at), put(b"b" * 16, "B", at=at), took(b"b" * 16, "B", parent=b"producer")]
    filled.ingest.submit(FactBatch(events=events, segments=spans)).result(timeout=10)
    filled.clock.advance(seconds=1)

    page = text_of(filled.client("viewer").get("/queues/rabbitmq/erp.post"))

    assert ">A</a>" in page and ">B</a>" not in page
    assert "All 2 traces of the last hour were looked at" in page


# JSON


def test_programs_read_the_same(filled: Tower):
    client = filled.client("viewer")

    answer = json_of(client.get("/api/v1/queues?system=rabbitmq&sort=name"))

    assert [queue["queue"] for queue in answer["queues"]] == ["erp.post", "old.mail", "wms.release"]
    drains, old, grows = answer["queues"]
    assert (drains["waiting"], drains["drain"], drains["drain_seconds"]) == (65, "draining", 390)
    assert (old["is_stale"], old["waiting"], old["drain"]) == (True, None, "unknown")
    assert (grows["drain"], grows["drain_why"], grows["growth_over_seconds"]) == (
        "not_draining",
        "it grows",
        120,
    )
    assert json_of(client.get("/api/v1/queues?limit=1"))["found"] == 4


def test_programs_read_one_queue(filled: Tower):
    answer = json_of(filled.client("viewer").get("/api/v1/queues/kafka/orders?window=6h"))

    assert [queue["group"] for queue in answer["queues"]] == ["", "billing", "crm"]
    assert [(one["group"], one["measure"]) for one in answer["history"]] == [
        ("", "depth"),
        ("billing", "lag"),
        ("crm", "lag"),
    ]
    assert (answer["waiting"], answer["dead_letters"], answer["is_whole"]) == ([], [], True)
    assert filled.client("viewer").get("/api/v1/queues/kafka/none").status_code == 404
