"""How dead letters and their states read on screens."""

from __future__ import annotations

from collections.abc import Mapping

from controltower.domain import dead_letters

STATE_WORDS: Mapping[str, str] = {
    dead_letters.NEW: "New",
    dead_letters.INVESTIGATING: "Investigating",
    dead_letters.REPLAYING: "Replaying",
    dead_letters.WAITING: "Waiting for confirmation",
    dead_letters.NO_EFFECT: "Sent, no effect",
    dead_letters.RESOLVED: "Resolved",
    dead_letters.DISCARDED: "Discarded",
}
IMPACT_WORDS: Mapping[str, str] = {
    dead_letters.CUSTOMER: "A customer waits",
    dead_letters.MONEY: "Money moves",
    dead_letters.INTERNAL: "Internal",
    dead_letters.UNPLACED: "Not on a journey",
}
KEY_WORDS: Mapping[str, str] = {
    "fingerprint": "What failed",
    "queue": "Queue",
    "type": "Type",
    "system": "System",
    "class": "Failure class",
    "impact": "Impact",
}
