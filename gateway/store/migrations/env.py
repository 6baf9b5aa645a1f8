"""Run by Alembic: the migrations on the connection that store/migrate.py or store/revise.py gives."""

from __future__ import annotations

from alembic import context

from gateway.store.revise import render
from gateway.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    transactional_ddl=True,
    render_as_batch=True,
    compare_server_default=True,
    render_item=render,
)
with context.begin_transaction():
    context.run_migrations()
