"""Measuring what people wait for, with many journeys stored: a journey by its identifier, every screen."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote

from tests.bench.events import Orders, batch_requests
from tests.bench.figures import Figure, Result, percentile
from tests.bench.load import Ready, drive, get_request
from tests.bench.machine import usage
from tests.bench.seeding import order_name, seed_journeys
from tests.bench.spans import COLLECTOR, VARIED, SpanSource
from tests.bench.stores import Store
from tests.bench.towers import new_store, tower_on
from tests.running import ADMIN, Tower, Visitor

_REPEATS = 60
_LOOKUPS = 300
_LIVE_EVENTS = 20_000
_LOOKUP_MS = 20.0
_SCREEN_MS = 100.0
_SESSION = "controltower_session"
_EXPECTED = (200, 303)  # a search with one hit leads to it


class Screen(NamedTuple):
    """A screen and the addresses at which it is looked at."""

    name: str
    paths: list[str]
    most_ms: float
    headers: str


def measure_reads(store_name: str, journeys: int) -> None:
    """Seed, start a tower on it, send it some whole orders and traces, and look at everything."""
    with new_store(store_name) as store:
        seconds = seed_journeys(store, journeys)
        store.analyze()
        with tower_on(store) as tower:
            names, traces = _liven(tower)
            result = Result(
                f"reads, {store_name}, {store.count('journeys'):,} journeys stored",
                (
                    f"of {store.count('events'):,} events, and {store.count('spans'):,} spans; "
                    f"seeded in {seconds:,.0f} s",
                    f"one request at a time; {_LOOKUPS} lookups, {_REPEATS} looks at each screen",
                ),
            )
            before = usage(tower.process.pid)
            for screen in _screens(tower, store, journeys, names, traces):
                result.figures.append(look(tower, screen, result))
            spent = usage(tower.process.pid).since(before)
            others = spent.others / max(1e-9, spent.busy)
            result.notes.append(
                f"{others:.0%} of the machine's CPU time meanwhile was spent by other programs"
            )
            result.show()


def _liven(tower: Tower) -> tuple[list[str], list[str]]:
    """Orders with all their events and some traces; returns names of done orders and trace ids."""
    orders = Orders(secrets.token_hex(3), random.Random(2))
    drive(
        tower.http,
        Ready(batch_requests(tower.http, orders, count=_LIVE_EVENTS // 100, size=100)),
        connections=4,
    )
    spans = SpanSource(tower.otlp_http, shape=COLLECTOR, keys=VARIED, templates=4, seed=2)
    drive(tower.otlp_http, spans, connections=2, facts=10_000)
    return orders.done, spans.some_trace_ids()


def look(tower: Tower, screen: Screen, result: Result) -> Figure:
    """How long a screen takes at all of its addresses, one after the other."""
    requests = [get_request(tower.http, path, screen.headers) for path in screen.paths]
    drive(tower.http, Ready(requests[:3]), connections=1)
    load = drive(tower.http, Ready(requests), connections=1)
    bad = {status: n for status, n in load.statuses.items() if status not in _EXPECTED}
    if bad:
        result.notes.append(f"WRONG: {screen.name} answered {bad}")
    p50 = percentile(load.latencies, 0.5) * 1000
    p95 = percentile(load.latencies, 0.95) * 1000
    return Figure(screen.name, p95, f"ms p95, p50 {p50:.1f}", screen.most_ms, is_most=True)


def cookie_of(visitor: Visitor) -> str:
    """The header by which somebody is signed in."""
    return f"Cookie: {_SESSION}={visitor.session}\r\n"


def _screens(
    tower: Tower, store: Store, journeys: int, done_orders: list[str], traces: list[str]
) -> Iterator[Screen]:
    rng = random.Random(3)
    token = tower.create_token("viewer")
    bearer = f"Authorization: Bearer {token}\r\n"
    visitor = Visitor(tower)
    visitor.use_setup_link(tower.setup_link, ADMIN)
    session = cookie_of(visitor)
    seeded = [order_name(rng.randrange(journeys)) for _ in range(_LOOKUPS)]
    few = _ids(tower, token, seeded[:_REPEATS])
    whole = _ids(tower, token, done_orders[:_REPEATS])

    yield Screen("API: search by order name", [f"/api/v1/search?q={n}" for n in seeded], _LOOKUP_MS, bearer)
    yield Screen("API: journey by id", [f"/api/v1/journeys/{i}" for i in few], _LOOKUP_MS, bearer)
    yield Screen("journey page, 1-2 events", [f"/journeys/{i}" for i in few], _LOOKUP_MS, session)
    yield Screen("journey page, 8 events", [f"/journeys/{i}" for i in whole], _LOOKUP_MS, session)

    def screen(path: str) -> Screen:
        return Screen(path, [path] * _REPEATS, _SCREEN_MS, session)

    def screens(name: str, paths: Iterable[str]) -> Screen:
        return Screen(name, list(paths), _SCREEN_MS, session)

    yield screen("/")
    yield screen("/charts/arrivals.json")
    for query in _FILTERS:
        yield screen(f"/journeys{query}")
    cursors = _cursors(tower, token, 5)
    yield screens("/journeys, pages 2 to 6", (f"/journeys?after={c}" for c in cursors for _ in range(12)))
    yield screens("/journeys?text= exact", (f"/journeys?text={n}" for n in seeded[:_REPEATS]))
    yield screens("/search?q= exact", (f"/search?q={n}" for n in seeded[:_REPEATS]))
    yield screens("/search?q= prefix", (f"/search?q={n[:-2]}" for n in seeded[:_REPEATS]))
    yield screens(
        "/search?q= e-mail",
        (
            f"/search?q={quote(f'customer{rng.randrange(min(journeys, 400_000))}@example.org')}"
            for _ in range(_REPEATS)
        ),
    )
    yield screens("/search/suggest?q=", (f"/search/suggest?q={n[:8]}" for n in seeded[:_REPEATS]))
    yield screen("/traces")
    yield screen("/traces?service=erp")
    yield screens("/traces/<id>", (f"/traces/{rng.choice(traces)}" for _ in range(_REPEATS)))
    for path in ("/quarantine", "/sources", "/users", "/account"):
        yield screen(path)


_FILTERS = (
    "",
    "?status=in_flight",
    "?status=failed",
    "?status=done",
    "?status=cancelled",
    "?process=order-to-cash",
    "?stage=captured",
    "?stage=shipped",
    "?system=erp",
    "?system=shop",
    "?channel=app",
    "?reported_status=completed",
    "?since=2020-01-01T00:00&until=2100-01-01T00:00",
    "?status=failed&system=erp&channel=store",
    "?status=in_flight&stage=shipped&channel=web",
    # Each part matches many, all together match nothing: the worst that a filter can meet.
    "?status=done&system=erp",
    "?status=failed&channel=app&reported_status=cancelled",
    "?stage=captured&system=wms",
    "?text=NW-0000",
    "?text=NW-0000&status=cancelled",
    "?text=nothing-is-called-so",
)


def _ids(tower: Tower, token: str, names: Iterable[str]) -> list[str]:
    found = (tower.get("/api/v1/search", token, q=name)["hits"] for name in names)
    return [hits[0]["journey"]["id"] for hits in found if hits]


def _cursors(tower: Tower, token: str, count: int) -> list[str]:
    cursors: list[str] = []
    while len(cursors) < count:
        query = {"after": cursors[-1]} if cursors else {}
        following = tower.get("/api/v1/journeys", token, **query).get("next")
        if not following:
            break
        cursors.append(following)
    return cursors
