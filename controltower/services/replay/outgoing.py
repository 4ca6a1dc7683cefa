"""What leaves: the message as it came or as it was edited, and the headers that tell where it comes from."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b

from controltower.domain.identifiers import CORRELATION
from controltower.domain.messages import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    REPLAY_ATTEMPT,
    REPLAY_OF,
    TRACEPARENT,
    Outgoing,
)
from controltower.domain.processes import Process
from controltower.store.letter_rows import LetterBody, idempotency_key
from controltower.store.replays import Item

DEFAULT_PATIENCE = timedelta(hours=1)
LEAST_PATIENCE = timedelta(minutes=1)
_OURS = frozenset((IDEMPOTENCY_KEY, REPLAY_OF, REPLAY_ATTEMPT))


def outgoing_of(item: Item, original: LetterBody, body: LetterBody) -> Outgoing:
    """The message that an item sends; the same item always sends the same, under the same idempotency key."""
    message = body.message
    kept = [(name, value) for name, value in message.headers if name.casefold() not in _OURS]
    added = [
        (IDEMPOTENCY_KEY, idempotency_key(item.letter_id, item.edit, original.message.headers)),
        (REPLAY_OF, item.letter_id.hex()),
        (REPLAY_ATTEMPT, str(item.attempt)),
    ]
    correlation = next((one.value for one in original.identifiers if one.kind == CORRELATION), "")
    if correlation and not message.header(CORRELATION_ID):
        added.append((CORRELATION_ID, correlation))
    if not message.header(TRACEPARENT):
        added.append((TRACEPARENT, _traceparent(item)))
    return Outgoing(message._replace(headers=(*kept, *added)), item.target_place)


def patience_of(process: Process | None, message_type: str) -> timedelta:
    """How long the business normally takes to move after a message: by the stage that would show it."""
    usual = _usual(process, message_type) if process else None
    return max(usual or DEFAULT_PATIENCE, LEAST_PATIENCE)


def _usual(process: Process, message_type: str) -> timedelta | None:
    stage = process.read(message_type).stage
    return None if stage is None else process.steps[stage].usual


def _traceparent(item: Item) -> str:
    """A trace of its own for each attempt, so that a receiver's spans are found."""
    seed = blake2b(item.letter_id + item.attempt.to_bytes(4), digest_size=24).hexdigest()
    return f"00-{seed[:32]}-{seed[32:]}-01"
