"""Brings a database to the newest schema: Alembic's migrations, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 0x6C6C616D61  # of PostgreSQL, for the transaction


def migrate(engine: Engine) -> None:
    """All of it in one transaction: it is done or nothing is. A second process waits and finds it done."""
    if at_head(engine):
        return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        command.upgrade(configuration(connection), "head")


def at_head(engine: Engine) -> bool:
    with engine.execution_options(reads_only=True).connect() as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    return set(current) == set(ScriptDirectory.from_config(configuration()).get_heads())


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's, without alembic.ini; migrations/env.py takes the connection from its attributes."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config
