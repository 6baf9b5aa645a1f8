"""The audit, for admins: what was changed or refused, newest first."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import select

from ..auth.access import requires
from ..dependencies import TheGateway
from ..errors import ERRORS
from ..store.tables import Audit

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], responses=ERRORS, dependencies=[Depends(requires("admin"))])


class AuditRow(BaseModel):
    """One call. outcome: done, refused, failed. target: an id, else the path."""

    number: int
    time: dt.datetime
    key_id: str | None
    action: str
    target: str
    outcome: str
    status_code: int | None
    request_id: str
    address: str
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """before: give it as ?before= for the next page; None where there is none."""

    audit: list[AuditRow]
    before: int | None


@router.get("", response_model=AuditPage)
def read(
    gateway: TheGateway,
    action: Annotated[str | None, Query(max_length=64)] = None,
    outcome: Annotated[str | None, Query(max_length=16)] = None,
    key_id: Annotated[str | None, Query(max_length=24)] = None,
    target: Annotated[str | None, Query(max_length=200)] = None,
    since: AwareDatetime | None = None,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Rows that match all that is given."""
    query = select(Audit).order_by(Audit.number.desc()).limit(limit)
    for column, value in ((Audit.action, action), (Audit.outcome, outcome), (Audit.key_id, key_id), (Audit.target, target)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(Audit.time >= since)
    if before is not None:
        query = query.where(Audit.number < before)
    with gateway.store.read() as session:
        rows = session.scalars(query).all()
    found = [{name: getattr(row, name) for name in AuditRow.model_fields} for row in rows]
    return {"audit": found, "before": found[-1]["number"] if len(found) == limit else None}
