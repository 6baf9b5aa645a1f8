"""The status page over HTTP: sessions, who sees what, languages, what the pages may do. In Chromium: test_pages_browser.py."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient
from pages_seed import seed

from gateway.app import create_app
from gateway.auth import session as login_session
from gateway.context import Gateway, open_gateway
from gateway.pages import language
from gateway.pages.rendering import STATIC
from gateway.secrets import SecretBox
from gateway.store.tables import Run

TEMPLATES = Path(language.__file__).parent / "templates"


@pytest.fixture
def seeded(gateway: Gateway) -> dict[str, str]:
    return seed(gateway)


@pytest.fixture
def browser(client: TestClient, seeded) -> TestClient:
    """Logged in as an admin."""
    assert log_in(client, seeded["admin"]).status_code == 303
    return client


def log_in(client: TestClient, key: str, **more: str):
    return client.post("/login", data={"key": key, **more}, follow_redirects=False)


# Sessions


def test_everything_but_the_login_asks_for_it(client: TestClient, seeded):
    for path in ("/runs", "/models", f"/runs/{seeded['hr-policies']}", "/runs?show=failed"):
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login")
    assert client.get("/", follow_redirects=False).headers["location"] == "/runs"
    assert client.get("/session").json() == {"session": False}
    assert client.get("/runs?show=failed", follow_redirects=False).headers["location"] == "/login?next=/runs%3Fshow%3Dfailed"


def test_login_sets_a_cookie_that_no_script_and_no_other_site_gets(client: TestClient, seeded):
    answer = log_in(client, seeded["admin"], next="/models")
    cookie = answer.headers["set-cookie"].lower()
    assert answer.headers["location"] == "/models" and "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert seeded["admin"] not in answer.headers["set-cookie"]
    assert client.get("/session").json() == {"session": True} and client.get("/login", follow_redirects=False).status_code == 303
    assert client.post("/logout", follow_redirects=False).headers["location"] == "/login"
    assert client.get("/session").json() == {"session": False}


def test_behind_tls_the_cookie_is_secure(gateway: Gateway, client: TestClient, seeded):
    over_tls = TestClient(client.app, base_url="https://127.0.0.1:8000")
    assert "secure" in log_in(over_tls, seeded["admin"]).headers["set-cookie"].lower()


@pytest.mark.parametrize("key", ["", "nonsense", "lf_0123456789_wrong", "lf_" + "x" * 500])
def test_a_wrong_key_is_told(client: TestClient, seeded, key):
    answer = log_in(client, key)
    assert answer.status_code == 401 and 'role="alert"' in answer.text and "set-cookie" not in answer.headers
    if key:
        assert key not in answer.text


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example/x", "/\\evil.example", "javascript:alert(1)", "evil", "/ok\n/x"]
)
def test_after_the_login_nobody_is_sent_elsewhere(client: TestClient, seeded, address):
    assert log_in(client, seeded["admin"], next=address).headers["location"] == "/runs"
    assert client.get("/language/pt", params={"next": address}, follow_redirects=False).headers["location"] == "/runs"


def test_other_sites_cannot_log_a_browser_in(client: TestClient, seeded):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://127.0.0.1:5678"}):
        answer = client.post("/login", data={"key": seeded["admin"]}, headers=headers, follow_redirects=False)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_a_session_changes_nothing_without_the_pages_header(browser: TestClient, seeded, gateway: Gateway):
    path = f"/api/v1/runs/{seeded['support-tickets-weekly']}/cancel"
    assert browser.post(path).status_code == 401
    with gateway.store.read() as session:
        assert session.get(Run, seeded["support-tickets-weekly"]).state == "RUNNING"
    assert browser.post(path, headers={"X-LlamaFlow-Page": "1"}).json()["state"] == "CANCELING"


def test_a_revoked_key_ends_its_sessions(browser: TestClient, seeded, gateway: Gateway):
    me = browser.get("/api/v1/keys/me").json()["key_id"]
    assert browser.delete(f"/api/v1/keys/{me}", headers={"X-LlamaFlow-Page": "1"}).status_code == 200
    assert browser.get("/runs", follow_redirects=False).status_code == 303


def test_sessions_end_by_themselves_and_cannot_be_made_up(monkeypatch):
    box = SecretBox(Fernet.generate_key().decode())
    value = login_session.seal(box, "lf_a_b")
    assert login_session.key_of(box, value) == "lf_a_b"
    assert login_session.key_of(SecretBox(Fernet.generate_key().decode()), value) is None
    for broken in (
        "",
        "x",
        value[:-4],
        value * 30,
        box.seal("[]").decode(),
        box.seal('{"session": "k"}').decode(),
        box.seal("text").decode(),
    ):
        assert login_session.key_of(box, broken) is None
    later = time.time() + login_session.HOURS * 3600 + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert login_session.key_of(box, value) is None


# Who sees what


def test_others_runs_are_not_there(client: TestClient, seeded):
    log_in(client, seeded["reader"])
    assert "support-tickets-weekly" not in client.get("/runs").text
    answer = client.get(f"/runs/{seeded['support-tickets-weekly']}")
    assert answer.status_code == 404 and "support-tickets" not in answer.text


def test_buttons_by_scope(client: TestClient, gateway: Gateway, seeded, make_key):
    with gateway.store.read() as session:
        owner = session.get(Run, seeded["hr-policies"]).key_id
    paths = [f"/runs/{seeded[name]}" for name in ("support-tickets-weekly", "call-transcripts", "hr-policies")] + ["/models"]
    for scope, shown in (
        ("runs:read", []),
        ("runs:write", ["cancel", "resume", "retry"]),
        ("models:promote", ["approve", "reject", "promote-v1.2.0", "rollback"]),
    ):
        log_in(client, make_key("runs:read", scope, owner_id=owner))
        pages = "".join(client.get(path).text for path in paths)
        for name in ("cancel", "resume", "retry", "approve", "reject", "promote-v1.2.0", "rollback"):
            assert (f'id="{name}"' in pages) == (name in shown), (scope, name)
        assert "promote-v1.1.0" not in pages and "promote-v1.0.0" not in pages  # in production; withdrawn
        client.post("/logout")


def test_without_the_scope_to_read(client: TestClient, make_key):
    log_in(client, make_key("datasets"))
    assert client.get("/runs").status_code == 403 and client.get("/runs/x").status_code == 403 and client.get("/models").status_code == 403


def test_what_callers_write_is_text(client: TestClient, gateway: Gateway, seeded):
    attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    with gateway.store.write() as session:
        run = session.get(Run, seeded["call-transcripts"])
        run.tags = {attack: attack}
        run.error = attack
        run.request = {"workflow_params": {attack: {"a": attack}, "run_name": attack}}
        run.workflow_params = {"run_name": attack, "mode": attack}
        run.progress = {attack: {"done": 1, "running": 1, "failed": attack if False else 0, "detail": {"unit": attack, "done": 1}}}
    log_in(client, seeded["admin"])
    for page in (
        client.get("/runs").text,
        client.get(f"/runs/{run.id}").text,
        client.get("/runs", params={"q": attack, "verdict": attack, "show": attack}).text,
    ):
        assert "<script>alert" not in page and "<img src=x" not in page and "&lt;script&gt;" in page


# What a page may do


def test_headers_of_safety(browser: TestClient, seeded):
    for path in ("/runs", f"/runs/{seeded['hr-policies']}", "/models", "/runs/nothing"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert (
            "default-src 'none'" in policy
            and "script-src 'self';" in policy
            and "unsafe" not in policy
            and "frame-ancestors 'none'" in policy
        )
        assert headers["cache-control"] == "no-store" and "same-origin" in headers["referrer-policy"] and headers["x-content-type-options"]


def test_pages_have_nothing_inline_and_nothing_from_elsewhere(browser: TestClient, seeded):
    for path in (
        "/runs",
        "/models",
        "/login",
        *(f"/runs/{seeded[name]}" for name in ("support-tickets-weekly", "hr-policies", "drift-october")),
    ):
        page = browser.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page), path
        assert all(script.startswith(' type="module" src="/static/') for script in re.findall(r"<script([^>]*)>", page))
        assert not re.findall(r"(?:src|href)=\"(?!/|#)[^\"]*", page)
    for name, content in STATIC.items():
        assert b"//" not in re.sub(rb"(?m)^\s*//.*$|\s// .*$|/\*.*?\*/|http://www.w3.org/\S+", b"", content), name


def test_static_files_are_sent_once(browser: TestClient):
    answer = browser.get("/static/style.css")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/css")
    assert browser.get("/static/style.css", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    for path in ("/static/nothing.js", "/static/..%2frendering.py", "/static/%2e%2e/rendering.py"):
        assert browser.get(path).status_code == 404


def test_a_report_cannot_run_script_in_our_name(browser: TestClient, seeded):
    answer = browser.get(f"/api/v1/runs/{seeded['support-tickets-october']}/files/report")
    assert answer.status_code == 200 and "sandbox" in answer.headers["content-security-policy"]
    assert "allow-same-origin" not in answer.headers["content-security-policy"]
    page = browser.get(f"/runs/{seeded['support-tickets-october']}").text
    assert 'sandbox="allow-popups"' in page


# What it shows


def test_groups_filters_and_counts(browser: TestClient, seeded):
    filters_hold(browser, seeded)


@pytest.mark.rig
def test_the_same_on_postgresql(make_settings, postgres_database: str):
    opened = open_gateway(make_settings(database_url=postgres_database))
    try:
        seeded = seed(opened)
        with TestClient(create_app(opened), base_url="http://127.0.0.1:8000") as client:
            assert log_in(client, seeded["admin"]).status_code == 303
            filters_hold(client, seeded)
            assert re.findall(r'id="attention-([0-9a-f-]{36})"', client.get("/runs").text)[1] == seeded["hr-policies"]
            for path in ("/models", *(f"/runs/{run_id}" for name, run_id in seeded.items() if name not in ("admin", "reader"))):
                assert client.get(path).status_code == 200
    finally:
        opened.close()


def filters_hold(browser: TestClient, seeded) -> None:
    def names(**query):
        return re.findall(r'id="run-[^"]*" href="[^"]*">([^<]*)', browser.get("/runs", params=query).text)

    assert len(names()) == 11 and len(names(show="going")) == 3 and names(show="waiting") == ["faq-nightly"]
    assert names(verdict="rejected") == ["invoices-small"] and names(q="october", verdict="drift") == ["drift-october"]
    assert names(q="OPS-412") == ["support-tickets-weekly"] and names(q=seeded["hr-policies"][:13]) == ["hr-policies"]
    assert names(q="%") == [] and names(page="2") == []
    assert len(names(show="nonsense", verdict="nonsense", page="-1")) == 11


def test_what_needs_a_person(browser: TestClient, seeded):
    page = browser.get("/runs").text
    lines = re.findall(r'id="attention-([0-9a-f-]{36})"', page)
    assert lines == [seeded["claims-2026-10"], seeded["hr-policies"], seeded["call-transcripts"]]
    told = browser.post(
        f"/api/v1/runs/{seeded['hr-policies']}/review", json={"decision": "reject", "reviewer": "Ana"}, headers={"X-LlamaFlow-Page": "1"}
    )
    assert told.status_code == 200
    assert seeded["hr-policies"] not in re.findall(r'id="attention-([0-9a-f-]{36})"', browser.get("/runs").text)
    assert "Rejected by a person" in browser.get(f"/runs/{seeded['hr-policies']}").text


def test_what_is_left_is_told_by_runs_of_the_same_kind(browser: TestClient, seeded):
    assert re.search(r"about 2 h \d+ min left", browser.get(f"/runs/{seeded['support-tickets-weekly']}").text)
    assert " left</dd>" not in browser.get(f"/runs/{seeded['hr-policies']}").text


def test_a_page_of_many_runs(browser: TestClient, gateway: Gateway, seeded):
    with gateway.store.write() as session:
        one = session.get(Run, seeded["faq-nightly"])
        columns = {column.name: getattr(one, column.name) for column in Run.__table__.columns}
        for number in range(100):
            session.add(Run(**columns | {"id": f"copy-{number:03}", "idempotency_key": None}))
    page = browser.get("/runs", params={"show": "waiting"}).text
    assert page.count('<tr class="tone-') == 50 and 'href="/runs?show=waiting&amp;page=2"' in page and 'rel="prev"' not in page
    last = browser.get("/runs", params={"show": "waiting", "page": 3}).text
    assert last.count('<tr class="tone-') == 1 and 'rel="next"' not in last


# Languages


def test_all_languages_have_the_same_texts():
    english = language.read("en")
    for code in language.NAMES:
        other = language.read(code)
        assert list(other) == list(english), set(other) ^ set(english)
        for key, text in other.items():
            assert text.strip() and sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english[key])), (code, key)


def test_templates_name_only_texts_that_there_are():
    known = set(language.read("en"))
    for path in TEMPLATES.glob("*.j2"):
        source = path.read_text(encoding="utf-8")
        for key in re.findall(r"t\[[\"']([\w.]+)[\"']\]|t\.say\(\"([\w.]+)\"", source):
            name = key[0] or key[1]
            assert name in known or name.endswith("."), (path.name, name)
        for key in re.findall(r"t\.count\(\"([\w.]+)\"", source):
            assert {f"{key}.one", f"{key}.many"} <= known, (path.name, key)


def test_texts_that_nobody_uses_are_gone():
    sources = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.j2"))
    groups = {"state", "verdict", "waiting", "event", "step", "unit", "outcome", "side", "problem.403", "problem.404"} | set(
        re.findall(r"t\[\"([\w.]+)\.\" ~", sources)
    )
    for key in language.read("en"):
        group = key.rpartition(".")[0]
        assert f'"{key}"' in sources or f"'{key}'" in sources or group in groups or f'"{group}"' in sources, key


@pytest.mark.parametrize(
    ("chosen", "accept", "code"),
    [
        (None, None, "en"),
        (None, "pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        (None, "de-DE,de;q=0.9", "en"),
        (None, "de, en;q=0.3, pt;q=0.7", "pt"),
        (None, "pt;q=0, en", "en"),
        (None, "*;q=0.5, " + "x" * 10_000, "en"),
        ("pt", "en", "pt"),
        ("xx", "pt", "pt"),
    ],
)
def test_which_language(chosen, accept, code):
    assert language.choose(chosen, accept) == code


def test_switching_the_language(browser: TestClient):
    assert '<html lang="en">' in browser.get("/runs").text
    assert '<html lang="pt-BR">' in browser.get("/runs", headers={"Accept-Language": "pt-BR"}).text
    answer = browser.get("/language/pt", params={"next": "/runs?show=failed"}, follow_redirects=False)
    assert answer.headers["location"] == "/runs?show=failed"
    assert "Execuções" in browser.get("/runs").text
    browser.get("/language/en")
    assert "Runs" in browser.get("/runs", headers={"Accept-Language": "pt-BR"}).text


def test_numbers_and_times_as_the_language_writes_them():
    english, portuguese = language.Texts("en"), language.Texts("pt")
    assert (english.number(12840), portuguese.number(12840)) == ("12,840", "12.840")
    assert (english.number(0.3412), portuguese.number(-9.8)) == ("0.341", "−9,80")
    assert english.number(None) == "–" and english.duration(3 * 3600 + 62) == "3 h 1 min" and english.duration(61) == "1 min 1 s"
    assert english.size(1536) == "1.5 KiB" and portuguese.size(61 * 2**30) == "61,0 GiB" and english.duration(200_000) == "2 d 7 h"
    assert english.of("step", "NEW_STEP") == "New step"
