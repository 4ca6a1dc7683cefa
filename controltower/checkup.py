"""`controltower doctor`: is everything here that the tower needs, and what to do where it is not."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from collectors.brokers.connections import SETTING as CONNECTIONS
from collectors.brokers.connections import Declared
from collectors.brokers.protocol import ConnectionLost
from controltower.domain.errors import ControlTowerError
from controltower.services.tokens import has_ingest_token
from controltower.settings import OPEN, Address, Settings
from controltower.store.engine import Database, open_database, reading
from controltower.store.schema import current_revision, expected_revision
from controltower.web.paths import STATIC

OK = "ok"
WARNING = "warning"
PROBLEM = "problem"
Connections = Callable[[], Mapping[str, Declared]]
"""Reads what is declared; raises what is wrong with it."""
_LOW_DISK_BYTES = 2 * 1024**3


class Finding(NamedTuple):
    """One thing that was looked at; `advice` says what to do unless it is ok."""

    state: str
    subject: str
    advice: str = ""


def examine(settings: Settings, connections: Connections) -> Iterator[Finding]:
    """Look at everything that can be looked at without changing anything."""
    yield _disk(settings)
    yield from _store(settings)
    for address in settings.listeners:
        yield _listener(address)
    yield from _connections(connections)
    yield _browser_code()


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else settings.home.absolute().parent
    free = shutil.disk_usage(folder).free
    subject = f"{free / 1024**3:.1f} GiB free for {settings.home}"
    if free < _LOW_DISK_BYTES:
        return Finding(WARNING, subject, "make room: when the disk is full, facts are refused with 503")
    return Finding(OK, subject)


def _store(settings: Settings) -> Iterator[Finding]:
    if not settings.database_url and not settings.home.exists():
        yield Finding(OK, "the embedded store does not exist yet", "")
        return
    try:
        db = open_database(settings.store_url)
        yield _revision(db)
        yield _exposure(settings, db)
        db.dispose()
    except ControlTowerError as exc:
        yield Finding(PROBLEM, str(exc), "check CONTROLTOWER_DATABASE_URL, and that the database runs")


def _revision(db: Database) -> Finding:
    with reading(db) as connection:
        found = current_revision(connection)
    wanted = expected_revision()
    if found == wanted:
        return Finding(OK, f"the store answers, at revision {found}")
    return Finding(WARNING, f"the store is at revision {found}, this version wants {wanted}", _UPGRADE)


_UPGRADE = "run 'controltower db upgrade' ('up' does it by itself)"


def _exposure(settings: Settings, db: Database) -> Finding:
    exposed = [str(address) for address in settings.listeners if not address.is_loopback]
    if not exposed:
        return Finding(OK, "every listener is on loopback")
    if settings.ingest_access == OPEN:
        return Finding(WARNING, f"anybody who reaches {exposed[0]} may post facts", "use tokens instead")
    if has_ingest_token(db):
        return Finding(OK, f"{exposed[0]} asks for tokens")
    remedy = "controltower token create --role ingest --name NAME"
    return Finding(PROBLEM, f"{exposed[0]} has no token to ask for", remedy)


def _listener(address: Address) -> Finding:
    try:
        with socket.create_connection((address.host, address.port), timeout=1):
            return Finding(WARNING, f"something listens at {address}", "fine if it is this tower")
    except OSError:
        return Finding(OK, f"{address} is free")


def _connections(load: Connections) -> Iterator[Finding]:
    """Whether each declared connection answers; they are asked at once, for each may take its time."""
    try:
        declared = load()
    except ControlTowerError as exc:
        yield Finding(PROBLEM, str(exc), f"mend the file that {CONNECTIONS} names")
        return
    if declared:
        with ThreadPoolExecutor(len(declared)) as executor:
            yield from executor.map(_answers, sorted(declared), (declared[name] for name in sorted(declared)))


def _answers(name: str, declared: Declared) -> Finding:
    kind = declared.connection.kind
    try:
        declared.connection.check()
    except ConnectionLost as exc:
        return Finding(WARNING, f"the connection {exc}", _UNANSWERED.format(name=name))
    return Finding(OK, f"the connection {name} ({kind}) answers")


_UNANSWERED = (
    "see that it runs, that this machine may reach it, and what [connections.{name}] says; "
    "the tower starts without it and keeps trying"
)


def _browser_code() -> Finding:
    if (STATIC / "vendor" / "htmx.min.js").exists():
        return Finding(OK, "the browser code is built")
    return Finding(PROBLEM, "the browser code is not built", "run 'make frontend'")


def report(findings: Iterator[Finding], say: Callable[[str], None]) -> bool:
    """Say every finding in a line; False when one of them is a problem."""
    healthy = True
    for finding in findings:
        healthy &= finding.state != PROBLEM
        say(f"{finding.state:8} {finding.subject}" + (f" - {finding.advice}" if finding.advice else ""))
    return healthy
