"""From an X12 transaction set to a document that mappings read.

``BEG03`` is element 3 of BEG, as in every implementation guide; a tag holds the list of its segments, and a
segment that opens a loop holds the segments below it. What a mapping language cannot work out - dates,
implied decimals, product ids by their qualifier, the orders of a shipment - is added in lower-case members.
docs/reference/edi.md describes it all.
"""

from __future__ import annotations

from collectors.edi import x12_orders
from collectors.edi.envelopes import FoundSet
from collectors.edi.loops import Hierarchy, Loop, Node, everything, grown, members, nested, put, told
from collectors.edi.parties import sku_of, x12_parties
from collectors.edi.segments import Segment, Separators
from collectors.edi.values import decimal_text, implied_cents, iso_date_time, refined

_PARTY = members("N2 N3 N4 NX2 REF PER FOB SI TD1 TD3 TD4 TD5 PKG N9 LM LQ G61 G62")
_SHORT_PARTY = members("N2 N3 N4 REF PER")
_LINE = {"N1": _SHORT_PARTY, "N9": members("MSG"), "SLN": members("PID PO3 MEA DTM CTP SAC N9")}
_CTT = members("AMT")


def _lines(opener: str, ends: str = "CTT") -> Loop:
    """A root whose lines take all up to the totals."""
    line = everything(f"{opener} {ends}", **_LINE)
    return members("", N1=_PARTY, N9=members("MSG DTM"), SPI=members("MSG"), CTT=_CTT, **{opener: line})


_ACKNOWLEDGED = members("AK5 IK5", AK3=members("AK4"), IK3=members("IK4 CTX", IK4=members("CTX")))
_ROOTS: dict[str, Loop] = {
    "850": _lines("PO1"),
    "855": _lines("PO1"),
    "860": _lines("POC"),
    "865": _lines("POC"),
    "810": _lines("IT1", "TDS CTT"),
    "846": members(
        "", N1=_PARTY, CTT=_CTT, LIN=everything("LIN CTT", N1=_SHORT_PARTY, QTY=members("UIT LDT MEA DTM"))
    ),
    "856": members(
        "",
        N1=_PARTY,
        HL=everything("HL CTT", N1=_SHORT_PARTY, CLD=members("REF DTM"), SLN=members("PID MEA")),
    ),
    "940": members(
        "", N1=_PARTY, LX=everything("LX W76", N1=_SHORT_PARTY, W01=everything("W01 LX W76", N1=_SHORT_PARTY))
    ),
    "945": members(
        "", N1=_PARTY, LX=everything("LX W03", N1=_SHORT_PARTY, W12=everything("W12 LX W03", N1=_SHORT_PARTY))
    ),
    "997": members("", AK2=_ACKNOWLEDGED),
    "999": members("", AK2=_ACKNOWLEDGED),
    "180": members("", N1=_PARTY, BLI=everything("BLI", N1=_SHORT_PARTY)),
    "214": members("", N1=_PARTY, LX=everything("LX", N1=_SHORT_PARTY, AT7=members("MS1 MS2 M7"))),
}
_OTHER = members(
    "",
    N1=_PARTY,
    CTT=_CTT,
    LX=everything("LX CTT"),
    HL=everything("HL CTT", N1=_SHORT_PARTY),
    PO1=everything("PO1 CTT"),
)
_HL = Hierarchy("HL", "HL01", "HL02", "HL03", "SOTPI")

# Where a segment has its date, its time and its time code.
_DATES = {
    "DTM": (2, 3, 4),
    "BEG": (5, 0, 0),
    "BIG": (1, 0, 0),
    "BSN": (3, 4, 0),
    "BIA": (4, 5, 0),
    "BGN": (3, 4, 5),
    "G62": (2, 4, 5),
    "W06": (3, 0, 0),
    "AT7": (5, 6, 7),
    "PRF": (4, 0, 0),
    "TA1": (2, 3, 0),
}
# Where the pairs of qualifier and product id begin.
_PRODUCT_IDS = {
    "PO1": 6,
    "IT1": 6,
    "POC": 8,
    "LIN": 2,
    "W01": 4,
    "W12": 7,
    "BLI": 1,
    "SLN": 9,
    "ACK": 7,
    "SN1": 9,
}
_AMOUNTS = {"AMT": 2, "MOA": 2}

# The dates that say when what a set reports happened, best first: segment, member, and what its first
# element must be. Dates of the order itself, as in BAK04, do not say when it was answered.
_HAPPENED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "850": (("BEG", "at", ""),),
    "855": (("BAK", "BAK09", ""),),
    "860": (("BCH", "BCH11", ""),),
    "810": (("BIG", "at", ""),),
    "846": (("DTM", "at", "007"), ("BIA", "at", "")),
    "856": (("DTM", "at", "011"), ("BSN", "at", "")),
    "945": (("G62", "at", "11"), ("W06", "at", "")),
    "180": (("BGN", "at", ""),),
    "TA1": (("TA1", "at", ""),),
}


def document_of(found: FoundSet, separators: Separators) -> Node:
    """The document of one transaction set."""
    header = found.level.header
    kind = header.element(1).strip() if header and header.tag == "ST" else (header.tag if header else "")
    return _Reading(found, separators, kind).document()


class _Reading:
    def __init__(self, found: FoundSet, separators: Separators, kind: str) -> None:
        self.found = found
        self.separators = separators
        self.kind = kind

    def document(self) -> Node:
        segments = self.found.level.segments
        document = nested(segments, _ROOTS.get(self.kind, _OTHER), self._shape)
        grown(document, _HL, self.found.level.blame)
        envelope = self._envelope()
        document |= envelope
        happened = self._happened(document)
        if happened:
            document["happened"] = refined(happened, envelope.get("sent", ""))
        put(document, "parties", x12_parties(_nodes(document, "N1")))
        put(document, "orders", x12_orders.orders_of(self.kind, document))
        return document

    def _shape(self, segment: Segment) -> Node:
        """The elements of a segment that were sent, and what is worked out from them."""
        node: Node = {}
        for number, element in enumerate(segment.elements, 1):
            text = element.strip()
            if not text:
                continue
            key = f"{segment.tag}{number:02}"
            node[key] = text
            if self.separators.component and self.separators.component in text:
                parts = self.separators.repetitions_of(text)[0]
                node |= {
                    f"{key}_{place}": part.strip() for place, part in enumerate(parts, 1) if part.strip()
                }
        self._add_worked_out(segment, node)
        return node

    def _add_worked_out(self, segment: Segment, node: Node) -> None:
        tag = segment.tag
        if tag in _DATES:
            date, time, zone = (segment.element(number) if number else "" for number in _DATES[tag])
            put(node, "at", iso_date_time(date, time, zone))
        if tag in _PRODUCT_IDS:
            ids = _product_ids(segment, _PRODUCT_IDS[tag])
            put(node, "ids", ids)
            put(node, "sku", sku_of(ids, is_x12=True))
        if tag in _AMOUNTS:
            put(node, "amount", decimal_text(segment.element(_AMOUNTS[tag])))
        if tag == "TDS":
            put(node, "amount", implied_cents(segment.element(1)))

    def _envelope(self) -> Node:
        found = self.found
        header = found.level.header
        interchange = found.interchange.header
        group = found.group.header if found.group else None
        isa = (
            [""] * 17
            if interchange is None
            else ["", *(interchange.element(n).strip() for n in range(1, 17))]
        )
        gs = [""] * 9 if group is None else ["", *(group.element(n).strip() for n in range(1, 9))]
        control = header.element(2 if header.tag == "ST" else 1).strip() if header else ""
        envelope: Node = {
            "format": "x12",
            "kind": self.kind,
            "version": gs[8] or isa[12],
            "control": control,
            "sender": isa[6] or gs[2],
            "receiver": isa[8] or gs[3],
            "usage": isa[15],
            "sent": iso_date_time(gs[4], gs[5]) or iso_date_time(isa[9], isa[10]),
            "interchange": told(
                control=isa[13],
                sender=isa[6],
                sender_qualifier=isa[5],
                receiver=isa[8],
                receiver_qualifier=isa[7],
                at=iso_date_time(isa[9], isa[10]),
                version=isa[12],
            ),
            "group": told(
                control=gs[6], function=gs[1], sender=gs[2], receiver=gs[3], at=iso_date_time(gs[4], gs[5])
            ),
        }
        return {name: value for name, value in envelope.items() if value}

    def _happened(self, document: Node) -> str:
        for tag, member, qualifier in _HAPPENED.get(self.kind, ()):
            for node in _nodes(document, tag):
                if qualifier and node.get(f"{tag}01") != qualifier:
                    continue
                at = node.get(member, "") if member == "at" else iso_date_time(node.get(member, ""))
                if at:
                    return str(at)
        return str(document.get("sent", ""))


def _nodes(document: Node, tag: str) -> list[Node]:
    """The segments of the header, and of the first hierarchical level."""
    top = document.get("HL", [])[:1]
    return [*document.get(tag, ()), *(node for level in top for node in level.get(tag, ()))]


def _product_ids(segment: Segment, first: int) -> Node:
    """Product ids by their qualifier; a pair whose place is off by one is found all the same."""
    ids: Node = {}
    number = first
    while number < len(segment.elements):
        qualifier, value = segment.element(number).strip(), segment.element(number + 1).strip()
        if len(qualifier) == 2 and qualifier.isalnum() and value:
            ids.setdefault(qualifier, value)
            number += 2
        else:
            number += 1
    return ids
