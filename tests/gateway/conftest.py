"""What the gateway's tests share: real settings in a folder of their own, real database, the application over real ASGI, keys."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from gateway.app import create_app
from gateway.auth.lifecycle import create_key
from gateway.context import Gateway, open_gateway
from gateway.settings import Settings

RIGS = Path(__file__).parents[1] / "rigs"


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith("LLAMAFLOW_")]:
        del os.environ[name]  # a developer's settings are not the tests'
    # Plain lines: structlog's own default draws tracebacks for people, which takes seconds.
    shared = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, structlog.processors.format_exc_info]
    structlog.configure(processors=[*shared, structlog.processors.KeyValueRenderer(key_order=["level", "event"])])


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """make_settings(host="0.0.0.0", ...) -> Settings with home in tmp_path."""
    return lambda **given: Settings(_env_file=None, **{"home": tmp_path / "home", **given})


@pytest.fixture
def settings(make_settings) -> Settings:
    return make_settings()


@pytest.fixture
def gateway(settings: Settings) -> Iterator[Gateway]:
    """Open on SQLite with the queue in the process."""
    opened = open_gateway(settings)
    yield opened
    opened.close()


@pytest.fixture
def make_key(gateway: Gateway) -> Callable[..., str]:
    """make_key("runs:read", "runs:write", name=..., ...) -> the text of a new key."""

    def make(*scopes: str, name: str = "test", **columns) -> str:
        with gateway.store.write() as session:
            return create_key(session, name=name, scopes=list(scopes) or ["admin"], **columns).text

    return make


@pytest.fixture
def client(gateway: Gateway) -> Iterator[TestClient]:
    """The application without a key; its threads run."""
    with TestClient(create_app(gateway), base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def as_key(client: TestClient, make_key) -> Callable[..., TestClient]:
    """as_key("runs:read") -> a client of the same application that sends a new key with these scopes; as_key() is an admin."""

    def make(*scopes: str, **columns) -> TestClient:
        other = TestClient(client.app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)
        other.headers["Authorization"] = f"Bearer {make_key(*scopes, **columns)}"
        return other

    return make


def rig(name: str, *options: str) -> Iterator[str]:
    """URL of a real server from tests/rigs/<name>, for a fixture to `yield from`; skips where the host cannot run it."""
    folder = tempfile.mkdtemp(dir="/tmp", prefix=f"llamaflow-{name}-")
    up = subprocess.run([RIGS / name / "up", *options, folder], capture_output=True, text=True, timeout=180)
    if up.returncode == 77:
        pytest.skip(up.stderr.strip() or f"the host cannot run {name}")
    assert up.returncode == 0, up.stderr
    yield up.stdout.strip()
    subprocess.run([RIGS / name / "down", folder], check=True, timeout=60)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a real PostgreSQL for the session (mark the test with rig)."""
    yield from rig("postgres")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a real Redis for the session (mark the test with rig)."""
    yield from rig("redis")


@pytest.fixture
def postgres_database(postgres: str) -> Iterator[str]:
    """URL of a fresh database on it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    server = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    yield postgres.rpartition("/")[0] + f"/{name}"
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.rig)])
def both_databases(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of SQLite, and with --rigs once more of a fresh database on PostgreSQL."""
    return {"database_url": request.getfixturevalue("postgres_database")} if request.param == "postgres" else {}


@pytest.fixture(scope="module")
def store(server) -> Iterator[Gateway]:
    """The database of the module's own `server`, for what a worker would do."""
    opened = open_gateway(Settings(_env_file=None, home=server.home))
    yield opened
    opened.close()
