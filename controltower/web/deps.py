"""What the web is handed by wiring: everything it needs, nothing that it looks up itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, cast

from flask import current_app

from controltower.domain.connections import ConnectionRow
from controltower.domain.mappings import MappingRow, TriedDocument
from controltower.domain.processes import Process
from controltower.domain.replay_policies import Policy
from controltower.services.dead_letters.desk import Desk
from controltower.services.failure_rules import RuleShelf
from controltower.services.ingest import Ingest
from controltower.services.quarantine import Decoder
from controltower.services.replay.planning import Planner
from controltower.services.replay.redirects import Redirects
from controltower.store.engine import Database

EXTENSION = "controltower"


class MappingDesk(Protocol):
    """Shows the mappings that the tower knows and tries them; collectors.mapping.desk is the real one."""

    def rows(self) -> Sequence[MappingRow]:
        """Every mapping, by name."""

    def text_of(self, name: str) -> str:
        """The file of a mapping as it is written; raises NotFound."""

    def try_out(self, text: str, payload: bytes, headers: Mapping[str, str]) -> Sequence[TriedDocument]:
        """What the mapping in `text` makes of a payload; stores nothing.

        Raises BadPayload when the mapping has a mistake or the payload cannot be decoded.
        """


@dataclass(frozen=True, slots=True)
class WebDeps:
    """The web's collaborators and the few settings that it obeys."""

    db: Database
    ingest: Ingest
    processes: Mapping[str, Process]  # by name
    clock: Callable[[], datetime]  # aware, UTC
    session_key: bytes
    desk: Desk
    planner: Planner
    redirects: Redirects
    secure_cookies: bool = False  # True when people reach the tower over https
    allowed_hosts: frozenset[str] = frozenset()  # beside the loopback names; "*" allows every name
    decoders: Mapping[str, Decoder] = field(default_factory=dict)  # by the edge that held the bytes back
    reconciliations: str = ""  # the folder of the user's reconciliation files
    metrics: Callable[[], str] = str  # Prometheus text of this process
    failure_rules: RuleShelf = field(default_factory=RuleShelf)
    mapping_desk: MappingDesk | None = None
    connections: Callable[[], Sequence[ConnectionRow]] = tuple  # how each declared one is doing
    policies: Sequence[Policy] = ()  # what is replayed without a person


def deps() -> WebDeps:
    """The collaborators of the running app."""
    return cast(WebDeps, current_app.extensions[EXTENSION])


def now() -> datetime:
    """The app's clock: aware, UTC."""
    return deps().clock()
