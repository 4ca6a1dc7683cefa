"""The pages about files are true: a reader who follows them step by step sees what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("controltower"))
_BLOCK = re.compile(r"(?P<before>[^\n]+)\n\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_FILE = re.compile(r"`([\w-]+\.(?:json|csv|toml))`")


def follow(page: Path, folder: Path) -> tuple[list[str], dict[str, int]]:
    """Do what the page says in an empty folder; returns the outputs that it shows and did not come, and the
    exit code of each command.
    """
    said, wrong, codes = "", [], {}
    environment = {**os.environ, "CONTROLTOWER_HOME": str(folder / "home")}
    for block in _BLOCK.finditer(page.read_text()):
        name = _FILE.search(block["before"])
        if block["language"] in ("json", "csv", "toml") and name:
            (folder / name[1]).write_text(block["text"])
        elif block["language"] == "sh":
            for line in block["text"].splitlines():
                arguments = line.split()
                assert arguments[0] == "controltower"
                done = subprocess.run(
                    [COMMAND, *arguments[1:]], cwd=folder, env=environment, capture_output=True, text=True
                )
                said, codes[line] = done.stdout, done.returncode
                assert done.returncode in (0, 3), done.stderr
        elif block["language"] == "text" and block["text"] not in said:
            wrong.append(f"{block['text']}\nbut it said\n{said}")
    return wrong, codes


@pytest.mark.parametrize(
    ("page", "codes"),
    [("import-event-logs.md", [0, 0, 0, 0]), ("reconcile.md", [3, 3])],
)
def test_following_the_page_gives_what_it_shows(root: Path, tmp_path: Path, page: str, codes: list[int]):
    wrong, found = follow(root / "docs" / "how-to" / page, tmp_path)
    assert wrong == []
    assert list(found.values()) == codes


def test_the_findings_are_in_the_file_that_the_page_names(root: Path, tmp_path: Path):
    follow(root / "docs" / "how-to" / "reconcile.md", tmp_path)
    assert (tmp_path / "findings.csv").read_text().splitlines()[1:] == [
        "missing_right,1003,EUR,,there,,",
        "different,1002,EUR,Invoiced,49.90,59.90,+10.00",
    ]
