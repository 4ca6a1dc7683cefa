"""How a request shows who sends it."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol
from uuid import uuid4

from collectors.brokers.http.headers import header_value
from collectors.brokers.secrets import Secret
from controltower.domain.errors import ControlTowerError
from controltower.domain.messages import IDEMPOTENCY_KEY, Message


class NoCredential(ControlTowerError):
    """An access token could not be had, so nothing was sent. The message holds no credential."""

    reason = "no_credential"
    retryable = True


class Shown(NamedTuple):
    """What one request shows."""

    headers: Mapping[str, str]
    secrets: tuple[Secret, ...]  # what an answer may repeat and nobody may read


class Authentication(Protocol):
    """Safe to use from several threads."""

    def show(self, message: Message) -> Shown:
        """What to show for a message. Raises NoCredential."""

    def renew(self, refused: Shown) -> bool:
        """After a 401: whether another attempt would show something else."""


class Fixed:
    """Shows the same for every message."""

    def __init__(self, headers: Mapping[str, str], *secrets: Secret) -> None:
        self._shown = Shown(headers, secrets)

    def show(self, message: Message) -> Shown:
        """The same as ever."""
        return self._shown

    def renew(self, refused: Shown) -> bool:
        """False: there is nothing else to show."""
        return False


def bearer(token: Secret) -> Fixed:
    """A token that does not change."""
    return Fixed({"authorization": f"Bearer {token.reveal()}"}, token)


def basic(user: str, password: Secret) -> Fixed:
    """User and password (RFC 7617, in UTF-8)."""
    encoded = base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()
    return Fixed({"authorization": f"Basic {encoded}"}, password, Secret(encoded))


class StandardWebhook:
    """Signs as Standard Webhooks describes it. The id is the idempotency key, which stays the same
    however often a message is sent."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def show(self, message: Message) -> Shown:
        """The three headers of a signed message."""
        webhook_id = header_value(message.header(IDEMPOTENCY_KEY) or message.message_id or str(uuid4()))
        now = str(int(self._clock()))
        digest = hmac.digest(self._key, f"{webhook_id}.{now}.".encode() + message.body, "sha256")
        signature = f"v1,{base64.b64encode(digest).decode()}"
        headers = {"webhook-id": webhook_id, "webhook-timestamp": now, "webhook-signature": signature}
        return Shown(headers, (Secret(signature),))

    def renew(self, refused: Shown) -> bool:
        """False: it would be signed with the same key."""
        return False


def signature_key(secret: str) -> bytes | None:
    """The key in a Standard Webhooks secret (``whsec_`` and base64); None when there is none."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True) or None
    except (binascii.Error, ValueError):
        return None
