"""Which rules are in force, and that a change of them holds at once."""

import os
from pathlib import Path

import pytest

from controltower.domain.errors import BadFailureRule, Conflict, NotFound
from controltower.services import failure_rules as module
from controltower.services.failure_rules import (
    BUILT_IN,
    RuleShelf,
    built_in_rules,
    make_rule,
    read_rule,
    remove_rule,
    rule_book,
)
from controltower.store.engine import Database, reading
from tests.builders import NOW

FORM = {"class": "routing", "message": "frozen", "action": "Thaw it.", "owner": "Warehouse"}
TEXT = '[[rules]]\nname = "own"\nclass = "routing"\nmessage = "frozen"\naction = "Thaw it."\n'
FAILURE = ("wms", "WMS-1", "Zone 7 is frozen")


@pytest.fixture
def db(sqlite_store: Database) -> Database:
    return sqlite_store


def write(path: Path, text: str) -> None:
    """Write a file that is seen as changed, however fast the test is."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def diagnose(db: Database, shelf: RuleShelf):
    with reading(db) as c:
        return rule_book(c, shelf).diagnose(*FAILURE)


def test_a_rule_that_is_made_holds_at_once_and_until_it_is_removed(db: Database):
    shelf = RuleShelf()
    assert not diagnose(db, shelf).is_known

    rule_id = make_rule(db, read_rule(FORM), by="ada", now=NOW)
    assert diagnose(db, shelf)[:1] == ("routing",)

    assert remove_rule(db, rule_id, by="bob", now=NOW).made_by == "ada"
    assert not diagnose(db, shelf).is_known


def test_the_newest_made_rule_is_asked_first_then_files_then_the_built_in_ones(db: Database, tmp_path: Path):
    write(tmp_path / "own.toml", TEXT)
    shelf = RuleShelf(str(tmp_path / "own.toml"))
    assert diagnose(db, shelf).rule == "own"
    for action in ("Older.", "Newer."):
        make_rule(db, read_rule({**FORM, "action": action}), by="ada", now=NOW)
    assert diagnose(db, shelf).rule.startswith("rule ")
    assert shelf.current().rules[1:] == built_in_rules()


def test_a_rule_of_a_file_takes_the_place_of_the_built_in_one_of_its_name(tmp_path: Path):
    write(tmp_path / "own.toml", TEXT.replace('"own"', '"timeout"'))
    rules = RuleShelf(str(tmp_path / "own.toml")).current().rules
    assert [rule.failure_class for rule in rules if rule.name == "timeout"] == ["routing"]
    assert sum(rule.origin == BUILT_IN for rule in rules) == len(built_in_rules()) - 1


def test_a_folder_is_read_file_by_file_in_order_of_their_names(tmp_path: Path):
    write(tmp_path / "b.toml", TEXT.replace('"own"', '"second"'))
    write(tmp_path / "a.toml", TEXT.replace('"own"', '"first"'))
    write(tmp_path / "notes.txt", "no TOML")
    assert [rule.name for rule in RuleShelf(str(tmp_path)).current().rules[:2]] == ["first", "second"]


def test_a_changed_file_holds_at_once(db: Database, tmp_path: Path):
    write(tmp_path / "own.toml", "")
    shelf = RuleShelf(str(tmp_path))
    assert not diagnose(db, shelf).is_known

    write(tmp_path / "own.toml", TEXT)
    assert diagnose(db, shelf).rule == "own"
    write(tmp_path / "own.toml", TEXT.replace("routing", "schema"))
    assert diagnose(db, shelf).failure_class == "schema"
    (tmp_path / "own.toml").unlink()
    assert not diagnose(db, shelf).is_known


def test_a_mistake_stops_the_start(tmp_path: Path):
    write(tmp_path / "own.toml", TEXT.replace("routing", "nonsense"))
    with pytest.raises(BadFailureRule, match=r"own\.toml: line 3: rules\[0\]\.class: expected one of"):
        RuleShelf(str(tmp_path))


def test_a_mistake_made_while_running_is_reported_and_the_rules_of_before_stay(db: Database, tmp_path: Path):
    write(tmp_path / "own.toml", TEXT)
    shelf = RuleShelf(str(tmp_path))

    write(tmp_path / "own.toml", TEXT + "[[rules]\n")
    assert "not valid TOML" in shelf.current().mistake
    assert diagnose(db, shelf).rule == "own"

    write(tmp_path / "own.toml", TEXT.replace('"own"', '"mended"'))
    assert (diagnose(db, shelf).rule, shelf.current().mistake) == ("mended", "")


def test_a_mistake_that_is_taken_back_is_no_longer_reported(tmp_path: Path):
    file = tmp_path / "own.toml"
    write(file, TEXT)
    kept = file.stat()
    shelf = RuleShelf(str(file))
    file.rename(tmp_path / "away")
    assert "cannot read" in shelf.current().mistake
    (tmp_path / "away").rename(file)
    assert file.stat().st_mtime_ns == kept.st_mtime_ns
    assert shelf.current().mistake == ""


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_what_cannot_be_read_is_refused_by_its_name(tmp_path: Path, content: bytes | None):
    file = tmp_path / "own.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadFailureRule, match=r"CONTROLTOWER_FAILURE_RULES: cannot read .*own\.toml"):
        RuleShelf(str(file))


def test_a_form_is_read_with_single_spaces():
    rule = read_rule({**FORM, "message": " zone *\r\n is  frozen ", "code": ""})
    assert (rule.message, rule.code, rule.system) == (("zone * is frozen",), (), ())


def test_a_form_with_a_mistake_is_refused():
    with pytest.raises(BadFailureRule, match="^class: expected one of"):
        read_rule({**FORM, "class": ""})


def test_a_rule_is_removed_once(db: Database):
    rule_id = make_rule(db, read_rule(FORM), by="ada", now=NOW)
    remove_rule(db, rule_id, by="bob", now=NOW)
    with pytest.raises(Conflict, match="removed already, by bob"):
        remove_rule(db, rule_id, by="eve", now=NOW)
    with pytest.raises(NotFound):
        remove_rule(db, b"z" * 16, by="eve", now=NOW)


def test_there_may_not_be_any_number_of_made_rules(db: Database, monkeypatch):
    monkeypatch.setattr(module, "MOST_MADE", 1)
    make_rule(db, read_rule(FORM), by="ada", now=NOW)
    with pytest.raises(Conflict, match="1 rules were made here"):
        make_rule(db, read_rule(FORM), by="ada", now=NOW)
