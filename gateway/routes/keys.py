"""API keys: made, listed, rotated, revoked. The text of a key is answered once, when it is made."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select

from ..auth.access import Caller, audited, note, requires
from ..auth.keyring import Keyring
from ..auth.lifecycle import NewKey, NotRotatable, create_key, locked, revoke_key, rotate_key
from ..dependencies import TheGateway
from ..errors import ERRORS, ApiError
from ..store.tables import Key, now

router = APIRouter(prefix="/api/v1/keys", tags=["keys"], responses=ERRORS)
AnyKey = Annotated[Caller, Depends(requires())]
Admin = Annotated[Caller, Depends(requires("admin"))]
KeyId = Annotated[str, Field(max_length=24)]
Scope = Literal["runs:read", "runs:write", "models:promote", "datasets", "admin"]


class KeyRequest(BaseModel):
    """A key to make. Without expires_at it is good until revoked; rotate_every_s lets the gateway replace it by itself."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=5)]
    expires_at: AwareDatetime | None = None
    expires_in_s: Annotated[int | None, Field(ge=1, le=10 * 366 * 86400)] = None
    rotate_every_s: Annotated[int | None, Field(ge=60, le=10 * 366 * 86400)] = None
    overlap_s: Annotated[int, Field(ge=0, le=366 * 86400)] = 86400
    rate_per_minute: Annotated[int | None, Field(ge=1, le=10_000_000)] = None
    max_waiting: Annotated[int | None, Field(ge=0, le=1_000_000)] = None


class KeyView(BaseModel):
    """A key without its secret. state: active, rotated (good until expires_at beside its successor), expired, revoked."""

    key_id: str
    name: str
    prefix: str
    scopes: list[str]
    state: Literal["active", "rotated", "expired", "revoked"]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None
    rotate_every_s: int | None
    rotates_at: dt.datetime | None
    overlap_s: int
    successor_id: str | None
    owner_id: str
    last_used_at: dt.datetime | None
    uses: int
    rate_per_minute: int | None
    max_waiting: int | None


class MadeKey(KeyView):
    """key: the text of the key, shown this once."""

    key: str


def view(key: Key) -> dict[str, Any]:
    expired = key.expires_at is not None and key.expires_at <= now()
    state = "revoked" if key.revoked_at else "expired" if expired else "rotated" if key.successor_id else "active"
    columns = {name: getattr(key, name) for name in KeyView.model_fields if name not in ("key_id", "prefix", "state", "rotates_at")}
    due = key.created_at + dt.timedelta(seconds=key.rotate_every_s) if key.rotate_every_s and state == "active" else None
    return columns | {"key_id": key.id, "prefix": f"lf_{key.prefix}", "state": state, "rotates_at": due}


def _made(new: NewKey) -> dict[str, Any]:
    return view(new.row) | {"key": new.text}


def _own(session, caller: Caller, key_id: str) -> None:
    """A key may change itself and its line; an admin all."""
    try:
        key = locked(session, key_id)
    except LookupError:
        raise ApiError(404, "no such key") from None
    if not caller.admin and key.owner_id != caller.key_id:
        raise ApiError(404, "no such key")


@router.post("", status_code=201, response_model=MadeKey, dependencies=[Depends(audited("keys.create"))])
def create(body: KeyRequest, gateway: TheGateway, caller: Admin, request: Request) -> dict[str, Any]:
    """Make a key; its text is in the answer and nowhere else."""
    expires_at = body.expires_at or (now() + dt.timedelta(seconds=body.expires_in_s) if body.expires_in_s else None)
    if expires_at is not None and expires_at <= now():
        raise ApiError(422, "expires_at lies in the past")
    columns = body.model_dump(include={"rotate_every_s", "overlap_s", "rate_per_minute", "max_waiting"})
    with gateway.store.write() as session:
        new = create_key(session, name=body.name, scopes=list(body.scopes), expires_at=expires_at, **columns)
    note(request, target=new.row.id, scopes=new.row.scopes)
    return _made(new)


@router.get("")
def list_keys(gateway: TheGateway, caller: AnyKey) -> dict[str, list[KeyView]]:
    """All keys for an admin, otherwise the caller's own line."""
    query = select(Key).order_by(Key.created_at, Key.id)
    with gateway.store.read() as session:
        rows = session.scalars(query if caller.admin else query.where(Key.owner_id == caller.key_id)).all()
    return {"keys": [KeyView(**view(row)) for row in rows]}


@router.get("/me", response_model=KeyView)
def me(gateway: TheGateway, caller: AnyKey) -> dict[str, Any]:
    """The key of this call."""
    with gateway.store.read() as session:
        return view(session.get_one(Key, caller.used_key_id))


@router.post("/{key_id}/rotate", status_code=201, response_model=MadeKey, dependencies=[Depends(audited("keys.rotate"))])
def rotate(key_id: KeyId, gateway: TheGateway, caller: AnyKey, request: Request) -> dict[str, Any]:
    """A successor with the same rights; the old key stays good for overlap_s. A key may rotate itself."""
    with gateway.store.write() as session:
        _own(session, caller, key_id)
        try:
            new = rotate_key(session, key_id)
        except NotRotatable as error:
            raise ApiError(409, str(error)) from None
    _forget(request)
    note(request, target=key_id, successor=new.row.id)
    return _made(new)


@router.delete("/{key_id}", response_model=KeyView, dependencies=[Depends(audited("keys.revoke"))])
def revoke(key_id: KeyId, gateway: TheGateway, caller: AnyKey, request: Request) -> dict[str, Any]:
    """Refused from now on. A key may revoke itself."""
    note(request, target=key_id)
    with gateway.store.write() as session:
        _own(session, caller, key_id)
        key = revoke_key(session, key_id)
    _forget(request)
    return view(key)


def _forget(request: Request) -> None:
    keyring: Keyring = request.app.state.keyring
    keyring.forget()
