"""How the legs of a journey are, the fingerprint of its failure, and where systems disagree about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("progress", "failure_fingerprint", "discrepancies"):
        op.add_column("journey", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_journey_failure_fingerprint",
        "journey",
        ["failure_fingerprint", "failed_us"],
        sqlite_where=sa.text("failed_us IS NOT NULL"),
        postgresql_where=sa.text("failed_us IS NOT NULL"),
    )
    op.create_index(
        "ix_journey_disputed",
        "journey",
        ["started_us", "id"],
        sqlite_where=sa.text("discrepancies != ''"),
        postgresql_where=sa.text("discrepancies != ''"),
    )
