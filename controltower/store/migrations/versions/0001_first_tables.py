"""The first tables of the lineage store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dropped_count",
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("signal", "reason", "name", name=op.f("pk_dropped_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        sa.Column("anchor", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("occurred_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("identifiers", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("anchor", "digest", name=op.f("pk_event")),
    )
    op.create_index(
        "ix_event_trace_id",
        "event",
        ["trace_id"],
        unique=False,
        sqlite_where=sa.text("trace_id IS NOT NULL"),
        postgresql_where=sa.text("trace_id IS NOT NULL"),
    )

    op.create_table(
        "identifier",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("journey_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_identifier")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_identifier_value", "identifier", ["value"], unique=False)

    op.create_table(
        "journey",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("process_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("stage_since_us", sa.BigInteger(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("last_event_us", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reported_status", sa.Text(), nullable=False),
        sa.Column("failure_stage", sa.Text(), nullable=False),
        sa.Column("failure_system", sa.Text(), nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=False),
        sa.Column("failure_message", sa.Text(), nullable=False),
        sa.Column("failed_us", sa.BigInteger(), nullable=True),
        sa.Column("systems", sa.Text(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey")),
    )
    op.create_index(
        "ix_journey_channel_started_us_id",
        "journey",
        ["channel", "started_us", "id"],
        unique=False,
        sqlite_where=sa.text("hidden IS 0"),
        postgresql_where=sa.text("hidden IS false"),
    )
    op.create_index(
        "ix_journey_failed_us",
        "journey",
        ["failed_us"],
        unique=False,
        sqlite_where=sa.text("failed_us IS NOT NULL"),
        postgresql_where=sa.text("failed_us IS NOT NULL"),
    )
    op.create_index(
        "ix_journey_reported_status_started_us_id",
        "journey",
        ["reported_status", "started_us", "id"],
        unique=False,
        sqlite_where=sa.text("hidden IS 0"),
        postgresql_where=sa.text("hidden IS false"),
    )
    op.create_index(
        "ix_journey_stage_started_us_id",
        "journey",
        ["stage", "started_us", "id"],
        unique=False,
        sqlite_where=sa.text("hidden IS 0"),
        postgresql_where=sa.text("hidden IS false"),
    )
    op.create_index(
        "ix_journey_started_us_id",
        "journey",
        ["started_us", "id"],
        unique=False,
        sqlite_where=sa.text("hidden IS 0"),
        postgresql_where=sa.text("hidden IS false"),
    )
    op.create_index(
        "ix_journey_status_started_us_id",
        "journey",
        ["status", "started_us", "id"],
        unique=False,
        sqlite_where=sa.text("hidden IS 0"),
        postgresql_where=sa.text("hidden IS false"),
    )
    op.create_index(
        "ix_journey_waiting",
        "journey",
        ["stage", "stage_since_us"],
        unique=False,
        sqlite_where=sa.text("hidden IS 0 AND status = 'in_flight'"),
        postgresql_where=sa.text("hidden IS false AND status = 'in_flight'"),
    )

    op.create_table(
        "journey_count",
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("journeys", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("measure", "process", "name", name=op.f("pk_journey_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "journey_system",
        sa.Column("journey_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journey_id", "system", name=op.f("pk_journey_system")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_journey_system_system", "journey_system", ["system", "started_us", "journey_id"], unique=False
    )

    op.create_table(
        "label",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("anchor", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("key", "anchor", name=op.f("pk_label")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_label_anchor", "label", ["anchor"], unique=False)
    op.create_index("ix_label_value", "label", ["value"], unique=False)

    op.create_table(
        "minute_count",
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "measure", name=op.f("pk_minute_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "one_time_link",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_one_time_link")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("settled_us", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_state", "quarantine", ["state", "received_us", "id"], unique=False)

    op.create_table(
        "queue_sample",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("sampled_us", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(
            "system", "queue", "group", "measure", "sampled_us", name=op.f("pk_queue_sample")
        ),
    )
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_sign_in_attempt")),
    )
    op.create_table(
        "source",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("first_received_us", sa.BigInteger(), nullable=False),
        sa.Column("last_received_us", sa.BigInteger(), nullable=False),
        sa.Column("last_occurred_us", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("refused_links", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "signal", name=op.f("pk_source")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "span_block",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_span_block")),
    )
    op.create_table(
        "span_segment",
        sa.Column("trace_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("span_count", sa.Integer(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("links", sa.LargeBinary(), nullable=False),
        sa.Column("block_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("block_offset", sa.Integer(), nullable=False),
        sa.Column("block_length", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "digest", name=op.f("pk_span_segment")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_span_segment_received_us", "span_segment", ["received_us"], unique=False)

    op.create_table(
        "token",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("last_used_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_token")),
    )
    op.create_table(
        "trace_link",
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("trace_id", sa.LargeBinary(length=16), nullable=False),
        sa.PrimaryKeyConstraint("key", "trace_id", name=op.f("pk_trace_link")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("session_stamp", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
    )
    op.create_index("ix_user_account_name", "user_account", ["name"], unique=True)
