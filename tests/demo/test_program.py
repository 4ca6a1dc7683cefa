"""The whole program against a receiver: what it sends is what the estate planned, and it stops when told."""

import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from controltower.demo.__main__ import series_at
from tests.demo.receiver import receiving
from tests.demo.stitching import folded


def start(receiver, *options):
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "controltower.demo",
            "--otlp",
            receiver.url,
            "--events",
            f"{receiver.url}/api/v1/events",
            "--dead-letters",
            f"{receiver.url}/api/v1/dead-letters",
            *options,
        ],
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def told():
    """What a receiver heard of forty past orders and some seconds of live ones, and how the program ended."""
    with receiving() as receiver:
        receiver.unwell = [(503, {"Retry-After": "1"})]
        program = start(receiver, "--backfill", "40", "--rate", "60", "--seed", "7", "--token", "s3cret")
        deadline = time.monotonic() + 30
        while len(receiver.events) < 600 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(2)
        program.send_signal(signal.SIGTERM)
        _, words = program.communicate(timeout=20)
    return receiver, program.returncode, words


def test_it_stops_cleanly_when_told(told):
    _, code, words = told
    assert code == 0
    assert words.splitlines()[-1].startswith("demo: Northwind Living closes")
    assert "Traceback" not in words


def test_the_past_and_the_present_arrive_as_events(told):
    receiver, _, _ = told
    journeys = folded(receiver.events)
    assert len(journeys) > 40
    assert Counter(journey.status for journey in journeys)["done"] > 10


def test_what_the_middleware_gives_up_on_is_handed_over(told):
    receiver, _, _ = told
    letters = {letter["message_id"] for letter in receiver.letters}
    assert len(letters) >= 2
    assert {letter["origin"]["place"] for letter in receiver.letters} == {"erp.post"}


def test_every_system_sends_its_spans_with_the_token(told):
    receiver, _, _ = told
    assert {service for service, _ in receiver.spans} >= {
        "shop",
        "middleware",
        "oms",
        "erp",
        "wms",
        "billing",
    }
    assert len({span.span_id for _, span in receiver.spans}) == len(receiver.spans) > 600
    sent = {name.lower(): value for headers in receiver.headers for name, value in headers.items()}
    assert sent["authorization"] == "Bearer s3cret"


def test_queues_are_reported_as_the_collectors_receiver_would(told):
    receiver, _, _ = told
    queues = {attributes["rabbitmq.queue.name"] for attributes, _ in receiver.metrics}
    depth = next(metric for _, metric in receiver.metrics if metric.name == "rabbitmq.message.current")
    states = {point.attributes[0].value.string_value for point in depth.sum.data_points}
    assert queues == {"orders.inbound", "erp.post", "wms.release"}
    assert states == {"ready", "unacknowledged"}
    assert not depth.sum.is_monotonic


def test_it_stops_soon_even_when_the_tower_is_gone():
    with receiving() as receiver:
        program = start(receiver, "--backfill", "20", "--rate", "600")
        deadline = time.monotonic() + 20
        while len(receiver.spans) < 100 and time.monotonic() < deadline:
            time.sleep(0.1)
    time.sleep(2)
    told_at = time.monotonic()
    program.send_signal(signal.SIGTERM)
    _, words = program.communicate(timeout=20)
    assert time.monotonic() - told_at < 7
    assert program.returncode == 0
    assert "events unsent" in words


def test_no_two_seconds_share_a_series():
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert len({series_at(now + timedelta(seconds=n)) for n in range(1000)}) == 1000
