"""XML becomes a plain document; entities, DTDs and depth are refused before they cost anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mapping.xml_documents import MAX_DEPTH, BadXml, decode_xml


def test_names_lose_their_namespace_and_repeated_elements_are_lists():
    document = decode_xml(
        b'<o:Order xmlns:o="u"><o:Id>007</o:Id><o:Line>1</o:Line><o:Line>2</o:Line></o:Order>'
    )
    assert document == {"Order": {"Id": "007", "Line": ["1", "2"]}}


def test_attributes_are_members_and_the_text_beside_them_stands_under_its_own():
    assert decode_xml(b'<A currency="EUR"> 129.90 </A>') == {"A": {"currency": "EUR", "_text": "129.90"}}


def test_a_plain_attribute_wins_over_one_of_a_namespace_and_a_child_over_both():
    xml = b'<A xmlns:x="u" x:type="t" type="invoice"/>'
    assert decode_xml(xml) == {"A": {"type": "invoice"}}
    assert decode_xml(b'<A id="1"><id>2</id><id>3</id></A>') == {"A": {"id": ["2", "3"]}}


@pytest.mark.parametrize(
    ("xml", "complaint"),
    [
        (b"<a>", "not XML"),
        (b"", "not XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DTD or entities"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DTD or entities"),
        (b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), "nested deeper"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "not XML"),
    ],
)
def test_what_is_not_taken_says_why(xml, complaint):
    with pytest.raises(BadXml, match=complaint):
        decode_xml(xml)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_refused(data):
    try:
        assert len(decode_xml(data)) == 1
    except BadXml:
        pass
