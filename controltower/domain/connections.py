"""How the declared connections are doing, in the words of screens."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

STARTING = "starting"
CONNECTED = "connected"
DOWN = "down"
ELSEWHERE = "elsewhere"  # another process takes from it, and knows
IDLE = "idle"  # nothing is taken from it: messages are only sent to it


class ConnectionRow(NamedTuple):
    """One use of a connection."""

    connection: str
    kind: str
    role: str  # dead_letters, events, samples; "" for one that is only sent to
    place: str  # "" when the use is about several
    state: str
    since_at: datetime | None = None  # since when it is in that state
    error: str = ""  # holds no credential
    taken: int = 0  # messages or readings since the start
    losses: int = 0
