"""The connection: one engine for a process, a transaction for each use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from ..settings import Settings

BUSY_MS = 30_000


def connect(settings: Settings) -> Engine:
    """An engine. SQLite: write-ahead log, and transactions that take the write lock at their start, so that none fails midway."""
    url = settings.database
    if url.startswith("sqlite"):
        settings.home.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False}, pool_size=16, max_overflow=32)
        event.listen(engine, "connect", _pragmas)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(_begin(connection)))
        return engine
    return create_engine(url, pool_size=16, max_overflow=32, pool_pre_ping=True, pool_recycle=1800)


def _pragmas(connection, _record) -> None:
    connection.isolation_level = None  # the driver is not to begin transactions by itself
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection) -> str:
    return "BEGIN" if connection.get_execution_options().get("reads_only") else "BEGIN IMMEDIATE"


class Store:
    """Transactions on one database."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        self._readers = sessionmaker(engine.execution_options(reads_only=True), expire_on_commit=False)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an exception."""
        with self._sessions.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads and blocks nobody."""
        with self._readers() as session:
            yield session

    def close(self) -> None:
        self.engine.dispose()
