"""Interchanges as they really come: marked, wrapped, cut off, miscounted, several in a file."""

import pytest

from collectors.edi.decoding import Decoded, decode
from collectors.edi.interchanges import Unreadable
from tests.collectors.edi.writing import X12, an_x12, edifact

BEG = "BEG*00*SA*4711**20260301"
BGM = "BGM+220+4711+9"


def documents(data):
    """The documents of a file in which nothing is unreadable."""
    return [part.document for part in sets(data)]


def sets(data):
    """The sets of a file in which nothing is unreadable."""
    parts = list(decode(data))
    found = [part for part in parts if isinstance(part, Decoded)]
    assert len(found) == len(parts), parts
    return found


def reasons(data):
    """Why parts of a file could not be read."""
    return [part.fault.reason for part in decode(data) if isinstance(part, Unreadable)]


def faults(data):
    """The faults of the only document of a file."""
    (document,) = documents(data)
    return document.get("faults", [])


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-8", "latin-1"])
def test_byte_order_marks_and_encodings(mark):
    data = X12([("850", [BEG, "N1*ST*Müller"])]).text().encode(mark)

    assert documents(data)[0]["N1"][0]["N102"] == "Müller"


def test_the_syntax_level_of_edifact_names_the_encoding_of_what_is_not_utf_8():
    data = edifact("ORDERS", BGM, "NAD+BY+++Łódź", UNB="UNB+UNOD:3+A+B+260301:1015+REF17")

    in_latin_2 = data.decode().encode("iso8859_2")

    assert documents(in_latin_2)[0]["parties"]["BY"]["name"] == "Łódź"
    assert documents(data)[0]["parties"]["BY"]["name"] == "Łódź"


@pytest.mark.parametrize("newline", ["", "\n", "\r\n", "\r", "  \r\n\t", "\x00"])
def test_whatever_stands_between_segments_is_none_of_them(newline):
    data = X12([("850", [BEG, "REF*DP*038"])], newline=newline).bytes()

    (document,) = documents(data)

    assert document["BEG"][0]["BEG03"] == "4711"
    assert document["REF"] == [{"REF01": "DP", "REF02": "038"}]
    assert "faults" not in document


@pytest.mark.parametrize("width", [80, 64])
def test_lines_of_one_length_are_joined_before_anything_else(width):
    text = X12([("850", [BEG, "N1*ST*A name that is long enough to be wrapped around"])], newline="").text()
    wrapped = "\r\n".join(text[start : start + width] for start in range(0, len(text), width))

    assert documents(wrapped.encode()) == documents(text.encode())


def test_wrapped_edifact_is_joined():
    text = edifact("ORDERS", BGM, "FTX+AAI+++A text that is long enough to be wrapped around").decode()
    text = text.replace("\n", "")
    wrapped = "\n".join(text[start : start + 35] for start in range(0, len(text), 35))

    assert documents(wrapped.encode()) == documents(text.encode())


def test_isa_whose_elements_were_trimmed():
    data = an_x12("850", BEG).replace(b"BUYER          ", b"BUYER").replace(b" " * 10, b" ")

    (document,) = documents(data)

    assert (document["sender"], document["kind"]) == ("BUYER", "850")


def test_isa_whose_last_element_is_missing():
    data = an_x12("850", BEG).replace(b"*P*>~", b"*P*~")

    (document,) = documents(data)

    assert document["BEG"][0]["BEG05"] == "20260301"


def test_segments_of_edifact_that_end_with_their_line():
    data = edifact("ORDERS", BGM, "RFF+ON:4711").replace(b"'", b"")

    (document,) = documents(data)

    assert document["RFF"][0]["RFF01_2"] == "4711"


def test_several_interchanges_of_both_standards_with_separators_of_their_own():
    first = an_x12("850", BEG)
    second = an_x12("850", "BEG|00|SA|4712||20260301").replace(b"*", b"|").replace(b"~", b"^")
    third = edifact("ORDERS", BGM.replace("4711", "4713"))

    found = documents(b"\xef\xbb\xbf" + first + b"\r\n\r\n" + second + third)

    assert [d.get("BEG", [{}])[0].get("BEG03") for d in found] == ["4711", "4712", None]
    assert found[2]["BGM"][0]["BGM02_1"] == "4713"


def test_an_interchange_that_cannot_be_read_costs_its_neighbours_nothing():
    broken = b"ISA*00*          *00*          *ZZ*BUYER~\n"

    parts = list(decode(broken + an_x12("850", BEG)))

    assert isinstance(parts[0], Unreadable)
    assert parts[0].fault.reason == "bad_envelope"
    assert isinstance(parts[1], Decoded)


@pytest.mark.parametrize(
    ("trailer", "instead", "fault"),
    [
        ("SE", "SE*9*0001", "SE of set 0001 counts 9 where 3 segments came"),
        ("SE", "SE*3*0002", "SE of set 0001 has another control number: 0002"),
        ("SE", "", "set 0001 has no trailer SE"),
        ("GE", "GE*2*42", "GE of group 42 counts 2 where 1 sets came"),
        ("GE", "GE*1*43", "GE of group 42 has another control number: 43"),
        ("GE", "", "group 42 has no trailer GE"),
        ("IEA", "IEA*3*000000017", "IEA of interchange 000000017 counts 3 where 1 groups came"),
        ("IEA", "IEA*1*18", "IEA of interchange 000000017 has another control number: 18"),
        ("IEA", "", "interchange 000000017 has no trailer IEA"),
    ],
)
def test_faults_of_x12_envelopes_lose_no_set(trailer, instead, fault):
    data = X12([("850", [BEG])], changes={trailer: instead}).bytes()

    (document,) = documents(data)

    assert document["BEG"][0]["BEG03"] == "4711"
    assert document["faults"] == [fault]


@pytest.mark.parametrize(
    ("trailer", "instead", "fault"),
    [
        ("UNT", "UNT+9+1", "UNT of message 1 counts 9 where 3 segments came"),
        ("UNT", "", "message 1 has no trailer UNT"),
        ("UNZ", "UNZ+1+OTHER", "UNZ of interchange REF17 has another control number: OTHER"),
        ("UNZ", "", "interchange REF17 has no trailer UNZ"),
    ],
)
def test_faults_of_edifact_envelopes_lose_no_message(trailer, instead, fault):
    (document,) = documents(edifact("ORDERS", BGM, **{trailer: instead}))

    assert document["BGM"][0]["BGM02_1"] == "4711"
    assert document["faults"] == [fault]


def test_leading_zeros_of_control_numbers_do_not_matter():
    assert faults(X12([("850", [BEG])], changes={"IEA": "IEA*1*17", "SE": "SE*03*1"}).bytes()) == []


def test_a_message_in_a_group():
    data = edifact("ORDERS", BGM, UNZ="UNE+1+G1'\nUNZ+1+REF17")
    data = data.replace(b"UNH+1", b"UNG+ORDERS+A+B+260301:1015+G1+UN+D:96A'\nUNH+1")

    (document,) = documents(data)

    assert document["group"]["control"] == "G1"
    assert "faults" not in document


def test_a_file_that_was_cut_off_keeps_what_came():
    data = X12([("850", [BEG, "PO1*1*5*EA*9.25**VN*AB-1"])]).bytes()
    cut = data[: data.index(b"9.25") + 2]

    (document,) = documents(cut)

    assert document["BEG"][0]["BEG03"] == "4711"
    assert document["faults"] == [
        "the last segment has no terminator: the file may have been cut off",
        "set 0001 has no trailer SE",
        "group 42 has no trailer GE",
        "interchange 000000017 has no trailer IEA",
    ]


def test_a_missing_terminator_is_seen_where_the_line_ends():
    data = an_x12("850", BEG, "N1*BY*RETAILER", "N3*1 HIGH STREET").replace(b"RETAILER~", b"RETAILER")

    (document,) = documents(data)

    assert document["N1"][0]["N102"] == "RETAILER"
    assert document["N1"][0]["N3"] == [{"N301": "1 HIGH STREET"}]
    assert document["faults"] == ["the segment in front of N3 has no terminator"]


@pytest.mark.parametrize(
    "data", [b"ST*850*0001~BEG*00*SA*4711~SE*3*0001~", b"UNH+1+ORDERS:D:96A'\nBGM+220+4711'\nUNT+3+1'"]
)
def test_sets_without_an_interchange_are_read(data):
    (document,) = documents(data)

    assert document["kind"] in ("850", "ORDERS")
    (fault,) = document["faults"]
    assert "the separators are guessed" in fault


def test_a_control_number_that_comes_twice_is_told():
    sets = X12([("850", [BEG]), ("850", [BEG.replace("4711", "4712")])]).bytes().replace(b"0002~", b"0001~")

    first, second = documents(sets)

    assert "faults" not in first
    assert second["faults"] == ["control number 0001 came 2 times"]
    assert first["reference"] != second["reference"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no_envelope"),
        (b"\r\n \x1a", "no_envelope"),
        (b"VE9OIEVESSBGSUxF", "no_envelope"),
        (b"<xml/>", "no_envelope"),
        (b"STX=ANA:1+:ANY SHOP PLC+:MAKER+940321+REF'MHD=1+ORDHDR:9'MTR=2'END=1'", "tradacoms"),
        (X12([]).bytes(), "no_set"),
        (b"UNB+UNOC:3+A+B+260301:1015+7'UNZ+0+7'", "no_set"),
        (b"ISA*00*          *00*" + b" " * 300, "bad_envelope"),
        (an_x12("850", BEG, "MSG*" + "x" * 70_000), "too_long"),
        (an_x12("850", BEG, *["REF*DP*1"] * 100_001), "too_many_segments"),
    ],
)
def test_what_is_no_edi_is_refused_with_its_reason(data, reason):
    assert reasons(data) == [reason]


def test_text_behind_an_interchange_is_held_and_not_lost():
    parts = list(decode(an_x12("850", BEG) + b"and a footer of the gateway"))

    assert isinstance(parts[0], Decoded)
    assert isinstance(parts[1], Unreadable)
    assert parts[1].text.strip() == "and a footer of the gateway"


@pytest.mark.parametrize(
    "data",
    [
        X12([("850", [BEG]), ("850", [BEG])]).bytes(),
        edifact("ORDERS", BGM),
        edifact("ORDERS", BGM, UNB="UNB+UNOC:4+A+B+260301:1015+REF17"),
    ],
)
def test_the_text_kept_of_a_set_reads_as_the_set(data):
    for part in sets(data):
        assert documents(part.text.encode()) == [part.document]
