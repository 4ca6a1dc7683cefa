"""What a request carries of a message's headers."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.brokers.http.headers import header_value, request_headers
from controltower.domain.messages import Message


def carried(*headers: tuple[str, str], content_type: str = "") -> list[tuple[str, str]]:
    message = Message(b"", headers, content_type=content_type)
    return [pair for pair in request_headers(message).items() if pair[0].lower() != "user-agent"]


def test_a_messages_own_headers_go_along_also_those_that_come_twice():
    headers = (("x-order", "SO-1"), ("NServiceBus.MessageId", "7"), ("x-tag", "a"), ("x-tag", "b"))
    assert sorted(carried(*headers)) == sorted(headers)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-API-Key", "api-key", "x-apikey",
        "X-Auth-Token",
        "X-Amz-Security-Token", "Ocp-Apim-Subscription-Secret", "WWW-Authenticate", "Connection",
        "Keep-Alive", "TE",
        "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Expect", "X-Forwarded-For",
        "webhook-signature", "User-Agent",
    ],
)  # fmt: skip
def test_nothing_of_another_connection_and_no_credential_of_the_first_sender(name):
    assert carried((name, "of-the-original")) == []


def test_what_the_connection_header_names_belonged_to_that_connection():
    assert carried(("Connection", "close, X-Hop"), ("x-hop", "1"), ("x-stays", "2")) == [("x-stays", "2")]


def test_the_content_type_is_the_messages_or_else_its_headers():
    assert carried(("Content-Type", "text/plain"), content_type="application/json") == [
        ("content-type", "application/json")
    ]
    assert carried(("Content-Type", "text/plain")) == [("content-type", "text/plain")]


def test_the_idempotency_key_is_always_there_once():
    assert carried(("Idempotency-Key", "r-1"), ("idempotency-key", "r-2")) == [("idempotency-key", "r-1")]


def test_what_http_cannot_carry_is_percent_encoded():
    assert carried(("x name:", "Gr\u00f6\u00dfe\r\nX-Evil: 1")) == [
        ("x%20name%3A", "Gr%C3%B6%C3%9Fe%0D%0AX-Evil: 1")
    ]


@given(st.text())
def test_every_value_is_one_line_of_ascii_and_can_be_read_again(value):
    carried_value = header_value(value)
    assert re.fullmatch(r"[ -~]*", carried_value)
    if "%" not in value and value == value.strip():
        assert unquote(carried_value) == value


@given(st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=6))
def test_every_name_is_a_token(headers):
    for name, value in carried(*headers):
        assert re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name)
        assert re.fullmatch(r"[ -~]*", value)
