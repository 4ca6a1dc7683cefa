"""Every X12, EDIFACT and TRADACOMS sample of real projects, by HTTP and through the watched folder.

They are what partners send: trimmed, wrapped, miscounted, without trailers, with a byte order mark, with a
segment terminator of three bytes. `FILES` records what each becomes; `READ` is written by hand from
the files, and the number of sets in each is counted by other means.
"""

import json
import re
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from collectors.edi.reading import read_edi
from collectors.mapping.catalogue import load_built_in
from tests.running import ADMIN, Visitor, running_tower

MAPPINGS = {name: load_built_in(name) for name in ("x12", "edifact")}
pytestmark = pytest.mark.realdata
FOLDERS = ("x12", "edifact", "tradacoms")
_SET = {"x12": rb"(?<![A-Za-z0-9])ST[*~^|][0-9]{3}[*~^|]", "edifact": rb"(?<![A-Za-z0-9])UNH\+"}


@dataclass(frozen=True)
class Wanted:
    """What a file becomes."""

    documents: int
    told: str  # types of events, with how many of them where there are several
    faulty: int = 0  # documents whose envelopes have faults
    held: str = ""  # reasons of what is kept in quarantine

    @property
    def types(self):
        """Events by type."""
        pairs = (word.partition("*") for word in self.told.split())
        return Counter({name: int(count or 1) for name, _, count in pairs})


FILES = {
    "x12/ediengine/850.Composite.SLN.OK.edi": Wanted(1, "order.captured"),
    "x12/ediengine/850.OK.edi": Wanted(1, "order.captured"),
    "x12/ediengine/850.SyntaxNotes.ERR.edi": Wanted(1, "order.captured"),
    "x12/ediengine/856.Crossdock.OK.edi": Wanted(1, "shipment.shipped*2"),
    "x12/ediengine/940.2.OK.edi": Wanted(1, "order.released"),
    "x12/ediengine/940.OK.edi": Wanted(1, "order.released"),
    "x12/ediengine/940.W05.Only.edi": Wanted(1, "order.released"),
    "x12/ediengine/940_Failed_SE01.edi": Wanted(1, "order.released", faulty=1),
    "x12/ediengine/AckTest.edi": Wanted(3, "order.released*3"),
    "x12/ediengine/ControlNumbersMismatch.edi": Wanted(1, "order.released", faulty=1),
    "x12/ediengine/MultipleInterchangesAndGroups.edi": Wanted(6, "order.released*6"),
    "x12/ediengine/NonEdi.edi": Wanted(0, "", held="no_envelope"),
    "x12/ediengine/WrongGroupsAndTranCount.edi": Wanted(1, "order.released", faulty=1),
    "x12/moov_4010_810_sample.edi": Wanted(2, "invoice.issued*2"),
    "x12/node-x12/850.edi": Wanted(1, "order.captured"),
    "x12/node-x12/850_2.edi": Wanted(1, "order.captured"),
    "x12/node-x12/850_3.edi": Wanted(1, "order.captured"),
    "x12/node-x12/850_fat.edi": Wanted(2, "order.captured*2", faulty=1),
    "x12/node-x12/856.edi": Wanted(1, "shipment.shipped"),
    "x12/staedi/empty997.edi": Wanted(1, "acknowledgement.empty"),
    "x12/staedi/invalid997.edi": Wanted(1, "acknowledgement.rejected"),
    "x12/staedi/invalid999.edi": Wanted(1, "acknowledgement.unknown acknowledgement.rejected*2", faulty=1),
    "x12/staedi/issue109/ts214_ellipses_segterm.edi": Wanted(1, "shipment.tracked shipment.in_transit"),
    "x12/staedi/issue128/ts210_80char.edi": Wanted(1, "unmapped"),
    "x12/staedi/issue590/multi-tx-transaction-type.edi": Wanted(2, "order.accepted*2"),
    "x12/staedi/optionalInterchangeServices.edi": Wanted(1, "acknowledgement.accepted"),
    "x12/staedi/simple997-multiple-interchanges.edi": Wanted(3, "acknowledgement.rejected*3"),
    "x12/staedi/simple999.edi": Wanted(1, "acknowledgement.accepted acknowledgement.rejected*2"),
    "x12/x12-types/855_test_01.edi": Wanted(1, "order.accepted", faulty=1),
    "x12/x12-types/945_test_01.edi": Wanted(1, "shipment.shipped", faulty=1),
    "x12/x12-types/test_214_01.edi": Wanted(
        1, "shipment.tracked*12 shipment.in_transit*3 shipment.delivered*3", faulty=1
    ),
    "x12/x12-types/test_810_01.edi": Wanted(1, "invoice.issued", faulty=1),
    "x12/x12-types/test_810_02.edi": Wanted(1, "invoice.issued"),
    "x12/x12-types/test_810_03.edi": Wanted(1, "invoice.issued", faulty=1),
    "x12/x12-types/test_997_01.edi": Wanted(1, "acknowledgement.rejected", faulty=1),
    "x12/x12-types/test_997_02.edi": Wanted(1, "acknowledgement.accepted acknowledgement.rejected", faulty=1),
    "x12/x12-types/test_997_03.edi": Wanted(
        2, "acknowledgement.accepted*2 acknowledgement.rejected", faulty=2
    ),
    "x12/x12-types/test_997_04.edi": Wanted(1, "acknowledgement.accepted", faulty=1),
    "x12/x12parser/Acknowledgments/TechnicalAcknowledgment_Sample1.txt": Wanted(
        2, "acknowledgement.accepted*2"
    ),
    "x12/x12parser/Acknowledgments/_999/DHS_Wisconsin_Sample.txt": Wanted(
        1, "acknowledgement.accepted acknowledgement.rejected*2"
    ),
    "x12/x12parser/FIN/_824/FromCnSpec.txt": Wanted(1, "unmapped"),
    "x12/x12parser/MAN/_852/AftermarketExample.txt": Wanted(1, "unmapped"),
    "x12/x12parser/MAN/_866/Sample1.txt": Wanted(1, "unmapped"),
    "x12/x12parser/MAN/_867/Example1.txt": Wanted(1, "unmapped"),
    "x12/x12parser/MAN/_867/Example3.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_180/FromEasistandards.txt": Wanted(1, "return.requested"),
    "x12/x12parser/ORD/_810/2011110815164104.txt": Wanted(1, "invoice.issued"),
    "x12/x12parser/ORD/_810/Example2_ManualBilling.txt": Wanted(1, "invoice.issued"),
    "x12/x12parser/ORD/_810/Example4_Adobe.txt": Wanted(1, "invoice.issued"),
    "x12/x12parser/ORD/_811/GXSOLC_Example.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_816/Steinmart_Example1.txt": Wanted(1, "unmapped", faulty=1),
    "x12/x12parser/ORD/_820/Example1_MortgageBankers.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_820/Example3_HomeDepot.txt": Wanted(1, "unmapped", faulty=1),
    "x12/x12parser/ORD/_820/Example5_Wikipedia.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_820/Example7_FromScott.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_832/_4010/Example1_HIBCC.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_846/Example1.txt": Wanted(1, "inventory.published"),
    "x12/x12parser/ORD/_850/Example1_PGWGlass.txt": Wanted(1, "order.amended"),
    "x12/x12parser/ORD/_850/Example3_Adobe_CLP.txt": Wanted(1, "order.captured"),
    "x12/x12parser/ORD/_850/From_aojuk.txt": Wanted(1, "order.captured"),
    "x12/x12parser/ORD/_855/855SSimmons.txt": Wanted(2, "order.accepted*2"),
    "x12/x12parser/ORD/_856/Example2.txt": Wanted(1, "shipment.shipped*2"),
    "x12/x12parser/ORD/_856/Example4.txt": Wanted(1, "shipment.shipped"),
    "x12/x12parser/ORD/_857/AfterMarketSuppliers_Example.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_857/Kroger_DeliveryExample.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_860/Example1.txt": Wanted(1, "order.amended line.cancelled*2", faulty=1),
    "x12/x12parser/ORD/_865/FromAdvanceAutoParts.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_865/FromTyco.txt": Wanted(1, "unmapped", faulty=1),
    "x12/x12parser/ORD/_875/AmasoftExample1.txt": Wanted(1, "unmapped"),
    "x12/x12parser/ORD/_880/SimplotExample1.txt": Wanted(1, "unmapped"),
    "x12/x12parser/TAM/_110/FedEx_SampleInvoice1.txt": Wanted(1, "unmapped", faulty=1),
    "x12/x12parser/TAM/_210/CN_FreightInvoiceSample1.txt": Wanted(1, "unmapped"),
    "x12/x12parser/TAM/_210/DBSchenker_SampleMotorFreightDetailsAndInvoice.txt": Wanted(
        1, "unmapped", faulty=1
    ),
    "edifact/ballerina/message.edi": Wanted(1, "order.captured", faulty=1),
    "edifact/edi_net/edifact.01.edi": Wanted(1, "unmapped", faulty=1),
    "edifact/edi_net/edifact.01.multi-message.edi": Wanted(2, "unmapped*2", faulty=2),
    "edifact/edi_net/edifact.D01B.IFCSUM.EDI": Wanted(1, "unmapped", faulty=1),
    "edifact/edi_net/edifact.D01B.IFCSUM.NewLines.EDI": Wanted(1, "unmapped", faulty=1),
    "edifact/edi_net/edifact.Issue152.Wikipedia.edi": Wanted(1, "unmapped"),
    "edifact/edi_net/edifact.Issue203.edi": Wanted(1, "invoice.issued", faulty=1),
    "edifact/edi_net/edifact.ORDRSP-formatted.edi": Wanted(1, "order.accepted", faulty=1),
    "edifact/edi_net/edifact.ORDRSP.edi": Wanted(1, "order.accepted", faulty=1),
    "edifact/edi_net/edifact.Paiement.Issue139.EDI": Wanted(1, "unmapped", faulty=1),
    "edifact/php-edifact/D95BBAPLIE.edi": Wanted(1, "unmapped"),
    "edifact/php-edifact/D95BCOARRI.edi": Wanted(2, "unmapped*2"),
    "edifact/php-edifact/D96ADESADV.edi": Wanted(1, "shipment.shipped*2"),
    "edifact/php-edifact/example.edi": Wanted(1, "unmapped"),
    "edifact/php-edifact/exampleMulti.edi": Wanted(2, "unmapped*2"),
    "edifact/php-edifact/example_multiline.edi": Wanted(1, "unmapped", faulty=1),
    "edifact/php-edifact/example_order_error.edi": Wanted(1, "order.captured"),
    "edifact/php-edifact/example_order_ok.edi": Wanted(1, "order.captured"),
    "edifact/php-edifact/example_release_character.edi": Wanted(1, "unmapped", faulty=1),
    "edifact/php-edifact/example_utf8.edi": Wanted(1, "shipment.shipped*2"),
    "edifact/php-edifact/example_wrapped.edi": Wanted(1, "unmapped"),
    "edifact/pydifact/invoice1.edi": Wanted(1, "invoice.credited"),
    "edifact/pydifact/order.edi": Wanted(1, "order.captured", faulty=1),
    "edifact/pydifact/order2.edi": Wanted(1, "order.captured", faulty=1),
    "tradacoms/edi_net/tradacoms.order9.edi": Wanted(0, "", held="tradacoms"),
    "tradacoms/edi_net/tradacoms.productplanning.edi": Wanted(0, "", held="tradacoms"),
}
NAMES = sorted(FILES)
# What a person reads in a file: type of the event, then what it says.
READ = {
    "x12/node-x12/850.edi": [("order.captured", {"purchase_order": "08292233294"}, "13045.94", "")],
    "x12/ediengine/856.Crossdock.OK.edi": [
        (
            "shipment.shipped",
            {
                "purchase_order": "POREF00",
                "shipment": "000009",
                "tracking": "0000000008741",
                "package": [f"000007156700021523{end}" for end in ("60", "77", "84", "91")],
            },
            "",
            "",
        ),
        (
            "shipment.shipped",
            {
                "purchase_order": "POREF01",
                "shipment": "000009",
                "tracking": "0000000008741",
                "package": "00000715670002152111",
            },
            "",
            "",
        ),
    ],
    "x12/x12-types/test_810_01.edi": [
        ("invoice.issued", {"purchase_order": "V8748745", "invoice": "0013833070"}, "160.00", "USD")
    ],
    "x12/x12-types/945_test_01.edi": [
        (
            "shipment.shipped",
            {"order_number": "IF102", "purchase_order": "PO9865", "shipment": "BOL12345"},
            "",
            "",
        )
    ],
    "x12/staedi/issue109/ts214_ellipses_segterm.edi": [
        (
            "shipment.tracked",
            {"purchase_order": "900169", "shipment": "7727019", "tracking": "0542550913"},
            "",
            "",
        ),
        (
            "shipment.in_transit",
            {"purchase_order": "900169", "shipment": "7727019", "tracking": "0542550913"},
            "",
            "",
        ),
    ],
    "x12/x12parser/ORD/_850/Example3_Adobe_CLP.txt": [
        ("order.captured", {"purchase_order": "ANSI-X12-CLP"}, "12", "USD")
    ],
    "edifact/pydifact/invoice1.edi": [
        ("invoice.credited", {"purchase_order": "X18V00003", "invoice": "1060113800026"}, "1960.29", "EUR")
    ],
    "edifact/php-edifact/D96ADESADV.edi": [
        ("shipment.shipped", {"purchase_order": "6877871", "shipment": "Y02197250"}, "", ""),
        ("shipment.shipped", {"purchase_order": "6905456", "shipment": "Y02197250"}, "", ""),
    ],
    "edifact/edi_net/edifact.ORDRSP.edi": [("order.accepted", {"purchase_order": "00001672"}, "", "")],
}


@pytest.fixture(scope="module")
def tower(real_data, tmp_path_factory):
    """A tower of its own, which watches a folder."""
    home = tmp_path_factory.mktemp("edi")
    with running_tower(home, edi_folder=str(home / "inbox")) as running:
        yield running


@pytest.fixture(scope="module")
def token(tower):
    """Whoever looks at bytes unmasked needs more than the role viewer."""
    admin = Visitor(tower)
    admin.use_setup_link(tower.setup_link, ADMIN)
    return admin.make_token("tests", "support")


@pytest.fixture
def read(real_data):
    """Reads a sample without a tower."""
    return lambda name: read_edi((real_data / name).read_bytes(), MAPPINGS, received_us=1)


def test_no_sample_is_left_out(real_data):
    files = (path for folder in FOLDERS for path in (real_data / folder).rglob("*") if path.is_file())

    assert {str(path.relative_to(real_data)) for path in files} == set(FILES)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_sample_becomes(read, name):
    wanted = FILES[name]

    reading = read(name)

    assert reading.documents == wanted.documents
    assert Counter(event.type for event in reading.events) == wanted.types
    assert len(reading.blamed) == wanted.faulty
    assert " ".join(held.reason for held in reading.held) == wanted.held


@pytest.mark.parametrize("name", [name for name in NAMES if not FILES[name].held])
def test_every_set_in_a_sample_is_a_document(read, real_data, name):
    data = (real_data / name).read_bytes()
    headers = len(re.findall(_SET[name.partition("/")[0]], data)) + len(re.findall(rb"TA1\*", data))

    assert read(name).documents == headers


@pytest.mark.parametrize("name", sorted(READ))
def test_what_the_events_of_a_sample_say(read, name):
    said = []
    for event in read(name).events:
        ids = json.loads(event.payload)["data"]["identifiers"]
        ids.pop("edi_document", None)
        for kind, values in ids.items():
            ids[kind] = values[0] if isinstance(values, list) and len(values) == 1 else values
        said.append((event.type, ids, event.amount, event.currency))

    assert said == READ[name]


def test_every_sample_by_http(tower, real_data):
    for name in NAMES:
        wanted = FILES[name]
        reply = tower.post("/edi", (real_data / name).read_bytes(), "application/octet-stream")

        assert reply.status == (400 if wanted.held else 200), (name, reply.text)
        assert reply.json["documents"] == wanted.documents, name
        told = reply.json["stored"] + reply.json["duplicate"]
        assert told == wanted.types.total(), (name, reply.text)
        faulty = [item for item in reply.json["items"] if item["status"] == "taken"]
        assert len(faulty) == wanted.faulty, name


def test_every_sample_through_the_folder(tower, real_data):
    inbox = tower.home / "inbox"
    for name in NAMES:
        (inbox / name.replace("/", "__")).write_bytes((real_data / name).read_bytes())
    give_up_at = time.monotonic() + 60
    while any(path.is_file() for path in inbox.iterdir()):
        assert time.monotonic() < give_up_at, tower.log
        time.sleep(0.2)

    done = {path.name for path in (inbox / "done").iterdir()}
    refused = {path.name for path in (inbox / "refused").iterdir()}

    held = {name.replace("/", "__") for name in NAMES if FILES[name].held}
    assert done == {name.replace("/", "__") for name in NAMES} - held
    assert refused == held | {f"{name}.reasons.txt" for name in held}


def test_an_order_is_found_by_its_number(tower, token, real_data):
    tower.post("/edi", (real_data / "x12/node-x12/850.edi").read_bytes(), "application/edi-x12")

    found = tower.get("/api/v1/search", token, q="08292233294")

    assert found["hits"][0]["matched_kind"] == "purchase_order"


def test_both_orders_of_a_shipment_are_journeys_of_their_own(tower, token, real_data):
    tower.post("/edi", (real_data / "x12/ediengine/856.Crossdock.OK.edi").read_bytes(), "")

    journeys = {
        number: {hit["journey"]["id"] for hit in tower.get("/api/v1/search", token, q=number)["hits"]}
        for number in ("POREF00", "POREF01")
    }

    assert len(journeys["POREF00"]) == len(journeys["POREF01"]) == 1
    assert journeys["POREF00"] != journeys["POREF01"]
