"""Outbox -> queue -> deliveries -> HTTP, until told to stop. Several dispatchers may run at once, in one process or many."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ..context import Gateway
from ..queue import QueueDown
from ..queue.cloudevents import encode
from ..queue.relay import GROUP, Relay
from ..store.tables import now
from . import claims
from .answers import Answer, Meaning, meaning
from .fanout import fan_out
from .housekeeping import ROWS_AT_ONCE, tidy
from .outcomes import settle
from .parcels import Lane, Outcome, Parcel
from .sender import Sender
from .signing import signed_headers

IDLE_S = 0.2  # between looks at an empty outbox or at deliveries that are not due
GATHER_S = 0.03  # outcomes of so long go into one transaction
AGAIN_S = 0.5  # after the database or the queue was not there
GRACE_S = 5.0  # for calls under way when told to stop
TAKE_OVER_S = 5.0  # pending messages of consumers that are silent for so long are taken over
TIDY_S = 60.0
RENEW_S = 4.0  # claims of what is under way
READ = 200  # messages at a time
log = structlog.get_logger(__name__)


class Dispatcher:
    """concurrency: calls at a time, of which one target gets ``per_target`` at most."""

    def __init__(self, gateway: Gateway, concurrency: int = 256, per_target: int = 16):
        self._gateway = gateway
        self._concurrency, self._per_target = concurrency, per_target
        self._id = f"{socket.gethostname()[:40]}-{uuid.uuid4().hex[:8]}"
        self._relay = Relay(gateway.settings, gateway.store, gateway.queue)
        self._chance = random.Random()
        self._next_take_over = self._next_tidy = self._renewed = 0.0

    def run(self, stop: threading.Event) -> None:
        """Blocks until ``stop`` is set, then some GRACE_S seconds at most. A database or queue that goes away is waited for."""
        threads = [
            threading.Thread(target=self._repeat, args=(stop, self._relay.step), name="relay", daemon=True),
            threading.Thread(target=self._repeat, args=(stop, self._consume), name="fan-out", daemon=True),
            threading.Thread(target=self._repeat, args=(stop, self._tidy), name="tidy", daemon=True),
        ]
        for thread in threads:
            thread.start()
        asyncio.run(self._deliver(stop))
        for thread in threads:
            thread.join(GRACE_S)

    def _repeat(self, stop: threading.Event, step: Callable[[], int]) -> None:
        """step() again and again, at once while it returns something."""
        while not stop.is_set():
            try:
                pause = 0 if step() else IDLE_S
            except (QueueDown, SQLAlchemyError) as error:
                log.warning("dispatcher_waits", part=threading.current_thread().name, reason=type(error).__name__)
                pause = AGAIN_S
            except Exception:
                # Whatever it is, other runs' events must go on; the log tells it, without values.
                log.exception("dispatcher_failed", part=threading.current_thread().name)
                pause = AGAIN_S
            if pause:
                stop.wait(pause)

    def _consume(self) -> int:
        queue = self._gateway.queue
        messages = []
        if time.monotonic() >= self._next_take_over:
            messages = queue.take_over(GROUP, self._id, TAKE_OVER_S, READ)
            self._next_take_over = time.monotonic() + (0 if messages else TAKE_OVER_S)
        messages = messages or queue.read(GROUP, self._id, READ, block_s=IDLE_S)
        if messages:
            with self._gateway.store.write() as session:
                fan_out(session, [message.event for message in messages])
            queue.ack(GROUP, [message.position for message in messages])
        return 1  # read() has waited already

    def _tidy(self) -> int:
        if time.monotonic() < self._next_tidy:
            return 0
        with self._gateway.store.write() as session:
            given_up, deleted = tidy(session, self._gateway.settings)
        if given_up:
            log.warning("deliveries_given_up", deliveries=given_up)
        if max(given_up, deleted) < ROWS_AT_ONCE:
            self._next_tidy = time.monotonic() + TIDY_S
        return 0

    # -- from here on in the event loop; the database in threads beside it

    async def _deliver(self, stop: threading.Event) -> None:
        sender = Sender(self._gateway.settings)
        under_way: dict[asyncio.Task[None], Lane] = {}
        outcomes: list[Outcome] = []
        done = asyncio.Event()
        try:
            while not stop.is_set():
                under_way = {task: lane for task, lane in under_way.items() if not task.done()}
                batch, outcomes[:] = outcomes[:], []
                done.clear()
                try:
                    lanes = await asyncio.to_thread(self._turn, batch, list(under_way.values()))
                except Exception as error:
                    self._tell(error)
                    outcomes[:0] = batch  # still to be written down
                    await asyncio.sleep(AGAIN_S)
                    continue
                for lane in lanes:
                    under_way[asyncio.create_task(self._lane(lane, sender, outcomes, done, stop))] = lane
                await sender.close_idle()
                await _until(done, IDLE_S)
                await asyncio.sleep(GATHER_S)
            if under_way:
                _, late = await asyncio.wait(under_way, timeout=GRACE_S)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            await asyncio.to_thread(self._last_turn, outcomes)
        finally:
            await sender.close()

    def _turn(self, outcomes: list[Outcome], under_way: list[Lane]) -> list[Lane]:
        """Write down what became of the last ones and claim the next, in one transaction."""
        gateway, free = self._gateway, self._concurrency - len(under_way)
        busy = Counter(lane.target for lane in under_way)
        start = time.monotonic()
        renewing = under_way and start > self._renewed + RENEW_S
        if not outcomes and not renewing:
            with gateway.store.read() as session:
                full = [target for target, count in busy.items() if count >= self._per_target]
                if free <= 0 or not claims.anything_due(session, full):
                    return []
        with gateway.store.write() as session:
            settle(session, gateway.settings, outcomes, self._chance)
            if renewing:
                claims.renew(session, [parcel.number for lane in under_way for parcel in lane.parcels])
            claimed = claims.claim(session, gateway.settings, free, busy, self._per_target)
        self._renewed = start if renewing or not under_way else self._renewed
        with gateway.store.read() as session:
            return claims.load(session, gateway, claimed, start)

    def _last_turn(self, outcomes: list[Outcome]) -> None:
        try:
            with self._gateway.store.write() as session:
                settle(session, self._gateway.settings, outcomes, self._chance)
        except SQLAlchemyError as error:
            self._tell(error)  # what was delivered comes again when its lease is over: at least once

    async def _lane(self, lane: Lane, sender: Sender, outcomes: list[Outcome], done: asyncio.Event, stop: threading.Event) -> None:
        """Send a run's deliveries one after the other; the first that fails holds up the rest, and only those."""
        rest = list(lane.parcels)
        try:
            while rest and not stop.is_set() and time.monotonic() < max(lane.until, self._renewed + claims.LEASE_S):
                outcome = await self._send(lane, rest[0], sender)
                outcomes.append(outcome)
                rest.pop(0)
                if outcome.meaning in (Meaning.RETRY, Meaning.GONE) or lane.kind == "resume":
                    break
        finally:
            outcomes += [Outcome(parcel, lane.webhook_id, lane.kind, lane.target) for parcel in rest]
            done.set()

    async def _send(self, lane: Lane, parcel: Parcel, sender: Sender) -> Outcome:
        try:
            answer = Answer(None, error=lane.problem) if lane.problem else await self._post(lane, parcel, sender)
        except Exception as error:  # a mistake of ours must not become a loop without pause
            self._tell(error)
            answer = Answer(None, error="the gateway failed to send it; its log says why")
        what = meaning(lane.kind, answer)
        if what != Meaning.DELIVERED:
            log.info("webhook_failed", webhook_id=lane.webhook_id, run_id=parcel.event["subject"], target=lane.target, meaning=what.value,
                     status=answer.status, error=answer.error, attempt=parcel.attempts + 1)  # fmt: skip
        return Outcome(parcel, lane.webhook_id, lane.kind, lane.target, answer, what)

    async def _post(self, lane: Lane, parcel: Parcel, sender: Sender) -> Answer:
        body = encode(parcel.event)
        headers = {"content-type": lane.content_type} | signed_headers(list(lane.secrets), parcel.event["id"], body, now())
        return await sender.post(lane.url, body, headers)

    def _tell(self, error: Exception) -> None:
        if isinstance(error, SQLAlchemyError):
            log.warning("dispatcher_waits", part="deliver", reason=type(error).__name__)
        else:
            log.error("dispatcher_failed", part="deliver", exc_info=error)


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
