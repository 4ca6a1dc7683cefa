"""From a message that a system gave up on to the dead letter that the tower keeps. Pure.

What somebody says beside the message counts before what the message says itself; and nothing has to be said:
a message of which nothing is known is a letter all the same.
"""

from __future__ import annotations

from typing import NamedTuple

from collectors.brokers.failures import Failure, read_failure
from collectors.business import MAX_IDENTIFIERS, MAX_WORD
from collectors.cloudevents import trace_id_of
from collectors.dead_letters.contents import Content, read_content
from collectors.dead_letters.told import code_in, correlation_in, system_in, type_in
from collectors.json_values import MAX_TEXT, text_of
from collectors.mapping.telling import Mapping
from controltower.domain.dead_letters import DeadLetter
from controltower.domain.facts import MAX_NAME
from controltower.domain.identifiers import CORRELATION, MAX_KIND_LENGTH, Identifier
from controltower.domain.messages import TRACEPARENT, Death, Received
from controltower.domain.stack_frames import first_own_frame

MAX_DEATHS = 100
MAX_KEY = 1024  # characters of a message id, a key or a position
_LATEST_US = 7_258_118_400_000_000  # 2200-01-01


class Said(NamedTuple):
    """What is said of a message beside it; "" and 0 where nothing."""

    type: str = ""
    system: str = ""
    origin_connection: str = ""
    origin_place: str = ""
    identifiers: tuple[Identifier, ...] = ()
    correlation: str = ""
    error_code: str = ""
    occurred_us: int = 0
    failed_us: int = 0
    amount: str = ""
    currency: str = ""
    customer: str = ""
    channel: str = ""
    due_us: int = 0


NOTHING = Said()


def read_letter(
    source: str, received: Received, said: Said = NOTHING, mapping: Mapping | None = None, *, now_us: int
) -> DeadLetter:
    """The letter that a message is; `source` is the connection that it came from. The same is read the same,
    but for `now_us`, which counts where nobody says when it died. Raises nothing, whatever the message holds.
    """
    message = received.message
    headers = {name.casefold(): value for name, value in reversed(message.headers)}
    content = read_content(message, headers, mapping)
    failure = _failure(received)
    deaths = tuple(_death(death) for death in received.deaths[:MAX_DEATHS])
    correlation = text_of(said.correlation or correlation_in(headers))
    failed_us = _first_time(said.failed_us, *(death.died_us for death in deaths[:1]), failure.died_us, now_us)
    error_class, error_code, error_message = _error(said, failure, content, deaths, code_in(headers))
    origin_place = said.origin_place or received.origin or failure.origin
    return DeadLetter(
        source=source,
        place=_name(received.place),
        position=_clean(received.position, MAX_KEY),
        message=message._replace(
            content_type=_clean(message.content_type, MAX_NAME),
            message_id=_clean(message.message_id, MAX_KEY),
            key=_clean(message.key, MAX_KEY),
        ),
        origin_connection=_name(said.origin_connection) if origin_place else "",
        origin_place=_clean(origin_place, MAX_KEY),
        type=text_of(said.type or content.type or type_in(headers) or failure.type, MAX_WORD),
        system=text_of(said.system or system_in(headers), MAX_WORD),
        identifiers=_identifiers(said, content, correlation),
        deaths=deaths,
        error_class=error_class,
        error_code=error_code,
        error_message=error_message,
        error_frame=_clean(first_own_frame(failure.error_place), MAX_NAME),
        occurred_us=_first_time(said.occurred_us, content.occurred_us, received.sent_us, failed_us),
        failed_us=failed_us,
        amount=said.amount or content.amount,
        currency=said.currency or content.currency,
        customer=text_of(said.customer or content.customer, MAX_WORD),
        channel=text_of(said.channel or content.channel, MAX_WORD),
        due_us=_first_time(said.due_us, 0),
        trace_id=trace_id_of(headers.get(TRACEPARENT, "")) or content.trace_id,
        correlation=correlation,
    )


def _failure(received: Received) -> Failure:
    """What went wrong, by the word of its broker, else of the message."""
    told = read_failure(received.message.headers, received.message.body)
    return told._replace(
        error_class=received.error_class or told.error_class,
        error_message=received.error_message or told.error_message,
        error_place=received.error_place or told.error_place,
    )


def _error(
    said: Said, failure: Failure, content: Content, deaths: tuple[Death, ...], code: str
) -> tuple[str, str, str]:
    """Class, code and words; where nobody says more, why its broker gave it up."""
    error_class = text_of(failure.error_class, MAX_NAME)
    error_code = text_of(said.error_code or code or content.error_code, MAX_WORD)
    error_message = text_of(failure.error_message or content.error_message)
    if deaths and not (error_class or error_code or error_message):
        place, reason = deaths[0].place, deaths[0].reason
        return "", text_of(reason, MAX_WORD), text_of(f"{reason or 'given up'} in {place or 'its queue'}")
    return error_class, error_code, error_message


def _identifiers(said: Said, content: Content, correlation: str) -> tuple[Identifier, ...]:
    found = [*said.identifiers, *content.identifiers]
    if correlation:
        found.insert(0, Identifier(CORRELATION, correlation))
    whole = (Identifier(_clean(kind, MAX_KIND_LENGTH), _clean(value, MAX_TEXT)) for kind, value in found)
    return tuple(dict.fromkeys(one for one in whole if one.kind and one.value))[:MAX_IDENTIFIERS]


def _death(death: Death) -> Death:
    return Death(
        _name(death.place),
        text_of(death.reason, MAX_WORD),
        min(max(death.times, 1), 2**31 - 1),
        _first_time(death.died_us, 0),
    )


def _first_time(*candidates: int) -> int:
    """The first that is a time between 1970 and 2200; else the last."""
    return next((one for one in candidates if 0 < one < _LATEST_US), candidates[-1])


def _name(text: str) -> str:
    return _clean(text, MAX_NAME)


def _clean(text: str, limit: int) -> str:
    """A text that any store keeps and that is not longer than the limit."""
    return text.replace("\0", "\ufffd")[:limit]
