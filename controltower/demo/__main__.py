"""`python -m controltower.demo`: play the simulated estate against a tower."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from threading import Event, Thread
from typing import TYPE_CHECKING

from controltower.demo.causes import Causes
from controltower.demo.estate import Estate
from controltower.demo.events_out import LETTERS, Connection, EventPoster
from controltower.demo.inbox import Inbox
from controltower.demo.queues_out import QueueMeters, otlp_metric_exporter
from controltower.demo.replays import Consumer
from controltower.demo.runner import Runner, TowerWires
from controltower.demo.spans_out import Tracers, otlp_exporter

if TYPE_CHECKING:
    from controltower.demo.rabbit import RabbitMiddleware

log = logging.getLogger("controltower.demo")

_PATIENCE = 4.0  # seconds for sending what is due when we are told to stop
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_SERIES_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play until SIGTERM or SIGINT."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="demo: %(message)s", level=logging.INFO, stream=sys.stderr)
    # The SDK logs every try of every exporter; the line a minute counts what was lost for good.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.exit_with_parent:
        Thread(target=_watch_parent, args=(os.getppid(), stop), daemon=True).start()
    now = _clock()
    series = series_at(now) if options.series is None else options.series
    causes = Causes(now)
    estate = Estate(seed=options.seed, series=series, started_at=now, causes=causes)
    connection = Connection(options.events, options.token)
    if not _wait_for_tower(connection, stop):
        return 0
    poster = EventPoster(connection)
    poster.start()
    rabbit = _rabbit(options)
    wires = TowerWires(
        poster,
        rabbit or _letters_by_http(options),
        Tracers(partial(otlp_exporter, options.otlp, options.token)),
        QueueMeters(partial(otlp_metric_exporter, options.otlp, options.token)),
    )
    log.info("Northwind Living opens: seed %d, series %s, %g orders/min", options.seed, series, options.rate)
    runner = Runner(estate, wires, _clock, stop)
    consumer = Consumer(causes, runner.hand_in, _clock)
    inbox = _open_inbox(options, consumer, causes)
    if rabbit is not None:
        rabbit.start(consumer)
    runner.play(backfill=options.backfill, orders_per_minute=options.rate, rng=Random(options.seed))
    if inbox is not None:
        inbox.stop()
    wires.close(_PATIENCE)
    log.info("Northwind Living closes: %s", wires.tally())
    return 0


def series_at(now: datetime) -> str:
    """Letters for the document numbers of a run begun now: a later run never takes the same ones again."""
    number = int((now - _SERIES_EPOCH).total_seconds())
    letters = ""
    while number:
        number, place = divmod(number, len(_LETTERS))
        letters = _LETTERS[place] + letters
    return letters


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("controltower.demo", description="A simulated retailer.")
    add = parser.add_argument
    add("--otlp", default="http://127.0.0.1:4318", help="where OTLP/HTTP is taken")
    add("--events", default="http://127.0.0.1:8080/api/v1/events", help="where CloudEvents are taken")
    add(
        "--dead-letters",
        default="http://127.0.0.1:8080/api/v1/dead-letters",
        help="where dead letters are taken",
    )
    add("--inbox", default="", help="host:port, on this machine, where replayed messages are taken")
    add("--inbox-fd", type=int, help="a socket that listens there already, handed over at the start")
    add("--broker", default="", help="amqp://... of a RabbitMQ that dead letters go to instead")
    add("--broker-queue", default="northwind.erp.post", help="the queue there that the middleware consumes")
    add("--token", default="", help="an ingest token, when the tower asks for one")
    add("--seed", type=int, default=7, help="the same seed plays the same orders")
    add("--rate", type=float, default=12.0, help="orders a minute; 0 for the past alone")
    add("--backfill", type=int, default=150, help="orders of the last three days, told at the start")
    add("--series", help="letters in every document number; from the clock when not given")
    add("--exit-with-parent", action="store_true", help="stop when the starting process is gone")
    return parser


def _letters_by_http(options: argparse.Namespace) -> EventPoster:
    letters = EventPoster(Connection(options.dead_letters, options.token, LETTERS), "dead letters")
    letters.start()
    return letters


def _rabbit(options: argparse.Namespace) -> RabbitMiddleware | None:
    """The middleware on a broker; None without one. Its library is needed only then."""
    if not options.broker:
        return None
    from controltower.demo.rabbit import RabbitMiddleware

    return RabbitMiddleware(options.broker, options.broker_queue)


def _open_inbox(options: argparse.Namespace, consumer: Consumer, causes: Causes) -> Inbox | None:
    """Take replays; None, and a word about it, when nobody says where or the address is taken."""
    if not options.inbox and options.inbox_fd is None:
        return None
    try:
        inbox = Inbox(_listener(options), consumer, causes)
    except (OSError, ValueError) as exc:
        log.warning("Replays cannot be taken at %s: %s", options.inbox or "the inbox that was given", exc)
        return None
    inbox.start()
    log.info("The item master is at %s/", inbox.url)
    return inbox


def _listener(options: argparse.Namespace) -> socket.socket:
    if options.inbox_fd is not None:
        return socket.socket(fileno=options.inbox_fd)
    host, _, port = options.inbox.rpartition(":")
    return socket.create_server((host, int(port)))


def _wait_for_tower(connection: Connection, stop: Event) -> bool:
    """Knock until the tower is ready; False when told to stop first."""
    told = False
    while not stop.is_set():
        if connection.is_tower_ready():
            return True
        if not told:
            log.info("Waiting for the tower")
            told = True
        stop.wait(0.5)
    return False


def _watch_parent(parent: int, stop: Event) -> None:
    while os.getppid() == parent and not stop.wait(1.0):
        pass
    stop.set()


def _clock() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
