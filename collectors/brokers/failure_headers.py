"""What consumers write into the headers of a message that they give up on: each framework has its names."""

from __future__ import annotations

from typing import NamedTuple

from controltower.domain.messages import Message


class Failure(NamedTuple):
    """What went wrong, as far as headers say so; every field may be ""."""

    origin: str = ""
    error_class: str = ""
    error_message: str = ""
    error_place: str = ""


# The names of the headers of each framework.
_FRAMEWORKS = (
    Failure(
        "NServiceBus.FailedQ",
        "NServiceBus.ExceptionInfo.ExceptionType",
        "NServiceBus.ExceptionInfo.Message",
        "NServiceBus.ExceptionInfo.StackTrace",
    ),
    Failure("MT-Fault-InputAddress", "MT-Fault-ExceptionType", "MT-Fault-Message", "MT-Fault-StackTrace"),
    Failure(
        "__connect.errors.topic",
        "__connect.errors.exception.class.name",
        "__connect.errors.exception.message",
        "__connect.errors.exception.stacktrace",
    ),
    Failure(
        "kafka_dlt-original-topic",
        "kafka_dlt-exception-fqcn",
        "kafka_dlt-exception-message",
        "kafka_dlt-exception-stacktrace",
    ),
    Failure("", "", "x-exception-message", "x-exception-stacktrace"),  # Spring AMQP
)


def failure_in(message: Message) -> Failure:
    """What the headers say of a failure; an address is cut down to the name of the queue."""
    if not message.headers:
        return Failure()
    values = {name.casefold(): value for name, value in reversed(message.headers)}
    for names in _FRAMEWORKS:
        found = Failure(*(values.get(name.casefold(), "") for name in names))
        if found.error_class or found.error_message:
            return found._replace(origin=_queue_of(found.origin))
    return Failure()


def _queue_of(address: str) -> str:
    """rabbitmq://host/vhost/orders?durable=true and orders@machine are the queue orders."""
    _, is_url, rest = address.partition("://")
    name = rest.partition("?")[0].rpartition("/")[2] if is_url else address
    return name.partition("@")[0]
