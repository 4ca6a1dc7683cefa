"""What the connections file says of an HTTP endpoint, and what becomes of it."""

from __future__ import annotations

import ssl
from typing import Annotated, Literal

import msgspec

from collectors.brokers.connections import BadTable, BrokerTable, Positive
from collectors.brokers.http.authentication import (
    Authentication,
    Fixed,
    StandardWebhook,
    basic,
    bearer,
    signature_key,
)
from collectors.brokers.http.exchanges import Endpoint, Limits
from collectors.brokers.http.headers import header_value, is_name
from collectors.brokers.http.places import BadPlace, Base, join, parse_base
from collectors.brokers.http.tokens import Client, ClientCredentials
from collectors.brokers.secrets import Secret

NOTHING = Secret("")


class HttpTable(BrokerTable, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The entry of an HTTP endpoint."""

    url: Secret  # its query may be a key
    authentication: Literal["none", "bearer", "basic", "header", "hmac", "oauth2"] = "none"
    token: Secret = NOTHING  # bearer
    user: str = ""  # basic
    password: Secret = NOTHING  # basic
    header: str = ""  # header: its name
    secret: Secret = NOTHING  # header: its value; hmac: the key, whsec_ and base64
    token_url: str = ""  # oauth2
    client_id: str = ""
    client_secret: Secret = NOTHING
    scope: str = ""
    ca_file: str = ""
    answer_seconds: Positive = 30.0
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8


_NEEDED = {
    "none": (),
    "bearer": ("token",),
    "basic": ("user",),
    "header": ("header", "secret"),
    "hmac": ("secret",),
    "oauth2": ("token_url", "client_id", "client_secret"),
}


def read_base(key: str, url: str) -> Base:
    """A url taken apart. Raises BadTable."""
    try:
        return parse_base(url)
    except BadPlace as exc:
        raise BadTable(key, f"a url that can be used; {exc}") from None


def read_limits(table: HttpTable) -> Limits:
    """How long to wait, and how much to do at once."""
    return Limits(table.timeout_seconds, table.answer_seconds, table.concurrency)


def read_tls(table: HttpTable) -> ssl.SSLContext:
    """Certificates and host names are checked, always; `ca_file` is trusted instead of the system's
    authorities. Raises BadTable."""
    try:
        return ssl.create_default_context(cafile=table.ca_file or None)
    except OSError as exc:
        raise BadTable("ca_file", f"certificates in PEM ({exc.strerror or 'unreadable'})") from exc


def build_authentication(table: HttpTable, limits: Limits, tls: ssl.SSLContext) -> Authentication:
    """How its requests show who sends them. Raises BadTable."""
    for key in _NEEDED[table.authentication]:
        if not getattr(table, key):
            raise BadTable(key, f'a value for authentication = "{table.authentication}"')
    match table.authentication:
        case "none":
            return Fixed({})
        case "bearer":
            return bearer(_visible("token", table.token))
        case "basic":
            return basic(table.user, table.password)
        case "header":
            return _named_header(table)
        case "hmac":
            return _signature(table)
        case "oauth2":
            return _access_tokens(table, limits, tls)


def _visible(key: str, secret: Secret) -> Secret:
    if header_value(secret.reveal()) != secret.reveal():
        raise BadTable(key, "only characters that a header can carry")
    return secret


def _named_header(table: HttpTable) -> Fixed:
    if not is_name(table.header):
        raise BadTable("header", "the name of a header")
    secret = _visible("secret", table.secret)
    return Fixed({table.header: secret.reveal()}, secret)


def _signature(table: HttpTable) -> StandardWebhook:
    key = signature_key(table.secret.reveal())
    if key is None:
        raise BadTable("secret", "whsec_ and base64, as Standard Webhooks has it")
    return StandardWebhook(key)


def _access_tokens(table: HttpTable, limits: Limits, tls: ssl.SSLContext) -> ClientCredentials:
    base = read_base("token_url", table.token_url)
    client = Client(table.client_id, table.client_secret, table.scope)
    return ClientCredentials(client, Endpoint(base, limits._replace(at_once=1), tls), join(base, "").path)
