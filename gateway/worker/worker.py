"""The worker's loop. SIGTERM ends the loop and nothing else: what it launched goes on, and the next worker finds it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ..context import Gateway
from ..launchers import open_launcher
from ..runs.states import IllegalTransition, State
from ..runs.transitions import RunMoved
from ..store.tables import Run
from .claims import Claims, LeaseLost
from .priority import needs
from .supervisor import Supervisor

AWAY_S = 2.0  # between tries while the database is away
log = structlog.get_logger("gateway.worker")


class Worker:
    """Takes runs within its limits and looks after them. Any number may work on one database."""

    def __init__(self, gateway: Gateway, worker_id: str | None = None):
        self.gateway, self.settings = gateway, gateway.settings
        self.host = os.uname().nodename
        self.id = worker_id or f"{self.host[:40]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.launcher = open_launcher(self.settings)
        self.claims = Claims(gateway.store, self.settings, self.id, self.host)
        self.supervisors: dict[tuple[str, int], Supervisor] = {}  # by run and launch
        self._renew_at = self._adopt_at = 0.0
        self.log = log.bind(worker=self.id)

    def run(self, stop: threading.Event) -> None:
        """Until ``stop``; then leases are given back, launchers go on. A database that is away is waited for."""
        started = False
        while not stop.is_set():
            wait = self.settings.poll_s
            try:
                if not started:
                    self.claims.register()
                    started = True
                    self.log.info("worker started", limits=self.claims.limits())
                self.tick()
            except SQLAlchemyError as problem:
                wait = max(wait, AWAY_S)
                self.log.warning("database is away", problem=type(problem).__name__)
            stop.wait(wait)
        with contextlib.suppress(SQLAlchemyError):  # else the leases run out by themselves
            self.log.info("worker stops", left_running=len(self.claims.held()))
            self.claims.leave()
        for supervisor in self.supervisors.values():
            supervisor.close()

    def tick(self) -> None:
        """One round: renew leases, pick up what others left, look after what is ours, take what is next."""
        self._renew()
        clock = time.monotonic()
        if clock >= self._adopt_at:
            for run in self.claims.adopt():
                self.log.info("adopted", run_id=run.id, launch=run.launches)
            self._adopt_at = clock + min(self.settings.lease_s / 4, 5.0)
        self._look_after()
        self._take()

    def _renew(self) -> None:
        clock = time.monotonic()
        if clock >= self._renew_at:
            self.claims.renew()
            self._renew_at = clock + self.settings.lease_s / 4

    def _look_after(self) -> None:
        held = self.claims.held()
        for key in [key for key in self.supervisors if key[0] not in held or held[key[0]].launches != key[1]]:
            self.supervisors.pop(key).close()
        for run in held.values():
            supervisor = self.supervisors.get((run.id, run.launches)) or self._supervisor(run)
            self._safely(supervisor, supervisor.poll, run)

    def _take(self) -> None:
        for run in self.claims.take(self._in_use()):
            supervisor = self._supervisor(run)
            self._safely(supervisor, supervisor.begin, run)

    def _supervisor(self, run: Run) -> Supervisor:
        made = self.supervisors[run.id, run.launches] = Supervisor(self.settings, self.launcher, self.claims, run)
        return made

    def _safely(self, supervisor: Supervisor, step, run: Run) -> None:
        """One run's trouble is not the others', nor does its slowness cost them their leases."""
        self._renew()
        try:
            step(run)
        except LeaseLost:
            supervisor.log.info("no longer ours")
            self.supervisors.pop((supervisor.id, supervisor.number), None)
            supervisor.close()
        except (RunMoved, IllegalTransition) as moved:
            supervisor.log.info("the run moved meanwhile", problem=str(moved))  # the next look sees it as it is
        except SQLAlchemyError:
            raise
        except Exception:
            supervisor.log.exception("looking after a run failed; it is tried again")

    def _in_use(self) -> dict[str, float]:
        used: dict[str, float] = {}
        for run in self.claims.held().values():
            if run.state in (State.INITIALIZING, State.RUNNING, State.CANCELING):
                for unit, amount in needs(run.resources).items():
                    used[unit] = used.get(unit, 0) + amount
        return used
