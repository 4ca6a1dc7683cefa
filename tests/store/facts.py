"""Storing facts the way the product does, for tests that read them back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy import event as hooks

from controltower.domain.facts import Event, Quarantined, QueueSample, SpanSegment
from controltower.domain.identifiers import Identifier, key_of
from controltower.domain.processes import Process
from controltower.store.engine import Database, reading, writing
from controltower.store.facts import Receipt, commit_facts
from controltower.store.prepared import FactBatch, PreparedBatch, group_of, prepare
from tests.builders import NOW, order_to_cash, us

PROCESSES: dict[str, Process] = {"order-to-cash": order_to_cash()}
Storable = Event | SpanSegment | QueueSample | Quarantined


def store(
    database: Database,
    *facts: Storable,
    at: datetime = NOW,
    processes: Mapping[str, Process] = PROCESSES,
) -> Receipt:
    """One request with all these facts, committed."""
    batch = FactBatch(
        events=[fact for fact in facts if isinstance(fact, Event)],
        segments=[fact for fact in facts if isinstance(fact, SpanSegment)],
        samples=[fact for fact in facts if isinstance(fact, QueueSample)],
        quarantined=[fact for fact in facts if isinstance(fact, Quarantined)],
    )
    with writing(database) as connection:
        (receipt,) = write_facts(connection, [prepare(batch)], processes, us(at))
    return receipt


def write_facts(
    connection: Connection,
    prepared: Sequence[PreparedBatch],
    processes: Mapping[str, Process],
    now_us: int,
) -> list[Receipt]:
    """Store batches in this transaction: see `commit_facts`."""
    return commit_facts(connection, group_of(prepared, now_us), processes)


def key(kind: str, value: str) -> bytes:
    """The key of an identifier."""
    return key_of(Identifier(kind, value))


@contextmanager
def explained(database: Database) -> Iterator[tuple[Connection, list[str]]]:
    """A connection, and the plan of every statement that was executed with it, known once the block ends."""
    plans: list[str] = []
    statements: list[tuple[str, Any]] = []

    def remember(_: object, __: object, statement: str, parameters: Any, ___: object, ____: object) -> None:
        statements.append((statement, parameters))

    with reading(database) as connection:
        if database.dialect == "postgresql":
            # The tables of tests are too small for the planner to bother with an index.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        hooks.listen(connection, "before_cursor_execute", remember)
        try:
            yield connection, plans
        finally:
            hooks.remove(connection, "before_cursor_execute", remember)
        explain = "EXPLAIN" if database.dialect == "postgresql" else "EXPLAIN QUERY PLAN"
        for statement, parameters in statements:
            rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
            lines = [str(row[-1]) for row in rows]
            plans.append("\n".join([statement, *lines]))
