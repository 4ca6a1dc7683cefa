"""The documents in a request: one object, an array of them, or one on each line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collectors.dead_letters.documents import JSON, BadLetter, read_document
from collectors.json_values import split_json_array
from collectors.mapping.telling import Mapping as PayloadMapping
from collectors.media import media_type
from controltower.domain.dead_letters import DeadLetter
from controltower.domain.errors import BadPayload, UnsupportedMedia

MAX_DOCUMENTS = 10_000  # of one request
_LINES = frozenset(
    ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Understood:
    """A document that is a letter."""

    index: int
    letter: DeadLetter


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """A document that is none, or a whole request that has no documents."""

    index: int | None  # None for a whole request
    fault: BadPayload
    payload: bytes
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Reading:
    """What a request said."""

    letters: list[Understood] = field(default_factory=list)
    faults: list[Misunderstood] = field(default_factory=list)


def read_request(
    body: bytes, content_type: str, mappings: Mapping[str, PayloadMapping], *, now_us: int
) -> Reading:
    """What each document of a body is. Raises UnsupportedMedia."""
    check_type(content_type)
    reading = Reading()
    try:
        documents = _split(body, content_type)
    except BadPayload as exc:
        reading.faults.append(Misunderstood(None, exc, body, content_type))
        return reading
    for index, document in enumerate(documents):
        try:
            letter = read_document(document, mappings, now_us=now_us)
        except BadPayload as exc:
            reading.faults.append(Misunderstood(index, exc, document))
        else:
            reading.letters.append(Understood(index, letter))
    return reading


def check_type(content_type: str) -> None:
    """Raise UnsupportedMedia, naming what is taken, for any other type."""
    media = media_type(content_type)
    if media.name != JSON and media.name not in _LINES:
        taken = ", ".join((JSON, *sorted(_LINES)))
        raise UnsupportedMedia(f"Content-Type {content_type[:100]!r} is not one of: {taken}")
    if not media.is_utf8:
        raise UnsupportedMedia(f"JSON is UTF-8, but the charset is {media.charset!r}")


def _split(body: bytes, content_type: str) -> list[bytes]:
    body = body.removeprefix(_BOM)
    if media_type(content_type).name in _LINES:
        parts = [line for line in body.split(b"\n") if line.strip()]
    elif body.lstrip()[:1] == b"[":
        parts = [bytes(item) for item in split_json_array(body)]
    else:
        parts = [body]
    if len(parts) > MAX_DOCUMENTS:
        raise BadLetter("too_many", "", f"expected at most {MAX_DOCUMENTS} documents, found {len(parts)}")
    return parts
