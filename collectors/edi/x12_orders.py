"""The orders that one X12 set is about: a shipment or an invoice may be of several.

Each becomes an event of its own. One event that named two orders would say that they are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from collectors.edi.loops import Node

_SSCC = frozenset(("GM", "AA", "AI"))  # MAN01: container numbers that no two packages share
_CARRIER_PACKAGE = "CP"  # MAN01: the carrier's number of a package
_ORDER_REFERENCE = "PO"
_TREE = ("HL",)


def orders_of(kind: str, document: Node) -> list[Node]:
    """One object for each order: its `number` when it has one, and what of the document is its own."""
    reader = _READERS.get(kind)
    return reader(document) if reader else []


def _shipped(document: Node) -> list[Node]:
    """The orders of an 856: its order levels; without any, what its items and references name."""
    orders: dict[str, Node] = {}
    roots: list[Node] = document.get("HL", [])
    levels = [node for root in roots for node in _below(root) if node.get("HL03") == "O"]
    for level in levels:
        _add(orders, _number_of(level), level, list(_below(level)))
    if not levels:
        default = _reference(document) or next(filter(None, map(_number_of, roots)), "")
        nodes = [node for root in roots for node in _below(root)]
        for node in nodes:
            if node.get("HL03") in ("T", "P", "I"):
                _add(orders, _number_of(node) or default, None, [node])
        if not orders:
            _add(orders, default, None, [])
    return list(orders.values())


def _add(orders: dict[str, Node], number: str, level: Node | None, nodes: list[Node]) -> None:
    order = orders.setdefault(number, {"packages": [], "trackings": [], "items": []})
    if number:
        order["number"] = number
    if level is not None:
        order.setdefault("level", _own(level))
    for node in nodes:
        if node.get("HL03") == "I":
            order["items"].append(_own(node))
        _add_marks(order, node)


def _add_marks(order: Node, node: Node) -> None:
    for mark in node.get("MAN", ()):
        for qualifier, value in (
            (mark.get("MAN01"), mark.get("MAN02")),
            (mark.get("MAN04"), mark.get("MAN05")),
        ):
            if value and qualifier in _SSCC:
                order["packages"].append(value)
            elif value and qualifier == _CARRIER_PACKAGE:
                order["trackings"].append(value)


def _invoiced(document: Node) -> list[Node]:
    """The orders of an 810: of its header, else of its references, else of its lines."""
    numbers = [node["BIG04"] for node in document.get("BIG", ()) if "BIG04" in node]
    numbers = numbers or _references(document)
    numbers = numbers or [number for line in document.get("IT1", ()) for number in _references(line)]
    return [{"number": number} for number in dict.fromkeys(numbers)] or [{}]


def _number_of(node: Node) -> str:
    named = next((prf["PRF01"] for prf in node.get("PRF", ()) if "PRF01" in prf), "")
    return str(named or _reference(node))


def _reference(node: Node) -> str:
    return next(iter(_references(node)), "")


def _references(node: Node) -> list[str]:
    return [
        ref["REF02"] for ref in node.get("REF", ()) if ref.get("REF01") == _ORDER_REFERENCE and "REF02" in ref
    ]


def _below(node: Node) -> Iterator[Node]:
    """A node and all below it, in order."""
    yield node
    for child in node.get("HL", ()):
        yield from _below(child)


def _own(node: Node) -> Node:
    """A node without those below it."""
    return {name: value for name, value in node.items() if name not in _TREE}


_READERS: dict[str, Callable[[Node], list[Node]]] = {"856": _shipped, "810": _invoiced}
