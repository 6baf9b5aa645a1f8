"""How many runs of one line of keys may wait or be active at a time."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..errors import ApiError
from ..runs.states import FINAL
from ..settings import Settings
from ..store.tables import Key, Run


def within_quota(session: Session, settings: Settings, owner_id: str) -> None:
    """Called in the transaction that adds a run. Raises ApiError 429.

    The newest key of the line says how many; its row is locked, so that two submissions at once do not both take the last place.
    """
    newest = select(Key).where(Key.owner_id == owner_id).order_by(Key.created_at.desc(), Key.id).limit(1).with_for_update()
    key = session.execute(newest).scalar_one_or_none()
    most = settings.max_waiting if key is None or key.max_waiting is None else key.max_waiting
    open_runs = session.scalar(select(func.count()).select_from(Run).where(Run.key_id == owner_id, Run.state.not_in(FINAL)))
    if open_runs >= most:
        raise ApiError(429, f"this key already has {open_runs} runs waiting or active, of {most} allowed", {"Retry-After": "60"})
