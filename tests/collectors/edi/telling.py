"""The events that EDI files become, in the few words that tests compare."""

import json

from collectors.edi.reading import read_edi
from collectors.mapping.catalogue import load_built_in
from tests.collectors.estate import NOW_US

MAPPINGS = {name: load_built_in(name) for name in ("x12", "edifact")}


def told(data, *, received_us=NOW_US):
    """The events of a file of which nothing is held."""
    reading = read_edi(data, MAPPINGS, received_us=received_us)
    assert reading.held == []
    return reading.events


def types(data):
    """The types of the events of a file."""
    return [event.type for event in told(data)]


def ids(event):
    """Identifiers by their kind; several of one kind as a list."""
    found: dict[str, list[str]] = {}
    for identifier in event.identifiers:
        found.setdefault(identifier.kind, []).append(identifier.value)
    return {kind: values if len(values) > 1 else values[0] for kind, values in found.items()}


def said(event):
    """The data of an event."""
    return json.loads(event.payload)["data"]


ORDER = (
    "BEG*00*SA*PO-1**20260301",
    "CUR*BY*USD",
    "DTM*002*20260310",
    "N1*BY*ACME STORES*92*0012",
    "N1*ST*SHOP 12",
    "N3*1 HIGH STREET",
    "PO1*1*5*EA*9.25*TE*VN*AB-1",
    "CTT*1",
    "AMT*TT*46.25",
)
