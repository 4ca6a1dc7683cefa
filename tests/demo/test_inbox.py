"""The address of the estate on this machine: replays come in, and people put causes right on its page."""

import re
import socket
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from controltower.demo.causes import Causes
from controltower.demo.inbox import Inbox
from controltower.demo.replays import Answer, Consumer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Recorder(Consumer):
    """Takes everything, and remembers it."""

    def __init__(self):
        self.taken = []

    def take(self, headers, body):
        self.taken.append((headers, body))
        return Answer(202, "taken")


@pytest.fixture
def inbox():
    """An inbox that listens."""
    opened = Inbox(socket.create_server(("127.0.0.1", 0)), Recorder(), Causes(NOW))
    opened.start()
    yield opened
    opened.stop()


def ask(inbox, method, path, body=None, **headers):
    host = inbox.url.removeprefix("http://")
    with closing(HTTPConnection(host, timeout=5)) as http:
        http.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = http.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def submit(inbox, path, **fields):
    return ask(inbox, "POST", path, urlencode(fields), Content_Type="application/x-www-form-urlencoded")


def test_replays_reach_the_consumer(inbox):
    status, _, text = ask(inbox, "POST", "/erp.post", b"{}", Idempotency_Key="k-1", X_Replay_Of="ab")

    ((headers, body),) = inbox.consumer.taken
    assert (status, text, body) == (202, "taken", b"{}")
    assert (headers["idempotency-key"], headers["x-replay-of"]) == ("k-1", "ab")


def test_the_page_lists_what_is_missing_with_a_button_each(inbox):
    status, headers, page = ask(inbox, "GET", "/")

    assert status == 200
    assert re.findall(r"<button[^>]*>([^<]+)<", page) == [
        "Map TBL-DIN-OAK",
        "Map CHR-LNG-OCH",
        "Map RUG-JUT-160",
        "Take any country",
    ]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "<script" not in page and "style=" not in page


def test_a_button_maps_an_article_and_another_takes_it_out_again(inbox):
    status, headers, _ = submit(inbox, "/skus", sku="TBL-DIN-OAK", undo="no")
    assert (status, headers["Location"]) == (303, "/")
    assert inbox.causes.is_mapped("TBL-DIN-OAK")
    assert "Remove TBL-DIN-OAK" in ask(inbox, "GET", "/")[2]

    submit(inbox, "/skus", sku="TBL-DIN-OAK", undo="yes")
    assert not inbox.causes.is_mapped("TBL-DIN-OAK")


def test_a_button_widens_the_schema(inbox):
    submit(inbox, "/countries", undo="no")
    assert inbox.causes.takes_any_country

    submit(inbox, "/countries", undo="yes")
    assert not inbox.causes.takes_any_country


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "shop.example:80"},
        {"Origin": "http://127.0.0.1:8080"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/skus", "/erp.post"])
def test_pages_of_others_may_not_post(inbox, headers, path):
    status, *_ = ask(inbox, "POST", path, b"sku=TBL-DIN-OAK", **headers)

    assert status == 403
    assert not inbox.causes.is_mapped("TBL-DIN-OAK") and not inbox.consumer.taken


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("POST", "/nothing", b"", 404),
        ("POST", "/skus", b"sku=NOBODYS", 404),
        ("POST", "/skus", b"\xff\x00", 404),
        ("GET", "/style.css", None, 200),
    ],
)
def test_what_is_not_there_is_said(inbox, method, path, body, status):
    assert ask(inbox, method, path, body)[0] == status


def test_a_body_has_a_limit(inbox):
    assert ask(inbox, "POST", "/erp.post", b"x", Content_Length="99999999")[0] == 413
