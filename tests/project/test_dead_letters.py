"""The reference of dead letters names every field, and its example is one."""

import re

import msgspec

from collectors.dead_letters.documents import LetterDocument, read_document
from collectors.dead_letters.requests import MAX_DOCUMENTS
from tests.project.reference import code_blocks, text_of

PAGE = "dead-letters.md"


def fields_of(kind):
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def test_every_field_has_a_row_and_no_other():
    cells = re.findall(r"^\| (`[^|]+`) \|", text_of(PAGE).partition("## What")[0], re.MULTILINE)

    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == fields_of(LetterDocument)


def test_the_example_is_a_dead_letter():
    example = code_blocks(PAGE, "json")[0]

    letter = read_document(example.encode(), {}, now_us=1)

    assert (letter.type, letter.origin_place, letter.amount) == ("order.posted", "erp.post", "849.00")


def test_the_limit_is_told():
    assert f"at most {MAX_DOCUMENTS:,} in a request" in text_of(PAGE)
