"""Bytes that could not be understood: listed, looked at, and settled once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from controltower.domain.errors import NotFound
from controltower.domain.facts import Quarantined
from controltower.store import quarantine
from controltower.store.engine import Database, reading, transaction
from tests.builders import NOW
from tests.store.facts import store

MINUTE = timedelta(minutes=1)


def a_bad_thing(payload: bytes = b"{", headers: str = "{}") -> Quarantined:
    return Quarantined("events", "bad_payload", "not JSON", "application/json", payload, headers)


def ids(database: Database, state: str = "held") -> list[bytes]:
    with reading(database) as c:
        return [row.id for row in quarantine.list_held(c, state)]


def test_items_are_listed_newest_first_page_by_page(emptied_database: Database) -> None:
    for minute in (0, 2, 1):
        together = [a_bad_thing(b"%d %d" % (minute, n)) for n in range(3)]
        store(emptied_database, *together, at=NOW + minute * MINUTE)
    found: list[quarantine.HeldRow] = []
    with reading(emptied_database) as c:
        while page := quarantine.list_held(c, before=found[-1].cursor if found else None, limit=2):
            found.extend(page)
    assert [row.received_at for row in found] == [NOW + m * MINUTE for m in (2, 2, 2, 1, 1, 1, 0, 0, 0)]
    assert len({row.id for row in found}) == 9


def test_an_item_comes_back_with_its_bytes(emptied_database: Database) -> None:
    store(emptied_database, a_bad_thing(b"\x00\xff{", headers='{"traceparent": "x"}'))
    with reading(emptied_database) as c:
        item = quarantine.get_item(c, ids(emptied_database)[0])
    assert (item.payload, item.headers) == (b"\x00\xff{", '{"traceparent": "x"}')
    assert (item.row.edge, item.row.reason, item.row.message, item.row.size) == (
        "events",
        "bad_payload",
        "not JSON",
        3,
    )
    assert (item.row.state, item.row.settled_at, item.row.settled_by) == ("held", None, "")


def test_an_unknown_item_is_not_found(emptied_database: Database) -> None:
    with reading(emptied_database) as c, pytest.raises(NotFound):
        quarantine.get_item(c, bytes(16))


@pytest.mark.parametrize(
    ("mark", "state"),
    [(quarantine.mark_resubmitted, "resubmitted"), (quarantine.mark_discarded, "discarded")],
)
def test_an_item_is_settled_once(emptied_database: Database, mark: Callable[..., bool], state: str) -> None:
    store(emptied_database, a_bad_thing())
    (item_id,) = ids(emptied_database)
    with transaction(emptied_database) as c:
        won = [
            mark(c, item_id, "ann", NOW, "test data"),
            mark(c, item_id, "bob", NOW),
            quarantine.mark_discarded(c, item_id, "bob", NOW),
        ]
    with reading(emptied_database) as c:
        row = quarantine.get_item(c, item_id).row
    assert won == [True, False, False]
    assert (row.state, row.settled_by, row.settled_why, row.settled_at) == (state, "ann", "test data", NOW)
    assert (ids(emptied_database), ids(emptied_database, state)) == ([], [item_id])
