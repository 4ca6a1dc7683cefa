"""EDI on its way through a tower: the examples of the documentation, and text that a store cannot keep."""

import json

import pytest

from collectors.edi.decoding import documents_in
from collectors.edi.http import edi_routes
from collectors.http import IngestApp, Limits
from collectors.mapping.catalogue import load_built_in
from controltower.services.ingest import Ingest
from controltower.services.writers import InlineWriter
from controltower.store.engine import open_database
from controltower.store.schema import upgrade
from tests.backends import new_database
from tests.builders import NOW, us
from tests.collectors.asgi import post
from tests.collectors.edi.writing import X12, an_x12
from tests.collectors.estate import open_to_all
from tests.model import PROCESS
from tests.project.reference import code_blocks, names_in, text_of
from tests.running import ADMIN, Visitor, running_tower

ORDER = an_x12("850", "BEG*00*SA*PO-1**20260301")


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    with running_tower(tmp_path_factory.mktemp("edi")) as running:
        yield running


@pytest.fixture(scope="module")
def example():
    """The file of the how-to, its reply, and what a mapping sees of it."""
    how_to = (text_of("edi.md"), text_of("../how-to/receive-edi.md"))
    file = how_to[1].partition("<<'EDI'\n")[2].partition("EDI\n")[0]
    (reply,) = code_blocks("../how-to/receive-edi.md", "json")
    (document,) = code_blocks("edi.md", "json")
    return file.encode(), json.loads(reply), json.loads(document)


def test_the_example_of_the_how_to_is_answered_as_it_says(tower, example):
    file, reply, _ = example

    assert tower.post("/edi", file, "application/edi-x12").json == reply


def test_a_mapping_sees_the_example_as_the_reference_says(example):
    file, _, document = example
    (seen,) = documents_in(file)
    assert isinstance(seen, dict)

    line = document["PO1"][0]
    line.pop("REF")  # the example shows what may stand below a line
    assert line.items() <= seen["PO1"][0].items()
    for name in document.keys() - {"PO1", "interchange", "group"}:
        assert seen[name] == document[name], name
    for name in ("interchange", "group"):
        assert document[name].items() <= seen[name].items()


def test_every_reason_for_refusal_is_explained(root):
    used = set()
    for source in (root / "collectors" / "edi").glob("*.py"):
        for part in source.read_text().replace("BadEdi(\n", "BadEdi(").split("BadEdi(")[1:]:
            if part.lstrip().startswith('"'):
                used.add(part.lstrip()[1:].partition('"')[0])
    assert "no_envelope" in used
    assert used <= names_in(text_of("edi.md"))


def test_what_was_held_can_be_corrected_and_submitted_again(tower):
    admin = Visitor(tower)
    admin.use_setup_link(tower.setup_link, ADMIN)
    token = admin.make_token("tests", "support")
    tower.post("/edi", ORDER.replace(b"ISA*00*", b"ISA*"), "application/edi-x12")
    (item,) = tower.get("/api/v1/quarantine", token)["items"]

    reply = tower.request(
        "POST",
        f"/api/v1/quarantine/{item['id']}/resubmit",
        ORDER,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"},
    )

    assert reply.status == 200, reply.text
    assert reply.json["events_stored"] == 1
    assert tower.get("/api/v1/search", token, q="PO-1")["hits"]


def test_a_rejection_shows_on_the_journey_of_the_order_that_was_sent(tower):
    token = tower.create_token("viewer")
    tower.post("/edi", an_x12("850", "BEG*00*SA*PO-77**20260301", control="77", group="77"), "")
    refusal = ("AK1*PO*77", "AK2*850*0001", "AK3*REF*3**8", "AK5*R*5", "AK9*R*1*1*0")
    tower.post("/edi", an_x12("997", *refusal, function="FA", sender="SELLER", receiver="BUYER"), "")

    (hit,) = tower.get("/api/v1/search", token, q="PO-77")["hits"]
    events = tower.get(f"/api/v1/journeys/{hit['journey']['id']}/events", token)["events"]

    assert {event["type"]: event["outcome"] for event in events} == {
        "order.captured": "ok",
        "acknowledgement.rejected": "failed",
    }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def app(request, tmp_path_factory):
    """The route, over a real store."""
    if request.param == "sqlite":
        yield from served(open_database(f"sqlite:///{tmp_path_factory.mktemp('store') / 'tower.db'}"))
    else:
        with new_database(request.getfixturevalue("postgres_server")) as url:
            yield from served(open_database(url))


def served(database):
    """An application whose events are committed."""
    upgrade(database)
    ingest = Ingest(InlineWriter(database, {"test": PROCESS}), lambda: us(NOW))
    ingest.start()
    mappings = {name: load_built_in(name) for name in ("x12", "edifact")}
    routes = edi_routes(mappings, ingest, lambda: us(NOW), Limits())
    try:
        yield IngestApp(routes, authorize=open_to_all, limits=Limits())
    finally:
        ingest.close()
        database.dispose()


@pytest.mark.parametrize(
    "text",
    ["a\0b", "a\x07b", "\ufffe", "😀" * 900, "x" * 30_000],
    ids=["NUL", "bell", "noncharacter", "emoji", "long"],
)
@pytest.mark.parametrize(
    "file",
    [
        lambda text: an_x12("850", f"BEG*00*SA*{text}**20260301", f"N1*BY*{text}"),
        lambda text: an_x12("850", "BEG*00*SA*PO-2**20260301", f"REF*DP*{text}"),
        lambda text: an_x12(text, "BGN*00*X"),
        lambda text: X12([("850", ["BEG*00*SA*PO-3**20260301"])], sender=text).bytes(),
        lambda text: X12([("850", ["BEG*00*SA*PO-4**20260301"])], changes={"SE": f"SE*3*{text}"}).bytes(),
        lambda text: text.encode(),
    ],
    ids=["order", "reference", "kind", "sender", "control", "all"],
)
def test_unusual_text_is_stored_or_kept_and_never_answered_with_try_again(app, file, text):
    reply = post(app, "/edi", file(text), "application/edi-x12")

    assert reply.status in (200, 400), reply.body
    assert reply.json["stored"] + reply.json["duplicate"] + reply.json["quarantined"] >= 1
