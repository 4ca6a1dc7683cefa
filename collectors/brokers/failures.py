"""What consumers write into a message that they give up on. Each framework has names of its own: one row a
family.

Another framework is another row; its names stand in the documentation that the row's comment gives.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import msgspec

from controltower.domain.messages import Death
from controltower.domain.times import to_us

_MAX_BODY = 1_000_000  # bytes; bodies that carry a failure are small
_MAX_INFLATED = 1_000_000
_LATEST_S = 100_000_000_000  # larger numbers are milliseconds: as seconds they are after the year 5000
_NSERVICEBUS_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d):(\d{6}) Z")
_CAUSED_BY = re.compile(r"^Caused by: (.*)", re.MULTILINE)
_CLASS = re.compile(r"((?:[A-Za-z_][\w$]*\.)*[A-Z][\w$]*)(?::|\s*$)")


class Failure(NamedTuple):
    """What went wrong, as far as a message says so; each may be ""."""

    error_class: str = ""
    error_message: str = ""
    error_place: str = ""  # the stack trace or the like, as it came
    origin: str = ""  # the place where it was to be processed
    died_us: int = 0
    type: str = ""  # of the message: what it is about


class _Row(NamedTuple):
    """Where a family says what. Of several names the first that has a value counts."""

    error_class: tuple[str, ...] = ()
    error_message: tuple[str, ...] = ()
    error_place: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    died: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()  # what a body of the family has, beside much that others have as well


_HEADERS = (
    _Row(  # NServiceBus, ServiceControl: docs.particular.net/nservicebus/messaging/headers
        ("NServiceBus.ExceptionInfo.ExceptionType",),
        ("NServiceBus.ExceptionInfo.Message",),
        ("NServiceBus.ExceptionInfo.StackTrace",),
        ("NServiceBus.FailedQ", "NServiceBus.ProcessingEndpoint"),
        ("NServiceBus.TimeOfFailure",),
        ("NServiceBus.EnclosedMessageTypes",),
    ),
    _Row(  # MassTransit: masstransit.io/documentation/concepts/exceptions
        ("MT-Fault-ExceptionType",),
        ("MT-Fault-Message",),
        ("MT-Fault-StackTrace",),
        ("MT-Fault-InputAddress",),
        ("MT-Fault-Timestamp",),
        ("MT-Fault-MessageType",),
    ),
    _Row(  # Rebus: github.com/rebus-org/Rebus/wiki/Message-headers
        (),
        ("rbs2-error-details",),
        ("rbs2-error-details",),
        ("rbs2-source-queue",),
        (),
        ("rbs2-msg-type",),
    ),
    _Row(  # Wolverine: wolverinefx.net/guide/durability/dead-letter-storage
        ("exception-type",),
        ("exception-message",),
        ("exception-stack",),
        (),
        ("failed-at",),
        ("message-type",),
    ),
    _Row(  # Kafka Connect: KIP-298
        ("__connect.errors.exception.class.name",),
        ("__connect.errors.exception.message",),
        ("__connect.errors.exception.stacktrace",),
        ("__connect.errors.topic",),
    ),
    _Row(  # Kafka Streams: KIP-1034
        ("__streams.errors.exception",),
        ("__streams.errors.message",),
        ("__streams.errors.stacktrace",),
        ("__streams.errors.topic",),
    ),
    _Row(  # Spring Kafka, DeadLetterPublishingRecoverer; its own wrapper stands before the cause
        ("kafka_dlt-exception-cause-fqcn", "kafka_dlt-exception-fqcn"),
        ("kafka_dlt-exception-message",),
        ("kafka_dlt-exception-stacktrace",),
        ("kafka_dlt-original-topic",),
    ),
    _Row(  # SmallRye, Quarkus
        ("dead-letter-cause-class-name", "dead-letter-exception-class-name"),
        ("dead-letter-cause", "dead-letter-reason"),
        (),
        ("dead-letter-topic",),
    ),
    _Row(  # Spring AMQP, RepublishMessageRecoverer; Spring Cloud Stream
        ("x-exception-fqcn",),
        ("x-exception-message",),
        ("x-exception-stacktrace",),
        ("x-original-topic", "x-original-exchange>x-original-routingKey", "x-original-routingKey"),
        ("x-original-timestamp",),
    ),
    _Row(  # Azure Service Bus: learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
        ("DeadLetterReason",),
        ("DeadLetterErrorDescription",),
        (),
        ("DeadLetterSource",),
    ),
    _Row(  # Celery: docs.celeryq.dev/en/stable/internals/protocol.html
        ("exc_type",),
        ("exc_message", "exception"),
        ("traceback",),
        (),
        (),
        ("task",),
    ),
    _Row(  # what people call these who make up their own
        ("x-error-class", "x-error-type", "x-exception-class", "x-exception-type", "error-class",
        "error-type"),
        ("x-error-message", "x-error", "x-exception", "error-message", "x-failure-reason", "x-dlq-reason"),
        ("x-error-stacktrace", "x-stacktrace", "x-stack-trace", "x-error-stack"),
        ("x-original-topic", "x-original-queue", "original-topic", "original_topic", "originalTopic"),
        ("x-failed-at", "x-error-timestamp", "x-error-at", "failed-at"),
        ("x-message-type", "message-type"),
    ),
)
# The same for bodies that are JSON objects; a dot leads into an object.
_BODIES = (
    _Row(  # Sidekiq: github.com/sidekiq/sidekiq/wiki/Job-Format
        ("error_class",),
        ("error_message",),
        ("error_backtrace",),
        ("queue",),
        ("failed_at",),
        ("wrapped", "class"),
        ("error_class", "jid"),
    ),
    _Row(  # Celery's results
        ("result.exc_type",),
        ("result.exc_message",),
        ("traceback",),
        (),
        ("date_done",),
        ("task", "name"),
        ("result.exc_type",),
    ),
    _Row(  # Resque, failure backend
        ("exception",),
        ("error",),
        ("backtrace",),
        ("queue",),
        ("failed_at",),
        ("payload.class",),
        ("exception", "payload"),
    ),
    _Row(  # Dramatiq: the options of a message
        (),
        (),
        ("options.traceback",),
        ("queue_name",),
        (),
        ("actor_name",),
        ("actor_name", "options.traceback"),
    ),
    _Row(  # BullMQ
        (),
        ("failedReason",),
        ("stacktrace",),
        ("queueName",),
        ("finishedOn",),
        ("name",),
        ("failedReason",),
    ),
    _Row(  # AWS Lambda, destinations
        ("responsePayload.errorType",),
        ("responsePayload.errorMessage",),
        ("responsePayload.stackTrace", "responsePayload.trace"),
        (),
        ("timestamp",),
        ("requestContext.functionArn",),
        ("requestContext.condition", "responsePayload"),
    ),
)
# Every message passes here, and few have failed.
_NAMES = frozenset(
    part.casefold() for row in _HEADERS for names in row[:4] for name in names for part in name.split(">")
)
_HINTS = tuple(f'"{row.marks[0].rpartition(".")[2]}"'.encode() for row in _BODIES)


def read_failure(headers: Iterable[tuple[str, str]], body: bytes = b"") -> Failure:
    """What a message says of its failure: its headers first, then its body when that is a JSON object of a
    family that fails in bodies; an empty Failure when neither says anything. Raises nothing, whatever they
    hold.
    """
    told = {name.casefold(): value for name, value in reversed(list(headers))}
    rows = () if _NAMES.isdisjoint(told) else _HEADERS
    found = _first(_read(row, lambda name: told.get(name.casefold(), "")) for row in rows)
    if not _is_told(found) and body[:1] == b"{" and len(body) <= _MAX_BODY and _has_hint(body):
        found = _from_body(body) or found
    return found._replace(error_class=found.error_class or class_in(found.error_place))


def deaths_in(failure: Failure) -> tuple[Death, ...]:
    """The death that it tells of, if any."""
    if not failure.error_class and not failure.error_message:
        return ()
    return (Death(failure.origin, failure.error_class, died_us=failure.died_us),)


def _has_hint(body: bytes) -> bool:
    """Whether decoding it may be worth while."""
    return any(hint in body for hint in _HINTS)


def _is_told(failure: Failure) -> bool:
    return bool(failure.error_class or failure.error_message or failure.error_place)


def _first(failures: Iterable[Failure]) -> Failure:
    """The first that tells of an error; else the first that tells at least from where."""
    elsewhere = Failure()
    for failure in failures:
        if _is_told(failure):
            return failure
        if failure.origin and not elsewhere.origin:
            elsewhere = failure
    return elsewhere


def _read(row: _Row, look_up: Callable[[str], str]) -> Failure:
    def value(names: tuple[str, ...]) -> str:
        return next((found for name in names if (found := _joined(name, look_up))), "")

    return Failure(
        value(row.error_class),
        value(row.error_message),
        value(row.error_place),
        queue_of(value(row.origin)),
        moment_of(value(row.died)),
        _type_of(value(row.type)),
    )


def _joined(name: str, look_up: Callable[[str], str]) -> str:
    """`a>b` are two names whose values make one place, when both have one."""
    parts = [look_up(part) for part in name.split(">")]
    return ">".join(parts) if all(parts) else ""


def _from_body(body: bytes) -> Failure | None:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    look_up = partial(_text_at, document)
    rows = (row for row in _BODIES if all(look_up(mark) for mark in row.marks))
    return next((_read(row, look_up) for row in rows), None)


def _text_at(document: object, path: str) -> str:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    match document:
        case str():
            return _inflated(document) if path == "error_backtrace" else document
        case list():
            return "\n".join(line for line in document if isinstance(line, str))
        case int() | float() if not isinstance(document, bool):
            return repr(document)
        case dict():
            return "{}"  # there is something, which is no text
    return ""


def _inflated(text: str) -> str:
    """Sidekiq packs backtraces: a JSON list, deflated, in base64."""
    try:
        packed = base64.b64decode(text, validate=True)
        lines = msgspec.json.decode(zlib.decompressobj().decompress(packed, _MAX_INFLATED), type=list[str])
    except (binascii.Error, ValueError, zlib.error, msgspec.DecodeError):
        return text
    return "\n".join(lines)


def queue_of(address: str) -> str:
    """The name of the queue in an address: ``rabbitmq://host/vhost/orders?durable=true`` and
    ``orders@machine`` are both orders."""
    _, is_url, rest = address.partition("://")
    name = rest.partition("?")[0].rpartition("/")[2] if is_url else address
    return name.partition("@")[0]


def _type_of(name: str) -> str:
    """The first of several types, without the assembly that .NET puts behind it, nor a URN before it."""
    first = re.split(r"[,;]", name, maxsplit=1)[0].strip()
    return first.removeprefix("urn:message:").replace(":", ".") if first.startswith("urn:") else first


def moment_of(text: str) -> int:
    """Microseconds since the epoch of a moment as frameworks write it: ISO 8601, NServiceBus's own form,
    seconds
    or milliseconds since the epoch; 0 for everything else."""
    try:
        return _number_of(float(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(_NSERVICEBUS_MOMENT.sub(r"\1.\2+00:00", text.strip()))
        return max(0, to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))
    except (ValueError, OverflowError):
        return 0


def _number_of(number: float) -> int:
    if not math.isfinite(number) or not 0 < number < _LATEST_S * 1_000:
        return 0
    return round(number * 1_000_000) if number < _LATEST_S else round(number * 1_000)


def class_in(stack: str) -> str:
    """The class of the error that a stack trace of Java, .NET or Python begins or ends with, of its root
    cause
    in Java; "" when it names none."""
    if "Traceback (most recent call last)" in stack:
        lines = [line for line in stack.splitlines() if line[:1].strip()]
        return _class_at(lines[-1]) if lines else ""
    causes = _CAUSED_BY.findall(stack)
    return _class_at(causes[-1] if causes else stack.lstrip().partition("\n")[0])


def _class_at(line: str) -> str:
    found = _CLASS.match(line)
    return found[1] if found else ""
