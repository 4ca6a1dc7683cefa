"""OAuth 2 client credentials (RFC 6749, 4.4): an access token, asked for when needed, kept while it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple
from urllib.parse import quote_plus, urlencode

import msgspec
from urllib3.util import make_headers

from collectors.brokers.http.authentication import NoCredential, Shown
from collectors.brokers.http.exchanges import Endpoint, Unanswered
from collectors.brokers.secrets import Secret
from controltower.domain.messages import Message

_EARLY = 30.0  # seconds before its end that a token is not used any more
_UNSAID = 300.0  # seconds that a token is kept when nobody says how long it holds


class Client(NamedTuple):
    """Who asks, and for what."""

    client_id: str
    client_secret: Secret
    scope: str


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = _UNSAID


class ClientCredentials:
    """Shows an access token; several threads share it."""

    def __init__(
        self, client: Client, endpoint: Endpoint, path: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._path = path
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._until = 0.0

    def show(self, message: Message) -> Shown:
        """The token that holds now. Raises NoCredential."""
        with self._lock:
            if not self._token or self._clock() >= self._until:
                self._fetch()
            secrets = (Secret(self._token), self._client.client_secret)
            return Shown({"authorization": f"Bearer {self._token}"}, secrets)

    def renew(self, refused: Shown) -> bool:
        """True: the next attempt shows a new token."""
        with self._lock:
            if refused.headers["authorization"] == f"Bearer {self._token}":
                self._token = ""
        return True

    def _fetch(self) -> None:
        self._token = ""
        form = {"grant_type": "client_credentials"}
        if self._client.scope:
            form["scope"] = self._client.scope
        # RFC 6749, 2.3.1: both are form-encoded before they become user and password.
        user = f"{quote_plus(self._client.client_id)}:{quote_plus(self._client.client_secret.reveal())}"
        headers = make_headers(basic_auth=user) | {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        try:
            answer = self._endpoint.exchange("POST", self._path, headers, urlencode(form).encode())
        except Unanswered as exc:
            raise NoCredential(f"the token endpoint: {exc}") from None
        if answer.status != 200:
            raise NoCredential(f"the token endpoint answered {answer.status}")
        try:
            granted = msgspec.json.decode(answer.body, type=_Granted)
        except msgspec.DecodeError:
            raise NoCredential("the token endpoint answered with no access token") from None
        self._token = granted.access_token
        self._until = self._clock() + max(granted.expires_in - _EARLY, granted.expires_in / 2)
