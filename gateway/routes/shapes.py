"""What OpenAPI says of answers about runs; handlers build the JSON themselves."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Request
from pydantic import BaseModel, Field

from ..auth.access import Caller, requires
from ..runs.slots import Slots
from ..runs.states import State

Reader = Annotated[Caller, Depends(requires("runs:read"))]
Writer = Annotated[Caller, Depends(requires("runs:write"))]
RunId = Annotated[str, Path(description="of a run; what is none is not found")]


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI of a JSON body that a handler reads by itself."""
    schema = model.model_json_schema()
    inner = schema.pop("$defs", {})
    for name, one in schema["properties"].items():
        if reference := one.get("$ref"):
            schema["properties"][name] = inner[reference.rpartition("/")[2]]
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def slots_of(request: Request) -> Slots:
    """The ones of this application."""
    slots = getattr(request.app.state, "slots", None)
    if slots is None:
        slots = request.app.state.slots = Slots()
    return slots


class Progress(BaseModel):
    """One process: tasks by what became of them. rounds: the same by round of training. detail: the newest line of a running task."""

    done: int = 0
    running: int = 0
    failed: int = 0
    cached: int = 0
    total: int | None = None
    rounds: dict[str, Any] | None = None
    detail: dict[str, Any] | None = None


class RunView(BaseModel):
    """A run. Times are UTC; heartbeat_at: last sign of life of its launcher; silent_since: its log has not grown since then."""

    run_id: str
    state: State
    verdict: Annotated[str | None, Field(description="accepted, rejected, needs_review, drift or no_drift, once it is COMPLETE")]
    outputs: dict[str, Any]
    progress: dict[str, Progress]
    percent: int | None
    usage: dict[str, Any]
    heartbeat_at: dt.datetime | None
    silent_since: dt.datetime | None
    error: str | None
    exit_code: int | None
    params: dict[str, Any]
    profile: str
    stub: bool
    priority: Literal["interactive", "normal", "batch"]
    tags: dict[str, str]
    created_at: dt.datetime
    queued_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    launches: int
    losses: int
    retry_of: str | None
    links: dict[str, str]


class RunPage(BaseModel):
    """Newest first. next_page_token: empty at the end."""

    runs: list[RunView]
    next_page_token: str


class StatusView(BaseModel):
    """The cheapest answer about a run that still tells how far it is."""

    run_id: str
    state: State
    progress: dict[str, Progress]
    verdict: str | None
    exit_code: int | None
    error: str | None
    heartbeat_at: dt.datetime | None
    silent_since: dt.datetime | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    launches: int
    losses: int


class ProgressView(BaseModel):
    """How far each process is."""

    run_id: str
    state: State
    percent: int | None
    processes: dict[str, Progress]


class HeartbeatView(BaseModel):
    """age_s: seconds since the heartbeat. usage: of the launcher's processes then. silent_since: the log has not grown since."""

    run_id: str
    state: State
    heartbeat_at: dt.datetime | None
    age_s: float | None
    silent_since: dt.datetime | None
    usage: dict[str, Any]
    launches: int
    losses: int


class LogPiece(BaseModel):
    """Bytes offset..next_offset of a log of size bytes. ended: the run has, nothing more comes. launch: whose log, 0: none yet."""

    text: str
    offset: int
    next_offset: int
    size: int
    launch: int
    ended: bool


class TaskView(BaseModel):
    """A task that has ended. seconds: inside the task. memory: peak in bytes. launch: of the run, counted from 1."""

    id: str
    name: str
    process: str
    status: str
    attempt: int | None
    exit: int | None
    start: dt.datetime | None
    end: dt.datetime | None
    seconds: float | None
    memory: int | None
    launch: int


class TaskPage(BaseModel):
    """In the order in which they ended."""

    tasks: list[TaskView]
    next_page_token: str


class EstimateView(BaseModel):
    """basis: same_work (earlier runs alike), same_base (others of the same model), preflight (this run's own measurement) or unknown."""

    basis: Literal["same_work", "same_base", "preflight", "unknown"]
    seconds: dict[str, int | None] | None
    memory_gib: float | None
    runs: int
    why: str
    preflight: dict[str, Any] | None = None
    elapsed_s: int | None = None
    remaining_s: int | None = None


class RetryRequest(BaseModel):
    """What is to be different; null leaves a parameter out."""

    workflow_params: dict[str, Any] = Field(default_factory=dict)


class EventList(BaseModel):
    """CloudEvents, in order. next_after: ask again with after=this."""

    events: list[dict[str, Any]]
    next_after: int
