"""Folding anew: nothing changes while processes stay, and everything follows when one changes."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from sqlalchemy import select

from controltower.domain.processes import Process
from controltower.services import rebuild as module
from controltower.services.rebuild import Rebuilt, rebuild
from controltower.store import tables
from controltower.store.engine import Database, reading
from tests.builders import NOW, an_event, us
from tests.model import PROCESS, Facts, some_facts
from tests.store.facts import PROCESSES, store
from tests.stores import clear

LATER = us(NOW) + 60_000_000


def run(db: Database, processes: Mapping[str, Process] = PROCESSES) -> Rebuilt:
    return [Rebuilt(0, 0, 0), *rebuild(db, processes, lambda: LATER)][-1]


def everything(db: Database) -> dict[str, list[tuple[object, ...]]]:
    with reading(db) as c:
        return {
            table.name: sorted(map(tuple, c.execute(select(table))), key=repr)
            for table in tables.metadata.sorted_tables
        }


@given(some_facts)
@settings(max_examples=60)
def test_a_rebuild_changes_nothing(module_database: Database, facts: Facts):
    clear(module_database)
    store(module_database, *facts)
    before = everything(module_database)
    assert run(module_database).changed == 0
    assert everything(module_database) == before


def test_a_changed_process_changes_the_journeys_and_the_figures(emptied_database: Database):
    store(
        emptied_database,
        an_event("order.captured", ("order", "1")),
        an_event("order.blessed", ("order", "1")),
        an_event("order.captured", ("order", "2")),
    )
    stages = tuple(
        replace(stage, events=(*stage.events, "order.blessed")) if stage.name == "accepted" else stage
        for stage in PROCESS.stages
    )
    blessed = replace(PROCESS, version=PROCESS.version + 1, stages=stages, _readings={})
    found = run(emptied_database, {blessed.name: blessed})
    assert (found.done, found.total, found.changed) == (2, 2, 2)
    with reading(emptied_database) as c:
        rows = c.execute(select(tables.journey.c.title, tables.journey.c.stage)).all()
        counted = select(tables.journey_count.c.name, tables.journey_count.c.journeys)
        by_stage = c.execute(counted.where(tables.journey_count.c.measure == "stage")).all()
    assert sorted(map(tuple, rows)) == [("1", "accepted"), ("2", "captured")]
    assert {name: n for name, n in by_stage if n} == {"accepted": 1, "captured": 1}
    assert run(emptied_database, {blessed.name: blessed}).changed == 0


def test_progress_is_told_in_steps(emptied_database: Database, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 2)
    store(emptied_database, *[an_event("order.captured", ("order", str(n))) for n in range(1, 6)])
    steps = list(rebuild(emptied_database, PROCESSES, lambda: LATER))
    assert [step.done for step in steps] == [2, 4, 5]
    assert {step.total for step in steps} == {5}


def test_an_empty_store_needs_no_step(emptied_database: Database):
    assert run(emptied_database) == Rebuilt(0, 0, 0)


def test_a_leg_of_many_orders_changes_none_of_them(emptied_database: Database):
    payout = ("settlement", "P-1")
    store(
        emptied_database,
        *[an_event("order.captured", ("order", f"A{n}"), payout) for n in range(1, 5)],
        an_event("settlement.paid", payout),
    )
    assert run(emptied_database).changed == 0
