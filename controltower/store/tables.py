"""The tables of the lineage store.

Rules that hold for every table (checked by tests/store/test_tables.py), so that the schema can be spread
over Citus workers without being redesigned: `info["distribution_key"]` names the key; every primary key and
unique constraint begins with it; it is never updated; no foreign key spans two keys; no sequence is a public
id. Tables with `info["reference"]` are small and would be replicated to every worker.

A column's `info["merge"]` (sum, min, max) says how a figure that is written again combines with what is
there.

Times are integers since the epoch, UTC: `*_us` microseconds, `*_ns` nanoseconds.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
)

from controltower.domain.crowds import MANY_EVENTS

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)

# Prefix search is a range over bytes; PostgreSQL would otherwise compare by the language of the database.
Exact = String().with_variant(String(collation="C"), "postgresql")


def _key(name: str) -> Column[Any]:
    return Column(name, LargeBinary(16), primary_key=True)


event = Table(
    "event",
    metadata,
    _key("anchor"),  # key of its strongest identifier; facts of one journey are found by its anchors
    _key("digest"),  # 16 bytes over the content: the same fact again is the same row
    Column("source", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("occurred_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("trace_id", LargeBinary(16)),
    Column("content_type", Text, nullable=False),
    Column("identifiers", LargeBinary, nullable=False),  # MessagePack [[kind, value], ...], or empty
    Column("payload", LargeBinary, nullable=False),  # zstd of the event as it came
    Index(
        "ix_event_trace_id",
        "trace_id",
        sqlite_where=Column("trace_id").is_not(None),
        postgresql_where=Column("trace_id").is_not(None),
    ),
    info={"distribution_key": "anchor"},
)

span_segment = Table(
    "span_segment",
    metadata,
    _key("trace_id"),
    _key("digest"),
    Column("received_us", BigInteger, nullable=False, index=True),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("span_count", Integer, nullable=False),
    Column("error_count", Integer, nullable=False),
    Column(
        "links", LargeBinary, nullable=False
    ),  # what its spans name: MessagePack [[[kind, value], ...], ...], or empty
    Column("block_id", LargeBinary(16), nullable=False),
    Column("block_offset", Integer, nullable=False),  # where its TracesData begins in the block
    Column("block_length", Integer, nullable=False),
    sqlite_with_rowid=False,
    info={"distribution_key": "trace_id"},
)

# The segments of one commit are compressed together: spans of different traces say the same, so that a block
# takes a quarter of what its segments would take by themselves.
span_block = Table(
    "span_block",
    metadata,
    _key("id"),  # time-ordered
    Column("blob", LargeBinary, nullable=False),  # zstd of TracesData, one after the other
    info={"distribution_key": "id"},
)

trace_link = Table(
    "trace_link",
    metadata,
    _key("key"),  # an identifier that a span of the trace carries
    _key("trace_id"),
    sqlite_with_rowid=False,
    info={"distribution_key": "key"},
)

identifier = Table(
    "identifier",
    metadata,
    _key("key"),
    Column("journey_id", LargeBinary(16), nullable=False),  # the component that this key belongs to
    Column("kind", Text, nullable=False),
    Column("value", Exact, nullable=False),
    Index("ix_identifier_value", "value"),
    sqlite_with_rowid=False,
    info={"distribution_key": "key"},
)

label = Table(
    "label",
    metadata,
    _key("key"),
    _key("anchor"),  # of the facts that carry it
    Column("kind", Text, nullable=False),
    Column("value", Exact, nullable=False),
    Index("ix_label_value", "value"),
    Index("ix_label_anchor", "anchor"),
    sqlite_with_rowid=False,
    info={"distribution_key": "key"},
)

journey = Table(
    "journey",
    metadata,
    _key("id"),  # the least of its identifier keys
    Column("hidden", Boolean, nullable=False),  # a leg or trace whose facts show on the journeys that own it
    Column("process", Text, nullable=False),
    Column("process_version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("stage_since_us", BigInteger, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("last_event_us", BigInteger, nullable=False),
    Column("title", Text, nullable=False),  # the identifier that people call it by
    Column("customer", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reported_status", Text, nullable=False),
    Column("failure_stage", Text, nullable=False),
    Column("failure_system", Text, nullable=False),
    Column("failure_code", Text, nullable=False),
    Column("failure_message", Text, nullable=False),
    Column("failure_fingerprint", Text, nullable=False, server_default=""),  # see domain.fingerprints
    Column("progress", Text, nullable=False, server_default=""),  # how its legs are, in words
    Column("discrepancies", Text, nullable=False, server_default=""),  # where systems disagree, a line each
    Column("failed_us", BigInteger),  # of the newest open failure
    Column("systems", Text, nullable=False),  # sorted, each between bars: |erp|shop|
    Column("event_count", Integer, nullable=False),
    Column("updated_us", BigInteger, nullable=False),  # when the tower last changed it
    Column("state", LargeBinary, nullable=False),  # MessagePack; see store.components
    info={"distribution_key": "id"},
)
_shown = journey.c.hidden.is_(False)
for _columns in (
    ("started_us", "id"),
    ("status", "started_us", "id"),
    ("stage", "started_us", "id"),
    ("channel", "started_us", "id"),
    ("reported_status", "started_us", "id"),
):
    Index(
        None,
        *(journey.c[c] for c in _columns),
        sqlite_where=_shown,
        postgresql_where=_shown,
    )
Index(
    "ix_journey_failed_us",
    journey.c.failed_us,
    sqlite_where=journey.c.failed_us.is_not(None),
    postgresql_where=journey.c.failed_us.is_not(None),
)
Index(
    "ix_journey_failure_fingerprint",
    journey.c.failure_fingerprint,
    journey.c.failed_us,
    sqlite_where=journey.c.failed_us.is_not(None),
    postgresql_where=journey.c.failed_us.is_not(None),
)
Index(
    "ix_journey_disputed",
    journey.c.started_us,
    journey.c.id,
    sqlite_where=journey.c.discrepancies != "",
    postgresql_where=journey.c.discrepancies != "",
)
Index(
    "ix_journey_waiting",
    journey.c.process,
    journey.c.stage,
    journey.c.stage_since_us,
    sqlite_where=and_(_shown, journey.c.status == "in_flight"),
    postgresql_where=and_(_shown, journey.c.status == "in_flight"),
)
_crowded = journey.c.event_count >= MANY_EVENTS
Index(
    "ix_journey_crowded",
    journey.c.event_count,
    journey.c.id,
    sqlite_where=_crowded,
    postgresql_where=_crowded,
)

journey_system = Table(
    "journey_system",
    metadata,
    _key("journey_id"),
    Column("system", Text, primary_key=True),
    Column("started_us", BigInteger, nullable=False),
    Index("ix_journey_system_system", "system", "started_us", "journey_id"),
    sqlite_with_rowid=False,
    info={"distribution_key": "journey_id"},
)

# Figures of the home page, kept at write time; counted by adding deltas.
journey_count = Table(
    "journey_count",
    metadata,
    Column("measure", Text, primary_key=True),  # status, stage, reached, reported_status, channel
    Column("process", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("journeys", BigInteger, nullable=False, info={"merge": "sum"}),
    sqlite_with_rowid=False,
    info={"reference": True},
)

minute_count = Table(
    "minute_count",
    metadata,
    Column("minute", BigInteger, primary_key=True),  # minutes since the epoch
    Column("measure", Text, primary_key=True),  # events, failures, spans, error_spans, ...
    Column("total", BigInteger, nullable=False, info={"merge": "sum"}),
    sqlite_with_rowid=False,
    info={"reference": True},
)

source = Table(
    "source",
    metadata,
    Column("name", Text, primary_key=True),  # system of events, service of spans
    Column("signal", Text, primary_key=True),  # events, spans, queues
    Column("first_received_us", BigInteger, nullable=False, info={"merge": "min"}),
    Column("last_received_us", BigInteger, nullable=False, info={"merge": "max"}),
    Column("last_occurred_us", BigInteger, nullable=False, info={"merge": "max"}),
    Column("facts", BigInteger, nullable=False, info={"merge": "sum"}),
    Column("errors", BigInteger, nullable=False, info={"merge": "sum"}),
    Column(
        "refused_links", BigInteger, nullable=False, info={"merge": "sum"}
    ),  # identifiers that would melt journeys
    sqlite_with_rowid=False,
    info={"reference": True},
)

dropped_count = Table(
    "dropped_count",
    metadata,
    Column("signal", Text, primary_key=True),  # metrics, logs
    Column("reason", Text, primary_key=True),
    Column("name", Text, primary_key=True),  # of the metric or source, when known
    Column("total", BigInteger, nullable=False, info={"merge": "sum"}),
    sqlite_with_rowid=False,
    info={"reference": True},
)

queue_sample = Table(
    "queue_sample",
    metadata,
    Column("system", Text, primary_key=True),
    Column("queue", Text, primary_key=True),
    Column("group", Text, primary_key=True),
    Column("measure", Text, primary_key=True),
    Column("sampled_us", BigInteger, primary_key=True),
    Column("value", Double, nullable=False),
    info={"distribution_key": "system"},
)

# Up to when old queue samples were thinned out, for each of the slots of which one reading is left.
queue_thinning = Table(
    "queue_thinning",
    metadata,
    Column("slot_us", BigInteger, primary_key=True, autoincrement=False),
    Column("done_us", BigInteger, nullable=False),
    info={"reference": True},
)

quarantine = Table(
    "quarantine",
    metadata,
    _key("id"),  # a digest of what came and why it was refused: the same bytes again are the same item
    Column("edge", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("headers", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),  # held, resubmitted, discarded
    Column("received_us", BigInteger, nullable=False),
    Column("settled_us", BigInteger),
    Column("settled_by", Text),
    Column("settled_why", Text),
    Index("ix_quarantine_state", "state", "received_us", "id"),
    info={"distribution_key": "id"},
)

user_account = Table(
    "user_account",
    metadata,
    _key("id"),
    Column("name", Text, nullable=False),  # casefolded; unique within the reference table
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("session_stamp", Text, nullable=False),  # changes with the password: older sessions end
    Column("created_us", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Index("ix_user_account_name", "name", unique=True),
    info={"reference": True},
)

token = Table(
    "token",
    metadata,
    _key("digest"),  # of the secret; the secret itself is shown once and never stored
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),  # ingest, or a user's role
    Column("created_us", BigInteger, nullable=False),
    Column("last_used_us", BigInteger),
    Column("revoked_us", BigInteger),
    info={"reference": True},
)

one_time_link = Table(
    "one_time_link",
    metadata,
    _key("digest"),
    Column("purpose", Text, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
    info={"reference": True},
)

sign_in_attempt = Table(
    "sign_in_attempt",
    metadata,
    Column("subject", Text, primary_key=True),  # account name or address
    Column("failures", Integer, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    info={"reference": True},
)

secret = Table(
    "secret",
    metadata,
    Column("name", Text, primary_key=True),  # session signing key and the like
    Column("value", LargeBinary, nullable=False),
    info={"reference": True},
)

# Rules that people made on the screen; those of files are in files. A removed one stays, for who asks later.
failure_rule = Table(
    "failure_rule",
    metadata,
    _key("id"),
    Column("failure_class", Text, nullable=False),
    Column("system", Text, nullable=False),  # patterns; "" matches everything
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("removed_us", BigInteger),
    Column("removed_by", Text),
    info={"reference": True},
)

# One row for each time that two extracts were compared.
reconciliation_run = Table(
    "reconciliation_run",
    metadata,
    _key("id"),  # a scheduled run has that of its name and its turn, so that only one worker makes it
    Column("name", Text, nullable=False),  # of the declaration
    Column("title", Text, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
    Column("state", Text, nullable=False),  # running, done, failed
    Column("started_by", Text, nullable=False),  # who started it, or "schedule"
    Column("problem", Text, nullable=False),  # why it failed
    Column("declaration", Text, nullable=False),  # the file, as it was
    Column("figures", Text, nullable=False),  # JSON; see store.reconciliations
    Index("ix_reconciliation_run_started_us", "started_us", "id"),
    Index("ix_reconciliation_run_name", "name", "started_us", "id"),
    info={"distribution_key": "id"},
)

reconciliation_finding = Table(
    "reconciliation_finding",
    metadata,
    _key("run_id"),
    Column("place", Integer, primary_key=True, autoincrement=False),  # in the order in which they are shown
    Column("kind", Text, nullable=False),  # missing_left, missing_right, different, late, unreadable
    Column("key", Text, nullable=False),  # JSON list of the parts
    Column("check_title", Text, nullable=False),  # its title
    Column("left_value", Text, nullable=False),
    Column("right_value", Text, nullable=False),
    Column("difference", Text, nullable=False),
    Column("journey_key", LargeBinary(16)),  # of the identifier by which a journey is found
    Index("ix_reconciliation_finding_kind", "run_id", "kind", "place"),
    sqlite_with_rowid=False,
    info={"distribution_key": "run_id"},
)
