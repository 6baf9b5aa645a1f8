"""From the outbox to the queue, at least once, each run's events in order. Several relays may run at once.

The relay deletes nothing: an outbox row goes when the event has been fanned out (webhooks/fanout.py). So whatever becomes of the queue on
the way, also a Redis that comes back empty, the event is still there to be published again.
"""

from __future__ import annotations

import time
import uuid

import structlog
from sqlalchemy import select

from ..settings import Settings
from ..store.database import Store
from ..store.tables import Event, Outbox
from .base import Queue
from .cloudevents import cloud_event

GROUP = "webhooks"  # the consumer group that empties the outbox
WINDOW = 2000  # events on their way at a time: a slow consumer holds up the relay, not the queue's bounded length
BATCH = 500
LEAD_S = 3.0
STUCK_S = 3.0  # on its way for longer, with a group that has nothing to do: the queue has lost it
log = structlog.get_logger(__name__)


class Relay:
    """One per process that feeds the queue; not thread-safe."""

    def __init__(self, settings: Settings, store: Store, queue: Queue):
        self._settings, self._store, self._queue = settings, store, queue
        self._id = uuid.uuid4().hex
        self._sent: dict[int, float] = {}  # events on their way: number -> when published

    def step(self) -> int:
        """Publish what is new in the outbox; how many events that were. 0: nothing to do, or another relay leads. Raises QueueDown."""
        if not self._queue.lead("relay", self._id, LEAD_S):
            return 0
        with self._store.read() as session:
            waiting = list(session.scalars(select(Outbox.event_number).order_by(Outbox.event_number).limit(WINDOW)))
        self._sent = {number: self._sent[number] for number in waiting if number in self._sent}
        new = [number for number in waiting if number not in self._sent]
        if not new:
            self._publish_lost()
            return 0
        # From the oldest on, also where a later one was published before an earlier one was committed: those are of different runs.
        self._publish(new[:BATCH])
        return len(new[:BATCH])

    def _publish_lost(self) -> None:
        late = time.monotonic() - STUCK_S
        stuck = [number for number, sent in self._sent.items() if sent < late]
        if stuck and self._queue.backlog(GROUP) == 0:
            log.warning("events_lost_by_queue", events=len(stuck))
            self._publish(stuck[:BATCH], again=True)

    def _publish(self, numbers: list[int], again: bool = False) -> None:
        with self._store.read() as session:
            rows = session.scalars(select(Event).where(Event.number.in_(numbers)).order_by(Event.number))
            events = [cloud_event(self._settings, row) for row in rows]
        self._queue.publish(events, again=again)
        self._sent.update(dict.fromkeys(numbers, time.monotonic()))
