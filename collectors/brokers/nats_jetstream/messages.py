"""Between the headers of NATS and the tower's messages."""

from __future__ import annotations

from collections.abc import Mapping

from collectors.brokers.headers import ORDERING_KEY, without
from controltower.domain.messages import IDEMPOTENCY_KEY, Message

# The server drops a message whose id it has seen a moment ago. A replay has the id of its message on purpose,
# and an idempotency key of its own: that is what is to be dropped the second time.
SERVER_ID = "Nats-Msg-Id"
_MESSAGE_ID = "x-message-id"
_CONTENT_TYPE = "content-type"
_FIELDS = (SERVER_ID, _MESSAGE_ID, _CONTENT_TYPE, ORDERING_KEY)
# Words from publisher to server, which would hold for another stream and another time.
_EXPECTATIONS = ("nats-expected-", "nats-rollup", "nats-ttl")


def message_of(headers: Mapping[str, str] | None, body: bytes) -> Message:
    """A message as it came."""
    if not headers:
        return Message(body)
    whole = Message(body, tuple((name, str(value)) for name, value in headers.items()))
    server_id = whole.header(SERVER_ID)
    if server_id == whole.header(IDEMPOTENCY_KEY):
        server_id = ""
    return Message(
        body,
        without(whole.headers, *_FIELDS),
        whole.header(_CONTENT_TYPE),
        whole.header(_MESSAGE_ID) or server_id,
        whole.header(ORDERING_KEY),
    )


def headers_of(message: Message) -> dict[str, str] | None:
    """The headers to send, None without any. Of headers with one name, the first goes."""
    headers: dict[str, str] = {}
    for name, value in message.headers:
        if not name.casefold().startswith(_EXPECTATIONS):
            headers.setdefault(name, value)
    own = {
        SERVER_ID: message.header(IDEMPOTENCY_KEY),
        _MESSAGE_ID: message.message_id,
        "Content-Type": message.content_type,
        ORDERING_KEY: message.key,
    }
    headers |= {name: value for name, value in own.items() if value}
    return headers or None
