"""Keys and scopes from outside, over real HTTP: what is not allowed is refused, and each refusal is in the audit."""

from __future__ import annotations

import re
import threading
import time

import httpx
import pytest
from served import Served, eventually, secret_of, served

GOOD = {"workflow_params": {}, "engine_parameters": {"profile": "test", "stub": True}}
OPEN = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}
ANY_KEY = {
    ("GET", "/api/v1/keys"), ("GET", "/api/v1/keys/me"), ("POST", "/api/v1/keys/{key_id}/rotate"), ("DELETE", "/api/v1/keys/{key_id}"),
}  # fmt: skip
# What a key with this scope alone gets at, beside ANY_KEY: a route that is added has to be entered here, by a person.
ALLOWED = {
    "runs:read": {
        "GET /ga4gh/wes/v1/service-info",
        "GET /ga4gh/wes/v1/runs",
        "GET /ga4gh/wes/v1/runs/{run_id}",
        "GET /ga4gh/wes/v1/runs/{run_id}/status",
        "GET /ga4gh/wes/v1/runs/{run_id}/tasks",
        "GET /ga4gh/wes/v1/runs/{run_id}/tasks/{task_id}",
        "GET /api/v1/runs",
        "GET /api/v1/runs/{run_id}",
        "GET /api/v1/runs/{run_id}/status",
        "GET /api/v1/runs/{run_id}/progress",
        "GET /api/v1/runs/{run_id}/heartbeat",
        "GET /api/v1/runs/{run_id}/log",
        "GET /api/v1/runs/{run_id}/log/{stream}",
        "GET /api/v1/runs/{run_id}/tasks",
        "GET /api/v1/runs/{run_id}/estimate",
        "GET /api/v1/runs/{run_id}/summaries",
        "GET /api/v1/runs/{run_id}/files/{name}",
        "GET /api/v1/runs/{run_id}/events",
        "GET /api/v1/events",
        "GET /api/v1/parameters",
        "POST /api/v1/estimate",
        "GET /api/v1/models",
        "GET /api/v1/models/{version}",
        "GET /api/v1/webhooks",
        "GET /api/v1/webhooks/deliveries",
        "GET /api/v1/webhooks/dead-letters",
        "GET /api/v1/webhooks/{webhook_id}",
    },
    "runs:write": {
        "POST /ga4gh/wes/v1/runs",
        "POST /ga4gh/wes/v1/runs/{run_id}/cancel",
        "POST /api/v1/runs",
        "POST /api/v1/runs/{run_id}/cancel",
        "POST /api/v1/runs/{run_id}/resume",
        "POST /api/v1/runs/{run_id}/retry",
        "POST /api/v1/webhooks",
        "DELETE /api/v1/webhooks/{webhook_id}",
        "POST /api/v1/webhooks/{webhook_id}/test",
        "POST /api/v1/webhooks/{webhook_id}/rotate",
        "POST /api/v1/webhooks/{webhook_id}/replay",
    },
    "models:promote": {
        "GET /api/v1/models",
        "GET /api/v1/models/{version}",
        "POST /api/v1/models/rollback",
        "POST /api/v1/models/{version}/promote",
        "POST /api/v1/runs/{run_id}/review",
    },
    "datasets": {
        "POST /api/v1/datasets",
        "GET /api/v1/datasets",
        "GET /api/v1/datasets/{dataset_id}",
        "DELETE /api/v1/datasets/{dataset_id}",
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("security") / "home") as one:
        yield one


@pytest.fixture(scope="module")
def admin(server):
    with server.client() as client:
        yield client


def operations(admin: httpx.Client) -> list[tuple[str, str]]:
    paths = admin.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods if method != "parameters"]


def call(server: Served, method: str, path: str, key: str | None) -> int:
    """The status alone: a stream of events is not read."""
    headers = {"X-API-Key": key} if key else {}
    with server.client("") as client, client.stream(method, re.sub(r"\{\w+\}", "x", path), headers=headers) as answer:
        return answer.status_code


def refusals(server: Served) -> list[tuple[str, str, int]]:
    return [(row["action"], row["target"], row["status_code"]) for row in server.audit(outcome="refused")]


def test_without_a_key_nothing_but_health_answers(server, admin):
    for method, path in operations(admin):
        if (method, path) not in OPEN:
            assert call(server, method, path, None) == 401, (method, path)
    targets = {target for _, target, status in refusals(server) if status == 401}  # of a run: its id
    assert targets >= {"x"} | {re.sub(r"\{\w+\}", "x", path) for _, path in operations(admin) if "run_id" not in path} - {
        path for _, path in OPEN
    }


@pytest.mark.parametrize("scope", ALLOWED)
def test_a_scope_opens_what_it_says_and_no_more(server, admin, scope):
    key = server.make_key(scope)["key"]
    opened = {
        f"{method} {path}"
        for method, path in operations(admin)
        if (method, path) not in OPEN | ANY_KEY and call(server, method, path, key) != 403
    }
    assert opened == ALLOWED[scope]


def test_wrong_scope_is_audited_with_the_key(server):
    made = server.make_key("runs:read")
    with server.client(made["key"]) as client:
        assert client.post("/api/v1/runs", json={}).status_code == 403
    (row,) = eventually(lambda: server.audit(key_id=made["key_id"], outcome="refused"))
    assert (row["action"], row["status_code"], row["address"]) == ("runs.submit", 403, "127.0.0.1")


def test_expired_and_revoked_keys_are_refused_and_audited(server, admin):
    short, revoked = server.make_key("runs:read", expires_in_s=1), server.make_key("runs:read")
    admin.delete(f"/api/v1/keys/{revoked['key_id']}")
    with server.client(revoked["key"]) as client:
        assert client.get("/api/v1/runs").json() == {"msg": "this key is revoked", "status_code": 401}
    with server.client(short["key"]) as client:
        eventually(lambda: client.get("/api/v1/runs").status_code == 401)
        assert client.get("/api/v1/runs").json()["msg"] == "this key has expired"
    assert ("GET /api/v1/runs", "/api/v1/runs", 401) in refusals(server)


def test_a_stream_ends_when_its_key_is_revoked(server, admin):
    made = server.make_key("runs:read", "runs:write")
    ended = threading.Event()

    def listen():
        with (
            server.client(made["key"]) as client,
            client.stream("GET", "/api/v1/events", headers={"Accept": "text/event-stream"}, timeout=60) as answer,
        ):
            for _ in answer.iter_bytes():
                pass
        ended.set()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    time.sleep(1.5)  # older than the middleware's last look at the key
    assert not ended.is_set()
    admin.delete(f"/api/v1/keys/{made['key_id']}")
    assert ended.wait(40), "the stream went on without a key"


def test_keys_do_not_see_each_other_s_runs(server):
    mine, other = server.make_key("runs:read", "runs:write"), server.make_key("runs:read", "runs:write")
    with server.client(mine["key"]) as me, server.client(other["key"]) as somebody:
        run_id = me.post("/api/v1/runs", json=GOOD).json()["run_id"]
        for path in ("", "/status", "/progress", "/heartbeat", "/log", "/log/console", "/tasks", "/estimate", "/summaries", "/events"):
            assert somebody.get(f"/api/v1/runs/{run_id}{path}").status_code == 404, path
        for action in ("cancel", "resume", "retry"):
            assert somebody.post(f"/api/v1/runs/{run_id}/{action}").status_code == 404, action
        for path in ("", "/status", "/tasks"):
            assert somebody.get(f"/ga4gh/wes/v1/runs/{run_id}{path}").status_code == 404, path
        assert somebody.get("/api/v1/runs").json()["runs"] == []
        assert me.get(f"/api/v1/runs/{run_id}/status").json()["state"] == "QUEUED"


def test_no_key_rises_by_itself(server):
    made = server.make_key("datasets")
    with server.client(made["key"]) as client:
        assert client.post("/api/v1/keys", json={"name": "x", "scopes": ["admin"]}).status_code == 403
        assert client.post(f"/api/v1/keys/{made['key_id']}/rotate", json={"scopes": ["admin"]}).json()["scopes"] == ["datasets"]
        assert client.delete("/api/v1/keys/first-admin").status_code == 404


@pytest.fixture
def session(server):
    """A client logged in on the page, without a key in its headers."""
    with server.client("", follow_redirects=False) as client:
        answer = client.post("/login", data={"key": server.key}, headers={"Origin": server.url})
        assert answer.status_code == 303
        yield client


def test_another_site_s_form_cannot_use_the_page_s_session(server, session):
    assert session.get("/api/v1/keys/me").json()["name"] == "first admin"
    before = server.audit(action="keys.create", outcome="done")
    for headers in ({}, {"Origin": "https://evil.example"}, {"X-LlamaFlow-Page": "0"}):
        answer = session.post("/api/v1/keys", json={"name": "csrf", "scopes": ["admin"]}, headers=headers)
        assert answer.status_code == 401, headers
    assert server.audit(action="keys.create", outcome="done") == before
    assert (
        session.post("/api/v1/keys", json={"name": "page", "scopes": ["runs:read"]}, headers={"X-LlamaFlow-Page": "1"}).status_code == 201
    )


def test_the_session_s_cookie_is_out_of_reach_and_not_the_key(server):
    with server.client("", follow_redirects=False) as client:
        answer = client.post("/login", data={"key": server.key}, headers={"Origin": server.url})
    cookie = answer.headers["set-cookie"]
    assert "httponly" in cookie.lower() and "samesite=strict" in cookie.lower()
    assert secret_of(server.key) not in cookie


def test_a_session_ends_with_its_key(server, admin):
    made = server.make_key("runs:read")
    with server.client("", follow_redirects=False) as client:
        assert client.post("/login", data={"key": made["key"]}, headers={"Origin": server.url}).status_code == 303
        assert client.get("/api/v1/runs").status_code == 200
        admin.delete(f"/api/v1/keys/{made['key_id']}")
        assert client.get("/api/v1/runs").status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "gAAAAAB" + "A" * 100, "A" * 5000, "é", '"', "a=b; llamaflow_session="])
def test_a_forged_session_is_none(server, cookie):
    with server.client("") as client:
        assert client.get("/api/v1/keys/me", headers={"Cookie": f"llamaflow_session={cookie}".encode()}).status_code == 401


@pytest.mark.parametrize(
    "there", ["//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/\t/evil.example"]
)
def test_a_login_leads_nowhere_else(server, there):
    with server.client("", follow_redirects=False) as client:
        answer = client.post("/login", data={"key": server.key, "next": there}, headers={"Origin": server.url})
    assert answer.status_code == 303
    assert re.fullmatch(r"/(?![/\\])[\w/?=&.%-]*", answer.headers["location"]), answer.headers["location"]


def test_a_login_from_another_site_is_refused(server):
    with server.client("", follow_redirects=False) as client:
        answer = client.post("/login", data={"key": server.key}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_nothing_went_wrong_inside(server):
    """Whatever happened above: nothing of it met a bug."""
    assert [line for line in server.log_lines() if line["level"] in ("error", "critical")] == []
