"""The one place where a run changes: its new state, the event and the event's outbox row, in the caller's transaction."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ..store.tables import Event, Outbox, Run, now
from . import events
from .states import FINAL, State, Trigger, after

# Event of each trigger; CLAIM and RELEASE are a worker's own affair and tell nobody anything.
EVENTS = {
    Trigger.LAUNCHED: events.STARTED, Trigger.FINISHED: events.COMPLETED, Trigger.FAILED: events.FAILED, Trigger.PREEMPT: events.PREEMPTED,
    Trigger.LOST: events.LOST, Trigger.GIVE_UP: events.FAILED, Trigger.CANCEL: events.CANCELING, Trigger.STOPPED: events.CANCELED,
    Trigger.RESUME: events.RESUMED,
}  # fmt: skip


class RunMoved(RuntimeError):
    """Another process changed the run meanwhile: read it again."""


def lock(session: Session, run_id: str) -> Run | None:
    """The run's row for a change, held until the transaction ends (PostgreSQL; SQLite has one writer at a time anyway)."""
    return session.execute(select(Run).where(Run.id == run_id).with_for_update()).scalar_one_or_none()


def move(session: Session, run: Run, trigger: Trigger, data: dict[str, Any] | None = None, **columns: Any) -> Event | None:
    """Apply ``trigger``, set ``columns`` with it, and write its event (None where the trigger has none).

    run: as read in this transaction, best by lock(). data: goes into the event beside run_id and state.
    Raises IllegalTransition, and RunMoved when the row is no longer the one that was read.
    """
    state = after(State(run.state), trigger)
    time = now()
    changes: dict[str, Any] = {"state": state.value, "version": run.version + 1, **columns}
    if state in FINAL:
        changes |= {"ended_at": time, "claimed_by": None, "claimed_until": None}
    elif state == State.QUEUED:
        changes |= {"queued_at": time, "ended_at": None, "claimed_by": None, "claimed_until": None}
    if trigger == Trigger.CANCEL:
        changes["cancel_requested_at"] = time
    if trigger == Trigger.RESUME:
        changes |= {"cancel_requested_at": None, "losses": 0, "error": None, "exit_code": None, "verdict": None, "outputs": {}}
    done = session.execute(update(Run).where(Run.id == run.id, Run.version == run.version).values(**changes))
    if done.rowcount != 1:
        raise RunMoved(run.id)
    session.refresh(run)
    kind = EVENTS.get(trigger)
    if state == State.CANCELED:
        kind = events.CANCELED  # at once when nothing ran yet
    elif state == State.COMPLETE:
        kind = events.COMPLETED
    return record(session, run, kind, data) if kind else None


def record(session: Session, run: Run, kind: str, data: dict[str, Any] | None = None) -> Event:
    """An event of a run that may or may not have moved, with its outbox row. The run's row is locked first: no hole in its sequence."""
    lock(session, run.id)
    last = session.execute(select(func.max(Event.sequence)).where(Event.run_id == run.id)).scalar() or 0
    body = {"run_id": run.id, "state": run.state} | (data or {})
    event = Event(id=str(uuid.uuid4()), run_id=run.id, sequence=last + 1, type=kind, data=body)
    session.add(event)
    session.flush()
    session.add(Outbox(event_number=event.number, run_id=run.id))
    session.flush()
    return event
