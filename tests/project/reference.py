"""Reading the reference pages."""

import re
from pathlib import Path
from textwrap import dedent

_REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
_HEADING = re.compile(r"^#{2,3} `([^`]+)`$", re.MULTILINE)


def text_of(page: str) -> str:
    """A whole page."""
    return (_REFERENCE / page).read_text()


def entries_of(page: str) -> dict[str, str]:
    """The text below each heading that is a name."""
    _, *parts = _HEADING.split(text_of(page))
    return dict(zip(parts[::2], parts[1::2], strict=True))


def code_blocks(page: str, language: str) -> list[str]:
    """The examples of a page in one language, also those in steps."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", text_of(page), re.MULTILINE | re.DOTALL)
    return [dedent(text) for text in found]


def names_in(text: str) -> set[str]:
    """All that is set as code."""
    return set(re.findall(r"`([^`\n]+)`", text))
