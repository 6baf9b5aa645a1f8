"""All tables. Times are UTC, aware in Python; JSON columns hold plain dicts and lists; ids of things are short strings, of rows integers.

Alembic's migrations in store/migrations are what a database really gets; a test keeps the two alike.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, Integer, MetaData, String, Text, TypeDecorator, UniqueConstraint, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator):
    """Aware UTC in Python, on SQLite (which forgets the zone) and PostgreSQL alike."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("times without a zone are not stored")
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Any) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER PRIMARY KEY only


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def utc_text(time: dt.datetime) -> str:
    """As others are told times: UTC with a Z, to the millisecond."""
    return time.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Table(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s", "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s",
        }
    )  # fmt: skip
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, dt.datetime: UtcDateTime}


class Run(Table):
    """One submitted run; its row is the only truth about its state. Only runs/transitions.py changes state."""

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_next", "state", "priority", "queued_at"),
        Index("ix_runs_owner", "key_id", "created_at"),
        Index("ix_runs_created", "created_at", "id"),
        UniqueConstraint("key_id", "idempotency_key", name="uq_runs_idempotency"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))  # runs.states.State
    version: Mapped[int] = mapped_column(default=0)  # of the row: a transition that was beaten by another one is refused
    key_id: Mapped[str] = mapped_column(String(24))  # who submitted it
    request_id: Mapped[str] = mapped_column(String(64), default="")
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    request_digest: Mapped[str] = mapped_column(String(64), default="")  # the same idempotency key with another body is refused
    # What was asked for (checked at submission)
    request: Mapped[dict[str, Any]] = mapped_column(default=dict)  # as the caller gave it; datasets used, retry_of, input_bytes
    workflow_url: Mapped[str] = mapped_column(Text)
    workflow_params: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the whole of params.json: files found, outdir and registry set
    engine_parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)  # profile, stub, ...: runs/parameters.py says which
    tags: Mapped[dict[str, Any]] = mapped_column(default=dict)
    priority: Mapped[int] = mapped_column(default=1)  # 0 interactive, 1 normal, 2 batch
    resources: Mapped[dict[str, Any]] = mapped_column(default=dict)  # units of the worker's limits, e.g. {"runs": 1, "gpus": 1}
    # Where it runs
    folder: Mapped[str] = mapped_column(Text)  # launch folder: nextflow.log, trace.txt, results/, exit_code
    outdir: Mapped[str] = mapped_column(Text)
    session_id: Mapped[str | None] = mapped_column(String(36))  # Nextflow's, for -resume
    launcher: Mapped[dict[str, Any]] = mapped_column(default=dict)  # handle of the launcher: kind, pid, start time or job name
    launches: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)  # since the last submission or resume
    claimed_by: Mapped[str | None] = mapped_column(String(64))  # worker
    claimed_until: Mapped[dt.datetime | None]  # a lease: another worker may take over afterwards
    not_before: Mapped[dt.datetime | None]  # after a loss: no worker takes it earlier
    cancel_requested_at: Mapped[dt.datetime | None]
    # What became of it
    progress: Mapped[dict[str, Any]] = mapped_column(default=dict)  # by process: {"FINETUNE": {"done": 0, "running": 1, "failed": 0}}
    usage: Mapped[dict[str, Any]] = mapped_column(default=dict)  # last heartbeat: cpu_percent, rss_bytes, processes
    exit_code: Mapped[int | None]
    verdict: Mapped[str | None] = mapped_column(String(16))  # accepted, rejected, needs_review, drift, no_drift
    outputs: Mapped[dict[str, Any]] = mapped_column(default=dict)  # verdict, reason, version, report, ...
    error: Mapped[str | None] = mapped_column(Text)  # what the pipeline or the worker says to a person
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    queued_at: Mapped[dt.datetime] = mapped_column(default=now)
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    heartbeat_at: Mapped[dt.datetime | None]
    silent_since: Mapped[dt.datetime | None]


class Event(Table):
    """What happened to a run, never changed: number counts all events (SSE's id), sequence those of one run from 1 without a hole."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("run_id", "sequence", name="uq_events_sequence"),)

    number: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)  # of the CloudEvent: receivers tell duplicates by it
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    sequence: Mapped[int]
    type: Mapped[str] = mapped_column(String(64))  # runs/events.py: TYPES
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    time: Mapped[dt.datetime] = mapped_column(default=now)


class Outbox(Table):
    """Events that still have to be told; written in the transaction of their event, deleted in the one that writes their deliveries."""

    __tablename__ = "outbox"

    event_number: Mapped[int] = mapped_column(ForeignKey("events.number"), primary_key=True, autoincrement=False)
    run_id: Mapped[str] = mapped_column(String(36))


class Webhook(Table):
    """A subscription. Kind "webhook": signed CloudEvents, all that match. Kind "resume": one n8n resume URL of one run, called once."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), default="webhook")
    key_id: Mapped[str] = mapped_column(String(24))
    url: Mapped[bytes]  # encrypted: a resume URL carries a signature
    host: Mapped[str] = mapped_column(String(255))  # readable: for people and the circuit breaker
    secret: Mapped[bytes]  # encrypted (gateway/secrets.py), of Standard Webhooks: whsec_...
    content_type: Mapped[str] = mapped_column(String(64), default="application/cloudevents+json")  # n8n reads application/json only
    event_types: Mapped[list[str]] = mapped_column(default=list)  # empty: all
    run_id: Mapped[str | None] = mapped_column(String(36), index=True)  # None: all runs that the key may read
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Breaker(Table):
    """Circuit breaker of one target (host and port): open until a time after too many failures in a row."""

    __tablename__ = "breakers"

    target: Mapped[str] = mapped_column(String(300), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    open_until: Mapped[dt.datetime | None]


class Delivery(Table):
    """One event on its way to one webhook. In order per run: a later one waits until the earlier ones are delivered or dead."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_number", name="uq_deliveries_once"),
        Index("ix_deliveries_due", "status", "next_at"),
        Index("ix_deliveries_order", "webhook_id", "run_id", "status", "event_number"),
    )

    number: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id"))
    event_number: Mapped[int] = mapped_column(ForeignKey("events.number"))
    run_id: Mapped[str] = mapped_column(String(36))
    status: Mapped[str] = mapped_column(String(12), default="pending")  # pending, delivered, dead
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[dt.datetime] = mapped_column(default=now)
    claimed_until: Mapped[dt.datetime | None]
    last_status: Mapped[int | None]  # HTTP
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]


class Key(Table):
    """An API key. The secret itself is nowhere: hash is SHA-256 of 256 random bits, prefix recognises it."""

    __tablename__ = "keys"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    rotate_every_s: Mapped[int | None]  # automatic rotation
    overlap_s: Mapped[int] = mapped_column(default=86400)  # how long the old one is good beside its successor
    successor_id: Mapped[str | None] = mapped_column(String(24))
    owner_id: Mapped[str] = mapped_column(String(24))  # id of the first of its line: what it owns stays its successors'
    last_used_at: Mapped[dt.datetime | None]
    uses: Mapped[int] = mapped_column(BigInteger, default=0)
    rate_per_minute: Mapped[int | None]  # None: the setting's
    max_waiting: Mapped[int | None]  # runs waiting or active at a time; None: the setting's


class Audit(Table):
    """Each call that changed something or was refused."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    time: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    key_id: Mapped[str | None] = mapped_column(String(24))
    action: Mapped[str] = mapped_column(String(64))  # runs.submit, keys.create, ...
    target: Mapped[str] = mapped_column(String(200), default="")
    outcome: Mapped[str] = mapped_column(String(16))  # done, refused, failed
    status_code: Mapped[int | None]
    request_id: Mapped[str] = mapped_column(String(64), default="")
    address: Mapped[str] = mapped_column(String(64), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Worker(Table):
    """A worker process that is or was there."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    started_at: Mapped[dt.datetime] = mapped_column(default=now)
    beat_at: Mapped[dt.datetime] = mapped_column(default=now)
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Promotion(Table):
    """The history of what an alias (production) points at; the newest row counts."""

    __tablename__ = "promotions"

    number: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    alias: Mapped[str] = mapped_column(String(40), default="production")
    version: Mapped[str] = mapped_column(String(40))
    previous: Mapped[str | None] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(12), default="promote")  # or rollback
    key_id: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(Text, default="")
    time: Mapped[dt.datetime] = mapped_column(default=now)


class Dataset(Table):
    """An uploaded or registered input file or folder, below the data root."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    path: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    key_id: Mapped[str] = mapped_column(String(24))
    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now(), default=now)
    deleted_at: Mapped[dt.datetime | None]
