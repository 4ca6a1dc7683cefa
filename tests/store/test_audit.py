"""The audit only grows, and shows when somebody reached around the tower."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from controltower.store.audit import Deed, all_entries, first_break, list_entries, record
from controltower.store.engine import Database, reading, transaction
from tests.builders import NOW

TRIGGERS = {
    "sqlite": ("DROP TRIGGER audit_entry_update", "DROP TRIGGER audit_entry_delete"),
    "postgresql": ("ALTER TABLE audit_entry DISABLE TRIGGER ALL",),
}


def did(db: Database, *actions: str) -> None:
    with transaction(db) as c:
        record(c, [Deed("sam", action, "dead_letter/1", "why", {"n": 1}) for action in actions], NOW)


def broken_at(db: Database) -> int | None:
    with reading(db) as c:
        return first_break(c)


def reach_around(db: Database, statement: str) -> None:
    with transaction(db) as c:
        for trigger in TRIGGERS[db.dialect]:
            c.execute(text(trigger))
        c.execute(text(statement))


def test_entries_are_numbered_without_gaps_and_chained(database: Database):
    did(database, "planned", "started")
    did(database, "sent")
    with reading(database) as c:
        entries = list(all_entries(c, batch=2))
        assert [(one.number, one.action) for one in entries] == [(1, "planned"), (2, "started"), (3, "sent")]
        assert [one.number for one in list_entries(c, subject="dead_letter/1", before=3)] == [2, 1]
    assert all(later.previous == earlier.digest for earlier, later in zip(entries, entries[1:], strict=False))
    assert broken_at(database) is None


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET actor = 'eve'", "DELETE FROM audit_entry"])
def test_nobody_changes_or_removes_an_entry_through_the_tower(database: Database, statement: str):
    did(database, "sent")
    with pytest.raises(DBAPIError, match="append-only"), transaction(database) as c:
        c.execute(text(statement))
    assert broken_at(database) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'eve' WHERE number = 2",
        "UPDATE audit_entry SET detail = '{}' WHERE number = 2",
        "DELETE FROM audit_entry WHERE number = 2",
    ],
)
def test_an_entry_that_was_changed_or_removed_around_the_tower_shows(own_database: Database, statement: str):
    did(own_database, "planned", "started", "sent")
    reach_around(own_database, statement)
    assert broken_at(own_database) == 2


def test_what_is_rolled_back_leaves_no_entry(database: Database):
    with pytest.raises(RuntimeError), transaction(database) as c:
        record(c, [Deed("sam", "sent", "x")], NOW)
        raise RuntimeError
    did(database, "planned")
    with reading(database) as c:
        assert [one.number for one in list_entries(c)] == [1]
