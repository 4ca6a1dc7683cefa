"""Journeys of very many events are listed as suspicious; there are few, so the index costs nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_journey_crowded",
        "journey",
        ["event_count", "id"],
        unique=False,
        sqlite_where=sa.text("event_count >= 1000"),
        postgresql_where=sa.text("event_count >= 1000"),
    )
