"""Each scheme takes what the secret signed and nothing else; what was signed too long ago is refused."""

import base64
import hashlib
import hmac
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hooks.schemes import MISSING, OLD, SCHEME_BY_NAME, WRONG, Sent
from collectors.mapping.declared import SCHEMES, VerifyTable

NOW = 1_777_629_000
BODY = b'{"id": 1}'
SECRET = "s\u00e9cret-of-the-shop"
HEX_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()


def mac(key, message, algorithm="sha256"):
    return hmac.new(key, message, getattr(hashlib, algorithm)).digest()


def b64(data):
    return base64.b64encode(data).decode()


def stripe(secret=SECRET, body=BODY, at=NOW):
    signature = mac(secret.encode(), f"{at}.".encode() + body).hex()
    return {"stripe-signature": f"t={at},v1=00ff,v1={signature},v0=zz"}


def standard(secret=WEBHOOK_SECRET, body=BODY, at=NOW, prefix="webhook"):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = b64(mac(key, f"msg_1.{at}.".encode() + body))
    named = {"id": "msg_1", "timestamp": str(at), "signature": f"v1,bm9wZQ== v1a,zz v1,{signature}"}
    return {f"{prefix}-{name}": value for name, value in named.items()}


def easypost(secret=SECRET, body=BODY):
    key = unicodedata.normalize("NFKD", secret).encode()
    return {"x-hmac-signature": "hmac-sha256-hex=" + mac(key, body).hex()}


def check(scheme, headers, body=BODY, secret=SECRET, now=NOW, **declared):
    declared.setdefault("header", "x-signature")
    return SCHEME_BY_NAME[scheme](VerifyTable(scheme, **declared), secret, Sent(headers, body, now))


SIGNED = [
    ("shopify", {"x-shopify-hmac-sha256": b64(mac(SECRET.encode(), BODY))}, SECRET, {}),
    ("stripe", stripe(), SECRET, {}),
    ("standard-webhooks", standard(), WEBHOOK_SECRET, {"header": ""}),
    ("standard-webhooks", standard(prefix="svix"), WEBHOOK_SECRET, {"header": "svix"}),
    ("easypost", easypost(), SECRET, {}),
    ("adyen", {"hmacsignature": b64(mac(bytes.fromhex(HEX_KEY), BODY))}, HEX_KEY, {}),
    ("hmac", {"x-signature": b64(mac(SECRET.encode(), BODY))}, SECRET, {}),
    (
        "hmac",
        {"x-signature": "sha512=" + mac(SECRET.encode(), BODY, "sha512").hex()},
        SECRET,
        {"algorithm": "sha512", "encoding": "hex", "prefix": "sha512="},
    ),
    ("secret", {"x-signature": SECRET.encode().decode("latin-1")}, SECRET, {}),
    ("secret", {"x-signature": "Bearer abcdefgh"}, "abcdefgh", {"prefix": "Bearer "}),
]
IDS = [f"{scheme}-{number}" for number, (scheme, *_) in enumerate(SIGNED)]


def test_every_scheme_that_a_mapping_may_name_is_there():
    assert set(SCHEME_BY_NAME) == set(SCHEMES) == {scheme for scheme, *_ in SIGNED}


@pytest.mark.parametrize(("scheme", "headers", "secret", "declared"), SIGNED, ids=IDS)
def test_what_the_secret_signed_is_taken(scheme, headers, secret, declared):
    assert check(scheme, headers, secret=secret, **declared) == ""


@pytest.mark.parametrize(("scheme", "headers", "secret", "declared"), SIGNED, ids=IDS)
def test_another_body_another_secret_or_no_signature_is_refused(scheme, headers, secret, declared):
    wrong = secret[:-2] + ("11" if secret[-2:] != "11" else "22")
    assert check(scheme, headers, secret=wrong, **declared) == WRONG
    assert check(scheme, {}, secret=secret, **declared) == MISSING
    if scheme != "secret":
        assert check(scheme, headers, body=BODY + b" ", secret=secret, **declared) == WRONG


@pytest.mark.parametrize(("scheme", "headers", "secret", "declared"), SIGNED, ids=IDS)
@given(noise=st.text(st.characters(max_codepoint=255), max_size=80))
def test_noise_in_the_headers_is_refused_and_breaks_nothing(scheme, headers, secret, declared, noise):
    noisy = dict.fromkeys(headers, noise)
    assert check(scheme, noisy, secret=secret, **declared) in (MISSING, WRONG, OLD)


@pytest.mark.parametrize("late", [-301, 301, 86_400])
def test_a_signature_of_another_time_is_refused(late):
    assert check("stripe", stripe(), now=NOW + late) == OLD
    assert check("standard-webhooks", standard(), secret=WEBHOOK_SECRET, now=NOW + late, header="") == OLD


def test_a_time_that_was_not_signed_does_not_freshen_a_signature():
    old = stripe(at=NOW - 1000)["stripe-signature"].replace(str(NOW - 1000), str(NOW))
    assert check("stripe", {"stripe-signature": old}) == WRONG


def test_the_tolerance_is_for_the_mapping_to_say():
    assert check("stripe", stripe(), now=NOW + 301, tolerance=302) == ""


def item(key=HEX_KEY, **changed):
    values = {
        "pspReference": "PSP1",
        "originalReference": None,
        "merchantAccountCode": "Shop",
        "merchantReference": "a:b\\c",
        "amount": {"value": 1000, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
    }
    signed = "PSP1::Shop:a:b\\c:1000:EUR:AUTHORISATION:true"
    signature = b64(mac(bytes.fromhex(key), signed.encode()))
    return {"NotificationRequestItem": {**values, "additionalData": {"hmacSignature": signature}, **changed}}


def notification(*items):
    return json.dumps({"live": "false", "notificationItems": items}).encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (notification(item()), ""),
        (notification(item(), item()), ""),
        (notification(item(), item(success="false")), WRONG),
        (notification(item(amount={"value": 1, "currency": "EUR"})), WRONG),
        (notification(item(pspReference=["PSP1"])), WRONG),
        (notification(item(additionalData={})), MISSING),
        (notification(item(additionalData={"hmacSignature": 5})), MISSING),
        (notification(item(), {"NotificationRequestItem": "x"}), MISSING),
        (notification(), MISSING),
        (b"not json", MISSING),
        (b"[]", MISSING),
    ],
)
def test_every_item_of_an_adyen_notification_must_be_signed(body, reason):
    assert check("adyen", {}, body=body, secret=HEX_KEY) == reason


def test_a_key_that_is_none_refuses_everything():
    empty = b64(mac(b"", BODY))
    assert check("adyen", {"hmacsignature": empty}, secret="not hexadecimal") == WRONG
