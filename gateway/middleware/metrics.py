"""What Prometheus scrapes: calls as they are answered, and what the database says of runs and deliveries at the time of scraping."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from .. import __version__
from ..runs.states import State
from ..store.database import Store
from ..store.tables import Delivery, Outbox, Run, Worker

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
DELIVERIES = ("pending", "delivered", "dead")


class Metrics:
    """One registry for each gateway."""

    def __init__(self, store: Store):
        self.registry = CollectorRegistry()
        self.in_flight = Gauge("llamaflow_http_requests_in_flight", "Calls being answered, streams of events too.", registry=self.registry)
        self._requests = Counter("llamaflow_http_requests", "Calls answered.", ["method", "route", "status"], registry=self.registry)
        self._seconds = Histogram(
            "llamaflow_http_request_seconds",
            "From the request's head to the end of its answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        Gauge("llamaflow_gateway_info", "Always 1.", ["version"], registry=self.registry).labels(__version__).set(1)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Database(store))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    async def text(self) -> bytes:
        return await run_in_threadpool(generate_latest, self.registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Database:
    """Read at each scrape: true whichever process changed it."""

    def __init__(self, store: Store):
        self._store = store

    def describe(self) -> list[Metric]:
        return []  # registering must not ask the database

    def collect(self) -> Iterator[Metric]:
        with self._store.read() as session:
            states = _counts(session, Run.state)
            verdicts = _counts(session, Run.verdict)
            silent = session.scalar(select(func.count()).select_from(Run).where(Run.silent_since.is_not(None), Run.state == State.RUNNING))
            losses = session.scalar(select(func.coalesce(func.sum(Run.losses), 0)))
            oldest = session.scalar(select(func.min(Run.queued_at)).where(Run.state == State.QUEUED))
            outbox = session.scalar(select(func.count()).select_from(Outbox))
            deliveries = _counts(session, Delivery.status)
            beat = session.scalar(select(func.max(Worker.beat_at)))
        yield _family("llamaflow_runs", "Runs by state.", {state.value: states.get(state.value, 0) for state in State}, "state")
        yield _family("llamaflow_verdicts", "Ended runs by verdict.", verdicts, "verdict")
        yield _family("llamaflow_deliveries", "Webhook deliveries.", {one: deliveries.get(one, 0) for one in DELIVERIES}, "status")
        yield GaugeMetricFamily("llamaflow_runs_silent", "Running, but the log does not grow.", value=silent or 0)
        yield GaugeMetricFamily("llamaflow_runs_losses", "Automatic resumes after lost launchers.", value=losses or 0)
        yield GaugeMetricFamily("llamaflow_outbox_events", "Events not yet in the queue.", value=outbox or 0)
        waiting = time.time() - oldest.timestamp() if oldest else 0
        yield GaugeMetricFamily(
            "llamaflow_oldest_queued_seconds", "How long the first of the queued runs has waited.", value=max(waiting, 0)
        )
        if beat:
            yield GaugeMetricFamily(
                "llamaflow_worker_beat_age_seconds", "Since the last beat of any worker.", value=time.time() - beat.timestamp()
            )


def _counts(session: Session, column: Any) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).where(column.is_not(None)).group_by(column))
    return {value: count for value, count in rows}


def _family(name: str, text: str, values: dict[str, int], label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
