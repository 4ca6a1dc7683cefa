"""The orders that one EDIFACT message is about: a despatch or an invoice may be of several.

Each becomes an event of its own. One event that named two orders would say that they are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from collectors.edi.loops import Node

_KINDS = frozenset(("DESADV", "RECADV", "INVOIC"))
_ORDER_NUMBER = "ON"  # RFF qualifier
_SSCC = frozenset(("BJ", "AW"))  # GIN qualifiers: serial shipping container code, and range of them


def orders_of(kind: str, document: Node) -> list[Node]:
    """One object for each order: its `number` when it has one, its `items` and the packages they came in.

    A line names its order itself or is of the order that the header names. Packages without lines are of the
    header's order, or of the only one.
    """
    if kind not in _KINDS:
        return []
    header = _number_of(document)
    orders: dict[str, Node] = {}
    if header:
        _order(orders, header)
    loose: list[str] = []
    for packages, lines in _groups(document):
        for line in lines:
            order = _order(orders, _number_of(line) or header)
            order["items"].append(line)
            order["packages"] += [*packages, *_packages_in(line)]
        if not lines:
            loose += packages
    if not orders:
        _order(orders, "")
    if header or len(orders) == 1:
        next(iter(orders.values()))["packages"] += loose
    found = [order for order in orders.values() if order["items"]] or list(orders.values())
    for order in found:
        order["packages"] = list(dict.fromkeys(order["packages"]))
    return found


def _order(orders: dict[str, Node], number: str) -> Node:
    return orders.setdefault(number, {"items": [], "packages": []} | ({"number": number} if number else {}))


def _groups(document: Node) -> Iterator[tuple[list[str], list[Node]]]:
    """The lines of each packing level with its packages, then the lines without a level."""
    for level in document.get("CPS", ()):
        yield from _levels(level, [])
    yield [], document.get("LIN", [])


def _levels(level: Node, outer: list[str]) -> Iterator[tuple[list[str], list[Node]]]:
    inside = _packages_in(level) + [number for pack in level.get("PAC", ()) for number in _packages_in(pack)]
    yield inside or outer, level.get("LIN", [])
    for child in level.get("CPS", ()):
        yield from _levels(child, inside or outer)


def _packages_in(node: Node) -> list[str]:
    return [
        number
        for gin in node.get("GIN", ())
        if gin.get("GIN01_1") in _SSCC
        for number in gin.get("numbers", ())
    ]


def _number_of(node: Node) -> str:
    """The order number that a node refers to, else that of a reference of its parties."""
    for reference in node.get("RFF", ()):
        if reference.get("RFF01_1") == _ORDER_NUMBER and reference.get("RFF01_2"):
            return str(reference["RFF01_2"])
    return ""
