"""Which runs are whose: claims, leases, and the guard that a worker writes behind."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from ..runs.states import ACTIVE, WAITING, State, Trigger
from ..runs.transitions import RunMoved, lock, move
from ..settings import Settings
from ..store.database import Store
from ..store.tables import Run, Worker, now
from .priority import FEW, MOST, choose, needs, waiting


class LeaseLost(Exception):
    """Another worker looks after this run now: hands off."""


class Claims:
    """The runs of one worker. Every change is one transaction; two workers never get the same run."""

    def __init__(self, store: Store, settings: Settings, worker_id: str, host: str):
        self.store, self.settings, self.worker_id, self.host = store, settings, worker_id, host
        # An embedded worker restarts within its process: the row tells them apart by id, the process by number and namespace.
        self.namespace = _namespace()

    def limits(self) -> dict[str, float]:
        """Units that this worker counts, when nothing runs."""
        counted = {"runs": self.settings.max_runs, "gpus": self.settings.max_gpus}
        return {unit: float(most) for unit, most in counted.items() if most or unit == "runs"}

    def register(self) -> None:
        limits = self.limits() | {"namespace": self.namespace}
        with self.store.write() as session:
            session.merge(Worker(id=self.worker_id, host=self.host, pid=os.getpid(), started_at=now(), beat_at=now(), limits=limits))

    def leave(self) -> None:
        """Others may look after our runs at once; the runs go on."""
        with self.store.write() as session:
            session.execute(update(Run).where(Run.claimed_by == self.worker_id, Run.state.in_(ACTIVE)).values(claimed_until=now()))
            session.execute(delete(Worker).where(Worker.id == self.worker_id))

    def renew(self) -> None:
        """Tell that we are there. A lease that ran out unnoticed is ours again unless somebody took it."""
        with self.store.write() as session:
            beaten = session.execute(update(Worker).where(Worker.id == self.worker_id).values(beat_at=now()))
            if beaten.rowcount == 0:  # cleared away as dead while we slept
                session.add(
                    Worker(id=self.worker_id, host=self.host, pid=os.getpid(), limits=self.limits() | {"namespace": self.namespace})
                )
            session.execute(update(Run).where(Run.claimed_by == self.worker_id, Run.state.in_(ACTIVE)).values(claimed_until=self._until()))

    def held(self) -> dict[str, Run]:
        """Our runs as they are now, by id."""
        with self.store.read() as session:
            rows = session.execute(select(Run).where(Run.claimed_by == self.worker_id, Run.state.in_(ACTIVE))).scalars()
            return {run.id: run for run in rows}

    @contextmanager
    def guard(self, run_id: str) -> Iterator[tuple[Session, Run]]:
        """A transaction on a run that is ours, locked. Raises LeaseLost, and nothing is written."""
        with self.store.write() as session:
            run = lock(session, run_id)
            if run is None or run.claimed_by != self.worker_id or State(run.state) not in ACTIVE:
                raise LeaseLost(run_id)
            yield session, run

    def take(self, in_use: dict[str, float]) -> list[Run]:
        """Claim waiting runs until nothing more fits. in_use: units of the runs that we look after."""
        limits = self.limits()
        free = {unit: most - in_use.get(unit, 0) for unit, most in limits.items()}
        if free["runs"] < 1:
            return []
        mine = self._take_of(FEW, free, limits)
        if mine is None:  # none of many fits: perhaps one further back does
            mine = self._take_of(MOST, free, limits) or []
        return mine

    def _take_of(self, most: int, free: dict[str, float], limits: dict[str, float]) -> list[Run] | None:
        """Out of so many candidates; None: there are more of them, and none of these fits."""
        with self.store.read() as session:
            candidates = waiting(session, now(), self.settings.ageing_s, most)
        full = len(candidates) == most
        mine: list[Run] = []
        taken: dict[str, int] = {}
        while free["runs"] >= 1 and (one := choose(candidates, free, limits, taken)):
            candidates.remove(one)
            run = self._claim(one.id, one.version)
            if run is not None:
                mine.append(run)
                taken[run.key_id] = taken.get(run.key_id, 0) + 1
                for unit, amount in needs(run.resources).items():
                    if unit in free:
                        free[unit] -= amount
        return None if full and not mine else mine

    def _claim(self, run_id: str, version: int) -> Run | None:
        """One conditional UPDATE (in move); None: another worker was quicker."""
        try:
            with self.store.write() as session:
                query = select(Run).where(Run.id == run_id, Run.version == version, Run.state.in_(WAITING))
                run = session.execute(query.with_for_update(skip_locked=True)).scalar_one_or_none()
                if run is None:
                    return None
                columns: dict[str, Any] = {"claimed_by": self.worker_id, "claimed_until": self._until(), "not_before": None}
                move(session, run, Trigger.CLAIM, launches=run.launches + 1, **columns)
                return run
        except RunMoved:
            return None

    def adopt(self) -> list[Run]:
        """Take over the runs of workers that are dead: their lease ran out, or they were on this machine and are no more."""
        with self.store.read() as session:
            workers = list(session.execute(select(Worker)).scalars())
        dead = [worker.id for worker in workers if worker.id != self.worker_id and self._is_dead(worker)]
        fresh = now() - dt.timedelta(seconds=self.settings.lease_s)
        hosts = {worker.host for worker in workers if worker.id not in dead and worker.beat_at > fresh} - {self.host}
        orphaned = or_(Run.claimed_by.is_(None), Run.claimed_until.is_(None), Run.claimed_until <= now(), Run.claimed_by.in_(dead))
        query = select(Run).where(Run.state.in_(ACTIVE), orphaned, or_(Run.claimed_by.is_(None), Run.claimed_by != self.worker_id))
        with self.store.read() as session:
            found = list(session.execute(query).scalars())
        adopted = []
        for seen in found:
            if seen.launcher.get("host") in hosts:
                continue  # a worker on that machine can see its process, we cannot
            with self.store.write() as session:
                run = session.execute(query.where(Run.id == seen.id).with_for_update(skip_locked=True)).scalar_one_or_none()
                if run is not None:
                    changes = {"claimed_by": self.worker_id, "claimed_until": self._until(), "version": run.version + 1}
                    session.execute(update(Run).where(Run.id == run.id).values(**changes))
                    session.refresh(run)
                    adopted.append(run)
        self._forget(workers)
        return adopted

    def _forget(self, workers: list[Worker]) -> None:
        """Rows of workers unheard of for long: nobody's business any more."""
        old = now() - dt.timedelta(seconds=10 * self.settings.lease_s)
        gone = [worker.id for worker in workers if worker.beat_at < old and worker.id != self.worker_id]
        if gone:
            with self.store.write() as session:
                session.execute(delete(Worker).where(Worker.id.in_(gone), Worker.beat_at < old))

    def _is_dead(self, worker: Worker) -> bool:
        """Surely dead: it was in a process that we would see and do not."""
        if worker.host != self.host or worker.limits.get("namespace") != self.namespace:
            return False
        try:
            # A process that began after the worker is another one with its number; two seconds for the clocks' grain.
            return psutil.Process(worker.pid).create_time() > worker.started_at.timestamp() + 2
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False

    def _until(self) -> dt.datetime:
        return now() + dt.timedelta(seconds=self.settings.lease_s)


def _namespace() -> str:
    """Process ids mean the same to two workers only in the same one; containers may share a host's name."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "-"
