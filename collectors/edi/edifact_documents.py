"""From an EDIFACT message to a document that mappings read.

``RFF01_2`` is component 2 of element 1 of RFF; a tag holds the list of its segments, and a segment that opens
a group holds the segments below it. What a mapping language cannot work out - dates, decimal commas, product
ids by their type, the orders of a despatch - is added in lower-case members. docs/reference/edi.md describes
it all.
"""

from __future__ import annotations

from collections.abc import Iterator

from collectors.edi import edifact_orders
from collectors.edi.envelopes import FoundSet
from collectors.edi.loops import Hierarchy, Loop, Node, everything, grown, members, nested, put, told
from collectors.edi.parties import edifact_parties, sku_of
from collectors.edi.segments import Components, Segment, Separators
from collectors.edi.values import decimal_text, iso_date_time, iso_of_dtm, refined

_PARTY = members("LOC FII RFF DOC CTA COM")
_TAX = members("MOA LOC")
_CHARGE = members("ALI QTY RNG PCD MOA RTE", TAX=_TAX)
_TRANSPORT = members("LOC TSR")
_HEADER: dict[str, Loop] = {"NAD": _PARTY, "TAX": _TAX, "ALC": _CHARGE, "TDT": _TRANSPORT}
_LINE: dict[str, Loop] = {"NAD": _PARTY, "TAX": _TAX, "ALC": _CHARGE}
_PACK = members("MEA QTY HAN PCI RFF DTM GIN SEL LOC")
_ORDER = members("", **_HEADER, LIN=everything("LIN UNS CNT", **_LINE))
_DESPATCH = members(
    "",
    **_HEADER,
    CPS=everything("CPS CNT UNS", PAC=_PACK, LIN=everything("LIN CPS CNT UNS", NAD=_PARTY)),
    LIN=everything("LIN CPS CNT UNS", NAD=_PARTY),
)
_ROOTS: dict[str, Loop] = {"DESADV": _DESPATCH, "RECADV": _DESPATCH}
_CPS = Hierarchy("CPS", "CPS01_1", "CPS02_1", "", "")

_NUMBERS = {"MOA": "amount", "QTY": "quantity", "PRI": "price", "CNT": "quantity", "QVR": "quantity"}
# DTM qualifiers that say when what a message reports happened, best first.
_HAPPENED = {"DESADV": ("11", "137"), "RECADV": ("50", "35", "137")}
_DOCUMENT_DATE = ("137",)


def document_of(found: FoundSet, separators: Separators) -> Node:
    """The document of one message."""
    return _Reading(found, separators).document()


class _Reading:
    def __init__(self, found: FoundSet, separators: Separators) -> None:
        self.found = found
        self.separators = separators
        header = found.level.header
        self.identity = self._components(header, 2) if header else ()
        self.kind = _part(self.identity, 1)

    def document(self) -> Node:
        document = nested(self.found.level.segments, _ROOTS.get(self.kind, _ORDER), self._shape)
        grown(document, _CPS, self.found.level.blame)
        document |= self._envelope()
        happened = self._happened(document)
        if happened:
            document["happened"] = refined(happened, document.get("sent", ""))
        put(document, "parties", edifact_parties(document.get("NAD", [])))
        for level in (document, *_levels(document)):
            for line in level.get("LIN", ()):
                put(line, "sku", _sku(line))
        put(document, "orders", edifact_orders.orders_of(self.kind, document))
        return document

    def _shape(self, segment: Segment) -> Node:
        """The components of a segment that were sent, and what is worked out from them."""
        node: Node = {}
        for number, element in enumerate(segment.elements, 1):
            first, *more = self.separators.repetitions_of(element)
            key = f"{segment.tag}{number:02}"
            node |= {f"{key}_{place}": part.strip() for place, part in enumerate(first, 1) if part.strip()}
            if more:
                node[f"{key}_more"] = [[part.strip() for part in parts] for parts in more]
        self._add_worked_out(segment.tag, node)
        return node

    def _add_worked_out(self, tag: str, node: Node) -> None:
        if tag == "DTM":
            put(node, "at", iso_of_dtm(node.get("DTM01_2", ""), node.get("DTM01_3", "")))
        elif tag in _NUMBERS:
            put(node, _NUMBERS[tag], decimal_text(node.get(f"{tag}01_2", "") or node.get(f"{tag}01_1", "")))
        elif tag == "LIN":
            put(node, "ids", _ids((node.get("LIN03_1", ""), node.get("LIN03_2", ""))))
        elif tag == "PIA":
            pairs = [(node.get(f"PIA{n:02}_1", ""), node.get(f"PIA{n:02}_2", "")) for n in range(2, 7)]
            put(node, "ids", _ids(*pairs))
        elif tag == "GIN":
            put(node, "numbers", [node[k] for k in sorted(node) if k.startswith("GIN") and k[:5] != "GIN01"])

    def _components(self, segment: Segment | None, number: int) -> Components:
        """The first repetition of an element, trimmed."""
        if segment is None or not segment.element(number):
            return ()
        return tuple(part.strip() for part in self.separators.repetitions_of(segment.element(number))[0])

    def _envelope(self) -> Node:
        found = self.found
        unb, ung = found.interchange.header, found.group.header if found.group else None
        sender, receiver = self._components(unb, 2), self._components(unb, 3)
        prepared, grouped = self._components(unb, 4), self._components(ung, 4)
        at = iso_date_time(_part(prepared, 1), _part(prepared, 2))
        group = told(
            control=_part(self._components(ung, 5), 1),
            function=_part(self._components(ung, 1), 1),
            sender=_part(self._components(ung, 2), 1),
            receiver=_part(self._components(ung, 3), 1),
            at=iso_date_time(_part(grouped, 1), _part(grouped, 2)),
        )
        interchange = told(
            control=_part(self._components(unb, 5), 1),
            sender=_part(sender, 1),
            sender_qualifier=_part(sender, 2),
            receiver=_part(receiver, 1),
            receiver_qualifier=_part(receiver, 2),
            at=at,
            version=":".join(self._components(unb, 1)),
        )
        envelope: Node = {
            "format": "edifact",
            "kind": self.kind,
            "version": "".join(self.identity[1:3]),
            "subset": _part(self.identity, 5),
            "control": _part(self._components(found.level.header, 1), 1),
            "sender": interchange.get("sender") or group.get("sender"),
            "receiver": interchange.get("receiver") or group.get("receiver"),
            "usage": "T" if _part(self._components(unb, 11), 1) == "1" else "P",
            "sent": at or group.get("at"),
            "interchange": interchange,
            "group": group,
        }
        return {name: value for name, value in envelope.items() if value}

    def _happened(self, document: Node) -> str:
        for qualifier in _HAPPENED.get(self.kind, _DOCUMENT_DATE):
            for node in document.get("DTM", ()):
                if node.get("DTM01_1") == qualifier and "at" in node:
                    return str(node["at"])
        return str(document.get("sent", ""))


def _part(components: Components, number: int) -> str:
    return components[number - 1] if number <= len(components) else ""


def _ids(*pairs: tuple[str, str]) -> Node:
    """Product ids by their type; an id without one stands under ``id``."""
    found: Node = {}
    for value, kind in pairs:
        if value:
            found.setdefault(kind or "id", value)
    return found


def _levels(node: Node) -> Iterator[Node]:
    for level in node.get("CPS", ()):
        yield level
        yield from _levels(level)


def _sku(line: Node) -> str:
    """The product id of a line: of its own segment and of the PIA below it."""
    ids = dict(line.get("ids", {}))
    for more in line.get("PIA", ()):
        for kind, value in more.get("ids", {}).items():
            ids.setdefault(kind, value)
    return sku_of(ids, is_x12=False)
