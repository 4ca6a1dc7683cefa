"""What holds for documents of every kind: repeats, dates, what no rule names, what cannot be told."""

import pytest

from collectors.edi.reading import held_decoder, read_edi
from collectors.mapping.language import parse_mapping
from controltower.domain.errors import BadPayload
from controltower.domain.times import from_us
from tests.collectors.edi.telling import MAPPINGS, ORDER, told
from tests.collectors.edi.writing import X12, an_x12
from tests.collectors.estate import NOW_US


def test_a_kind_that_no_rule_names_is_unmapped_and_counted():
    reading = read_edi(an_x12("824", "BGN*00*X"), MAPPINGS, received_us=NOW_US)

    assert [event.type for event in reading.events] == ["unmapped"]
    assert reading.unmapped == {"edi/BUYER 824": 1}
    assert reading.batch(1).dropped == {("edi", "unmapped", "edi/BUYER 824"): 1}


def test_the_same_file_again_tells_the_same_events():
    file = an_x12("850", *ORDER) + b"ST*997*0001~AK1*PO*42~AK9*A*1*1*1~SE*4*0001~"

    first = told(file, received_us=NOW_US)
    later = told(file, received_us=NOW_US + 3_600_000_000)

    assert [event.type for event in first] == ["order.captured", "acknowledgement.accepted"]
    assert [(e.source, e.id, e.digest) for e in first] == [(e.source, e.id, e.digest) for e in later]


def test_a_set_without_any_date_happened_when_it_was_received():
    (event,) = told(b"ST*997*0001~AK1*PO*42~AK9*A*1*1*1~SE*4*0001~")

    assert event.occurred_us == NOW_US


def test_two_bare_sets_of_one_number_are_two_events():
    first, second = told(b"ST*997*1~AK1*PO*42~AK9*A*1~SE*4*1~ST*997*1~AK1*PO*43~AK9*A*1~SE*4*1~")

    assert first.id != second.id


def test_a_set_that_cannot_be_told_is_held_alone_and_can_be_put_right():
    mapping = parse_mapping(
        """
        name = "x12"
        title = "Strict"
        source = "edi/{sender}"
        format = "x12"
        zone = "UTC"
        [[events]]
        type = "order.captured"
        id = "{BEG[0].BEG03}"
        time = "{happened}"
        """,
        "strict.toml",
    )
    data = X12([("850", [ORDER[0]]), ("850", ["BEG*00*SA***20260301"])]).bytes()

    reading = read_edi(data, {"x12": mapping}, received_us=NOW_US, origin="monday.edi")

    assert len(reading.events) == 1
    (held,) = reading.held
    assert (held.edge, held.reason, held.content_type) == ("edi", "no_id", "application/edi-x12")
    assert held.message.startswith("monday.edi: 850 2026-03-01/000000017/42/0002: ")
    again = held_decoder({"x12": mapping})
    with pytest.raises(BadPayload):
        again(held.payload, held.content_type, {}, from_us(NOW_US))
    batch = again(held.payload.replace(b"SA***", b"SA*PO-2**"), held.content_type, {}, from_us(NOW_US))
    assert [event.id for event in batch.events] == ["PO-2"]
