"""/api/v1/runs: submit, look, cancel, resume, retry."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from ..auth.access import Caller, audited, note
from ..dependencies import TheGateway
from ..errors import ERRORS
from ..runs import submission, views
from ..runs.parameters import schema_of
from ..runs.problems import NotFound, Refused
from ..runs.requests import RunRequest, read_json, read_request
from ..runs.states import State
from ..runs.status import RunReader, Status, View, read_statuses, read_views
from ..store.tables import Run
from . import watching
from .shapes import Reader, RetryRequest, RunId, RunPage, RunView, StatusView, Writer, body_of

router = APIRouter(prefix="/api/v1", tags=["runs"], responses=ERRORS)
router.include_router(watching.router)
BODY = body_of(RunRequest)
KNOWN = {200: {"model": RunView, "description": "This Idempotency-Key made the run before"}}
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", description="1 to 200 characters")]


def idempotency_key(text: str | None) -> str | None:
    """The key of draft-ietf-httpapi-idempotency-key-header: a quoted string; bare ones are taken, too. Raises Refused (400)."""
    if text is None:
        return None
    key = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    if not re.fullmatch(r"[\x21\x23-\x7e][\x20-\x21\x23-\x7e]{0,199}", key):
        raise Refused(400, "Idempotency-Key has to be 1 to 200 printable ASCII characters")
    return key


@router.post(
    "/runs", status_code=201, response_model=RunView, responses=KNOWN, openapi_extra=BODY, dependencies=[Depends(audited("runs.submit"))]
)  # fmt: skip
async def submit(request: Request, gateway: TheGateway, caller: Writer, key: IdempotencyKey = None) -> Response:
    """Start a run. The same Idempotency-Key gives the same run (200); with another request it is refused (422)."""
    name = idempotency_key(key)
    run_request, problems = read_request(read_json(await request.body()))
    whose = {"key_id": caller.key_id, "request_id": caller.request_id, "idempotency_key": name}
    run, new = await run_in_threadpool(submission.submit_once, gateway, run_request, **whose, problems=problems)
    note(request, run.id, repeated=not new)
    return JSONResponse(views.run_view(run), 201 if new else 200, headers={"Location": f"/api/v1/runs/{run.id}"})


@router.get("/runs", response_model=RunPage)
def list_runs(
    gateway: TheGateway,
    caller: Reader,
    state: Annotated[list[State] | None, Query(max_length=20)] = None,
    verdict: Annotated[list[str] | None, Query(max_length=20)] = None,
    tag: Annotated[list[str] | None, Query(max_length=20, description="name:value")] = None,
    silent: bool | None = None,
    page_size: Annotated[int | None, Query(ge=1, le=2**31)] = None,
    page_token: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Runs of this key's owner (of all for an admin), newest first; filters may be repeated and all hold."""
    asked = {"state": state or (), "verdict": verdict or (), "tag": tag or (), "silent": silent}
    return JSONResponse(views.list_runs(gateway, caller, size=page_size, page_token=page_token, **asked))


@router.get("/runs/{run_id}", response_model=RunView)
async def get_run(run_id: RunId, request: Request, caller: Reader) -> Response:
    """Everything about one run."""
    view: View = await _polled(request, run_id, caller, "run_views", read_views)
    return Response(view.body, media_type="application/json")


@router.get("/runs/{run_id}/status", response_model=StatusView)
async def get_status(run_id: RunId, request: Request, caller: Reader) -> Response:
    """State and progress, as cheap as an answer can be: for those who poll."""
    status = await status_of(request, run_id, caller)
    return Response(status.full, media_type="application/json")


async def status_of(request: Request, run_id: str, caller: Caller) -> Status:
    """Raises NotFound, for what may not be seen, too."""
    return await _polled(request, run_id, caller, "run_statuses", read_statuses)


async def _polled(request: Request, run_id: str, caller: Caller, name: str, read_many: Callable[..., dict[str, Any]]) -> Any:
    """What the application's reader of this name says."""
    state = request.app.state
    reader = getattr(state, name, None)
    if reader is None:
        reader = RunReader(state.gateway.store, read_many)
        setattr(state, name, reader)
    found = await reader.read(run_id) if views.RUN_ID.fullmatch(run_id) else None
    if found is None or not caller.may_see(found):
        raise NotFound
    return found


@router.post("/runs/{run_id}/cancel", response_model=RunView, dependencies=[Depends(audited("runs.cancel"))])
def cancel(run_id: RunId, gateway: TheGateway, caller: Writer) -> Response:
    """Ask a run to end; one that has ended stays as it is."""
    views.find(gateway, run_id, caller, (Run.key_id,))
    return JSONResponse(views.run_view(submission.cancel(gateway, run_id)))


@router.post("/runs/{run_id}/resume", response_model=RunView, dependencies=[Depends(audited("runs.resume"))])
def resume(run_id: RunId, gateway: TheGateway, caller: Writer) -> Response:
    """The same run goes on where it was: only what is missing is computed. For one that failed, was canceled or lost."""
    views.find(gateway, run_id, caller, (Run.key_id,))
    return JSONResponse(views.run_view(submission.resume(gateway, run_id)))


@router.post(
    "/runs/{run_id}/retry", status_code=201, response_model=RunView, responses=KNOWN, dependencies=[Depends(audited("runs.retry"))]
)
def retry(
    run_id: RunId,
    request: Request,
    gateway: TheGateway,
    caller: Writer,
    key: IdempotencyKey = None,
    changes: Annotated[RetryRequest | None, Body()] = None,
) -> Response:
    """A new run with the request of an ended one, from the start, with other parameters where some are given."""
    views.find(gateway, run_id, caller, (Run.key_id,))
    run, new = submission.retry(
        gateway, run_id, key_id=caller.key_id, request_id=caller.request_id, idempotency_key=idempotency_key(key),
        changes=changes.workflow_params if changes else None,
    )  # fmt: skip
    note(request, run_id, new_run=run.id)
    return JSONResponse(views.run_view(run), 201 if new else 200, headers={"Location": f"/api/v1/runs/{run.id}"})


@router.get("/parameters")
def parameters(gateway: TheGateway, _caller: Reader) -> dict[str, Any]:
    """The pipeline's parameters as JSON Schema: for forms."""
    schema = schema_of(gateway.settings)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": schema.properties,
        "required": schema.required,
    }
