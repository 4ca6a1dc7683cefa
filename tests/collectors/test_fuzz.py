"""Whatever bytes come, under whatever name: they are stored or refused, and never break the edge."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.collectors.asgi import request
from tests.collectors.estate import BATCH, EVENTS, LINES, PROTOBUF, STRUCTURED, an_app, an_event
from tests.collectors.otlp_messages import any_request, otlp_json
from tests.fakes import FakeIngest

PATHS = [EVENTS, "/v1/traces", "/v1/metrics", "/v1/logs"]
TYPES = [STRUCTURED, BATCH, LINES, PROTOBUF, "application/json", "text/plain", ""]
EXPECTED = {200, 400, 415}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    max_leaves=10,
)
odd_events = st.fixed_dictionaries(
    {}, optional={name: json_values for name in [*an_event(), "traceparent", "subject", "data_base64", "x"]}
)
odd_documents = st.one_of(
    json_values,
    odd_events,
    odd_events.map(lambda odd: an_event() | odd),
    st.lists(odd_events.map(lambda odd: an_event() | odd), max_size=3),
    any_request.map(otlp_json),
)


def send(path, body, headers):
    """The status of a request whose bytes, when they are refused as bad, must be in quarantine."""
    ingest = FakeIngest()
    reply = request(an_app(ingest), "POST", path, body, headers)
    if reply.status == 400 and body:
        assert ingest.quarantined
    return reply.status


@given(path=st.sampled_from(PATHS), body=st.binary(), content_type=st.sampled_from(TYPES))
def test_any_bytes(path, body, content_type):
    assert send(path, body, {"content-type": content_type}) in EXPECTED


@given(path=st.sampled_from(PATHS), document=odd_documents, content_type=st.sampled_from(TYPES))
def test_any_json(path, document, content_type):
    assert send(path, json.dumps(document).encode(), {"content-type": content_type}) in EXPECTED


@given(message=any_request, path=st.sampled_from(PATHS), cut=st.integers(0, 400), noise=st.binary(max_size=3))
def test_damaged_protobuf(message, path, cut, noise):
    whole = message.SerializeToString()
    damaged = whole[:cut] + noise + whole[cut + len(noise) :]

    assert send(path, damaged, {"content-type": PROTOBUF}) in EXPECTED


@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["id", "source", "type", "specversion", "time", "subject", "data", "traceparent", "x-y"]
        ),
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n")),
    ),
    body=st.binary(max_size=20),
    content_type=st.sampled_from(TYPES),
)
def test_any_headers_in_binary_mode(headers, body, content_type):
    sent = {f"ce-{name}": value for name, value in headers.items()} | {"content-type": content_type}

    assert send(EVENTS, body, sent) in EXPECTED


@given(body=st.binary(), encoding=st.sampled_from(["gzip", "zstd"]), path=st.sampled_from(PATHS))
def test_any_bytes_that_claim_to_be_compressed(body, encoding, path):
    headers = {"content-type": LINES, "content-encoding": encoding}

    assert request(an_app(FakeIngest()), "POST", path, body, headers).status in EXPECTED
