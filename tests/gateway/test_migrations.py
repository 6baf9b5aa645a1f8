"""The migrations give the very schema of tables.py, on both databases, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text

from gateway.store import tables
from gateway.store.database import connect
from gateway.store.migrate import at_head, configuration, migrate

NAMED = ("name", "columns", "referred_table", "referred_columns", "constrained_columns", "column_names", "unique")


def schema(engine: Engine) -> dict[str, object]:
    """Everything that the database itself says of its tables."""
    seen, found = inspect(engine), {}
    for table in sorted(set(seen.get_table_names()) - {"alembic_version"}):
        columns = {
            one["name"]: (str(one["type"]), one["nullable"], one["default"], one.get("autoincrement")) for one in seen.get_columns(table)
        }
        parts = {
            "primary key": [seen.get_pk_constraint(table)],
            "foreign keys": seen.get_foreign_keys(table),
            "unique": seen.get_unique_constraints(table),
            "indexes": seen.get_indexes(table),
        }
        named = {kind: sorted(str({key: one.get(key) for key in NAMED}) for one in some) for kind, some in parts.items()}
        found[table] = {"columns": columns, **named}
    return found


def check_same(migrated: Engine, made: Engine) -> None:
    migrate(migrated)
    tables.Table.metadata.create_all(made)
    assert schema(migrated) == schema(made)
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, tables.Table.metadata) == []


def test_sqlite_schema_is_that_of_the_tables(settings, tmp_path):
    migrated, made = connect(settings), create_engine(f"sqlite:///{tmp_path}/made.db")
    check_same(migrated, made)
    assert len(schema(migrated)) == len(tables.Table.metadata.tables)
    migrated.dispose()
    made.dispose()


@pytest.mark.rig
def test_postgresql_schema_is_that_of_the_tables(make_settings, postgres, postgres_database):
    migrated = connect(make_settings(database_url=postgres_database))
    with migrated.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("CREATE DATABASE made TEMPLATE template0"))
    made = create_engine(postgres.rpartition("/")[0] + "/made")
    try:
        check_same(migrated, made)
    finally:
        made.dispose()
        with migrated.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("DROP DATABASE made"))
        migrated.dispose()


def check_downgrade(engine: Engine) -> None:
    migrate(engine)
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "base")
    assert schema(engine) == {}
    migrate(engine)
    assert at_head(engine)
    engine.dispose()


def test_down_and_up_again_on_sqlite(settings):
    check_downgrade(connect(settings))


@pytest.mark.rig
def test_down_and_up_again_on_postgresql(make_settings, postgres_database):
    check_downgrade(connect(make_settings(database_url=postgres_database)))


def check_at_once(engines: list[Engine]) -> None:
    barrier, failed = threading.Barrier(len(engines)), []

    def one(engine):
        barrier.wait()
        try:
            migrate(engine)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert all(at_head(engine) for engine in engines)
    for engine in engines:
        engine.dispose()


def test_several_processes_start_on_a_new_sqlite(settings):
    check_at_once([connect(settings) for _ in range(4)])


@pytest.mark.rig
def test_several_processes_start_on_a_new_postgresql(make_settings, postgres_database):
    check_at_once([connect(make_settings(database_url=postgres_database)) for _ in range(4)])


def test_migration_that_fails_leaves_nothing(settings):
    engine = connect(settings)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE promotions (x INTEGER)"))  # in the way of the last ones
    with pytest.raises(Exception, match="promotions"):
        migrate(engine)
    assert inspect(engine).get_table_names() == ["promotions"]
    engine.dispose()


def test_migrations_do_not_read_the_tables():
    """tables.py moves on; a migration of long ago must not."""
    for path in (Path(tables.__file__).parent / "migrations" / "versions").glob("*.py"):
        assert "gateway" not in path.read_text(encoding="utf-8"), path


def test_revise_finds_nothing_to_do(tmp_path):
    """The command for developers runs; on an unchanged tables.py its migration is empty."""
    script = (
        "from pathlib import Path; import shutil, sys; from gateway.store import migrate, revise; "
        "shutil.copytree(migrate.MIGRATIONS, sys.argv[1]); migrate.MIGRATIONS = revise.MIGRATIONS = Path(sys.argv[1]); "
        "revise.main('nothing')"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "m"], check=True, cwd=Path(__file__).parents[2], timeout=60)
    (new,) = (tmp_path / "m" / "versions").glob("*_nothing.py")
    assert "op." not in new.read_text()
