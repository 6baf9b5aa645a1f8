"""`serve` while its PostgreSQL restarts: 503 meanwhile, nothing lost of what was answered, and it goes on by itself."""

from __future__ import annotations

import subprocess
import tempfile
import threading

import pytest
from served import ROOT, eventually, served
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.store.outage import is_outage

RIGS = ROOT / "tests" / "rigs"


class Sqlite:
    """Makes errors as the driver does."""

    def __new__(cls, text: str) -> OperationalError:
        import sqlite3

        return OperationalError("SELECT 1", {}, sqlite3.OperationalError(text))


def test_an_outage_is_told_from_a_bug():
    assert is_outage(Sqlite("database is locked")) and is_outage(Sqlite("unable to open database file"))
    assert not is_outage(Sqlite("no such table: audit"))
    assert is_outage(PoolTimeout()) and is_outage(OperationalError("", {}, RuntimeError("server closed the connection")))
    assert not is_outage(IntegrityError("", {}, RuntimeError())) and not is_outage(ProgrammingError("", {}, RuntimeError()))
    assert not is_outage(ValueError())


@pytest.fixture
def durable_postgres():
    """URL and a function that restarts it at once, on the same data."""
    folder = tempfile.mkdtemp(dir="/tmp", prefix="llamaflow-postgres-")

    def up() -> str:
        started = subprocess.run([RIGS / "postgres/up", "--durable", folder], capture_output=True, text=True, timeout=180)
        if started.returncode == 77:
            pytest.skip(started.stderr.strip())
        assert started.returncode == 0, started.stderr
        return started.stdout.strip()

    def restart() -> None:
        subprocess.run([RIGS / "postgres/down", "--keep", folder], check=True, timeout=60)
        up()

    yield up(), restart
    subprocess.run([RIGS / "postgres/down", folder], check=True, timeout=60)


@pytest.mark.rig
def test_a_restart_of_the_database_loses_nothing(tmp_path, durable_postgres):
    url, restart = durable_postgres
    with served(tmp_path / "home", database_url=url) as one:
        stop, made, seen = threading.Event(), [], set()

        def work(number: int) -> None:
            with one.client() as client:
                while not stop.wait(0.05):
                    answer = client.post("/api/v1/keys", json={"name": f"worker {number}", "scopes": ["runs:read"]})
                    seen.add(answer.status_code)
                    if answer.status_code == 201:
                        made.append(answer.json()["key_id"])
                    seen.add(client.get("/api/v1/keys/me").status_code)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            before = len(made)
            eventually(lambda before=before: len(made) > before + 10, seconds=60)
            restart()
        before = len(made)
        eventually(lambda: len(made) > before + 10, seconds=60)
        stop.set()
        for thread in threads:
            thread.join()
        assert seen <= {200, 201, 503}
        with one.client() as client:
            kept = {key["key_id"] for key in client.get("/api/v1/keys").json()["keys"]}
            assert set(made) <= kept
            assert client.get("/readyz").status_code == 200
        eventually(lambda: set(made) <= {row["target"] for row in one.audit(action="keys.create", outcome="done")}, seconds=30)
        assert [line for line in one.log_lines() if line["event"] == "bug"] == []
