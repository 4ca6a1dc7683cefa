"""Runs migrations on the connection that store.schema hands over."""

from __future__ import annotations

from alembic import context

from controltower.store.dead_letter_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
