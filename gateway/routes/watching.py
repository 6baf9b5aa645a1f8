"""/api/v1/runs/{run_id}/...: progress, heartbeat, logs, tasks, estimate, files and summaries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from sqlalchemy import select

from ..context import Gateway
from ..dependencies import TheGateway
from ..runs import estimate, logs, outputs, submission, tasks, views
from ..runs.listing import page_size, position, token
from ..runs.problems import NotFound
from ..runs.requests import RunRequest
from ..store.tables import Run, now
from .shapes import EstimateView, HeartbeatView, LogPiece, ProgressView, Reader, RunId, TaskPage, slots_of

router = APIRouter()
Stream = Literal["console", "nextflow"]
FileName = Literal["report", "mask_report", "summary", "drift", "drift_summary"]
Launch = Annotated[int | None, Query(ge=1, le=10**6, description="default: the newest")]
Lines = Annotated[int, Query(ge=0, le=logs.MOST_LINES)]
PLACE = (Run.key_id, Run.state, Run.folder, Run.outdir)
# Reports are pages of the pipeline's: they may use their own scripts and styles, and reach nothing.
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "frame-ancestors 'self'"
)


@router.get("/runs/{run_id}/progress", response_model=ProgressView)
def progress(run_id: RunId, gateway: TheGateway, caller: Reader) -> Response:
    """How far each process is."""
    row = views.find(gateway, run_id, caller, (Run.key_id, Run.state, Run.progress))
    told = {"run_id": run_id, "state": row.state, "percent": views.percent(row.state, row.progress or {}), "processes": row.progress or {}}
    return JSONResponse(told)


@router.get("/runs/{run_id}/heartbeat", response_model=HeartbeatView)
def heartbeat(run_id: RunId, gateway: TheGateway, caller: Reader) -> Response:
    """Is it alive, and what does it use?"""
    columns = (Run.key_id, Run.state, Run.heartbeat_at, Run.silent_since, Run.usage, Run.launches, Run.losses)
    row = views.find(gateway, run_id, caller, columns)
    age = None if row.heartbeat_at is None else max(0.0, round((now() - row.heartbeat_at).total_seconds(), 3))
    told = {
        "run_id": run_id, "state": row.state, "heartbeat_at": views.iso(row.heartbeat_at), "age_s": age,
        "silent_since": views.iso(row.silent_since), "usage": row.usage or {}, "launches": row.launches, "losses": row.losses,
    }  # fmt: skip
    return JSONResponse(told)


@router.get("/runs/{run_id}/log", response_model=LogPiece)
def log(
    run_id: RunId,
    gateway: TheGateway,
    caller: Reader,
    stream: Stream = "console",
    offset: Annotated[int | None, Query(ge=0, le=2**60, description="first byte; default: the last lines")] = None,
    tail: Lines = 200,
    launch: Launch = None,
) -> Response:
    """A piece of a log (at most 1 MiB): the last lines, or from a byte on."""
    row = views.find(gateway, run_id, caller, PLACE)
    folder = Path(row.folder)
    piece = logs.tail(folder, stream, tail, launch) if offset is None else logs.read(folder, stream, offset, launch)
    told = {name: getattr(piece, name) for name in ("text", "offset", "next_offset", "size", "launch")}
    return JSONResponse(told | {"ended": views.ended(row.state) and piece.next_offset >= piece.size})


@router.get("/runs/{run_id}/log/{stream}", responses={200: {"content": {"text/plain": {}}}}, response_class=Response)
def plain_log(
    run_id: RunId, stream: Stream, request: Request, gateway: TheGateway, caller: Reader, tail: Lines = 1000, follow: bool = False
) -> Response:
    """A log as text; with follow what comes, too, until the run ends (or for 15 minutes: come again)."""
    row = views.find(gateway, run_id, caller, PLACE)
    folder = Path(row.folder)
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if not follow:
        return Response(logs.tail(folder, stream, tail).text, media_type="text/plain; charset=utf-8", headers=headers)
    slots = slots_of(request)
    slots.check(caller.key_id)
    text = logs.follow(folder, stream, tail, lambda: request.app.state.stop.is_set() or _ended(gateway, run_id))
    return StreamingResponse(
        slots.held(caller.key_id, text), media_type="text/plain; charset=utf-8", headers=headers | {"X-Accel-Buffering": "no"}
    )


@router.get("/runs/{run_id}/tasks", response_model=TaskPage)
def list_tasks(
    run_id: RunId,
    gateway: TheGateway,
    caller: Reader,
    size: Annotated[int | None, Query(alias="page_size", ge=1, le=2**31)] = None,
    page_token: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Tasks that have ended, in that order."""
    row = views.find(gateway, run_id, caller, PLACE)
    found, following = page_of(tasks.tasks(Path(row.folder)), size, page_token)
    shown = [one | {"start": views.iso(one["start"]), "end": views.iso(one["end"])} for one in found]
    return JSONResponse({"tasks": shown, "next_page_token": following})


def page_of(found: list[dict[str, Any]], size: int | None, page_token: str | None) -> tuple[list[dict[str, Any]], str]:
    """A page of a list that only grows at its end. Raises Refused (400)."""
    start = max(0, position(page_token, int)[0]) if page_token else 0
    end = start + page_size(size)
    return found[start:end], token(end) if end < len(found) else ""


@router.get("/runs/{run_id}/estimate", response_model=EstimateView, response_model_exclude_unset=True)
def estimate_run(run_id: RunId, gateway: TheGateway, caller: Reader) -> dict[str, Any]:
    """How long it takes, what is left, what memory it needs."""
    row = views.find(gateway, run_id, caller, (*PLACE, Run.request, Run.started_at, Run.ended_at))
    return estimate.estimate(gateway, row.request or {}, row)


@router.post("/estimate", response_model=EstimateView, response_model_exclude_unset=True)
def estimate_request(asked: RunRequest, gateway: TheGateway, caller: Reader) -> dict[str, Any]:
    """What a run would take, before it is submitted; its parameters are checked as then (400)."""
    return estimate.estimate(gateway, planned(gateway, asked, caller.key_id))


def planned(gateway: Gateway, asked: RunRequest, key_id: str) -> dict[str, Any]:
    """The request as its run would keep it. Raises Refused."""
    plan = submission.examine(gateway, asked.model_copy(update={"resume_url": None}), key_id, gateway.settings.home / "runs" / "none")
    return asked.model_dump(mode="json") | {"input_bytes": plan.input_bytes}


@router.get("/runs/{run_id}/summaries")
def summaries(run_id: RunId, gateway: TheGateway, caller: Reader) -> Response:
    """What each step published of itself, by step: metrics, curves, rules and their outcome."""
    row = views.find(gateway, run_id, caller, PLACE)
    return JSONResponse(outputs.summaries(Path(row.outdir)))


@router.get("/runs/{run_id}/files/{name}", response_class=FileResponse)
def file(run_id: RunId, name: Annotated[FileName, InPath()], gateway: TheGateway, caller: Reader) -> Response:
    """A page or text for people, one of a fixed list."""
    row = views.find(gateway, run_id, caller, PLACE)
    outdir = Path(row.outdir).resolve()
    path = (outdir / outputs.FILES[name]).resolve()
    if not path.is_relative_to(outdir) or not path.is_file():
        raise NotFound("file")
    kind = "text/html" if path.suffix == ".html" else "text/plain"
    headers = {"Content-Security-Policy": SANDBOX, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return FileResponse(path, media_type=f"{kind}; charset=utf-8", headers=headers)


def _ended(gateway: Gateway, run_id: str) -> bool:
    with gateway.store.read() as session:
        return views.ended(session.scalar(select(Run.state).where(Run.id == run_id)))
