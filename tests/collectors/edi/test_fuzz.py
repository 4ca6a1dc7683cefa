"""Whatever bytes come: they are read or refused with a reason, in good time, and nothing else is raised."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.edi.decoding import Decoded, decode
from collectors.edi.interchanges import Unreadable
from collectors.edi.reading import read_edi
from collectors.mapping.catalogue import load_built_in
from tests.collectors.edi.writing import an_x12, edifact
from tests.collectors.estate import NOW_US

MAPPINGS = {name: load_built_in(name) for name in ("x12", "edifact")}
SEED = an_x12(
    "856", "BSN*00*S-1*20260302", "HL*1**S", "HL*2*1*O", "PRF*PO-1", "HL*3*2*I", "LIN**SK*A", "SN1**1*EA"
)
ORDERS = edifact("DESADV", "BGM+351+D-1+9", "RFF+ON:PO?+1", "CPS+1", "PAC+1", "LIN+1++4:EN", "QTY+12:1")
KINDS = ["850", "855", "860", "856", "810", "846", "940", "945", "997", "999", "180", "214"]
TAGS = [
    "BEG",
    "BAK",
    "BCH",
    "BSN",
    "HL",
    "PRF",
    "LIN",
    "SN1",
    "MAN",
    "BIG",
    "IT1",
    "TDS",
    "AK1",
    "AK2",
    "AK3",
]
TAGS += ["AK5", "AK9", "BGN", "BLI", "B10", "LX", "AT7", "L11", "W05", "W06", "W12", "W01", "N1", "N3", "REF"]
TAGS += ["DTM", "PO1", "ACK", "POC", "CTT", "AMT", "CUR", "QTY", "MS1", "G62", "SE", "GE", "ST", "TA1"]


@given(data=st.binary(max_size=400))
def test_any_bytes(data):
    parts = list(decode(data))

    assert parts
    assert all(isinstance(part, Decoded | Unreadable) for part in parts)


@given(
    seed=st.sampled_from((SEED, ORDERS)),
    places=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=6),
)
def test_damaged_interchanges(seed, places):
    data = seed
    for place, noise in places:
        data = data[:place] + noise + data[place + 1 :]

    reading = read_edi(data, MAPPINGS, received_us=NOW_US)

    assert reading.events or reading.held


segments = st.tuples(
    st.sampled_from(TAGS),
    st.lists(
        st.sampled_from(["", "1", "20260301", "ON", "GM", "S", "O", "I", "R", "x y", "00", "A>B"]), max_size=8
    ),
)


@given(kind=st.sampled_from(KINDS), lines=st.lists(segments, max_size=25))
def test_any_segments_in_any_set_become_events_or_are_held(kind, lines):
    data = an_x12(kind, *("*".join([tag, *elements]) for tag, elements in lines))

    reading = read_edi(data, MAPPINGS, received_us=NOW_US)

    assert reading.events or reading.held


MESSAGES = ["ORDERS", "ORDCHG", "ORDRSP", "DESADV", "RECADV", "INVOIC"]
GROUPS = [
    "BGM",
    "DTM",
    "RFF",
    "NAD",
    "LIN",
    "PIA",
    "QTY",
    "MOA",
    "CUX",
    "CPS",
    "PAC",
    "GIN",
    "UNS",
    "TAX",
    "ALC",
]
parts = st.sampled_from(
    ["", "1", "ON", "PO-1", "137:20260301:102", "BJ", "A:SA", "77:1,5", "2:EUR", "x?+y", "a*b"]
)


@given(
    kind=st.sampled_from(MESSAGES),
    lines=st.lists(st.tuples(st.sampled_from(GROUPS), st.lists(parts, max_size=6)), max_size=25),
)
def test_any_segments_in_any_message_become_events_or_are_held(kind, lines):
    data = edifact(kind, *("+".join([tag, *elements]) for tag, elements in lines))

    reading = read_edi(data, MAPPINGS, received_us=NOW_US)

    assert reading.events or reading.held


@pytest.mark.parametrize(
    "data",
    [
        b"UNB+UNOC:3+A+B+260301:1015+7'" + b"?'" * 400_000,
        b"UNB+UNOC:3+A+B+260301:1015+7'UNH+1+ORDERS:D:96A'FTX+" + b"?+" * 30_000 + b"'" + b"?" * 400_000,
        an_x12("850", "MSG*" + "\n" * 60_000),
        an_x12("856", *(f"HL*{n}**S" for n in range(40_000))),
        b"ISA*" * 200_000,
        b"UNA:+.? '" * 90_000,
        b"ST*" + b"-" * 500_000,
        b"\n" * 800_000,
    ],
    ids=["released", "release", "newlines", "roots", "isa", "una", "bare", "blank"],
)
def test_hostile_files_end_in_good_time(data):
    started = time.monotonic()

    list(decode(data))

    assert time.monotonic() - started < 10
