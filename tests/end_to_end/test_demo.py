"""`controltower up --demo`, as a newcomer tries it: orders of every kind within seconds, and a clean end."""

import re
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.running import ADMIN, Visitor, running_tower

OPTIONS = ("--demo", "--demo-seed", "7", "--demo-rate", "120")
PATIENCE = 45  # seconds, on a busy machine; usually it takes ten
EVENT_SYSTEMS = {"shop", "oms", "erp", "wms", "billing"}
STATUSES = {"in_flight", "failed", "done", "cancelled"}


def children_of(pid):
    """The processes that this one started."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in listed for child in children.read_text().split()]


def is_running(pid):
    """Whether the process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def eventually(ask, is_enough):
    """Ask until the answer is enough, or patience ends; the last answer."""
    give_up_at = time.monotonic() + PATIENCE
    while True:
        answer = ask()
        if is_enough(answer) or time.monotonic() > give_up_at:
            return answer
        time.sleep(0.5)


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    """A tower with the demo estate beside it."""
    with running_tower(tmp_path_factory.mktemp("demo"), *OPTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def token(tower):
    """A token with which a program may read."""
    admin = Visitor(tower)
    admin.use_setup_link(tower.setup_link, ADMIN)
    return admin.make_token("tests", "viewer")


def counts(tower, token, measure):
    """Journeys by a measure."""
    rows = tower.get("/api/v1/journeys/counts", token, by=measure)["counts"]
    return Counter({row["name"]: row["journeys"] for row in rows})


def test_journeys_of_every_status_appear(tower, token):
    found = eventually(
        lambda: counts(tower, token, "status"),
        lambda found: set(found) >= STATUSES and found["done"] > found["failed"],
    )

    assert set(found) == STATUSES
    assert found["done"] > found["failed"]


def test_new_orders_keep_arriving(tower, token):
    before = counts(tower, token, "reached")["captured"]

    after = eventually(lambda: counts(tower, token, "reached")["captured"], lambda n: n > before)

    assert after > before


def test_every_system_is_heard_by_events_and_by_spans(tower, token):
    def heard():
        rows = tower.get("/api/v1/sources", token)["sources"]
        return {
            signal: {row["name"] for row in rows if row["signal"] == signal} for signal in ("events", "spans")
        }

    found = eventually(heard, lambda heard: all(names >= EVENT_SYSTEMS for names in heard.values()))

    assert found["events"] >= EVENT_SYSTEMS
    assert found["spans"] >= EVENT_SYSTEMS


def test_journeys_have_traces_whose_spans_are_stored(tower, token):
    def traced():
        """Journeys with a trace that can be read and names them."""
        found = []
        for row in tower.get("/api/v1/journeys", token, limit="40")["journeys"]:
            detail = tower.get(f"/api/v1/journeys/{row['id']}", token)
            stored = [trace_id for trace_id in detail["trace_ids"] if is_stored(trace_id, row["id"])]
            found += [row["id"]] if stored else []
        return found

    def is_stored(trace_id, journey_id):
        headers = {"Authorization": f"Bearer {token}"}
        reply = tower.request("GET", f"/api/v1/traces/{trace_id}", headers=headers)
        return reply.status == 200 and journey_id in reply.json["journey_ids"] and reply.json["spans"]

    assert len(eventually(traced, lambda found: len(found) >= 10)) >= 10


def test_queues_are_sampled(tower, token):
    queues = eventually(lambda: tower.get("/api/v1/queues", token)["queues"], bool)

    assert {queue["system"] for queue in queues} == {"rabbitmq"}


def test_nothing_that_the_estate_sends_is_quarantined(tower, token):
    assert tower.get("/api/v1/quarantine", token)["items"] == []


def test_it_prints_no_complaint(tower):
    assert not re.search("Traceback|ERROR|WARNING", tower.log), tower.log


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads /proc to find the estate's process")
def test_being_told_to_stop_it_stops_the_estate_too(tower):
    estate = children_of(tower.process.pid)
    assert estate and all(is_running(pid) for pid in estate)
    told_at = time.monotonic()

    code = tower.stop()

    assert code == 0
    assert time.monotonic() - told_at < 15
    assert not any(is_running(pid) for pid in estate)
    assert "Traceback" not in tower.log, tower.log
