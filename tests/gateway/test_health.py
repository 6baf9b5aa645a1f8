"""/healthz, /readyz, /metrics."""

from __future__ import annotations

import re
import shutil

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from gateway.app import create_app
from gateway.context import open_gateway
from gateway.runs import events
from gateway.runs.states import State
from gateway.runs.transitions import record
from gateway.store.tables import Run


def test_ready(client):
    assert client.get("/readyz").json() == {"status": "ready", "checks": {"database": "ok", "schema": "ok", "queue": "ok", "disk": "ok"}}


def test_not_ready_under_a_newer_schema(client, gateway):
    with gateway.store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'from-the-future'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "restart" in answer.json()["checks"]["schema"]
    assert client.get("/healthz").status_code == 200


def test_not_ready_without_its_home(client, gateway):
    gateway.store.engine.dispose()
    shutil.rmtree(gateway.settings.home)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["disk"]) == (503, "FileNotFoundError")
    assert client.get("/healthz").status_code == 200


def test_not_ready_without_its_queue(make_settings):
    gateway = open_gateway(make_settings(redis_url="redis://127.0.0.1:1/0"))
    with TestClient(create_app(gateway)) as client:
        answer = client.get("/readyz")
    gateway.close()
    assert answer.status_code == 503
    assert answer.json()["checks"]["queue"] not in ("ok", "")
    assert "127.0.0.1" not in answer.text


def metrics(client) -> dict[tuple, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def local(gateway):
    """A client whose address is this host."""
    with TestClient(create_app(gateway), client=("127.0.0.1", 40000)) as client:
        yield client


def test_metrics_tell_runs_and_outbox_as_they_are(local, gateway):
    before = metrics(local)
    assert all(before["llamaflow_runs", ("state", state)] == 0 for state in State)
    with gateway.store.write() as session:
        for number, state in enumerate((State.QUEUED, State.QUEUED, State.COMPLETE)):
            run = Run(
                id=str(number),
                state=state,
                key_id="k",
                workflow_url="llamaflow",
                folder="",
                outdir="",
                verdict=None if number < 2 else "rejected",
            )
            session.add(run)
            session.flush()
            record(session, run, events.QUEUED)
    after = metrics(local)
    assert after["llamaflow_runs", ("state", "QUEUED")] == 2
    assert after["llamaflow_runs", ("state", "COMPLETE")] == 1
    assert after["llamaflow_verdicts", ("verdict", "rejected")] == 1
    assert after["llamaflow_outbox_events",] == 3
    assert 0 <= after["llamaflow_oldest_queued_seconds",] < 60


def test_calls_are_counted_by_route_not_by_path(local, make_key):
    for number in range(3):
        local.delete(f"/api/v1/keys/k{number}", headers={"X-API-Key": make_key()})
    local.get("/no/such/path")
    found = metrics(local)
    labels = (("method", "DELETE"), ("route", "/api/v1/keys/{key_id}"), ("status", "404"))
    assert found["llamaflow_http_requests_total", *labels] == 3
    assert found["llamaflow_http_requests_total", ("method", "GET"), ("route", "none"), ("status", "404")] == 1
    assert found["llamaflow_http_request_seconds_count", ("route", "/api/v1/keys/{key_id}")] == 3
    assert found["llamaflow_http_requests_in_flight",] == 1


def test_other_hosts_need_a_key_for_metrics(client, as_key, make_settings):
    assert client.get("/metrics").status_code == 401
    assert as_key("datasets").get("/metrics").status_code == 403
    assert as_key("runs:read").get("/metrics").status_code == 200
    gateway = open_gateway(make_settings(metrics_public=True))
    with TestClient(create_app(gateway)) as other:
        assert other.get("/metrics").status_code == 200
    gateway.close()


def test_openapi_says_what_needs_a_key(client):
    spec = client.get("/openapi.json").json()
    assert set(spec["components"]["securitySchemes"]) == {"bearer", "header"}
    for path, methods in spec["paths"].items():
        for operation in methods.values():
            assert bool(operation.get("security")) == path.startswith(("/api/", "/ga4gh/")), path


def test_docs_load_nothing_from_elsewhere(client):
    page = client.get("/docs")
    assert page.status_code == 200
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert asset.startswith("/") and client.get(asset).status_code == 200, asset
    assert "default-src 'self'" in page.headers["content-security-policy"]
