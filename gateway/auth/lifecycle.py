"""The life of a key in the database: made, rotated, revoked. Each function works in the caller's transaction."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..store.database import Store
from ..store.tables import Key, now
from . import keys

FIRST = "first-admin"  # id of the first key: the primary key lets only one of several gateways make it


@dataclass(frozen=True)
class NewKey:
    """row: as stored. text: the key itself, which nobody can read again."""

    row: Key
    text: str


class NotRotatable(ValueError):
    """Revoked, expired, or rotated before."""


def create_key(session: Session, *, name: str, scopes: list[str], owner_id: str | None = None, key_id: str | None = None,
               expires_at: dt.datetime | None = None, **columns: object) -> NewKey:  # fmt: skip
    """A new key. columns: rotate_every_s, overlap_s, rate_per_minute, max_waiting. Raises ValueError for an unknown scope."""
    if not scopes or set(scopes) - set(keys.SCOPES):
        raise ValueError(f"scopes are {', '.join(keys.SCOPES)}")
    parts = keys.make()
    key_id = key_id or f"k{uuid.uuid4().hex[:16]}"
    row = Key(
        id=key_id, name=name, prefix=parts.prefix, hash=keys.digest(parts.secret), scopes=sorted(set(scopes)), owner_id=owner_id or key_id,
        expires_at=expires_at, **columns,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return NewKey(row, keys.text(parts))


def rotate_key(session: Session, key_id: str) -> NewKey:
    """A successor with the same rights; the old key stays good for its overlap. Raises LookupError and NotRotatable."""
    old = locked(session, key_id)
    at = now()
    if old.revoked_at or (old.expires_at and old.expires_at <= at):
        raise NotRotatable("this key is revoked or has expired: make a new one")
    if old.successor_id:
        raise NotRotatable("this key was rotated before: rotate its successor")
    # A key that was to expire on a day does so in its next form too; only an endless one goes on endlessly.
    new = create_key(
        session, name=old.name, scopes=old.scopes, owner_id=old.owner_id, expires_at=old.expires_at, rotate_every_s=old.rotate_every_s,
        overlap_s=old.overlap_s, rate_per_minute=old.rate_per_minute, max_waiting=old.max_waiting,
    )  # fmt: skip
    last = at + dt.timedelta(seconds=old.overlap_s)
    old.successor_id = new.row.id
    old.expires_at = min(old.expires_at, last) if old.expires_at else last
    session.flush()
    return new


def revoke_key(session: Session, key_id: str) -> Key:
    """Refused from now on (within a second in other processes). Twice is once. Raises LookupError."""
    key = locked(session, key_id)
    key.revoked_at = key.revoked_at or now()
    session.flush()
    return key


def locked(session: Session, key_id: str) -> Key:
    key = session.execute(select(Key).where(Key.id == key_id).with_for_update()).scalar_one_or_none()
    if key is None:
        raise LookupError("no such key")
    return key


def due_keys(session: Session) -> list[Key]:
    """Good keys whose time for rotation has come."""
    candidates = session.scalars(select(Key).where(Key.rotate_every_s.is_not(None), Key.successor_id.is_(None), Key.revoked_at.is_(None)))
    at = now()
    return [
        key for key in candidates
        if key.created_at + dt.timedelta(seconds=key.rotate_every_s) <= at and (key.expires_at is None or key.expires_at > at)
    ]  # fmt: skip


def first_admin_key(store: Store) -> str | None:
    """The text of an admin key where the database has no key at all; None where it has one. To be printed once, never logged."""
    with store.read() as session:
        if session.execute(select(Key.id).limit(1)).first():
            return None
    try:
        with store.write() as session:
            return create_key(session, name="first admin", scopes=["admin"], key_id=FIRST).text
    except IntegrityError:
        return None  # another gateway was faster and printed it


def add_uses(session: Session, counts: dict[str, int]) -> None:
    """Number of uses since the last time, by key id; in one order, so that two gateways do not lock each other out."""
    for key_id in sorted(counts):
        session.execute(update(Key).where(Key.id == key_id).values(uses=Key.uses + counts[key_id], last_used_at=now()))
