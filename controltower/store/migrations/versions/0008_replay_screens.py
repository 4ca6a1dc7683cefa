"""What the replay screens look up: notices, plans of policies, letters by message id, the audit by actor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _partial("ix_replay_plan_notice", "replay_plan", ["state", "id"], "dismissed_us IS NULL")
    _partial("ix_replay_plan_policy", "replay_plan", ["policy", "id"], "policy != ''")
    _partial("ix_dead_letter_message_id", "dead_letter", ["message_id"], "message_id != ''")
    op.create_index("ix_audit_entry_actor", "audit_entry", ["chain", "actor", "number"])
    op.create_index("ix_audit_entry_action", "audit_entry", ["chain", "action", "number"])
    op.create_table(
        "replay_policy",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=False),
        sa.Column("leased_us", sa.BigInteger(), nullable=False),
        sa.Column("looked_us", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_replay_policy")),
    )


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
