"""Each call that changes something or is refused is in the audit, and nothing secret or personal is."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from fastapi import Depends, Request
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from gateway.app import create_app
from gateway.auth.access import audited, note, requires
from gateway.auth.audit import AuditLog, row
from gateway.auth.repeats import EACH, Repeats
from gateway.context import open_gateway
from gateway.errors import ApiError
from gateway.store.tables import Audit


@pytest.fixture
def app(gateway):
    """The application with routes that fail in each way."""
    made = create_app(gateway)

    @made.post("/api/v1/try/{how}", dependencies=[Depends(audited("tried")), Depends(requires("runs:write"))])
    def try_it(how: str, request: Request):
        note(request, target="thing-1", size=3)
        if how == "refuse":
            raise ApiError(409, "not now")
        if how == "crash":
            raise RuntimeError("lf_0123456789_thisIsASecretOfSomebody")
        return {"how": how}

    return made


@pytest.fixture
def caller(app, make_key):
    with TestClient(app, raise_server_exceptions=False, headers={"X-API-Key": make_key("runs:write")}) as client:
        yield client


def rows(gateway) -> list[Audit]:
    with gateway.store.read() as session:
        return list(session.scalars(select(Audit).order_by(Audit.number)))


@pytest.mark.parametrize(("how", "status", "outcome"), [("do", 200, "done"), ("refuse", 409, "refused"), ("crash", 500, "failed")])
def test_changing_calls_are_audited_with_their_outcome(gateway, caller, how, status, outcome):
    answer = caller.post(f"/api/v1/try/{how}", headers={"X-Request-Id": "my-request"})
    assert answer.status_code == status
    if outcome != "done":
        caller.app.state.audit.stop()
    (one,) = rows(gateway)
    assert (one.action, one.target, one.outcome, one.status_code, one.detail) == ("tried", "thing-1", outcome, status, {"size": 3})
    assert (one.request_id, one.address) == ("my-request", "testclient")
    assert one.key_id and one.key_id.startswith("k")


def test_what_was_done_is_in_the_audit_before_the_caller_hears_of_it(gateway, caller):
    for number in range(20):
        caller.post("/api/v1/try/do")
        assert len(rows(gateway)) == number + 1


def test_reading_is_not_audited_but_its_refusal_is(gateway, caller):
    assert caller.get("/api/v1/keys/me").status_code == 200
    assert caller.get("/api/v1/audit").status_code == 403
    assert caller.get("/api/v1/keys/me", headers={"X-API-Key": "lf_0123456789_nobody"}).status_code == 401
    caller.app.state.audit.stop()
    assert [(one.action, one.target, one.status_code) for one in rows(gateway)] == [
        ("GET /api/v1/audit", "/api/v1/audit", 403),
        ("GET /api/v1/keys/me", "/api/v1/keys/me", 401),
    ]


def test_error_of_the_gateway_tells_its_request_id_and_no_more(caller):
    answer = caller.post("/api/v1/try/crash", headers={"X-Request-Id": "look-here"})
    assert "look-here" in answer.json()["msg"]
    assert "Secret" not in answer.text and "RuntimeError" not in answer.text


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "line\nbreak", "é"])
def test_request_ids_that_are_none_are_replaced(caller, given):
    answer = caller.get("/healthz", headers={"X-Request-Id": given.encode()})
    assert answer.headers["x-request-id"] != given and len(answer.headers["x-request-id"]) == 16


def test_audit_is_read_page_by_page(gateway, as_key):
    log = AuditLog(gateway.store)
    for number in range(25):
        log.add(row(action="even" if number % 2 == 0 else "odd", outcome="done", target=str(number)))
    log.start()
    log.stop()
    admin, seen, before = as_key(), [], None
    while True:
        page = admin.get("/api/v1/audit", params={"limit": 7, "action": "even"} | ({"before": before} if before else {})).json()
        seen += [int(one["target"]) for one in page["audit"]]
        before = page["before"]
        if before is None:
            break
    assert seen == list(range(24, -1, -2))


def test_audit_that_cannot_be_written_is_seen_and_stops_nobody(gateway, caller, capsys):
    with gateway.store.write() as session:
        session.execute(text("DROP TABLE audit"))
    assert caller.post("/api/v1/try/do").status_code == 200
    assert "audit not written" in capsys.readouterr().out


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 3)), max_size=600))
def test_no_refusal_is_uncounted_however_they_come(calls):
    """Rows written as they are, and the numbers in the summaries, make up all of them."""
    repeats, at, written = Repeats(), 0.0, Counter()
    for who, pause in calls:
        at += pause
        for one in repeats.summaries(at):
            written[one["address"]] += one["detail"]["repeated"]
        if repeats.passes(row(action="x", outcome="refused", address=str(who)), at):
            written[str(who)] += 1
    for one in repeats.summaries(at, all_of_them=True):
        written[one["address"]] += one["detail"]["repeated"]
    assert written == Counter(str(who) for who, _ in calls)


def test_a_flood_of_refusals_does_not_fill_the_database(gateway):
    log = AuditLog(gateway.store)
    log.start()
    for _ in range(5000):
        log.add(row(action="GET /api/v1/runs", outcome="refused", status_code=401, address="192.0.2.1"))
    log.add(row(action="GET /api/v1/runs", outcome="refused", status_code=401, address="192.0.2.2"))
    log.stop()
    seen = rows(gateway)
    assert len(seen) == EACH + 2
    assert sum(one.detail.get("repeated", 1) for one in seen if one.address == "192.0.2.1") == 5000
    assert [one.address for one in seen].count("192.0.2.2") == 1


def test_what_was_done_is_never_summed_up(gateway):
    log = AuditLog(gateway.store)
    for number in range(1200):
        log.add(row(action="x", outcome="done", target=str(number)))
    log.start()
    log.stop()
    assert [int(one.target) for one in rows(gateway)] == list(range(1200))


ODD = ["a\x00b", "line\nbreak", "\ud800", "x" * 500, "é'--"]


def check_odd_rows(gateway):
    """One row that cannot be stored does not take the rest of its group with it."""
    log = AuditLog(gateway.store)
    for odd in ODD:
        log.add(row(action=odd, outcome="done", target=odd, request_id=odd, address=odd))
    log.add(row(action="bad", outcome="done", detail={"no JSON": object()}))
    log.add(row(action="last", outcome="done"))
    log.start()
    log.stop()
    seen = rows(gateway)
    assert [one.target for one in seen] == ["a?b", "line?break", "?", "x" * 200, "é'--", ""]
    assert seen[-1].action == "last"


def test_odd_rows_are_stored(gateway):
    check_odd_rows(gateway)


@pytest.mark.rig
def test_odd_rows_are_stored_on_postgresql(make_settings, postgres_database):
    gateway = open_gateway(make_settings(database_url=postgres_database))
    check_odd_rows(gateway)
    gateway.close()


def test_awaited_rows_do_not_need_the_thread(gateway):
    asyncio.run(AuditLog(gateway.store).written(row(action="x", outcome="done")))
    assert len(rows(gateway)) == 1
