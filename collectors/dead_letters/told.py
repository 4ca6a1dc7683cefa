"""What a message's headers say of it, in the names that frameworks and people give them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TYPES = (
    "ce-type",
    "ce_type",
    "cloudevents:type",
    "x-event-type",
    "event-type",
    "eventtype",
    "event_type",
    "x-message-type",
    "message-type",
    "messagetype",
    "message_type",
    "nservicebus.enclosedmessagetypes",
    "mt-fault-messagetype",
    "rbs2-msg-type",
    "x-shopify-topic",
    "x-wc-webhook-topic",
    "task",  # Celery
    "type",
    "amqp-type",
)
_CORRELATIONS = (
    "correlationid",
    "correlation-id",
    "correlation_id",
    "x-correlation-id",
    "x-correlationid",
    "ce-correlationid",
    "ce_correlationid",
    "cloudevents:correlationid",
    "nservicebus.correlationid",
    "rbs2-corr-id",
    "kafka_correlationid",
    "amqp-correlation-id",
)
_CODES = ("x-error-code", "error-code", "error_code", "x-status-code")
_SYSTEMS = ("x-failed-system", "nservicebus.processingendpoint", "dead-letter-system")


def type_in(headers: Mapping[str, str]) -> str:
    """The type of the message; of several the first, without what .NET and URNs put around it."""
    first = re.split(r"[,;]", _value(headers, _TYPES), maxsplit=1)[0].strip()
    return first.removeprefix("urn:message:").replace(":", ".") if first.startswith("urn:") else first


def correlation_in(headers: Mapping[str, str]) -> str:
    """The correlation id."""
    return _value(headers, _CORRELATIONS)


def code_in(headers: Mapping[str, str]) -> str:
    """The code of the error."""
    return _value(headers, _CODES)


def system_in(headers: Mapping[str, str]) -> str:
    """The system that gave up on it."""
    return _value(headers, _SYSTEMS)


def _value(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The value of the first of these headers that has one; `headers` have lower-case names."""
    return next((value for name in names if (value := headers.get(name, "").strip())), "")
