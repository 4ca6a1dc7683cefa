"""Newer changes of the same record: an older one that is sent again would undo them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, select

from controltower.domain.facts import OK
from controltower.store.membership import in_chunks
from controltower.store.tables import event, label

MOST_CHANGES = 5_000  # of one record that are looked through


class NewerChange(NamedTuple):
    """A change that a system processed."""

    digest: bytes
    type: str
    system: str
    occurred_us: int


class TooManyChanges(Exception):
    """The record changed more often than one would look through."""


def find_newer_change(
    c: Connection, event_type: str, occurred_us: int, keys: Collection[bytes]
) -> NewerChange | None:
    """The newest event of a type, later than a time, that carries all of these label keys; None when there is
    none. Raises TooManyChanges.
    """
    anchors: set[bytes] | None = None
    for key in keys:
        query = select(label.c.anchor).where(label.c.key == key).limit(MOST_CHANGES + 1)
        found = {bytes(one) for one in c.execute(query).scalars()}
        if len(found) > MOST_CHANGES:
            raise TooManyChanges
        anchors = found if anchors is None else anchors & found
    newest: NewerChange | None = None
    for chunk in in_chunks(sorted(anchors or ())):
        query = (
            select(event.c.digest, event.c.type, event.c.system, event.c.occurred_us)
            .where(
                event.c.anchor.in_(chunk),
                event.c.type == event_type,
                event.c.outcome == OK,
                event.c.occurred_us > occurred_us,
            )
            .order_by(event.c.occurred_us.desc(), event.c.digest)
            .limit(1)
        )
        for row in c.execute(query):
            one = NewerChange(bytes(row.digest), row.type, row.system, row.occurred_us)
            if newest is None or one.occurred_us > newest.occurred_us:
                newest = one
    return newest
