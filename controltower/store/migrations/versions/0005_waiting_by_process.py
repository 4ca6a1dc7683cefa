"""Where journeys wait is looked up by process and stage: two processes may have stages of one name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_journey_waiting", "journey")
    op.create_index(
        "ix_journey_waiting",
        "journey",
        ["process", "stage", "stage_since_us"],
        unique=False,
        sqlite_where=sa.text("hidden IS 0 AND status = 'in_flight'"),
        postgresql_where=sa.text("hidden IS false AND status = 'in_flight'"),
    )
