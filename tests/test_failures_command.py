"""`controltower failures check` says whether rule files are right before they are deployed."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from controltower.cli import commands
from controltower.domain.errors import BadFailureRule

RULE = '[[rules]]\nname = "own"\nclass = "routing"\nmessage = "frozen"\naction = "Thaw it."\n'


def check(file: Path):
    return CliRunner().invoke(commands, ["failures", "check", str(file)])


def test_a_right_file_is_told_by_its_rules(tmp_path: Path):
    file = tmp_path / "own.toml"
    file.write_text(RULE)
    answer = check(file)
    assert (answer.exit_code, answer.output) == (0, f"{file}: own\n")


def test_a_mistake_is_named_with_its_place(tmp_path: Path):
    file = tmp_path / "own.toml"
    file.write_text(RULE.replace("routing", "odd"))
    answer = check(file)
    assert answer.exit_code == 1
    with pytest.raises(BadFailureRule, match=r"own\.toml: line 3: rules\[0\]\.class: expected one of"):
        raise answer.exception or AssertionError(answer.output)
