"""Messages as requests: what arrives, what the answers mean, what is told of them."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
import time
from collections import Counter

import pytest
import trustme

from collectors.brokers.connections import BadTable
from collectors.brokers.http.target import HttpTarget
from controltower.domain.errors import BadSetting
from controltower.domain.messages import CONFIRMED, REFUSED, UNAVAILABLE, Message, Outgoing, Sent
from tests.collectors.brokers.http.endpoint import Endpoint, Reply, a_connection, listening


@pytest.fixture
def endpoint():
    with listening() as listener:
        yield listener


def a_message(body: bytes = b"{}", key: str = "", **headers: str) -> Message:
    return Message(body, tuple((name.replace("_", "-"), value) for name, value in headers.items()), key=key)


def send(endpoint: Endpoint, *outgoing: Outgoing, **keys: object) -> list[Sent]:
    target = a_connection(endpoint.url, **keys).target()
    try:
        return target.send(outgoing)
    finally:
        target.close()


def send_one(endpoint: Endpoint, place: str = "/orders", **keys: object) -> Sent:
    return send(endpoint, Outgoing(a_message(), place), **keys)[0]


def test_a_message_arrives_as_it_is(endpoint):
    body = bytes(range(256)) * 10
    message = Message(body, (("x-order", "SO-1"), ("idempotency-key", "r-1")), "application/cbor")
    assert send(endpoint, Outgoing(message, "PUT /orders/1?dry=1")) == [Sent(CONFIRMED, "200 OK")]
    (asked,) = endpoint.asked
    assert (asked.method, asked.path, asked.body) == ("PUT", "/orders/1?dry=1", body)
    assert asked.headers["content-type"] == "application/cbor"
    assert asked.headers["idempotency-key"] == "r-1"
    assert asked.headers["x-order"] == "SO-1"


def test_the_original_senders_credentials_do_not_travel(endpoint):
    message = a_message(authorization="Bearer stolen", cookie="session=stolen", x_api_key="stolen")
    send(endpoint, Outgoing(message, "/orders"), authentication="bearer", token="ours-is-longer")
    assert endpoint.asked[0].all("authorization") == ["Bearer ours-is-longer"]
    assert "stolen" not in str(endpoint.asked[0].headers)


@pytest.mark.parametrize(
    ("status", "delivery"),
    [
        (200, CONFIRMED), (201, CONFIRMED), (202, CONFIRMED), (204, CONFIRMED),
        (301, REFUSED), (302, REFUSED), (307, REFUSED), (308, REFUSED),
        (400, REFUSED), (401, REFUSED), (403, REFUSED), (404, REFUSED), (409, REFUSED), (410, REFUSED),
        (422, REFUSED),
        (408, UNAVAILABLE), (425, UNAVAILABLE), (429, UNAVAILABLE),
        (500, UNAVAILABLE), (502, UNAVAILABLE), (503, UNAVAILABLE), (504, UNAVAILABLE), (599, UNAVAILABLE),
    ],
)  # fmt: skip
def test_what_a_status_means(endpoint, status, delivery):
    endpoint.answers(Reply(status))
    assert send_one(endpoint).delivery == delivery


def test_a_refusal_quotes_the_beginning_of_the_answer_on_one_line(endpoint):
    endpoint.answers(Reply(422, b"no such\r\n\x1b[31m SKU\x00 \xff" + b"!" * 1_000))
    sent = send_one(endpoint)
    assert sent.detail.startswith("422 Unprocessable")
    assert ", no such \ufffd[31m SKU\ufffd \ufffd!!" in sent.detail
    assert sent.detail.isprintable()
    assert len(sent.detail) < 300


def test_how_long_to_wait_is_told(endpoint):
    endpoint.answers(Reply(503, b"maintenance", (("Retry-After", "120"),)))
    assert send_one(endpoint) == Sent(UNAVAILABLE, "503 Service Unavailable, Retry-After: 120, maintenance")


def test_redirects_are_not_followed(endpoint):
    with listening() as elsewhere:
        endpoint.answers(Reply(307, b"", (("Location", f"{elsewhere.url}/orders"),)))
        assert send_one(endpoint) == Sent(REFUSED, "307 Temporary Redirect, redirects are not followed")
        assert not elsewhere.asked


@pytest.mark.parametrize("place", ["/../admin", "http://127.0.0.1:1/", "//127.0.0.1:1/", "/a\r\nx: y"])
def test_a_place_that_leads_elsewhere_is_refused_and_nothing_is_sent(endpoint, place):
    sent = send_one(endpoint, place)
    assert sent.delivery == REFUSED
    assert sent.detail.startswith("not sent")
    assert not endpoint.asked


def test_nobody_there_is_unavailable():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        sent = send_one(Endpoint(f"http://127.0.0.1:{reserved.getsockname()[1]}"))
    assert sent == Sent(UNAVAILABLE, "it takes no connection")


def test_an_answer_that_does_not_come_is_unavailable(endpoint):
    endpoint.answers(Reply(after=1.0))
    assert send_one(endpoint, answer_seconds=0.2) == Sent(
        UNAVAILABLE, "no answer within 0.2 s; it may have arrived"
    )


def test_a_connection_that_breaks_is_unavailable(endpoint):
    endpoint.answers(Reply(None))
    assert send_one(endpoint) == Sent(
        UNAVAILABLE, "the connection broke before an answer; it may have arrived"
    )


def test_an_answer_without_end_takes_neither_the_time_nor_the_memory():
    with _dripping_server() as url:
        started = time.monotonic()
        sent = send_one(Endpoint(url), answer_seconds=0.3)
    assert sent.delivery == CONFIRMED
    assert time.monotonic() - started < 3


def test_connections_are_kept(endpoint):
    target = a_connection(endpoint.url, concurrency=1).target()
    for _ in range(20):
        target.send([Outgoing(a_message(), "/orders")])
    target.close()
    assert len({asked.client for asked in endpoint.asked}) == 1


def test_a_connection_that_the_server_closed_in_the_meantime_is_made_again(endpoint):
    endpoint.answers(Reply(200, b"", (("Connection", "close"),)))
    target = a_connection(endpoint.url, concurrency=1).target()
    for _ in range(3):
        assert target.send([Outgoing(a_message(), "/orders")])[0].delivery == CONFIRMED
        time.sleep(0.05)
    target.close()


def test_messages_of_one_key_keep_their_order_and_never_overlap(endpoint):
    endpoint.answers(Reply(after=0.005))
    outgoing = [Outgoing(a_message(str(n).encode(), key=f"SO-{n % 3}"), "/orders") for n in range(30)]
    assert Counter(sent.delivery for sent in send(endpoint, *outgoing)) == {CONFIRMED: 30}
    for key in range(3):
        of_key = [asked for asked in endpoint.asked if int(asked.body) % 3 == key]
        assert [int(asked.body) for asked in of_key] == list(range(key, 30, 3))
        assert all(first.ended <= second.started for first, second in itertools.pairwise(of_key))


def test_messages_without_a_key_go_at_once_but_not_more_than_allowed(endpoint):
    now, most = 0, 0

    def reply(_asked):
        nonlocal now, most
        with endpoint.lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with endpoint.lock:
            now -= 1
        return Reply()

    endpoint.reply = reply
    send(endpoint, *[Outgoing(a_message(), "/orders") for _ in range(40)], concurrency=4)
    assert most == 4


def test_outcomes_are_in_the_order_of_the_messages(endpoint):
    endpoint.reply = lambda asked: Reply(200 if int(asked.body) % 2 else 404)
    sent = send(endpoint, *[Outgoing(a_message(str(n).encode()), "/orders") for n in range(20)])
    assert [one.delivery for one in sent] == [REFUSED, CONFIRMED] * 10


def test_after_one_that_did_not_get_through_later_ones_of_its_key_wait(endpoint):
    endpoint.reply = lambda asked: Reply(503 if asked.body == b"1" else 200)
    outgoing = [Outgoing(a_message(str(n).encode(), key="SO-1"), "/orders") for n in range(4)]
    other = Outgoing(a_message(b"9", key="SO-2"), "/orders")
    sent = send(endpoint, *outgoing, other)
    assert [one.delivery for one in sent] == [CONFIRMED, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, CONFIRMED]
    assert sent[2].detail.startswith("not sent")
    assert sorted(asked.body for asked in endpoint.asked) == [b"0", b"1", b"9"]


def test_certificates_are_checked(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with listening(_tls_of(authority.issue_cert("localhost"))) as endpoint:
        assert "not trusted" in send_one(endpoint).detail
        assert send_one(endpoint, ca_file=str(tmp_path / "ca.pem")).delivery == CONFIRMED
        by_address = Endpoint(endpoint.url.replace("localhost", "127.0.0.1"))
        sent = send_one(by_address, ca_file=str(tmp_path / "ca.pem"))
    assert sent.delivery == UNAVAILABLE
    assert sent.detail.startswith("TLS: its certificate is not trusted (IP address mismatch")


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"authentication": "bearer"}, "token"),
        ({"authentication": "hmac", "secret": "not base64!"}, "secret"),
        ({"authentication": "header", "header": "x y", "secret": "s"}, "header"),
        ({"authentication": "bearer", "token": "two\r\nlines"}, "token"),
        ({"authentication": "oauth2", "client_id": "c", "client_secret": "s"}, "token_url"),
        ({"ca_file": "/nowhere.pem"}, "ca_file"),
        ({"dead_letters": ["/orders"]}, "dead_letters"),
        ({"url": "https://user:hunter2@erp/"}, "url"),
    ],
)
def test_a_mistake_is_found_at_the_start_and_shows_no_secret(keys, named):
    with pytest.raises(BadTable) as refused:
        a_connection(**{"url": "https://erp"} | keys)
    assert refused.value.args[0] == named
    assert "hunter2" not in str(refused.value)


def test_there_is_nothing_to_take_or_to_measure():
    connection = a_connection("https://erp")
    assert connection.gauge() is None
    with pytest.raises(BadSetting):
        connection.source("/orders")


def test_no_credential_is_in_a_repr():
    connection = a_connection("https://erp/?code=hunter2", authentication="bearer", token="hunter3")
    target = connection.target()
    assert isinstance(target, HttpTarget)
    for shown in (repr(connection), repr(target)):
        assert "hunter" not in shown
    target.close()


def _tls_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


class _dripping_server:
    """Answers 200 and then a byte every now and then, for ever."""

    def __enter__(self) -> str:
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._drip, daemon=True).start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_exc: object) -> None:
        self._socket.close()

    def _drip(self) -> None:
        client, _ = self._socket.accept()
        with client:
            client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            try:
                while True:
                    client.sendall(b".")
                    time.sleep(0.02)
            except OSError:
                return
