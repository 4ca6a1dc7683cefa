"""Whatever separators an envelope declares, what was written is read back as it was."""

from hypothesis import given
from hypothesis import strategies as st
from pydifact.control.characters import Characters
from pydifact.parser import Parser, TokenIterator
from pydifact.tokenizer import Tokenizer

from collectors.edi.edifact_syntax import una_of
from collectors.edi.interchanges import Interchange, interchanges_of
from collectors.edi.segments import Separators
from tests.collectors.edi.writing import (
    EDIFACT_DEFAULT,
    X12,
    any_text,
    released,
    separators,
    tags,
    written_texts,
)

elements = st.lists(st.lists(any_text, min_size=1, max_size=3), min_size=1, max_size=4)
segments = st.lists(st.tuples(tags, elements), min_size=1, max_size=5)


def only(text):
    """The one interchange of a text."""
    (found,) = interchanges_of(text)
    assert isinstance(found, Interchange), found
    return found


def write_edifact(written, marks, newline=""):
    """An interchange with one message of these segments."""
    body = "".join(
        marks.element.join(
            [tag, *(marks.component.join(released(c, marks) for c in parts) for parts in more)]
        )
        + marks.terminator
        + newline
        for tag, more in written
    )
    element, component, end = marks.element, marks.component, marks.terminator + newline
    unb = element.join(["UNB", f"UNOY{component}4", "A", "B", f"260301{component}1015", "7"])
    unh = element.join(["UNH", "1", component.join(["ORDERS", "D", "96A", "UN"])])
    unt = element.join(["UNT", str(len(written) + 2), "1"])
    unz = element.join(["UNZ", "1", "7"])
    return f"{una_of(marks)}{unb}{end}{unh}{end}{body}{unt}{end}{unz}{end}"


@given(data=st.data())
def test_x12_segments_come_back_as_they_were_written(data):
    marks = data.draw(separators(is_edifact=False))
    texts = written_texts(marks)
    written = data.draw(st.lists(st.tuples(tags, st.lists(texts, min_size=1, max_size=6)), max_size=5))
    newline = "" if marks.terminator == "\n" else data.draw(st.sampled_from(("", "\r\n")))
    text = X12([("850", [])], version="00501", separators=marks, newline=newline).text()
    opening = f"ST{marks.element}850{marks.element}0001{marks.terminator}"
    body = "".join(marks.element.join([tag, *values]) + marks.terminator for tag, values in written)

    found = only(text.replace(opening, opening + body))

    assert found.separators == marks
    read = [(segment.tag, list(segment.elements)) for segment in found.sets[0].level.segments]
    assert read == written


@given(marks=separators(is_edifact=True), written=segments, newline=st.sampled_from(("", "\r\n", "\n")))
def test_edifact_components_come_back_as_they_were_written(marks, written, newline):
    found = only(write_edifact(written, marks, newline))

    assert found.separators == marks
    read = [
        (segment.tag, [list(found.separators.repetitions_of(element)[0]) for element in segment.elements])
        for segment in found.sets[0].level.segments
    ]
    assert read == written
    assert found.sets[0].faults == []


@given(
    marks=separators(is_edifact=True).filter(lambda marks: marks.repetition),
    repetitions=st.lists(st.lists(any_text, min_size=1, max_size=3), min_size=1, max_size=4),
)
def test_repetitions_come_back_as_they_were_written(marks, repetitions):
    element = marks.repetition.join(
        marks.component.join(released(text, marks) for text in parts) for parts in repetitions
    )

    assert [list(parts) for parts in marks.repetitions_of(element)] == repetitions


@given(text=any_text, marks=separators(is_edifact=True))
def test_a_released_text_is_plain_again(text, marks):
    assert marks.plain(released(text, marks)) == text


@given(written=segments)
def test_another_reader_of_edifact_reads_the_same(written):
    text = write_edifact(written, EDIFACT_DEFAULT)

    ours = [
        [_without_empty_end(EDIFACT_DEFAULT.repetitions_of(element)[0]) for element in segment.elements]
        for segment in only(text).sets[0].level.segments
    ]

    assert ours == _read_by_pydifact(text)


def _read_by_pydifact(text):
    parser = Parser()
    tokens = TokenIterator(Tokenizer().get_tokens(text, Characters()))
    read = []
    while (segment := next(parser.convert_tokens_to_raw_segments(tokens), None)) is not None:
        if not str(segment[0]).startswith("UN"):
            elements = ([part] if isinstance(part, str) else part for part in segment[1:])
            read.append([_without_empty_end(parts) for parts in elements])
    return read


def _without_empty_end(parts):
    """Empty components at the end say nothing, and pydifact leaves them out."""
    kept = list(parts)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def test_level_b_has_separators_that_nothing_collides_with():
    marks = Separators("\x1d", "\x1f", "\x1c")
    text = "UNB+UNOB:1+A+B+260301:1015+7'UNH+1+ORDERS:D:96A'UNT+2+1'UNZ+1+7'"
    text = text.translate(str.maketrans("+:'", "\x1d\x1f\x1c"))

    assert only(text).separators == marks
