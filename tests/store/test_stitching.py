"""A journey is a pure function of its set of facts: proved through the real store, on both databases.

tests.model says in a few lines what a journey is, by looking at all facts at once; the store, which sees them
in some order and some batching, must always come to the same.
"""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from controltower.domain.facts import Event
from controltower.store.engine import Database, writing
from controltower.store.prepared import FactBatch, prepare
from tests.builders import NOW, us
from tests.model import PROCESS, Facts, expected, expected_figures, some_facts
from tests.store.facts import write_facts
from tests.store.shown import figures, shown
from tests.stores import clear


@given(facts=some_facts, data=st.data())
def test_journeys_do_not_depend_on_order_repetition_or_batching(
    database: Database, facts: Facts, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*facts, *facts]))
    cuts = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=8))
    clear(database)
    for batch in in_batches(shuffled, cuts):
        store(database, batch)
    assert shown(database) == expected(facts)
    assert figures(database) == expected_figures(facts)


def in_batches(facts: Facts, sizes: list[int]) -> Iterable[Facts]:
    start, turn = 0, 0
    while start < len(facts):
        size = sizes[turn % len(sizes)]
        yield facts[start : start + size]
        start, turn = start + size, turn + 1


def store(database: Database, facts: Facts) -> None:
    """One commit in which every fact comes with a request of its own."""
    prepared = [
        prepare(FactBatch(events=(f,)) if isinstance(f, Event) else FactBatch(segments=(f,))) for f in facts
    ]
    with writing(database) as connection:
        write_facts(connection, prepared, {PROCESS.name: PROCESS}, us(NOW))
