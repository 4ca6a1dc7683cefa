"""How dead letters, replays and their states read on screens."""

from __future__ import annotations

from collections.abc import Mapping

from controltower.domain import dead_letters, replays

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
ITEM_WORDS: Mapping[str, str] = {
    replays.PLANNED: "Planned",
    replays.CLAIMED: "About to be sent",
    replays.SENDING: "Being sent",
    replays.SENT: "Sent, waiting for confirmation",
    replays.CONFIRMED: "Confirmed",
    replays.NO_EFFECT: "Sent, no effect",
    replays.DIED_AGAIN: "Died again",
    replays.UNSENDABLE: "The target refused it",
    replays.REFUSED: "Not sent: it had changed",
    replays.WITHDRAWN: "Not sent: called off",
}
