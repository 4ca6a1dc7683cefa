"""Dead letters: messages that a system gave up on, and the states that one goes through.

A letter is the same letter however often it is handed over, and also when it died again after it was
replayed: `id_of` says which. Each time that it died is a *death*, told apart by `death_of`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import blake2b
from typing import NamedTuple

from controltower.domain.identifiers import Bond, Identifier, bond_of, key_of, refusal_of
from controltower.domain.messages import REPLAY_OF, Death, Message

NEW = "new"
INVESTIGATING = "investigating"
REPLAYING = "replaying"
WAITING = "waiting"
NO_EFFECT = "no_effect"
RESOLVED = "resolved"
DISCARDED = "discarded"
STATES = (NEW, INVESTIGATING, REPLAYING, WAITING, NO_EFFECT, RESOLVED, DISCARDED)
REPLAYABLE = (NEW, INVESTIGATING, NO_EFFECT)
"""States in which a person may act on it."""
OUTSTANDING = (REPLAYING, WAITING)
"""States in which a replay of it is under way; there is never more than one."""
LIVE = (*REPLAYABLE, *OUTSTANDING)
"""States in which it still counts as a problem."""
CLOSED = (RESOLVED, DISCARDED)

PURGE_AFTER = timedelta(days=30)
"""How long a closed letter is kept, and can be taken back; one that is live is never purged."""

SOURCE = "controltower/dead-letters"
"""The source of the events that put dead letters on their journeys."""
UNKNOWN_TYPE = "message"
CUSTOMER, MONEY, INTERNAL, UNPLACED = "customer", "money", "internal", "unplaced"
IMPACTS = (CUSTOMER, MONEY, INTERNAL, UNPLACED)

MOST_NAMED = 400
"""Bytes of a name that letters are grouped by: more of them would not fit into an index."""

_AMOUNT_SCALE = 10_000


class DeadLetter(NamedTuple):
    """A message that a system gave up on, as it was taken over and read."""

    source: str  # the connection that it was taken from, or "api"
    place: str  # the queue, topic or path where it lay
    position: str  # tells it from every other message there, also when it is handed over again
    message: Message
    origin_connection: str  # where to send it back to; "" when nobody says
    origin_place: str
    type: str  # what the message is, in the words of the processes; "" when nobody says
    system: str  # the system that gave up on it
    identifiers: tuple[Identifier, ...]
    deaths: tuple[Death, ...]  # newest first; may be empty
    error_class: str
    error_code: str
    error_message: str
    error_frame: str  # the first frame of the failing system's own code, without line numbers
    occurred_us: int  # when the message was made, by its sender's word
    failed_us: int  # when it last died
    amount: str = ""  # decimal digits, "" when not reported
    currency: str = ""
    customer: str = ""
    channel: str = ""
    due_us: int = 0  # the date that was promised, 0 for none
    trace_id: bytes = b""
    correlation: str = ""


def id_of(letter: DeadLetter) -> bytes:
    """The 16-byte id of a letter that came by itself: where it was meant to go, and which message it is.

    The same message published to three queues and dead in each is three letters.
    """
    home = f"{letter.origin_connection}\0{letter.origin_place or letter.place}"
    which = letter.message.message_id or f"{letter.place}\0{letter.position}"
    return _digest(f"{home}\0{which}")


def replayed_id_of(letter: DeadLetter) -> bytes | None:
    """The id of the letter that this one says it is a replay of; whoever reads it must know that letter."""
    told = letter.message.header(REPLAY_OF)
    try:
        key = bytes.fromhex(told)
    except ValueError:
        return None
    return key if len(key) == 16 else None


def death_of(letter: DeadLetter) -> bytes:
    """What tells this death of a letter from another of the same letter."""
    newest = letter.deaths[0] if letter.deaths else Death("", "")
    return _digest(f"{letter.source}\0{letter.place}\0{letter.position}\0{newest.times}\0{newest.died_us}")


def payload_hash(message: Message) -> bytes:
    """What a plan remembers of a message, to notice that it is no longer the same."""
    hashed = blake2b(message.body, digest_size=16)
    for name, value in sorted(message.headers):
        hashed.update(f"\0{name}\0{value}".encode("utf-8", "surrogatepass"))
    hashed.update(f"\0{message.content_type}\0{message.key}".encode("utf-8", "surrogatepass"))
    return hashed.digest()


def strongest_of(identifiers: Iterable[Identifier]) -> Identifier | None:
    """The identifier that ties a letter to its journey most strongly; None when none does."""
    joining = [one for one in identifiers if bond_of(one.kind) < Bond.TRACE and refusal_of(one) is None]
    return min(joining, key=key_of, default=None)


def scaled(amount: str) -> int:
    """An amount in ten-thousandths, so that sums are exact; 0 when there is none or it is out of bounds."""
    whole, _, fraction = amount.removeprefix("-").partition(".")
    digits = whole + (fraction + "0000")[:4]
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 18:
        return 0
    return -int(digits) if amount.startswith("-") else int(digits)


def unscaled(value: int) -> str:
    """The amount that `scaled` made, with at least two decimals."""
    whole, fraction = divmod(abs(value), _AMOUNT_SCALE)
    decimals = f"{fraction:04d}"
    return f"{'-' * (value < 0)}{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


def clipped(name: str) -> str:
    """The name, no longer than MOST_NAMED."""
    encoded = name.encode("utf-8", "replace")
    return name if len(encoded) <= MOST_NAMED else encoded[:MOST_NAMED].decode("utf-8", "ignore")


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
