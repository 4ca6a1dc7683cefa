"""The JSON API: what it gives, how it pages, what it refuses."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from collectors.events.quarantining import decode_held
from controltower.domain.identifiers import Identifier, key_of
from controltower.services.ingest import FactBatch
from controltower.services.tokens import create_token
from tests.builders import a_segment, an_event
from tests.web.tower import Tower, json_of

TRACE = bytes(range(16))


def an_order(tower: Tower, number: int, *more: str) -> None:
    at = tower.clock() + timedelta(minutes=number)
    types = ("order.captured", *more)
    tower.store(
        *(
            an_event(
                kind,
                ("order", str(number)),
                at=at + timedelta(seconds=place),
                channel="web",
                customer="a@b.de",
            )
            for place, kind in enumerate(types)
        )
    )


def get(tower: Tower, url: str, role: str = "viewer"):
    response = tower.client(role).get(f"/api/v1{url}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return json_of(response)


def test_journeys_page_by_key_newest_first(tower: Tower):
    for number in range(1, 6):
        an_order(tower, number)
    titles: list[str] = []
    after: str | None = ""
    while after is not None:
        page = get(tower, f"/journeys?limit=2&after={after}")
        titles += [row["title"] for row in page["journeys"]]
        after = page["next"]

    assert titles == ["5", "4", "3", "2", "1"]


def test_journeys_are_filtered_by_what_the_address_says(tower: Tower):
    an_order(tower, 1)
    an_order(tower, 2, "order.accepted")

    assert [row["title"] for row in get(tower, "/journeys?stage=accepted")["journeys"]] == ["2"]
    assert get(tower, "/journeys?status=done")["journeys"] == []


def test_a_journey_is_found_by_any_of_its_keys(tower: Tower):
    tower.store(
        an_event("order.captured", ("order", "1"), ("erp_document", "SO-1"), at=tower.clock(), trace=TRACE)
    )
    key = key_of(Identifier("erp_document", "SO-1")).hex()

    journey = get(tower, f"/journeys/{key}")

    kinds = {one["kind"]: one["bond"] for one in journey["identifiers"]}
    assert kinds["order"] == kinds["erp_document"] == "order"
    assert journey["reached"] == [{"stage": "captured", "reached_at": "2026-05-31T12:00:00Z"}]
    assert journey["trace_ids"] == [TRACE.hex()]


def test_the_events_of_a_journey_come_in_the_order_of_their_time(tower: Tower):
    an_order(tower, 1, "order.accepted", "order.posted")
    key = key_of(Identifier("order", "1")).hex()

    events = get(tower, f"/journeys/{key}/events")["events"]

    assert [event["type"] for event in events] == ["order.captured", "order.accepted", "order.posted"]
    assert events[0]["identifiers"] == [{"kind": "order", "value": "1"}]


@pytest.mark.parametrize(("by", "name"), [("status", "in_flight"), ("stage", "captured"), ("channel", "web")])
def test_journeys_are_counted_by_a_measure(tower: Tower, by, name):
    an_order(tower, 1)
    an_order(tower, 2)

    assert get(tower, f"/journeys/counts?by={by}") == {
        "by": by,
        "counts": [{"process": "order-to-cash", "name": name, "journeys": 2}],
    }


def test_search_finds_by_identifier(tower: Tower):
    an_order(tower, 1001)

    (hit,) = get(tower, "/search?q=1001")["hits"]

    assert (hit["matched_kind"], hit["journey"]["title"]) == ("order", "1001")


def test_personal_data_is_masked_for_viewers_only(tower: Tower):
    an_order(tower, 1)

    assert get(tower, "/journeys")["journeys"][0]["customer"].endswith("•••@b.de")
    assert get(tower, "/journeys", "support")["journeys"][0]["customer"] == "a@b.de"


def test_services_and_sources_are_counted(tower: Tower):
    tower.ingest.submit(FactBatch(segments=[a_segment(TRACE, (), (), service="shop")])).result(timeout=10)

    (service,) = get(tower, "/services")["services"]
    assert (service["name"], service["spans"], service["errors"]) == ("shop", 2, 0)
    assert get(tower, "/sources")["sources"][0]["signal"] == "spans"


def test_a_trace_gives_its_spans_by_start(tower: Tower):
    data = TracesData()
    resource = data.resource_spans.add()
    attribute = resource.resource.attributes.add(key="service.name")
    attribute.value.string_value = "shop"
    scope = resource.scope_spans.add()
    for number in (2, 1):
        scope.spans.add(
            trace_id=TRACE, span_id=bytes([number] * 8), name=f"step {number}", start_time_unix_nano=number
        )
    raw = data.SerializeToString()
    segment = a_segment(TRACE, (("order", "1"),), ())._replace(part=raw)
    tower.ingest.submit(
        FactBatch(events=[an_event("order.captured", ("order", "1"), at=tower.clock())], segments=[segment])
    ).result(timeout=10)

    trace = get(tower, f"/traces/{TRACE.hex()}")

    assert [span["name"] for span in trace["spans"]] == ["step 1", "step 2"]
    assert trace["spans"][0]["resource"] == {"service.name": "shop"}
    assert trace["journey_ids"] == [key_of(Identifier("order", "1")).hex()]


def test_quarantine_is_listed_and_shown(tower: Tower):
    held, binary = tower.hold(b'{"email": "a@b.de"}'), tower.hold(b"\xff\xfe")

    assert {item["id"] for item in get(tower, "/quarantine")["items"]} == {held, binary}
    assert get(tower, f"/quarantine/{held}")["payload"].endswith('•••@b.de"}')
    whole = get(tower, f"/quarantine/{binary}", "support")
    assert base64.b64decode(whole["payload_base64"]) == b"\xff\xfe"


def test_a_program_submits_corrected_bytes_again(tower: Tower):
    held = tower.hold(b"{}")
    mended = {
        "specversion": "1.0",
        "id": "1",
        "source": "/shop",
        "type": "order.captured",
        "subject": "order/1",
    }
    headers = {"Authorization": f"Bearer {create_token(tower.db, 'mender', 'support', tower.clock())}"}
    url = f"/api/v1/quarantine/{held}/resubmit"

    refused = tower.client().post(url, data=b'{"id": 1}', headers=headers)
    done = tower.client().post(url, data=json.dumps(mended), headers=headers)

    assert refused.status_code == 400 and json_of(refused)["detail"]
    assert json_of(done) == {"events_stored": 1, "events_duplicate": 0, "segments_stored": 0}
    assert get(tower, f"/quarantine/{held}")["settled_by"] == "mender"


@pytest.mark.parametrize(
    "url",
    [
        "/journeys?limit=0",
        "/journeys?limit=501",
        "/journeys?limit=many",
        "/journeys?after=x",
        "/journeys?since=yesterday",
        "/journeys/counts?by=colour",
        "/journeys/counts",
        "/search",
        "/search?q=" + "x" * 257,
        "/quarantine?state=lost",
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_the_reason(tower: Tower, url):
    response = tower.client("viewer").get(f"/api/v1{url}")

    assert response.status_code == 400
    assert json_of(response)["reason"] == "bad_payload" and json_of(response)["detail"]


@pytest.mark.parametrize(
    "url", ["/journeys/" + "0" * 32, "/journeys/x", "/traces/" + "0" * 32, "/quarantine/x", "/y"]
)
def test_what_is_not_there_is_not_found(tower: Tower, url):
    response = tower.client("viewer").get(f"/api/v1{url}")

    assert (response.status_code, json_of(response)["reason"]) == (404, "not_found")


@pytest.mark.parametrize(("role", "status"), [("viewer", 200), ("admin", 200), ("ingest", 403)])
def test_a_token_has_the_rights_of_its_role(tower: Tower, role, status):
    secret = create_token(tower.db, "a program", role, tower.clock())

    response = tower.client().get("/api/v1/journeys", headers={"Authorization": f"Bearer {secret}"})

    assert response.status_code == status


def test_an_unknown_token_is_refused_even_beside_a_session(tower: Tower):
    response = tower.client("admin").get("/api/v1/journeys", headers={"Authorization": "Bearer ct_unknown"})

    assert response.status_code == 401


def test_probes_and_figures_need_nobody(make_tower):
    client = make_tower(metrics=lambda: "controltower_events_total 3\n").client()

    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    assert client.get("/metrics").get_data(as_text=True) == "controltower_events_total 3\n"


def test_every_route_of_the_api_is_described(tower: Tower):
    described = json_of(tower.client().get("/openapi.json"))
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in tower.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") or rule.endpoint.startswith("api_")
    }
    told = {(path, method) for path, operations in described["paths"].items() for method in operations}

    assert served <= told
    assert told - served == {
        (path, "post")
        for path in ("/api/v1/dead-letters", "/api/v1/events", "/v1/traces", "/v1/metrics", "/v1/logs")
    }


def test_every_reference_of_the_description_leads_somewhere(tower: Tower):
    described = json_of(tower.client().get("/openapi.json"))
    text = json.dumps(described)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert names <= described["components"]["schemas"].keys()
    assert "Journey" in names and described["openapi"] == "3.1.0"


def test_the_decoder_of_events_is_the_one_of_the_collector(tower: Tower):
    assert tower.app.extensions["controltower"].decoders == {"events": decode_held}
