"""Who is let in: keys as text, the keyring's memory, scopes."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select, update

from gateway.auth import keys
from gateway.auth.keyring import FRESH_S, STALE_S, Keyring, Refused
from gateway.auth.lifecycle import create_key, revoke_key
from gateway.store.tables import Key, now


def test_key_is_parsed_as_it_was_made():
    parts = keys.make()
    assert keys.parse(keys.text(parts)) == parts
    assert len(parts.secret) >= 43  # 256 bits


@given(st.text())
def test_any_text_is_parsed_or_refused_without_an_error(text):
    parts = keys.parse(text)
    assert parts is None or keys.text(parts) == text


@pytest.mark.parametrize(
    "text", ["", "lf", "lf_", "lf__", "lf_abc_", "lf__abc", "xx_abc_def", "lf_" + "a" * 17 + "_x", "lf_abc_" + "x" * 300, "lf_ab_ç"]
)
def test_what_is_no_key_is_no_key(text):
    assert keys.parse(text) is None


def test_secret_is_not_in_the_database(gateway, make_key):
    text = make_key("runs:read")
    gateway.store.engine.dispose()
    secret = keys.parse(text).secret.encode()
    for file in gateway.settings.home.iterdir():
        assert secret not in file.read_bytes()


def compared(secret: str, stored: str | None) -> int:
    """How often the comparison in constant time was called."""
    calls = 0

    def seen(_frame, kind, function):
        nonlocal calls
        calls += kind == "c_call" and function is hmac.compare_digest

    sys.setprofile(seen)
    try:
        keys.matches(secret, stored)
    finally:
        sys.setprofile(None)
    return calls


def test_known_and_unknown_keys_cost_the_same_comparison():
    assert compared("right", keys.digest("right")) == compared("wrong", keys.digest("right")) == compared("any", None) == 1
    assert keys.matches("right", keys.digest("right"))
    assert not keys.matches("wrong", keys.digest("right"))
    assert not keys.matches("any", None)


def identify(keyring: Keyring, *texts: str):
    """Results of concurrent calls: the identity, or the reason of refusal."""

    async def one(text):
        try:
            return await keyring.identify(text)
        except Refused as refused:
            return str(refused)

    async def all_of_them():
        return await asyncio.gather(*(one(text) for text in texts))

    return asyncio.run(all_of_them())


@pytest.fixture
def selects(gateway):
    """Statements sent to the database."""
    seen = []
    event.listen(gateway.store.engine, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
    return seen


class Clock:
    """Time as the keyring sees it: goes on only when told to, so that a busy machine changes nothing."""

    age = 0.0  # seconds since the keyring was made
    later = 0.0  # seconds that the wall clock is ahead

    def monotonic(self) -> float:
        return self.age

    def time(self) -> float:
        return time.time() + self.later


@pytest.fixture
def clock(monkeypatch) -> Clock:
    one = Clock()
    monkeypatch.setattr("gateway.auth.keyring.time", one)
    return one


def test_calls_at_once_ask_the_database_once(gateway, make_key, selects, clock):
    text = make_key("runs:read")
    keyring = Keyring(gateway.store)
    selects.clear()
    assert {one.name for one in identify(keyring, *[text] * 50)} == {"test"}
    identify(keyring, *[text] * 50)
    assert len([one for one in selects if "SELECT" in one]) == 1


def test_unknown_prefixes_are_remembered_too(gateway, selects, clock):
    keyring = Keyring(gateway.store)
    assert set(identify(keyring, *["lf_0123456789_guess"] * 30)) == {"unknown key"}
    assert len([one for one in selects if "SELECT" in one]) == 1


def test_another_process_s_revocation_is_felt_within_a_second(gateway, make_key):
    assert STALE_S < 1
    text = make_key("runs:read")
    keyring = Keyring(gateway.store)

    async def revoked_meanwhile():
        first = await keyring.identify(text)
        with gateway.store.write() as session:  # behind this keyring's back
            revoke_key(session, first.key_id)
        await asyncio.sleep(STALE_S)
        with pytest.raises(Refused, match="revoked"):
            await keyring.identify(text)

    asyncio.run(revoked_meanwhile())


def test_nobody_waits_for_a_slow_database_while_the_key_is_fresh_enough(gateway, make_key, clock):
    text = make_key("runs:read")
    keyring, slow = Keyring(gateway.store), threading.Event()

    async def calls():
        await keyring.identify(text)
        event.listen(gateway.store.engine, "before_cursor_execute", lambda *_: slow.wait(60))
        clock.age = FRESH_S
        try:
            answers = [await asyncio.wait_for(keyring.identify(text), 30) for _ in range(3)]
            clock.age = STALE_S
            with pytest.raises(TimeoutError):  # too old: now it has to be asked
                await asyncio.wait_for(keyring.identify(text), 0.2)
        finally:
            slow.set()
        return answers

    assert [one.name for one in asyncio.run(calls())] == ["test"] * 3


def test_a_read_that_was_under_way_is_not_kept_after_a_change(gateway, make_key):
    """Read, revoked and told of it, read comes back: the old answer must not live on."""
    text = make_key("runs:read")
    keyring, slow = Keyring(gateway.store), threading.Event()
    prefix = keys.parse(text).prefix

    async def calls():
        has_read = threading.Event()

        def hold(_connection, _cursor, statement, *_):
            if "SELECT" in statement and not has_read.is_set():
                has_read.set()
                slow.wait(20)

        event.listen(gateway.store.engine, "after_cursor_execute", hold)
        first = asyncio.create_task(keyring.identify(text))
        while not has_read.is_set():
            await asyncio.sleep(0.01)
        with gateway.store.write() as session:
            session.execute(update(Key).where(Key.prefix == prefix).values(revoked_at=now()))
        keyring.forget()
        slow.set()
        await first
        with pytest.raises(Refused, match="revoked"):
            await keyring.identify(text)

    asyncio.run(calls())


def test_expiry_needs_no_look_into_the_database(gateway, selects, clock):
    with gateway.store.write() as session:
        text = create_key(session, name="short", scopes=["admin"], expires_at=now() + dt.timedelta(hours=1)).text
    keyring = Keyring(gateway.store)

    async def until_it_expires():
        await keyring.identify(text)
        selects.clear()
        clock.later = 3601
        with pytest.raises(Refused, match="expired"):
            await keyring.identify(text)

    asyncio.run(until_it_expires())
    assert not selects


def test_the_reason_is_told_only_to_who_has_the_secret(gateway, make_key):
    text = make_key("runs:read")
    prefix = keys.parse(text).prefix
    with gateway.store.write() as session:
        session.execute(update(Key).where(Key.prefix == prefix).values(revoked_at=now()))
    keyring = Keyring(gateway.store)
    assert identify(keyring, text, f"lf_{prefix}_guess") == ["this key is revoked", "unknown key"]


def test_database_away_is_not_remembered(gateway, make_key):
    """A failed look must not lock a good key out, nor let the next one through unasked."""
    text = make_key("runs:read")
    keyring = Keyring(gateway.store)

    def broken(*_):
        raise ConnectionError("away")

    event.listen(gateway.store.engine, "before_cursor_execute", broken)
    with pytest.raises(ConnectionError):
        asyncio.run(keyring.identify(text))
    event.remove(gateway.store.engine, "before_cursor_execute", broken)
    assert identify(keyring, text)[0].name == "test"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Bearer lf_0123456789_nonsense"}, 401),
        ({"Authorization": "Basic {key}"}, 401),
        ({"Authorization": "{key}"}, 401),
        ({"X-API-Key": "nonsense"}, 401),
        ({"X-API-Key": "{key}"}, 200),
        ({"Authorization": "Bearer {key}"}, 200),
        ({"Authorization": "bearer  {key} "}, 200),
        ({"Authorization": "Bearer lf_0123456789_nonsense", "X-API-Key": "{key}"}, 401),
    ],
)
def test_header_forms(client, make_key, headers, status):
    key = make_key("runs:read")
    answer = client.get("/api/v1/keys/me", headers={name: value.replace("{key}", key) for name, value in headers.items()})
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["status_code"] == 401
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scope", [scope for scope in keys.SCOPES if scope != "admin"])
def test_only_admins_make_keys_and_read_the_audit(as_key, scope):
    caller = as_key(scope)
    assert caller.get("/api/v1/audit").status_code == 403
    answer = caller.post("/api/v1/keys", json={"name": "mine", "scopes": ["admin"]})
    assert (answer.status_code, answer.json()) == (403, {"msg": "this key lacks the scope admin", "status_code": 403})


def test_uses_are_counted_exactly_and_written_at_the_end(gateway, make_key):
    from fastapi.testclient import TestClient

    from gateway.app import create_app

    text = make_key("runs:read")
    with TestClient(create_app(gateway), headers={"X-API-Key": text}) as client:
        for _ in range(25):
            client.get("/healthz")
        client.get("/healthz", headers={"X-API-Key": text + "x"})  # refused: no use
    with gateway.store.read() as session:
        key = session.scalars(select(Key).where(Key.prefix == keys.parse(text).prefix)).one()
    assert key.uses == 25
    assert key.last_used_at > key.created_at
