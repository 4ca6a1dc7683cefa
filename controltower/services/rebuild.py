"""Folding every journey anew, after a process has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from controltower.domain.processes import Process, book_of
from controltower.store.engine import Database, reading, writing
from controltower.store.rebuild import BEGINNING, count_components, next_components, refold

AT_ONCE = 500  # components in one transaction: others wait no longer than for a commit of theirs


class Rebuilt(NamedTuple):
    """How far a rebuild is."""

    done: int
    total: int  # when it began
    changed: int


def rebuild(
    db: Database, processes: Mapping[str, Process], now_us: Callable[[], int]
) -> Iterator[Rebuilt]:
    """Fold every journey by the processes of today; gives its progress after each step.

    Memory is bounded, facts may come in meanwhile, and it may be stopped and begun again at any time.
    """
    book = book_of(processes)
    with reading(db) as c:
        total = count_components(c)
    done = changed = 0
    after = BEGINNING
    while True:
        with reading(db) as c:
            ids = next_components(c, after, AT_ONCE)
        if not ids:
            return
        with writing(db) as c:
            changed += refold(c, ids, book, now_us())
        after = ids[-1]
        done += len(ids)
        yield Rebuilt(done, total, changed)
