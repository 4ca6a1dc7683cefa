"""CloudEvents in messages: the bindings for AMQP, Kafka and NATS, which others follow."""

from __future__ import annotations

from collectors.events.quarantining import batch_of
from collectors.events.reading import Mode, Reading, mode_of, read_body, read_one, too_large
from collectors.http import Limits
from collectors.intake import FactBatch
from controltower.domain.errors import UnsupportedMedia
from controltower.domain.messages import Message

_PREFIXES = ("ce-", "ce_", "cloudevents:", "cloudevents_")
_ANY_JSON = b"application/json"


def events_batch(message: Message, *, received_us: int, limits: Limits, is_encoded: bool) -> FactBatch:
    """The events of a message, and in quarantine what could not become one.

    `is_encoded` says that values of headers are percent-encoded, as the binding for NATS has it.
    """
    headers = http_headers(message, is_encoded=is_encoded)
    try:
        mode = mode_of(headers)
    except UnsupportedMedia:
        # Many producers declare what their library puts there; the place is declared to have events.
        headers[b"content-type"] = _ANY_JSON
        mode = Mode.JSON
    reading = _read(mode, headers, message.body, received_us, limits)
    return batch_of(reading, headers, len(message.body), limits, mode)


def http_headers(message: Message, *, is_encoded: bool) -> dict[bytes, bytes]:
    """What the binding for HTTP would have in its headers."""
    headers: dict[bytes, bytes] = {b"content-type": (message.content_type or "application/json").encode()}
    for name, value in message.headers:
        lower = name.casefold()
        prefix = next((prefix for prefix in _PREFIXES if lower.startswith(prefix)), None)
        if prefix is not None:
            text = value if is_encoded else value.replace("%", "%25").replace('"', "%22")
            headers.setdefault(b"ce-" + lower[len(prefix) :].encode(), text.encode())
    return headers


def _read(
    mode: Mode, headers: dict[bytes, bytes], body: bytes, received_us: int, limits: Limits
) -> Reading:
    if mode is Mode.LINES:
        return _read_lines(body, received_us, limits)
    if mode is not Mode.BATCH and len(body) > limits.event:
        return Reading(faults=[too_large(0, body, limits.event)], is_whole=True)
    return read_body(mode, headers, body, received_us=received_us, max_event=limits.event)


def _read_lines(body: bytes, received_us: int, limits: Limits) -> Reading:
    reading = Reading()
    for index, line in enumerate(line for line in body.splitlines() if line.strip()):
        if len(line) > limits.event:
            reading.faults.append(too_large(index, line, limits.event))
        else:
            read_one(reading, index, line, received_us)
    return reading
