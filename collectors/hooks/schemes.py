"""How senders of webhooks sign what they send. Every comparison takes the same time for all wrong values."""

from __future__ import annotations

import base64
import binascii
import hmac
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from collectors.mapping.declared import VerifyTable
from collectors.mapping.values import decode_document, text_in
from controltower.domain.errors import BadPayload

MAX_SIGNATURES = 20  # in one header; senders that change their secret send two

MISSING = "missing_signature"
WRONG = "bad_signature"
OLD = "old_signature"


class Sent(NamedTuple):
    """What came, and when: headers have lower-case names."""

    headers: Mapping[str, str]
    body: bytes
    now_s: int


# Gives "" when the secret signed what was sent, or the reason why not.
Scheme = Callable[[VerifyTable, str, Sent], str]


def _shopify(_declared: VerifyTable, secret: str, sent: Sent) -> str:
    return _compare(_base64(sent.headers.get("x-shopify-hmac-sha256")), _mac(secret.encode(), sent.body))


def _stripe(declared: VerifyTable, secret: str, sent: Sent) -> str:
    parts = [part.strip().partition("=") for part in sent.headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"][:MAX_SIGNATURES]
    if not times or not signatures:
        return MISSING
    expected = _mac(secret.encode(), times[0].encode() + b"." + sent.body)
    return _any([_hex(value) for value in signatures], expected) or _fresh(times[0], declared, sent)


def _standard(declared: VerifyTable, secret: str, sent: Sent) -> str:
    """Standard Webhooks; `header` is the prefix of its three headers when it is not ``webhook``."""
    prefix = declared.header.lower() or "webhook"
    named = [sent.headers.get(f"{prefix}-{name}", "") for name in ("id", "timestamp", "signature")]
    message_id, time, signatures = named
    if not all(named):
        return MISSING
    key = _base64(secret.removeprefix("whsec_"))
    if key is None:
        return WRONG
    expected = _mac(key, f"{message_id}.{time}.".encode() + sent.body)
    listed = [entry.partition(",") for entry in signatures.split()[:MAX_SIGNATURES]]
    found = [_base64(value) for version, _, value in listed if version == "v1"]
    return _any(found, expected) or _fresh(time, declared, sent)


def _easypost(_declared: VerifyTable, secret: str, sent: Sent) -> str:
    key = unicodedata.normalize("NFKD", secret).encode()
    header = sent.headers.get("x-hmac-signature")
    if header is None:
        return MISSING
    prefix, equals, value = header.partition("=")
    return _compare(_hex(value) if equals and prefix == "hmac-sha256-hex" else b"", _mac(key, sent.body))


def _adyen(_declared: VerifyTable, secret: str, sent: Sent) -> str:
    """Every item of a notification is signed by itself; other webhooks have one signature in a header."""
    key = _hex(secret)
    if not key:
        return WRONG
    header = sent.headers.get("hmacsignature")
    if header is not None:
        return _compare(_base64(header), _mac(key, sent.body))
    items = _adyen_items(sent.body)
    if not items:
        return MISSING
    return next((reason for item in items if (reason := _adyen_item(item, key))), "")


def _adyen_items(body: bytes) -> list[dict[str, object]]:
    try:
        document = decode_document(body)
    except BadPayload:
        return []
    listed = document.get("notificationItems") if isinstance(document, dict) else None
    entries = listed if isinstance(listed, list) else []
    items = [entry.get("NotificationRequestItem") if isinstance(entry, dict) else None for entry in entries]
    found = [item for item in items if isinstance(item, dict)]
    return found if len(found) == len(entries) else []


def _adyen_item(item: dict[str, object], key: bytes) -> str:
    additional, amount = item.get("additionalData"), item.get("amount")
    signature = additional.get("hmacSignature") if isinstance(additional, dict) else None
    if not isinstance(signature, str):
        return MISSING
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    money = amount if isinstance(amount, dict) else {}
    values = [
        *(item.get(name) for name in names),
        money.get("value"),
        money.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    ]
    try:
        signed = ":".join(text_in(value) for value in values)  # the values are not escaped
    except BadPayload:
        return WRONG
    return _compare(_base64(signature), _mac(key, signed.encode("utf-8", "surrogatepass")))


def _hmac(declared: VerifyTable, secret: str, sent: Sent) -> str:
    header = sent.headers.get(declared.header.lower())
    if header is None:
        return MISSING
    if not header.startswith(declared.prefix):
        return WRONG
    value = header.removeprefix(declared.prefix)
    given = _hex(value) if declared.encoding == "hex" else _base64(value)
    return _compare(given or b"", _mac(secret.encode(), sent.body, declared.algorithm))


def _secret(declared: VerifyTable, secret: str, sent: Sent) -> str:
    header = sent.headers.get(declared.header.lower())
    if header is None:
        return MISSING
    if not header.startswith(declared.prefix):
        return WRONG
    return _compare(header.removeprefix(declared.prefix).encode("latin-1", "replace"), secret.encode())


SCHEME_BY_NAME: dict[str, Scheme] = {
    "shopify": _shopify,
    "stripe": _stripe,
    "adyen": _adyen,
    "easypost": _easypost,
    "standard-webhooks": _standard,
    "hmac": _hmac,
    "secret": _secret,
}


def _mac(key: bytes, message: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.digest(key, message, algorithm)


def _compare(given: bytes | None, expected: bytes) -> str:
    """ "" when they are the same; None is a signature that did not come."""
    if given is None:
        return MISSING
    return "" if hmac.compare_digest(given, expected) else WRONG


def _any(given: Sequence[bytes | None], expected: bytes) -> str:
    matches = [hmac.compare_digest(one or b"", expected) for one in given]
    return "" if any(matches) else WRONG


def _fresh(time: str, declared: VerifyTable, sent: Sent) -> str:
    """A signature of another time was recorded and sent again; the time itself is signed."""
    if not (time.isascii() and time.isdecimal() and len(time) < 16):
        return WRONG
    return "" if abs(sent.now_s - int(time)) <= declared.tolerance else OLD


def _base64(text: str | None) -> bytes | None:
    """The bytes; b"" for what is no base64, which no signature equals; None stays None."""
    if text is None:
        return None
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _hex(text: str) -> bytes:
    """The bytes, b"" for what is no hexadecimal number."""
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        return b""
