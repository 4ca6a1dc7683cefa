"""What somebody wants to be sent again, as forms and programs say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from controltower.domain.errors import BadPayload
from controltower.domain.process_files import parse_duration
from controltower.services.replay.planning import Goal, Wish, goal_of, redirects_by_source
from controltower.store.engine import Connection
from controltower.store.letter_groups import letters_by_origin
from controltower.store.letter_rows import LetterFilter
from controltower.web.chosen_letters import Choice
from controltower.web.deps import deps, now

ORIGIN, CHOSEN = "origin", "chosen"
MAX_REASON = 500
MAX_PLACE = 500
MAX_RATE = 100_000
PATIENCE: Mapping[str, str] = {
    "": "as the process says, else 1 hour",
    "5m": "5 minutes",
    "15m": "15 minutes",
    "1h": "1 hour",
    "4h": "4 hours",
    "1d": "1 day",
}
"""How long to wait for the business to move, as a form offers it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Letters that came from one place, and where they go unless somebody chooses."""

    connection: str
    place: str
    letters: int
    goal: Goal
    is_declared: bool

    @property
    def is_known(self) -> bool:
        """Whether they say where they came from."""
        return bool(self.connection and self.place)


def origins_of(c: Connection, choice: Choice) -> list[Origin]:
    """Where the chosen letters that can be sent again came from, most first."""
    redirects, declared = redirects_by_source(c), set(deps().planner.targets.names())
    found = []
    for connection, place, letters in letters_by_origin(c, choice.letters, now()):
        goal = goal_of((connection, place), ("", ""), redirects)
        found.append(Origin(connection, place, letters, goal, goal.connection in declared))
    return found


def read_wish(choice: Choice, form: Mapping[str, str]) -> Wish:
    """The wish that a form spells for these letters. Raises BadPayload naming the field."""
    connection, place = _read_target(form)
    return Wish(
        choice.letters,
        selection=choice.selection,
        connection=connection,
        place=place,
        reason=read_reason(form.get("reason", "")),
        ramp=form.get("ramp", "") == "yes",
        rate=_read_rate(form.get("rate", "")),
        confirm_within=_read_patience(form.get("confirm", "")),
    )


def wish_for_one(letter_id: bytes) -> Wish:
    """One letter, back to where it came from."""
    return Wish((letter_id,), ramp=False)


def read_reason(text: str) -> str:
    """A reason on one line. Raises BadPayload for one that is too long."""
    plain = " ".join(text.split())
    if len(plain) > MAX_REASON:
        raise BadPayload(f"reason: expected at most {MAX_REASON} characters, found {len(plain)}")
    return plain


def is_one_letter(choice: Choice) -> bool:
    """Whether a single letter was named."""
    return not isinstance(choice.letters, LetterFilter) and len(choice.letters) == 1


def _read_target(form: Mapping[str, str]) -> tuple[str, str]:
    target = form.get("target", ORIGIN)
    if target not in (ORIGIN, CHOSEN):
        raise BadPayload(f"target: expected {ORIGIN} or {CHOSEN}, found {target[:40]!r}")
    if target == ORIGIN:
        return "", ""
    connection, place = form.get("connection", "").strip(), form.get("place", "").strip()
    if not connection:
        raise BadPayload("target: choose the connection that they are sent through")
    if len(place) > MAX_PLACE:
        raise BadPayload(f"target: expected a place of at most {MAX_PLACE} characters")
    return connection, place


def _read_rate(text: str) -> int:
    plain = text.strip()
    if not plain:
        return 0
    if not plain.isascii() or not plain.isdecimal() or not 1 <= int(plain[:9]) <= MAX_RATE:
        raise BadPayload(f"rate: expected messages a second from 1 to {MAX_RATE}, found {text[:40]!r}")
    return int(plain)


def _read_patience(text: str) -> timedelta:
    if not text:
        return timedelta()
    found = parse_duration(text)
    if found is None or not timedelta() < found <= timedelta(days=30):
        raise BadPayload(f"confirm: expected a duration such as 15m or 4h, found {text[:40]!r}")
    return found
