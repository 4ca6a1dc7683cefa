"""The runner sends what is due, keeps the pace and stops when told."""

from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event

import pytest

from controltower.demo.emissions import EventOut
from controltower.demo.estate import Estate
from controltower.demo.runner import Runner

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class FakeWires:
    """Remembers what it was given."""

    def __init__(self):
        self.sent = []

    def send(self, emission):
        self.sent.append(emission)

    def tally(self):
        return f"{len(self.sent)} things"


class Stopwatch(Event):
    """A clock that jumps over every wait, and says stop after a while."""

    def __init__(self, lasts):
        super().__init__()
        self.now = START
        self._ends_at = START + lasts

    def wait(self, timeout=None):
        self.now += timedelta(seconds=timeout or 0)
        if self.now >= self._ends_at:
            self.set()
        return self.is_set()


def play(minutes, *, rate=30.0, backfill=0):
    watch, wires = Stopwatch(timedelta(minutes=minutes)), FakeWires()
    runner = Runner(Estate(seed=7, series="", started_at=START), wires, lambda: watch.now, watch)
    runner.play(backfill=backfill, orders_per_minute=rate, rng=Random(7))
    return wires.sent


def captured(sent):
    return {
        e.document["id"] for e in sent if isinstance(e, EventOut) and e.document["type"].endswith("captured")
    }


@pytest.mark.parametrize("rate", [6.0, 30.0, 120.0])
def test_orders_arrive_at_the_rate(rate):
    assert len(captured(play(10, rate=rate))) == pytest.approx(10 * rate, rel=0.25)


def test_the_past_is_sent_at_once_and_by_the_time_it_was_due():
    sent = play(0.1, rate=0.0, backfill=40)
    assert len(captured(sent)) >= 38
    assert [e.at for e in sent] == sorted(e.at for e in sent)
    assert sent[-1].at <= START + timedelta(minutes=1)


def test_two_runs_with_one_clock_send_the_same():
    assert play(2, backfill=20) == play(2, backfill=20)


def test_without_a_rate_nothing_new_is_ordered():
    assert captured(play(5, rate=0.0)) == set()
