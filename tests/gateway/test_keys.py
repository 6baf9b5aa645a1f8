"""The life of a key: made, shown once, rotated with overlap, revoked; the first admin's."""

from __future__ import annotations

import datetime as dt
import stat
import threading

import pytest
from sqlalchemy import select, update

from gateway.auth import keys
from gateway.auth.audit import AuditLog
from gateway.auth.lifecycle import FIRST, NotRotatable, create_key, first_admin_key, revoke_key, rotate_key
from gateway.auth.rotation import rotate_due
from gateway.store.tables import Audit, Key, now


def get_key(gateway, key_id: str) -> Key:
    with gateway.store.read() as session:
        return session.get_one(Key, key_id)


def test_key_is_shown_once(as_key):
    admin = as_key()
    made = admin.post("/api/v1/keys", json={"name": "n8n", "scopes": ["runs:read", "runs:write"], "rate_per_minute": 90}).json()
    assert admin.get("/api/v1/keys/me", headers={"Authorization": f"Bearer {made['key']}"}).json()["name"] == "n8n"
    listed = admin.get("/api/v1/keys").json()["keys"]
    mine = next(one for one in listed if one["key_id"] == made["key_id"])
    assert "key" not in mine
    assert (mine["state"], mine["scopes"], mine["rate_per_minute"]) == ("active", ["runs:read", "runs:write"], 90)
    assert made["key"].startswith(mine["prefix"] + "_")
    assert keys.parse(made["key"]).secret not in str(listed)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "", "scopes": ["admin"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "scopes": ["admin"], "owner_id": "first-admin"},
        {"name": "x", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "scopes": ["admin"], "expires_at": "2040-01-01T00:00:00"},
        {"name": "x", "scopes": ["admin"], "rotate_every_s": 1},
        {"name": "x" * 201, "scopes": ["admin"]},
    ],
)
def test_odd_keys_are_not_made(as_key, gateway, body):
    answer = as_key().post("/api/v1/keys", json=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"msg", "status_code"}
    with gateway.store.read() as session:
        assert len(session.scalars(select(Key)).all()) == 1


def test_revoked_key_is_refused_at_once(as_key):
    admin, other = as_key(), as_key("runs:read")
    key_id = other.get("/api/v1/keys/me").json()["key_id"]
    for _ in range(2):  # twice is once
        assert admin.delete(f"/api/v1/keys/{key_id}").json()["state"] == "revoked"
    answer = other.get("/api/v1/keys/me")
    assert (answer.status_code, answer.json()["msg"]) == (401, "this key is revoked")


def test_others_keys_look_as_if_they_were_not_there(as_key):
    one, other = as_key("runs:read"), as_key("runs:read")
    key_id = other.get("/api/v1/keys/me").json()["key_id"]
    assert one.delete(f"/api/v1/keys/{key_id}").status_code == 404
    assert one.post(f"/api/v1/keys/{key_id}/rotate").status_code == 404
    assert one.delete("/api/v1/keys/nothing").status_code == 404
    assert [key["key_id"] for key in one.get("/api/v1/keys").json()["keys"]] == [one.get("/api/v1/keys/me").json()["key_id"]]
    assert other.get("/api/v1/keys/me").status_code == 200


def test_key_rotates_itself_and_both_are_good_for_the_overlap(as_key):
    old = as_key("runs:read", "runs:write", rate_per_minute=70, overlap_s=3600)
    me = old.get("/api/v1/keys/me").json()
    made = old.post(f"/api/v1/keys/{me['key_id']}/rotate")
    assert made.status_code == 201
    new = made.json()
    assert (new["scopes"], new["owner_id"], new["rate_per_minute"], new["expires_at"]) == (me["scopes"], me["owner_id"], 70, None)
    again = old.get("/api/v1/keys/me").json()
    assert (again["state"], again["successor_id"]) == ("rotated", new["key_id"])
    left = dt.datetime.fromisoformat(again["expires_at"]) - now()
    assert dt.timedelta(minutes=59) < left <= dt.timedelta(hours=1)
    assert old.get("/api/v1/keys/me", headers={"Authorization": f"Bearer {new['key']}"}).json()["state"] == "active"
    assert old.post(f"/api/v1/keys/{me['key_id']}/rotate").status_code == 409  # one successor, not a tree


def test_rotation_without_overlap_ends_the_old_key(as_key):
    old = as_key("runs:read", overlap_s=0)
    key_id = old.get("/api/v1/keys/me").json()["key_id"]
    assert old.post(f"/api/v1/keys/{key_id}/rotate").status_code == 201
    assert old.get("/api/v1/keys/me").status_code == 401


def test_rotation_does_not_outlive_the_end_of_a_key(gateway):
    end = now() + dt.timedelta(hours=1)
    with gateway.store.write() as session:
        old = create_key(session, name="temporary", scopes=["datasets"], expires_at=end, overlap_s=86400).row
        new = rotate_key(session, old.id).row
    assert get_key(gateway, old.id).expires_at == get_key(gateway, new.id).expires_at == end


@pytest.mark.parametrize("columns", [{"revoked_at": now()}, {"expires_at": now() - dt.timedelta(seconds=1)}])
def test_dead_keys_do_not_rotate(gateway, columns):
    with gateway.store.write() as session:
        key_id = create_key(session, name="dead", scopes=["admin"]).row.id
        session.execute(update(Key).where(Key.id == key_id).values(**columns))
        session.expire_all()
        with pytest.raises(NotRotatable):
            rotate_key(session, key_id)


@pytest.fixture
def audit_log(gateway):
    log = AuditLog(gateway.store)
    log.start()
    yield log
    log.stop()


def make_due(gateway, **columns) -> str:
    with gateway.store.write() as session:
        key_id = create_key(session, name="due", scopes=["runs:write"], rotate_every_s=3600, overlap_s=600, **columns).row.id
        session.execute(update(Key).where(Key.id == key_id).values(created_at=now() - dt.timedelta(hours=2)))
    return key_id


def test_due_keys_are_rotated_into_a_file(gateway, audit_log, tmp_path):
    key_id = make_due(gateway)
    (successor,) = rotate_due(gateway.store, tmp_path / "keys", audit_log)
    file = tmp_path / "keys" / f"{key_id}.key"
    parts = keys.parse(file.read_text().strip())
    assert keys.matches(parts.secret, get_key(gateway, successor).hash)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert get_key(gateway, successor).rotate_every_s == 3600
    assert get_key(gateway, key_id).successor_id == successor
    assert rotate_due(gateway.store, tmp_path / "keys", audit_log) == []
    audit_log.stop()
    with gateway.store.read() as session:
        (row,) = session.scalars(select(Audit))
    assert (row.action, row.target, row.outcome) == ("keys.rotate", successor, "done")
    assert parts.secret not in str(row.detail)


def test_rotation_goes_on_along_the_line(gateway, audit_log, tmp_path):
    """The successor is due in its turn, and the same file holds the newest."""
    key_id = make_due(gateway)
    (second,) = rotate_due(gateway.store, tmp_path, audit_log)
    with gateway.store.write() as session:
        session.execute(update(Key).where(Key.id == second).values(created_at=now() - dt.timedelta(hours=2)))
    (third,) = rotate_due(gateway.store, tmp_path, audit_log)
    assert get_key(gateway, third).owner_id == key_id
    assert [path.name for path in tmp_path.glob("*.*")] == [f"{key_id}.key"]
    assert keys.matches(keys.parse((tmp_path / f"{key_id}.key").read_text().strip()).secret, get_key(gateway, third).hash)


def test_what_cannot_be_written_is_not_rotated(gateway, audit_log, tmp_path):
    key_id = make_due(gateway)
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(OSError):
        rotate_due(gateway.store, tmp_path / "keys", audit_log)
    assert get_key(gateway, key_id).successor_id is None
    with gateway.store.read() as session:
        assert len(session.scalars(select(Key)).all()) == 1


def test_two_gateways_rotate_a_key_once(gateway, audit_log, tmp_path):
    key_id = make_due(gateway)
    barrier, made = threading.Barrier(4), []

    def one():
        barrier.wait()
        made.extend(rotate_due(gateway.store, tmp_path / "keys", audit_log))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    text = (tmp_path / "keys" / f"{key_id}.key").read_text().strip()
    assert keys.matches(keys.parse(text).secret, get_key(gateway, made[0]).hash)


def test_first_admin_key_is_made_once(gateway):
    made, barrier = [], threading.Barrier(4)

    def one():
        barrier.wait()
        made.append(first_admin_key(gateway.store))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (text,) = [one for one in made if one]
    assert keys.matches(keys.parse(text).secret, get_key(gateway, FIRST).hash)
    assert get_key(gateway, FIRST).scopes == ["admin"]


def test_no_first_key_where_there_ever_was_one(gateway):
    """Revoking the last key must not print a new admin key at the next start."""
    assert first_admin_key(gateway.store)
    with gateway.store.write() as session:
        revoke_key(session, FIRST)
    assert first_admin_key(gateway.store) is None
