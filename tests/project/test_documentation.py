"""What the documents point at is there."""

import re
from pathlib import Path

import pytest

_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")
_ROOT = Path(__file__).resolve().parents[2]
_DOCUMENTS = [_ROOT / "README.md", _ROOT / "CHANGELOG.md", *sorted((_ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path):
    targets = _LINK.findall(document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_document_is_in_the_index():
    index = _ROOT / "docs" / "README.md"
    listed = {(index.parent / target).resolve() for target in _LINK.findall(index.read_text())}
    folders = {path for path in listed if path.is_dir()}
    pages = {path.resolve() for path in (_ROOT / "docs").rglob("*.md")} - {index}
    assert [page for page in pages if page not in listed and not folders & set(page.parents)] == []
