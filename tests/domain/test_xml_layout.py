"""XML laid out for reading says what it said before."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.xml_layout import lay_out_xml

trees = st.recursive(
    st.builds(lambda text: f"<x>{text}</x>", st.sampled_from(["", "1", " two ", "&lt;3&gt;"]))
    | st.just("<e/>"),
    lambda inner: st.builds(lambda parts: f"<p k='v'>{''.join(parts)}</p>", st.lists(inner, max_size=4)),
    max_leaves=12,
)


def laid_out(text: str) -> str:
    return "".join(lay_out_xml(text))


def test_an_element_a_line_with_its_text():
    assert laid_out('<?xml version="1.0"?><o><id n="1">7</id><l><s/></l><e></e></o>') == (
        '<?xml version="1.0"?>\n<o>\n  <id n="1">7</id>\n  <l>\n    <s/>\n  </l>\n  <e></e>\n</o>'
    )


@given(tree=trees)
def test_only_white_space_between_elements_is_added(tree: str):
    def said(text: str) -> list[tuple[str, str]]:
        return [(one.tag, (one.text or "") if not len(one) else "") for one in ET.fromstring(text).iter()]

    assert said(laid_out(f"<o>{tree}</o>")) == said(f"<o>{tree}</o>")
    assert laid_out(laid_out(tree)) == laid_out(tree)


@given(text=st.text(alphabet="<>/!-[]CDAT a\n"))
def test_what_is_no_xml_does_no_harm(text: str):
    assert laid_out(text).replace(" ", "").replace("\n", "") == text.replace(" ", "").replace("\n", "")
