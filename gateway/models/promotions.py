"""Which version is in production: promoted and rolled back by people, told in a table and in registry/models/production.json.

The table is the truth; the file is written under the same lock and set right by `publish` whenever the two differ.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from ..context import Gateway
from ..runs.problems import NotFound, Refused
from ..store.tables import Promotion
from .registry import ModelRegistry, Version

ALIAS = "production"
LOCK = 0x6C6C616D  # of PostgreSQL; SQLite has one writer at a time anyway


def current(gateway: Gateway) -> str | None:
    """The version in production, or None."""
    with gateway.store.read() as session:
        return _current(session)


def history(gateway: Gateway, limit: int = 100) -> list[dict[str, Any]]:
    """What was promoted and rolled back, newest first."""
    with gateway.store.read() as session:
        rows = session.execute(select(Promotion).where(Promotion.alias == ALIAS).order_by(Promotion.number.desc()).limit(limit)).scalars()
        return [
            {
                "version": row.version,
                "previous": row.previous,
                "kind": row.kind,
                "key_id": row.key_id,
                "reason": row.reason,
                "time": row.time,
            }
            for row in rows
        ]


def promote(gateway: Gateway, name: str, *, key_id: str, reason: str = "") -> bool:
    """Put a version into production; False where it is there already. Raises Refused (404, 409)."""
    registry = ModelRegistry(gateway.settings.registry_folder)
    with gateway.store.write() as session:
        _lock(session)
        version = registry.version(name)
        if version is None:
            raise NotFound("version")
        if not version.usable:
            raise Refused(409, f"{name} is withdrawn" if version.withdrawn else f"{name} is not accepted")
        before = _current(session)
        if before == name:
            registry.say_production(_content(version, reason))
            return False
        _set(session, registry, version, before, "promote", key_id, reason)
    return True


def rollback(gateway: Gateway, *, key_id: str, reason: str = "") -> str:
    """Go back to what was in production before, past versions that are gone or withdrawn; returns its name. Raises Refused (409)."""
    registry = ModelRegistry(gateway.settings.registry_folder)
    with gateway.store.write() as session:
        _lock(session)
        *earlier, now = _stack(session) or [None]
        found = (registry.version(name) for name in reversed(earlier))
        version = next((one for one in found if one and one.usable and one.name != now), None)
        if version is None:
            raise Refused(409, "there is no earlier version to go back to")
        _set(session, registry, version, now, "rollback", key_id, reason)
        return version.name


def publish(gateway: Gateway) -> None:
    """Set production.json right: after a crash between file and commit, or when somebody touched it."""
    registry = ModelRegistry(gateway.settings.registry_folder)
    said = (registry.said_production() or {}).get("version")
    if said == current(gateway):
        return
    with gateway.store.write() as session:
        _lock(session)
        name = _current(session)
        version = registry.version(name) if name else None
        registry.say_production(_content(version, "") if version else None)


def _set(session: Session, registry: ModelRegistry, version: Version, before: str | None, kind: str, key_id: str, reason: str) -> None:
    session.add(Promotion(alias=ALIAS, version=version.name, previous=before, kind=kind, key_id=key_id, reason=reason))
    session.flush()
    registry.say_production(_content(version, reason))


def _content(version: Version, reason: str) -> dict[str, Any]:
    lineage = version.metadata.get("lineage", {})
    told = {"version": version.name, "path": str(version.path), "reason": reason}
    return told | {name: lineage.get(name) for name in ("base", "base_digest", "adapter_digest")}


def _current(session: Session) -> str | None:
    newest = select(Promotion.version).where(Promotion.alias == ALIAS).order_by(Promotion.number.desc()).limit(1)
    return session.execute(newest).scalar_one_or_none()


def _stack(session: Session) -> list[str]:
    """Versions that were promoted and not rolled back from, in order; the last one is in production."""
    stack: list[str] = []
    for kind, version in session.execute(
        select(Promotion.kind, Promotion.version).where(Promotion.alias == ALIAS).order_by(Promotion.number)
    ):
        while kind == "rollback" and stack and stack[-1] != version:
            stack.pop()
        if not stack or stack[-1] != version:
            stack.append(version)
    return stack


def _lock(session: Session) -> None:
    """One promotion at a time, over all processes."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
