"""Which objects of a staged log belong to which journeys, however many steps away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from collectors.files.ocel.records import BadLog
from collectors.files.ocel.staging import Staged

_MOST_STEPS = 16
_MOST_TIES = 20  # ties to journeys that an object may have on average, before something is wrong
_SPARE_TIES = 200_000
_FEW = 10  # journeys that a delivery or package may serve
_SCHEMA = """
CREATE TEMP TABLE role (type TEXT PRIMARY KEY, is_leg INTEGER) WITHOUT ROWID;
CREATE TEMP TABLE belongs (object TEXT, journey TEXT, PRIMARY KEY (object, journey)) WITHOUT ROWID;
CREATE TEMP TABLE told (object TEXT, journey TEXT, PRIMARY KEY (object, journey)) WITHOUT ROWID;
CREATE TEMP TABLE fresh (object TEXT, journey TEXT, PRIMARY KEY (object, journey)) WITHOUT ROWID;
CREATE TEMP TABLE direct (n INTEGER PRIMARY KEY);
CREATE TEMP TABLE step (object TEXT, journey TEXT, PRIMARY KEY (object, journey)) WITHOUT ROWID;
"""
_BY_EVENTS = """
INSERT OR IGNORE INTO step SELECT other.object, f.journey
FROM fresh f JOIN named own ON own.object = f.object JOIN named other ON other.n = own.n
JOIN object o ON o.id = other.object LEFT JOIN role r ON r.type = o.type
WHERE o.type <> :journey AND coalesce(r.is_leg, 1)
    AND (f.object = f.journey OR own.n NOT IN (SELECT n FROM direct))
"""
_BY_RELATIONS = """
INSERT OR IGNORE INTO step SELECT other.id, f.journey
FROM fresh f
JOIN (SELECT source AS own, target AS id FROM related UNION SELECT target, source FROM related) other
    ON other.own = f.object
JOIN object o ON o.id = other.id LEFT JOIN role r ON r.type = o.type
WHERE o.type <> :journey AND coalesce(r.is_leg, 1)
"""
_SHARED = """
SELECT o.type, count(*), sum(ties > 1), sum(ties)
FROM (SELECT object, count(*) AS ties FROM step GROUP BY object) s
JOIN object o ON o.id = s.object LEFT JOIN role r ON r.type = o.type
WHERE r.type IS NULL GROUP BY o.type
"""


class Reach:
    """Walks from the journeys over events and relations, never through another journey or a label.

    An event that names a journey ties each of its legs to that journey, and not to one another.
    """

    def __init__(self, log: Staged) -> None:
        self._c = log.connection
        self._c.executescript(_SCHEMA)

    def explore(
        self, journey_type: str, given: Mapping[str, bool], is_leg_name: Callable[[str], bool]
    ) -> dict[str, bool]:
        """Find what belongs to each object of `journey_type`; returns which types are legs.

        `given` says it of some. Any other type is a leg unless, when it is first met, more than half of its
        objects are shared by journeys - or, where it has the name of a leg, unless they are shared by more
        than a few. A type that leads to no journey is not returned. Raises BadLog when almost everything
        belongs to everything.
        """
        self._is_leg_name = is_leg_name
        self._c.execute(
            "INSERT INTO direct SELECT DISTINCT m.n FROM named m JOIN object o ON o.id = m.object"
            " WHERE o.type = ?",
            (journey_type,),
        )
        self._c.executemany("INSERT INTO role VALUES (?, ?)", given.items())
        self._walk(journey_type, "belongs", (_BY_EVENTS, _BY_RELATIONS), decide=True)
        self._walk(journey_type, "told", (_BY_EVENTS,), decide=False)
        met = self._c.execute("SELECT DISTINCT o.type FROM belongs b JOIN object o ON o.id = b.object")
        legs = {kind for (kind,) in met}
        roles: Iterator[tuple[str, int]] = iter(self._c.execute("SELECT type, is_leg FROM role"))
        return {kind: bool(is_leg) for kind, is_leg in roles if not is_leg or kind in legs or given.get(kind)}

    def untold(self) -> Iterator[tuple[str, str]]:
        """(journey, object) for what belongs together by relations alone: no event would show it."""
        yield from self._c.execute(
            "SELECT journey, object FROM belongs EXCEPT SELECT journey, object FROM told ORDER BY 1, 2"
        )

    def _walk(self, journey_type: str, into: str, ways: tuple[str, ...], *, decide: bool) -> None:
        ask = self._c.execute
        ask("DELETE FROM fresh")
        ask("INSERT INTO fresh SELECT id, id FROM object WHERE type = ?", (journey_type,))
        for _ in range(_MOST_STEPS):
            ask("DELETE FROM step")
            for way in ways:
                ask(way, {"journey": journey_type})
            if decide:
                self._decide()
            ask(
                "DELETE FROM step WHERE object IN (SELECT o.id FROM object o JOIN role r USING (type)"
                " WHERE NOT r.is_leg)"
            )
            ask(
                f"DELETE FROM step WHERE EXISTS (SELECT 1 FROM {into} b"
                " WHERE b.object = step.object AND b.journey = step.journey)"
            )
            ask("DELETE FROM fresh")
            ask("INSERT INTO fresh SELECT * FROM step")
            ask(f"INSERT INTO {into} SELECT * FROM step")
            (found,) = ask("SELECT count(*) FROM fresh").fetchone()
            if not found:
                return
            self._check_size(into)

    def _decide(self) -> None:
        decided = [
            (kind, int(ties <= _FEW * objects if self._is_leg_name(kind) else 2 * shared <= objects))
            for kind, objects, shared, ties in self._c.execute(_SHARED).fetchall()
        ]
        self._c.executemany("INSERT INTO role VALUES (?, ?)", decided)

    def _check_size(self, into: str) -> None:
        (ties,) = self._c.execute(f"SELECT count(*) FROM {into}").fetchone()
        (objects,) = self._c.execute("SELECT count(*) FROM object").fetchone()
        if ties > _MOST_TIES * objects + _SPARE_TIES:
            worst = self._c.execute(
                f"SELECT o.type FROM {into} b JOIN object o ON o.id = b.object GROUP BY b.object"
                " ORDER BY count(*) DESC LIMIT 1"
            ).fetchone()
            raise BadLog(
                f"objects of type {worst[0]!r} belong to very many journeys at once; "
                f"name them --label {worst[0]!r}, or choose another --journey-type"
            )
