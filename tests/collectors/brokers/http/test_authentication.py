"""How requests show who sends them, and that nobody else gets to see it."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import parse_qs

import pytest

from collectors.brokers.http.authentication import StandardWebhook
from collectors.hooks.schemes import SCHEME_BY_NAME
from collectors.hooks.schemes import Sent as Arrived
from collectors.mapping.declared import VerifyTable
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Message, Outgoing, Sent
from tests.collectors.brokers.http.endpoint import Asked, Endpoint, Reply, a_connection, listening

SECRET = "whsec_" + base64.b64encode(b"a key of Standard Webhooks").decode()
MESSAGE = Message(b'{"order":1}', (("idempotency-key", "r-1"),))


@pytest.fixture
def endpoint():
    with listening() as listener:
        yield listener


def send(url: str, *messages: Message, place: str = "/orders", **keys: object) -> list[Sent]:
    target = a_connection(url, **keys).target()
    try:
        return target.send([Outgoing(message, place) for message in messages])
    finally:
        target.close()


@pytest.mark.parametrize(
    ("keys", "header", "value"),
    [
        ({"authentication": "bearer", "token": "hunter2"}, "authorization", "Bearer hunter2"),
        (
            {"authentication": "basic", "user": "tower", "password": "h\u00fcnter2"},
            "authorization",
            "Basic " + base64.b64encode("tower:h\u00fcnter2".encode()).decode(),
        ),
        ({"authentication": "header", "header": "x-api-key", "secret": "hunter2"}, "x-api-key", "hunter2"),
    ],
)
def test_each_way_of_showing_a_secret(endpoint, keys, header, value):
    assert send(endpoint.url, MESSAGE, **keys) == [Sent(CONFIRMED, "200 OK")]
    assert endpoint.asked[0].all(header) == [value]


def test_a_signature_that_our_own_hooks_accept(endpoint):
    send(endpoint.url, MESSAGE, authentication="hmac", secret=SECRET)
    (asked,) = endpoint.asked
    assert _verify(asked) == ""
    assert asked.headers["webhook-id"] == "r-1"


def test_a_signature_of_the_standards_own_example():
    # From the libraries that publish the standard: github.com/standard-webhooks/standard-webhooks.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    message = Message(b'{"test": 2432232314}', (("idempotency-key", "msg_p5jXN8AQM9LWM0D4loKWxJek"),))
    shown = StandardWebhook(key, clock=lambda: 1614265330.9).show(message)
    assert shown.headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_message_without_a_key_is_signed_under_an_id_of_its_own(endpoint):
    messages = (Message(b"1"), Message(b"1"), Message(b"1", message_id="m-7"))
    send(endpoint.url, *messages, authentication="hmac", secret=SECRET)
    ids = {asked.headers["webhook-id"] for asked in endpoint.asked}
    assert len(ids) == 3
    assert "m-7" in ids


@pytest.mark.parametrize(
    ("url", "keys", "echoed"),
    [
        ("", {"authentication": "bearer", "token": "hunter2"}, "hunter2"),
        ("", {"authentication": "basic", "user": "u", "password": "hunter2"}, "hunter2 dTpodW50ZXIy"),
        ("", {"authentication": "header", "header": "x-key", "secret": "hunter2"}, "hunter2"),
        ("/?code=hunter%202", {}, "hunter 2 hunter%202"),
    ],
)
@pytest.mark.parametrize("padding", [0, 195])
def test_an_answer_that_repeats_our_secret_is_told_without_it(endpoint, url, keys, echoed, padding):
    endpoint.answers(Reply(403, b"." * padding + f"no: {echoed}".encode(), (("Retry-After", echoed),)))
    (sent,) = send(endpoint.url + url, MESSAGE, **keys)
    assert sent.delivery == REFUSED
    assert not any(part in sent.detail for part in ("hunt", "dTpod"))


class TokenServer:
    """Hands out access tokens t1, t2, ..."""

    def __init__(self, endpoint: Endpoint, **granted: object) -> None:
        self.url = f"{endpoint.url}/oauth/token"
        self.endpoint = endpoint
        self.handed_out = 0
        endpoint.reply = lambda asked: self._grant(asked, granted)

    def _grant(self, asked: Asked, granted: dict[str, object]) -> Reply:
        self.handed_out += 1
        answer = {"access_token": f"t{self.handed_out}-secret", "token_type": "Bearer", **granted}
        return Reply(200, json.dumps(answer).encode())

    def keys(self) -> dict[str, object]:
        """What the connections file says of it."""
        return {
            "authentication": "oauth2", "token_url": self.url, "client_id": "tower",
            "client_secret": "p&ss w\u00f6rd",
            "scope": "orders.write",
        }  # fmt: skip


@pytest.fixture
def tokens():
    with listening() as listener:
        yield TokenServer(listener, expires_in=3600)


def test_an_access_token_is_asked_for_once_and_kept(endpoint, tokens):
    assert {sent.delivery for sent in send(endpoint.url, *[MESSAGE] * 20, **tokens.keys())} == {CONFIRMED}
    assert {asked.headers["authorization"] for asked in endpoint.asked} == {"Bearer t1-secret"}
    (asked,) = tokens.endpoint.asked
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["orders.write"]}
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"tower:p%26ss+w%C3%B6rd").decode()


def test_a_token_that_is_not_taken_any_more_is_renewed_once(endpoint, tokens):
    endpoint.reply = lambda asked: Reply(200 if asked.headers["authorization"] == "Bearer t2-secret" else 401)
    assert send(endpoint.url, MESSAGE, **tokens.keys())[0].delivery == CONFIRMED
    endpoint.asked.clear()
    endpoint.answers(Reply(401, b"neither t3-secret nor t4-secret"))
    (sent,) = send(endpoint.url, MESSAGE, **tokens.keys())
    assert sent == Sent(REFUSED, "401 Unauthorized, neither *** nor ***")
    assert len(endpoint.asked) == 2


def test_a_token_is_not_used_until_its_very_end(endpoint):
    with listening() as listener:
        tokens = TokenServer(listener, expires_in=0.2)
        target = a_connection(endpoint.url, **tokens.keys()).target()
        target.send([Outgoing(MESSAGE, "")])
        time.sleep(0.15)
        target.send([Outgoing(MESSAGE, "")])
        target.close()
    assert tokens.handed_out == 2


@pytest.mark.parametrize(
    "answer", [Reply(401, b"bad client p&ss"), Reply(200, b"<html>"), Reply(None), Reply(302), Reply(200,
    b"{}")]
)
def test_without_a_token_nothing_is_sent(endpoint, tokens, answer):
    tokens.endpoint.answers(answer)
    (sent,) = send(endpoint.url, MESSAGE, **tokens.keys())
    assert sent.delivery == UNAVAILABLE
    assert sent.detail.startswith("the token endpoint")
    assert "p&ss" not in sent.detail
    assert not endpoint.asked


def _verify(asked: Asked) -> str:
    headers = {name.lower(): value for name, value in asked.headers.items()}
    arrived = Arrived(headers, asked.body, int(time.time()))
    return SCHEME_BY_NAME["standard-webhooks"](VerifyTable(scheme="standard-webhooks"), SECRET, arrived)
