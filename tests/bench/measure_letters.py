"""Measuring the dead-letter desk with many letters: groups by every key, lists by filter, one letter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.bench.figures import Result
from tests.bench.letter_seeding import seed_letters
from tests.bench.machine import usage
from tests.bench.measure_reads import Screen, cookie_of, look
from tests.bench.seeding import seed_journeys
from tests.bench.towers import new_store, tower_on
from tests.running import ADMIN, Tower, Visitor

_REPEATS = 60
_GROUPS_MS, _ITEM_MS, _LIST_MS = 150.0, 50.0, 100.0
_KEYS = ("fingerprint", "queue", "type", "system", "class", "impact")
_LISTS = (
    "",
    "?queue=erp.1.dlq",
    "?type=order.posted",
    "?state=new",
    "?state=discarded",
    "?system=wms&impact=customer",
    "?text=stock",
    "?text=NW-00001234",
    "?text=nothing-is-called-so",  # the worst: every letter is looked at
    "?owner=nobody",
)


def measure_letters(store_name: str, letters: int, journeys: int) -> None:
    """Seed journeys and letters about them, start a tower, and look at every screen of the desk."""
    with new_store(store_name) as store:
        seed_journeys(store, journeys)
        seconds = seed_letters(store, letters, journeys)
        store.analyze()
        with tower_on(store) as tower:
            result = Result(
                f"dead letters, {store_name}, {letters:,} stored about {min(letters, journeys):,} journeys",
                (
                    f"taken over and followed in {seconds:,.0f} s; {_REPEATS} looks at each screen",
                ),
            )
            before = usage(tower.process.pid)
            for screen in _screens(tower):
                result.figures.append(look(tower, screen, result))
            spent = usage(tower.process.pid).since(before)
            others = spent.others / max(1e-9, spent.busy)
            result.notes.append(
                f"{others:.0%} of the machine's CPU time meanwhile was spent by other programs"
            )
            result.show()


def _screens(tower: Tower) -> Iterator[Screen]:
    token = tower.create_token("viewer")
    bearer = f"Authorization: Bearer {token}\r\n"
    visitor = Visitor(tower)
    visitor.use_setup_link(tower.setup_link, ADMIN)
    session = cookie_of(visitor)
    rows = tower.get("/api/v1/dead-letters", token, limit=str(_REPEATS))["dead_letters"]
    groups = tower.get("/api/v1/dead-letter-groups", token, limit=str(_REPEATS))["groups"]

    def screens(name: str, paths: Iterable[str], most_ms: float, headers: str = session) -> Screen:
        return Screen(name, list(paths), most_ms, headers)

    for by in _KEYS:
        yield screens(f"groups by {by}", [f"/dead-letters?by={by}"] * _REPEATS, _GROUPS_MS)
    yield screens("API: groups", ["/api/v1/dead-letter-groups"] * _REPEATS, _GROUPS_MS, bearer)
    yield screens("one group", [f"/dead-letters/groups/{g['key']}" for g in groups], _GROUPS_MS)
    yield screens("one letter", [f"/dead-letters/{row['id']}" for row in rows], _ITEM_MS)
    yield screens("API: one letter", [f"/api/v1/dead-letters/{row['id']}" for row in rows], _ITEM_MS, bearer)
    for query in _LISTS:
        yield screens(f"list {query}", [f"/dead-letters/letters{query}"] * _REPEATS, _LIST_MS)
    cursors = _cursors(tower, token, 5)
    pages = [f"/dead-letters/letters?before={cursor}" for cursor in cursors for _ in range(12)]
    yield screens("list, pages 2 to 6", pages, _LIST_MS)
    yield screens("home", ["/"] * _REPEATS, _GROUPS_MS)


def _cursors(tower: Tower, token: str, count: int) -> list[str]:
    cursors: list[str] = []
    while len(cursors) < count:
        query = {"before": cursors[-1]} if cursors else {}
        following = tower.get("/api/v1/dead-letters", token, **query).get("next")
        if not following:
            break
        cursors.append(following)
    return cursors
