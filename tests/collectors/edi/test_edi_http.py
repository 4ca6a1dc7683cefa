"""POST /edi."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.edi.http import edi_routes
from collectors.http import IngestApp, Limits
from collectors.mapping.catalogue import load_built_in
from tests.collectors.asgi import post
from tests.collectors.edi.writing import X12, an_x12, edifact
from tests.collectors.estate import NOW_US, open_to_all
from tests.fakes import FakeIngest

MAPPINGS = {name: load_built_in(name) for name in ("x12", "edifact")}
ORDER = an_x12("850", "BEG*00*SA*PO-1**20260301")


def an_app(ingest, limits=None):
    """The route, as the tower serves it."""
    limits = limits or Limits()
    return IngestApp(
        edi_routes(MAPPINGS, ingest, lambda: NOW_US, limits), authorize=open_to_all, limits=limits
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/edi-x12",
        "application/EDI-X12",
        "application/edifact",
        "application/octet-stream",
        "text/plain; charset=iso-8859-1",
        "",
    ],
)
@pytest.mark.parametrize("body", [ORDER, edifact("ORDERS", "BGM+220+PO-1+9")])
def test_the_content_tells_what_it_is_whatever_type_it_has(content_type, body):
    ingest = FakeIngest()

    reply = post(an_app(ingest), "/edi", body, content_type)

    assert reply.status == 200
    assert reply.json == {
        "documents": 1,
        "stored": 1,
        "duplicate": 0,
        "unmapped": 0,
        "quarantined": 0,
        "items": [],
    }
    assert [event.type for event in ingest.events] == ["order.captured"]


def test_another_content_type_is_refused():
    reply = post(an_app(FakeIngest()), "/edi", ORDER, "application/xml")

    assert reply.status == 415
    assert "application/edi-x12" in reply.json["message"]


def test_an_empty_body_is_refused():
    assert post(an_app(FakeIngest()), "/edi", b"", "text/plain").status == 400


def test_the_same_interchange_again_is_a_duplicate():
    app = an_app(FakeIngest())
    post(app, "/edi", ORDER, "")

    assert post(app, "/edi", ORDER, "").json["duplicate"] == 1


def test_what_cannot_be_read_is_kept_and_refused():
    ingest = FakeIngest()

    reply = post(an_app(ingest), "/edi", b"Dear partner, please find", "text/plain")

    assert reply.status == 400
    assert reply.json["items"][0]["reason"] == "no_envelope"
    (held,) = ingest.quarantined
    assert (held.edge, held.payload) == ("edi", b"Dear partner, please find")


def test_a_part_that_cannot_be_read_does_not_cost_the_rest():
    ingest = FakeIngest()

    reply = post(an_app(ingest), "/edi", b"STX=ANA:1+:A'END=0'\n" + ORDER, "")

    assert reply.status == 200
    assert reply.json["stored"] == 1
    assert reply.json["quarantined"] == 1
    assert [held.reason for held in ingest.quarantined] == ["tradacoms"]


def test_faults_of_the_envelope_are_in_the_reply():
    body = X12([("850", ["BEG*00*SA*PO-1**20260301"])], changes={"IEA": ""}).bytes()

    reply = post(an_app(FakeIngest()), "/edi", body, "")

    assert reply.json["items"] == [
        {"document": 0, "status": "taken", "faults": ["interchange 000000017 has no trailer IEA"]}
    ]


def test_a_body_past_the_limit_is_refused_unread():
    assert post(an_app(FakeIngest(), Limits(body=100)), "/edi", ORDER, "").status == 413


def test_no_one_is_told_yes_before_the_store_said_so():
    ingest = FakeIngest()
    ingest.is_unavailable = True

    assert post(an_app(ingest), "/edi", ORDER, "").status == 503


@given(cuts=st.lists(st.integers(0, len(ORDER)), max_size=6))
def test_however_the_body_is_cut_it_says_the_same(cuts):
    ingest = FakeIngest()
    edges = [0, *sorted(cuts), len(ORDER)]
    chunks = [ORDER[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]

    reply = post(an_app(ingest), "/edi", [chunk for chunk in chunks if chunk], "")

    assert reply.status == 200
    (event,) = ingest.events
    assert json.loads(event.payload)["data"]["identifiers"]["purchase_order"] == "PO-1"


@given(body=st.binary(min_size=1, max_size=300))
def test_any_bytes_are_stored_or_kept(body):
    ingest = FakeIngest()

    reply = post(an_app(ingest), "/edi", body, "")

    assert reply.status in (200, 400)
    assert ingest.events or ingest.quarantined


def test_a_large_file_is_read_off_the_event_loop():
    lines = [f"PO1*{n}*5*EA*9.25**VN*AB-{n}" for n in range(5_000)]

    reply = post(an_app(FakeIngest()), "/edi", an_x12("850", "BEG*00*SA*PO-1**20260301", *lines), "")

    assert reply.json["stored"] == 1
