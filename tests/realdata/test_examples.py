"""Every example of the specifications and of real projects, posted over HTTP: stored, or refused and kept.

What is right for each is listed in tests/collectors/test_real_inputs.py; here a running tower answers.
"""

import re

import pytest

from tests.collectors.test_real_inputs import (
    HTTP_EXAMPLES,
    JSON_EVENTS,
    OTLP,
    SPEC,
    conformance_events,
    feature_requests,
    http_example,
)
from tests.running import ADMIN, Visitor

pytestmark = pytest.mark.realdata
EVENTS = "/api/v1/events"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
# Messages as other transports print them, and files that hold no event: a person who posts them is told so.
NOT_EVENTS = {
    f"{SPEC}/bindings_amqp-protocol-binding_01.txt": "bad_json",
    f"{SPEC}/bindings_kafka-protocol-binding_01.txt": "bad_json",
    f"{SPEC}/bindings_mqtt-protocol-binding_01.txt": "bad_json",
    f"{SPEC}/bindings_mqtt-protocol-binding_03.txt": "bad_json",
    f"{SPEC}/bindings_nats-protocol-binding_02.txt": "bad_json",
    f"{SPEC}/extensions_opcua_02.txt": "bad_json",
    f"{SPEC}/extensions_opcua_04.txt": "bad_json",
    f"{SPEC}/extensions_sequence_02.txt": "bad_json",
    "cloudevents/cloudevents.schema.json": "missing_attribute",
    "cloudevents/conformance/kafka-protocol-binding.feature": "bad_json",
}
BINARY_MODE = {  # the little YAML of the conformance suite: file -> reason
    "cloudevents/conformance_yaml/v1.yaml": "",
    "cloudevents/conformance_yaml/v1.0/v1_minimum.yaml": "",
    "cloudevents/conformance_yaml/v03.yaml": "unsupported_version",
    "cloudevents/conformance_yaml/v0.3/v03_minimum.yaml": "unsupported_version",
}
A_BATCH = f"{SPEC}/formats_json-format_13.json"
A_CURL_COMMAND = f"{SPEC}/extensions_distributed-tracing_01.txt"
SCENARIOS = "cloudevents/conformance/http-protocol-binding.feature"


@pytest.fixture(scope="module")
def token(tower):
    """Whoever looks at bytes unmasked needs more than the role viewer."""
    admin = Visitor(tower)
    admin.use_setup_link(tower.setup_link, ADMIN)
    return admin.make_token("tests", "support")


def as_header(text):
    """Bytes as http.client wants them in a header."""
    return text.encode().decode("latin-1")


def post_event(tower, body, headers):
    """Post an event with the headers of an example."""
    return tower.request("POST", EVENTS, body, {name: as_header(value) for name, value in headers.items()})


def reasons(reply):
    """Why items of an event request were quarantined."""
    return [item["reason"] for item in reply.json["items"] if item["status"] == "quarantined"]


def test_no_example_is_left_out(real_data):
    cloudevents = {
        *(f"{SPEC}/{name}.json" for name in JSON_EVENTS),
        *(f"{SPEC}/{name}.txt" for name in HTTP_EXAMPLES),
        *NOT_EVENTS,
        *BINARY_MODE,
        A_BATCH,
        A_CURL_COMMAND,
        SCENARIOS,
    }
    files = (path for path in (real_data / "cloudevents").rglob("*") if path.is_file())
    found = {str(path.relative_to(real_data)) for path in files}
    otlp = {str(path.relative_to(real_data / "otlp")) for path in (real_data / "otlp").rglob("*.json")}

    assert found == cloudevents
    assert otlp == set(OTLP)


@pytest.mark.parametrize("name", OTLP)
def test_otlp_examples(tower, token, real_data, name):
    signal, status, reason = OTLP[name]
    body = (real_data / "otlp" / name).read_bytes()

    reply = tower.post(f"/v1/{signal}", body, "application/json")

    assert reply.status == status, reply.text
    if not reason:
        assert reply.json == {}
        return
    assert reason in reply.json["message"]
    newest = tower.get("/api/v1/quarantine", token, limit="1")["items"][0]
    assert newest["size"] == len(body)
    assert reason in newest["message"]


@pytest.mark.parametrize("listener", ["http", "otlp_http"])
def test_spans_of_an_example_can_be_read_back(tower, token, real_data, listener):
    body = (real_data / "otlp/proto_examples/trace.json").read_bytes()

    reply = tower.post("/v1/traces", body, "application/json", listener)

    assert reply.status == 200
    (span,) = tower.get("/api/v1/traces/5b8efff798038103d269b633813fc60c", token)["spans"]
    assert (span["service"], span["name"], span["kind"]) == ("my.service", "I'm a server span", "server")


@pytest.mark.parametrize("name", JSON_EVENTS)
def test_events_of_the_json_format(tower, real_data, name):
    reason = JSON_EVENTS[name]

    reply = tower.post(EVENTS, (real_data / SPEC / f"{name}.json").read_bytes(), STRUCTURED)

    assert (reply.status, reasons(reply)) == ((400, [reason]) if reason else (200, []))


def test_a_batch_is_stored_but_for_what_is_wrong_in_it(tower, real_data):
    reply = tower.post(EVENTS, (real_data / A_BATCH).read_bytes(), BATCH)

    assert (reply.status, reasons(reply)) == (200, ["bad_data"])
    assert reply.json["stored"] + reply.json["duplicate"] == 1


@pytest.mark.parametrize("name", HTTP_EXAMPLES)
def test_http_requests_as_the_specification_prints_them(tower, real_data, name):
    status, reason = HTTP_EXAMPLES[name]
    _, headers, body = http_example((real_data / SPEC / f"{name}.txt").read_text())

    reply = post_event(tower, body, headers)

    assert (reply.status, reasons(reply)) == (status, [reason] if reason else [])


@pytest.mark.parametrize("name", BINARY_MODE)
def test_conformance_events(tower, real_data, name):
    for attributes, data in conformance_events((real_data / name).read_text()):
        headers = {f"ce-{key.lower()}": value.strip() for key, value in attributes.items()}
        headers["content-type"] = headers.pop("ce-datacontenttype", "application/json")

        reply = post_event(tower, data.encode(), headers)

        expected = [BINARY_MODE[name]] if BINARY_MODE[name] else []
        assert (reply.status, reasons(reply)) == (400 if expected else 200, expected), attributes


def test_conformance_scenarios(tower, real_data):
    requests = list(feature_requests((real_data / SCENARIOS).read_text()))

    replies = [post_event(tower, body, headers) for _, headers, body in requests]

    assert [reply.status for reply in replies] == [200] * 4


def test_the_traceparent_of_the_event_is_the_one_that_counts(tower, token, real_data):
    text = (real_data / A_CURL_COMMAND).read_text()
    headers = dict(re.findall(r"-H '([\w-]+):\s*([^'`]+)['`]", text))
    assert headers["ce-traceparent"] != headers["traceparent"]

    reply = post_event(tower, b"", headers)

    assert (reply.status, reasons(reply)) == (200, [])
    (trace_id,) = [part for part in headers["ce-traceparent"].split("-") if len(part) == 32]
    assert tower.get("/api/v1/search", token, q=trace_id)["hits"]


@pytest.mark.parametrize("name", NOT_EVENTS)
def test_what_is_no_event_is_refused_and_kept(tower, token, real_data, name):
    body = (real_data / name).read_bytes()

    reply = tower.post(EVENTS, body, STRUCTURED)

    assert (reply.status, reasons(reply)) == (400, [NOT_EVENTS[name]])
    newest = tower.get("/api/v1/quarantine", token, limit="1")["items"][0]
    assert (newest["reason"], newest["size"]) == (NOT_EVENTS[name], len(body))
    kept = tower.get(f"/api/v1/quarantine/{newest['id']}", token)["payload"]
    assert kept == body.decode()
