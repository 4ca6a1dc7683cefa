"""A tower in this process, whose replays go to a target in memory and move on when the test says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

from werkzeug.serving import make_server

from controltower.domain.replay_policies import Policy
from controltower.services.dead_letters.desk import Desk
from controltower.services.replay.redirects import Redirects
from controltower.store.engine import open_database
from controltower.store.schema import upgrade
from controltower.web.app import create_app
from controltower.web.deps import WebDeps
from tests.services.replay.rig import MemoryTargets
from tests.web.replaying import Estate
from tests.web.tower import FakeClock, Tower, add_people, session_of

POLICY = Policy("hiccups-of-the-bus", timedelta(days=1), 50, type=("order.*",))


class ServedEstate(Estate):
    """An estate whose tower listens."""

    url: str = ""

    def cookie(self, role: str) -> dict[str, Any]:
        """The session of the person of a role, as a browser context takes it."""
        assert self.tower is not None
        client = self.tower.client(role)
        client.get("/account")
        return {"name": "controltower_session", "value": session_of(client), "url": self.url}


@contextmanager
def served_estate(home: Path, policies: Sequence[Policy] = (POLICY,)) -> Iterator[ServedEstate]:
    """The estate, for the length of the block."""
    db = open_database(f"sqlite:///{home / 'controltower.db'}")
    upgrade(db)
    estate = ServedEstate(db, MemoryTargets("bus", "erp"))
    estate.now = datetime.now(UTC).replace(microsecond=0)
    clock = FakeClock(estate.now)
    deps = WebDeps(
        db=db,
        ingest=estate.ingest,
        processes=estate.processes,
        clock=clock,
        session_key=b"a key for tests only, 32 bytes..",
        desk=Desk(db),
        planner=estate.planner,
        redirects=Redirects(db, estate.targets),
        policies=policies,
    )
    estate.tower = Tower(create_app(deps), db, estate.ingest, clock, add_people(db, "no password", clock()))
    server = make_server("127.0.0.1", 0, estate.tower.app, threaded=True)
    estate.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield estate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        estate.close()
        db.dispose()
