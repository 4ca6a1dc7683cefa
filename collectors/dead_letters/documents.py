"""The JSON documents by which systems hand dead letters over; see docs/reference/dead-letters.md."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Annotated, Any

import msgspec

from collectors.business import Business, read_business
from collectors.cloudevents import BadEvent, read_time_us
from collectors.dead_letters.reading import MAX_DEATHS, MAX_KEY, Said, read_letter
from collectors.json_values import JsonNumber, canonical_json, decode_json, text_of
from collectors.mapping.telling import Mapping as PayloadMapping
from controltower.domain.dead_letters import DeadLetter
from controltower.domain.errors import BadPayload
from controltower.domain.facts import MAX_NAME
from controltower.domain.messages import Death, Message, Received

SOURCE = "api"
MAX_ITEM = 4 * 1024 * 1024  # bytes of one document
MAX_HEADERS = 500
MAX_STACK = 100_000
JSON = "application/json"

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
Key = Annotated[str, msgspec.Meta(max_length=MAX_KEY)]
Place = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_KEY)]
Scalar = str | int | float | bool | None


class BadLetter(BadPayload):
    """A document is no dead letter; `field` is the path of what is wrong, "" for all of it."""

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.reason = reason
        self.field = field


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a document; a name that it does not have is a mistake worth telling."""


class OriginPart(_Part, frozen=True):
    """Where a replay goes back to."""

    connection: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
    place: Place


class ErrorPart(_Part, frozen=True, rename={"class_": "class"}):
    """What went wrong."""

    class_: Name = ""
    code: Name = ""
    message: str = ""
    stack: Annotated[str, msgspec.Meta(max_length=MAX_STACK)] = ""


class DeathPart(_Part, frozen=True):
    """A time that it was given up on."""

    place: Name = ""
    reason: Name = ""
    times: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] = 1
    died_at: str | None = None


class LetterDocument(_Part, frozen=True):
    """A dead letter."""

    message_id: Key = ""
    body: msgspec.Raw = msgspec.Raw(b"")
    body_base64: str | None = None
    headers: (
        dict[str, Scalar | list[Scalar]]
        | Annotated[list[tuple[str, Scalar]], msgspec.Meta(max_length=MAX_HEADERS)]
    ) = {}
    content_type: Name = ""
    key: Key = ""
    type: Name = ""
    system: Name = ""
    mapping: str = ""
    identifiers: dict[str, Any] = {}
    correlation_id: str = ""
    origin: OriginPart | None = None
    place: Name = ""
    position: Key = ""
    error: ErrorPart = ErrorPart()
    deaths: Annotated[list[DeathPart], msgspec.Meta(max_length=MAX_DEATHS)] = []
    occurred_at: str | None = None
    failed_at: str | None = None
    total: Any = None
    due_at: str | None = None
    customer: Any = None
    channel: str = ""


_decoder = msgspec.json.Decoder(LetterDocument, float_hook=JsonNumber)


def read_document(payload: bytes, mappings: Mapping[str, PayloadMapping], *, now_us: int) -> DeadLetter:
    """The letter that a JSON document describes. Raises BadPayload, naming the field that is wrong."""
    if len(payload) > MAX_ITEM:
        raise BadLetter("too_large", "", f"larger than the limit of {MAX_ITEM} bytes")
    document = _decode(payload)
    mapping = mappings.get(document.mapping)
    if document.mapping and mapping is None:
        raise BadLetter("unknown_mapping", "mapping", f"there is no mapping {document.mapping[:64]!r}")
    received = Received(
        message=_message(document),
        place=document.place,
        # Two that say the same are one that was sent twice.
        position=document.position or _digest(payload),
        deaths=tuple(_deaths(document)),
        error_class=document.error.class_,
        error_message=document.error.message,
        error_place=document.error.stack,
    )
    return read_letter(SOURCE, received, _said(document), mapping, now_us=now_us)


def _decode(payload: bytes) -> LetterDocument:
    try:
        return _decoder.decode(payload)
    except msgspec.ValidationError as exc:
        message, _, path = str(exc).partition(" - at `$")
        raise BadLetter("bad_field", path.rstrip("`").lstrip("."), message) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BadLetter("bad_json", "", f"not JSON: {exc}") from exc
    except RecursionError as exc:
        raise BadLetter("bad_json", "", "not JSON that can be read: it is nested too deep") from exc


def _digest(payload: bytes) -> str:
    return blake2b(canonical_json(decode_json(payload)), digest_size=16).hexdigest()


def _message(document: LetterDocument) -> Message:
    body, content_type = _body(document)
    return Message(
        body,
        tuple(_headers(document)),
        document.content_type or content_type,
        document.message_id.strip(),
        document.key,
    )


def _body(document: LetterDocument) -> tuple[bytes, str]:
    """The bytes of the message, and their type where the document shows it."""
    raw = bytes(document.body)
    if document.body_base64 is not None:
        if raw:
            raise BadLetter("bad_body", "body_base64", "a message has either body or body_base64, not both")
        try:
            return binascii.a2b_base64(document.body_base64, strict_mode=True), ""
        except ValueError as exc:  # also for what is no ASCII
            raise BadLetter("bad_body", "body_base64", f"not base64: {exc}") from exc
    if not raw:
        raise BadLetter("missing_body", "body", "is required: what was to be delivered, as it was sent")
    if raw[:1] == b'"':
        return msgspec.json.decode(raw, type=str).encode(), ""
    return raw, JSON


def _headers(document: LetterDocument) -> Iterator[tuple[str, str]]:
    pairs = document.headers.items() if isinstance(document.headers, dict) else document.headers
    if len(pairs) > MAX_HEADERS:
        raise BadLetter("bad_field", "headers", f"expected at most {MAX_HEADERS}, found {len(pairs)}")
    for name, value in pairs:
        for one in value if isinstance(value, list) else (value,):
            yield name, _header(one)


def _header(value: Scalar) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case JsonNumber():
            return value.text
        case _:
            return str(value)


def _deaths(document: LetterDocument) -> Iterator[Death]:
    for index, death in enumerate(document.deaths):
        died_us = _time(f"deaths[{index}].died_at", death.died_at)
        yield Death(death.place, death.reason, death.times, died_us)


def _said(document: LetterDocument) -> Said:
    business = _business(document)
    origin = document.origin
    return Said(
        type=document.type,
        system=document.system,
        origin_connection=origin.connection if origin else "",
        origin_place=origin.place if origin else "",
        identifiers=business.identifiers,
        correlation=document.correlation_id,
        error_code=document.error.code,
        occurred_us=_time("occurred_at", document.occurred_at),
        failed_us=_time("failed_at", document.failed_at),
        amount=business.amount,
        currency=business.currency,
        customer=business.customer,
        channel=document.channel,
        due_us=_time("due_at", document.due_at),
    )


def _business(document: LetterDocument) -> Business:
    said = {"identifiers": document.identifiers, "total": document.total, "customer": document.customer}
    business = read_business({}, said, "")
    if document.total is not None and not business.amount:
        raise BadLetter("bad_total", "total.amount", "expected a plain decimal number such as 129.90")
    for kind, values in document.identifiers.items():
        if not all(text_of(value) for value in (values if isinstance(values, list) else [values])):
            field = f"identifiers.{kind}"[:MAX_NAME]
            raise BadLetter("bad_field", field, "expected a text or a list of texts")
    return business


def _time(field: str, text: str | None) -> int:
    if text is None:
        return 0
    try:
        return read_time_us(text)
    except BadEvent as exc:
        raise BadLetter("bad_time", field, str(exc).removeprefix("time: ")) from exc
