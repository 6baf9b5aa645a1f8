"""No secret and nothing personal in the logs: a gateway is driven through all that knows secrets, then its real output is searched."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from served import ROOT, Served, environment, eventually, secret_of, served

from gateway import logs

CPF = "529.982.247-25"


class Failing(BaseHTTPRequestHandler):
    """A webhook's target that answers 500, so that deliveries fail and are told."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(500)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def target():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def drive(one: Served, target: str) -> dict[str, str]:
    """Secrets by name, each sent or received in the ways it can be."""
    known = {
        "admin key": one.key,
        "signature": secrets.token_urlsafe(32),
        "token in a query": secrets.token_urlsafe(32),
        "a person's number": CPF,
    }
    with one.client() as client:
        made = one.make_key("runs:read", "runs:write")
        known["key"] = made["key"]
        known["rotated key"] = client.post(f"/api/v1/keys/{made['key_id']}/rotate").json()["key"]
        known["guess"] = f"lf_0123456789_{secrets.token_urlsafe(32)}"
        for place in (
            lambda key: client.get("/api/v1/runs", headers={"Authorization": f"Bearer {key}"}),
            lambda key: client.get("/api/v1/runs", headers={"Authorization": f"Basic {key}"}),
            lambda key: client.get("/api/v1/runs", headers={"X-Request-Id": key}),
            lambda key: client.get(f"/api/v1/runs/{key}"),
            lambda key: client.get(f"/{key}"),
            lambda key: client.get("/api/v1/runs", params={"key": key, "page_token": key}),
            lambda key: client.post("/api/v1/runs", json={"workflow_params": {key: key}, "tags": {"x": key}}),
            lambda key: client.post("/api/v1/keys", json={"name": "x", "scopes": [key]}),
            lambda key: client.post("/api/v1/runs", content=key.encode(), headers={"Content-Type": "application/json"}),
            lambda key: client.post("/login", data={"key": key}),
        ):
            for key in (known["key"], known["guess"]):
                place(key)
        run = {"engine_parameters": {"profile": "test", "stub": True}}
        resume = f"http://{target}/webhook-waiting/7?signature={known['signature']}"
        run_id = client.post("/api/v1/runs", json={**run, "resume_url": resume}).json()["run_id"]
        url = f"http://{target}/hook?token={known['token in a query']}"
        webhook = client.post("/api/v1/webhooks", json={"url": url, "content_type": "application/json"}).json()
        known["webhook secret"] = webhook["secret"]
        client.post("/api/v1/runs", json={"workflow_params": {"input": f"/data/{CPF}.jsonl", CPF: CPF}})
        client.post("/api/v1/runs", json={"workflow_params": {"seed": CPF, "recipe": CPF}, "priority": CPF, "tags": {"who": CPF}})
        assert client.post(f"/api/v1/runs/{run_id}/cancel").json()["state"] == "CANCELED"
        client.post(f"/api/v1/webhooks/{webhook['webhook_id']}/test")
        deliveries = f"/api/v1/webhooks/deliveries?webhook_id={webhook['webhook_id']}"
        eventually(lambda: any(one["attempts"] for one in client.get(deliveries).json()["deliveries"]), seconds=60)
    return known


def found(known: dict[str, str], text: str) -> list[str]:
    """Names of the secrets that are in the text; of a key, its secret part."""
    return [name for name, value in known.items() if (secret_of(value) if value.startswith("lf_") else value) in text]


def test_no_secret_in_the_log_the_audit_or_an_answer(tmp_path, target):
    with served(tmp_path / "home", webhook_allowed_hosts=[target], log_level="DEBUG") as one:
        known = drive(one, target)
        audit = json.dumps(one.audit())
        with one.client() as client:
            answers = [client.get(path).text for path in ("/api/v1/webhooks", "/api/v1/webhooks/deliveries", "/api/v1/keys", "/metrics")]
        one.stop()
    assert found(known, one.log.read_text()) == []
    assert found(known, audit) == []
    assert found(known, "".join(answers)) == []
    assert len(one.log_lines()) > 20 and len(json.loads(audit)) > 10


def test_no_secret_lies_readable_in_home(tmp_path, target):
    with served(tmp_path / "home", webhook_allowed_hosts=[target]) as one:
        known = drive(one, target)
        known = {name: known[name] for name in ("key", "rotated key", "guess", "signature", "token in a query", "webhook secret")}
        one.stop()
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file():
            assert found(known, path.read_bytes().decode("latin-1")) == [], path


@pytest.mark.rig
def test_no_password_when_the_database_and_redis_are_away(tmp_path):
    """The drivers' own errors name where they could not connect to."""
    passwords = {"database": secrets.token_urlsafe(16), "redis": secrets.token_urlsafe(16)}
    database = f"postgresql+psycopg://llamaflow:{passwords['database']}@127.0.0.1:1/gateway"
    home = tmp_path / "home"
    starting = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "serve"],
        cwd=ROOT,
        env=environment(home, database_url=database),
        stderr=subprocess.PIPE,
        text=True,
    )
    said = starting.stderr.readline()
    starting.terminate()
    said += starting.communicate(timeout=60)[1]
    assert "Connection refused" in said and "Traceback" not in said
    assert starting.returncode == 1
    assert found(passwords, said) == []
    with served(home, redis_url=f"redis://:{passwords['redis']}@127.0.0.1:1/0") as one, one.client() as client:
        client.post("/api/v1/runs", json={"engine_parameters": {"profile": "test", "stub": True}})
        eventually(lambda: client.get("/readyz").status_code == 503)
    assert "QueueDown" in (home / "stderr.txt").read_text()
    assert found(passwords, (home / "stderr.txt").read_text()) == []


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key lf_0123456789_abcDEF-_123 sent", "key lf_0123456789_*** sent"),
        ("Authorization: Bearer abcdefghijk.lmn", "Authorization: Bearer ***"),
        ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_***"),
        ("http://n8n/webhook-waiting/7?signature=0123abcd&x=1", "http://n8n/webhook-waiting/7?signature=***&x=1"),
        ("postgresql+psycopg://llama:p@ss:w0rd@db/x", "postgresql+psycopg://llama:***@db/x"),
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("nothing to hide: http://127.0.0.1:8000/runs?page=2", "nothing to hide: http://127.0.0.1:8000/runs?page=2"),
    ],
)
def test_what_slips_in_is_blackened(text, clean):
    assert logs.redact(text) == clean
