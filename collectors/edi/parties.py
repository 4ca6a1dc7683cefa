"""What is the same in both standards about parties and products."""

from __future__ import annotations

from collectors.edi.loops import Node

# The product id that a line is known by: the seller's, then the buyer's, then the world's.
_X12_SKU = ("SK", "VN", "VP", "VC", "BP", "IN", "CB", "UP", "EN", "UK", "UI", "UC", "UA")
_EDIFACT_SKU = ("SA", "IN", "BP", "SRV", "EN", "UP", "id")


def sku_of(ids: Node, *, is_x12: bool) -> str:
    """The best of several product ids, "" when there is none."""
    preferred = _X12_SKU if is_x12 else _EDIFACT_SKU
    return next((str(ids[kind]) for kind in preferred if kind in ids), next(map(str, ids.values()), ""))


def x12_parties(names: list[Node]) -> Node:
    """The first party of each N101, with name, id and address."""
    parties: Node = {}
    for node in names:
        lines = [
            text for tag in ("N2", "N3", "N4") for segment in node.get(tag, ()) for text in segment.values()
        ]
        party = _party(node.get("N102", ""), node.get("N104", ""), lines)
        if party and "N101" in node:
            parties.setdefault(node["N101"], party)
    return parties


def edifact_parties(names: list[Node]) -> Node:
    """The first party of each NAD01, with name, id and address."""
    parties: Node = {}
    for node in names:
        name = " ".join(_numbered(node, "NAD04_")) or " ".join(_numbered(node, "NAD03_"))
        lines = [text for key in ("NAD05_", "NAD06_", "NAD08_", "NAD09_") for text in _numbered(node, key)]
        party = _party(name, node.get("NAD02_1", ""), lines)
        if party and "NAD01_1" in node:
            parties.setdefault(node["NAD01_1"], party)
    return parties


def _party(name: str, number: str, lines: list[str]) -> Node:
    party = {"name": name, "id": number, "address": ", ".join(lines)}
    return {key: text for key, text in party.items() if text}


def _numbered(node: Node, prefix: str) -> list[str]:
    return [node[f"{prefix}{number}"] for number in range(1, 6) if f"{prefix}{number}" in node]
