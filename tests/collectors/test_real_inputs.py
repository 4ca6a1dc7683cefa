"""Examples of real projects and of the specifications are stored, or refused with the right reason."""

import json
import re
import struct

import pytest
import zstandard

from tests.collectors.asgi import post, request
from tests.collectors.estate import BATCH, EVENTS, PROTOBUF, STRUCTURED, an_app
from tests.fakes import FakeIngest

pytestmark = pytest.mark.realdata

OTLP = {
    "proto_examples/trace.json": ("traces", 200, ""),
    "proto_examples/metrics.json": ("metrics", 200, ""),
    "proto_examples/logs.json": ("logs", 200, ""),
    "proto_examples/events.json": ("logs", 200, ""),
    "jaeger_ui/otlp2jaeger-in.json": ("traces", 200, ""),
    "jaeger_ui/otlp2jaeger-in-error.json": ("traces", 200, ""),
    "jaeger_ui/otlp2jaeger-multi-in-combined.json": ("traces", 200, ""),
    "jaeger_ui/otlp2jaeger-out.json": ("traces", 400, "Jaeger UI JSON"),
    "jaeger_ui/oltp2jaeger-multi-out.json": ("traces", 400, "Jaeger UI JSON"),
    "signoz/large-trace.json": ("traces", 400, "SigNoz export"),
}


def test_every_otlp_example_is_in_the_table(real_data):
    folder = real_data / "otlp"

    assert {str(path.relative_to(folder)) for path in folder.rglob("*.json")} == set(OTLP)


@pytest.mark.parametrize("name", OTLP)
def test_otlp_examples(real_data, name):
    signal, status, reason = OTLP[name]
    ingest = FakeIngest()
    body = (real_data / "otlp" / name).read_bytes()

    reply = post(an_app(ingest), f"/v1/{signal}", body, "application/json")

    assert (reply.status, len(ingest.quarantined)) == (status, 1 if reason else 0)
    if reason:
        assert reason in reply.json["message"]
        assert ingest.quarantined[0].payload == body
    else:
        assert reply.json == {}


def test_what_the_otlp_examples_say(real_data):
    ingest = FakeIngest()
    for name, (signal, _, _) in OTLP.items():
        post(an_app(ingest), f"/v1/{signal}", (real_data / "otlp" / name).read_bytes(), "application/json")

    assert [event.type for event in ingest.events] == ["browser.page_view"]
    assert ingest.dropped[("logs", "no_event_name", "my.service")] == 1
    assert ingest.dropped[("metrics", "not_about_queues", "my.gauge")] == 1
    assert {segment.trace_id.hex() for segment in ingest.segments} == {
        "5b8efff798038103d269b633813fc60c",
        "83a9efd15c1c98a977e0711cc93ee28b",
        "c620759e5d60fafb8ee0922b30e06bc6",
    }


def test_otlp_sent_to_the_wrong_address_is_shown_the_right_one(real_data):
    body = (real_data / "otlp/proto_examples/logs.json").read_bytes()

    reply = post(an_app(FakeIngest()), "/v1/traces", body, "application/json")

    assert reply.status == 400
    assert reply.json["message"].endswith(
        "this looks like OTLP logs: it has resourceLogs; post it to /v1/logs"
    )


def test_a_trace_dump_of_many_megabytes_is_one_request(real_data):
    facts = json.loads((real_data / "ground_truth/otlp_hipstershop.json").read_text())
    packed = (real_data / "otlp/stef/hipstershop-oteltraces.zst").read_bytes()
    plain = zstandard.ZstdDecompressor().stream_reader(packed).read()
    (length,) = struct.unpack(">I", plain[:4])
    ingest = FakeIngest()

    reply = post(an_app(ingest), "/v1/traces", plain[4 : 4 + length], PROTOBUF)

    assert (reply.status, reply.body) == (200, b"")
    assert sum(segment.span_count for segment in ingest.segments) == 86_583
    assert len(ingest.segments) == 9_047
    assert json.dumps(facts).count("86583")


def test_the_storage_fixtures_of_jaeger_are_otlp(real_data):
    for path in sorted((real_data / "jaeger").rglob("*.json")):
        ingest = FakeIngest()

        reply = post(an_app(ingest), "/v1/traces", path.read_bytes(), "application/json")

        assert (reply.status, reply.body, len(ingest.segments)) == (200, b"{}", 1), path


def test_zipkin_formats_are_refused_and_kept(real_data):
    for path in sorted((real_data / "zipkin").rglob("*.json")):
        ingest = FakeIngest()

        reply = post(an_app(ingest), "/v1/traces", path.read_bytes(), "application/json")

        assert (reply.status, len(ingest.quarantined)) == (400, 1), path
        assert re.search("looks like Zipkin JSON v[12]", reply.json["message"]), (path, reply.json)


SPEC = "cloudevents/spec_examples"
JSON_EVENTS = {
    "extensions_correlation_01": "",
    "extensions_correlation_03": "",
    "extensions_correlation_05": "",
    "extensions_correlation_07": "",
    "extensions_dataref_01": "",
    "extensions_verifiability_02": "",
    "extensions_verifiability_08": "",
    "extensions_verifiability_10": "",
    "extensions_verifiability_12": "",
    "extensions_verifiability_14": "",
    "formats_json-format_01": "bad_data",  # its base64 is a placeholder
    "formats_json-format_03": "",
    "formats_json-format_05": "",
    "formats_json-format_07": "",
    "formats_json-format_09": "",
    "formats_json-format_11": "",
}


@pytest.mark.parametrize("name", JSON_EVENTS)
def test_examples_of_the_json_format(real_data, name):
    reason = JSON_EVENTS[name]
    body = (real_data / SPEC / f"{name}.json").read_bytes()

    for content_type in (STRUCTURED, "application/json"):
        reply = post(an_app(FakeIngest()), EVENTS, body, content_type)

        assert (reply.status, [item["reason"] for item in reply.json["items"]]) == (
            (400, [reason]) if reason else (200, [])
        )


def test_the_example_of_a_batch(real_data):
    body = (real_data / SPEC / "formats_json-format_13.json").read_bytes()

    reply = post(an_app(FakeIngest()), EVENTS, body, BATCH)

    assert (reply.status, reply.json["stored"]) == (200, 1)
    assert [(item["index"], item["reason"]) for item in reply.json["items"]] == [(0, "bad_data")]


def test_the_correlation_examples_are_one_story(real_data):
    ingest = FakeIngest()
    for name in ("01", "03", "05", "07"):
        body = (real_data / SPEC / f"extensions_correlation_{name}.json").read_bytes()
        post(an_app(ingest), EVENTS, body, STRUCTURED)

    assert {event.identifiers for event in ingest.events} == {(("correlation", "txn-abc-123"),)}
    assert [event.outcome for event in ingest.events] == ["ok", "ok", "failed", "ok"]


def http_example(text):
    """The path, headers and body of an HTTP request as specifications print it."""
    head, _, body = text.strip().partition("\n\n")
    first, *lines = head.splitlines()
    headers = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    for name in ("Content-Length", "Host"):
        headers.pop(name, None)
    return first.split()[1], headers, body.encode()


HTTP_EXAMPLES = {
    "bindings_http-protocol-binding_01": (400, "bad_data"),  # "... application data ..." is no JSON
    "bindings_http-protocol-binding_03": (400, "bad_json"),
    "bindings_http-protocol-binding_05": (400, "bad_json"),
    "extensions_verifiability_04": (200, ""),
    "extensions_verifiability_06": (200, ""),
}


@pytest.mark.parametrize("name", HTTP_EXAMPLES)
def test_examples_of_the_http_binding(real_data, name):
    status, reason = HTTP_EXAMPLES[name]
    _, headers, body = http_example((real_data / SPEC / f"{name}.txt").read_text())

    reply = request(an_app(FakeIngest()), "POST", EVENTS, body, headers)

    assert (reply.status, [item["reason"] for item in reply.json["items"]]) == (
        status,
        [reason] if reason else [],
    )


def test_one_event_in_three_forms_is_stored_once(real_data):
    app = an_app(FakeIngest())
    stored = []
    for name in ("extensions_verifiability_04.txt", "extensions_verifiability_06.txt"):
        _, headers, body = http_example((real_data / SPEC / name).read_text())
        stored.append(request(app, "POST", EVENTS, body, headers).json["stored"])
    body = (real_data / SPEC / "extensions_verifiability_08.json").read_bytes()
    stored.append(post(app, EVENTS, body, STRUCTURED).json["stored"])

    assert stored == [1, 0, 0]


@pytest.mark.parametrize("name", ["bindings_kafka-protocol-binding_01.txt", "extensions_sequence_02.txt"])
def test_examples_for_other_transports_are_refused_and_kept(real_data, name):
    ingest = FakeIngest()

    reply = post(an_app(ingest), EVENTS, (real_data / SPEC / name).read_bytes(), STRUCTURED)

    assert (reply.status, ingest.quarantined[0].reason) == (400, "bad_json")


def conformance_events(text):
    """The documents of a conformance file: attributes and data, of the little YAML they are written in."""
    for document in text.split("---\n"):
        attributes = dict(re.findall(r'^ +(\w+) ?: "?([^"|\n]+)"?$', document, re.MULTILINE))
        attributes.pop("user-agent", None)
        yield attributes, document.partition("Data: |\n")[2].strip()


@pytest.mark.parametrize(
    ("name", "status"),
    [("v1.0/v1_minimum.yaml", 200), ("v1.yaml", 200), ("v0.3/v03_minimum.yaml", 400), ("v03.yaml", 400)],
)
def test_conformance_events_in_binary_mode(real_data, name, status):
    text = (real_data / "cloudevents/conformance_yaml" / name).read_text()
    events = list(conformance_events(text))
    assert events

    for attributes, data in events:
        ingest = FakeIngest()
        headers = {f"ce-{key.lower()}": value.strip() for key, value in attributes.items()}
        headers["content-type"] = headers.pop("ce-datacontenttype", "application/json")
        reply = request(an_app(ingest), "POST", EVENTS, data.encode(), headers)

        assert reply.status == status, (attributes, reply.body)
        if status == 400:
            assert ingest.quarantined[0].reason == "unsupported_version"


def feature_requests(text):
    """Each request of a conformance feature with each of its content types."""
    for outline in text.split("Scenario Outline:")[1:]:
        lines = outline.split('"""')[1].strip().splitlines()
        example = "\n".join(line.strip() for line in lines)
        for content_type in re.findall(r"^\s*\| (application/\S.*?) +\|$", outline, re.MULTILINE):
            yield http_example(example.replace("<contentType>", content_type))


def test_conformance_requests_over_http(real_data):
    text = (real_data / "cloudevents/conformance/http-protocol-binding.feature").read_text()
    requests = list(feature_requests(text))
    ingest = FakeIngest()
    app = an_app(ingest)

    replies = [request(app, "POST", EVENTS, body, headers) for _, headers, body in requests]

    assert len(replies) == 4
    assert [reply.status for reply in replies] == [200] * 4
    assert {(event.id, event.type) for event in ingest.events} == {
        ("1234-1234-1234", "com.example.someevent")
    }


SAP_REFUSED = {
    "codejam_01-events-sap-ecosystem_1.json": "missing_attribute",  # its source is empty
    "codejam_02-cloudevents_4.json": "bad_time",  # has no zone
    "codejam_vehicle-created-sample.json": "bad_time",  # has no zone
}


def test_sap_events_are_stored_unless_they_break_the_specification(real_data):
    for path in sorted((real_data / "sap/cloudevents").rglob("*.json")):
        expected = [SAP_REFUSED[path.name]] if path.name in SAP_REFUSED else []

        reply = post(an_app(FakeIngest()), EVENTS, path.read_bytes(), "application/json")

        assert [item["reason"] for item in reply.json["items"]] == expected, path
