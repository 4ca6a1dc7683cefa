"""What the web is handed by wiring: everything it needs, nothing that it looks up itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from flask import current_app

from controltower.domain.processes import Process
from controltower.services.failure_rules import RuleShelf
from controltower.services.ingest import Ingest
from controltower.services.quarantine import Decoder
from controltower.store.engine import Database

EXTENSION = "controltower"


@dataclass(frozen=True, slots=True)
class WebDeps:
    """The web's collaborators and the few settings that it obeys."""

    db: Database
    ingest: Ingest
    processes: Mapping[str, Process]  # by name
    clock: Callable[[], datetime]  # aware, UTC
    session_key: bytes
    secure_cookies: bool = False  # True when people reach the tower over https
    allowed_hosts: frozenset[str] = frozenset()  # beside the loopback names; "*" allows every name
    decoders: Mapping[str, Decoder] = field(default_factory=dict)  # by the edge that held the bytes back
    reconciliations: str = ""  # the folder of the user's reconciliation files
    metrics: Callable[[], str] = str  # Prometheus text of this process
    failure_rules: RuleShelf = field(default_factory=RuleShelf)


def deps() -> WebDeps:
    """The collaborators of the running app."""
    return cast(WebDeps, current_app.extensions[EXTENSION])


def now() -> datetime:
    """The app's clock: aware, UTC."""
    return deps().clock()
