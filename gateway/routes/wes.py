"""/ga4gh/wes/v1: GA4GH Workflow Execution Service 1.1.0, so that its clients work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from .. import __version__
from ..auth.access import Caller, audited, note
from ..context import Gateway
from ..dependencies import TheGateway
from ..errors import ERRORS
from ..runs import submission, tasks, views, wes
from ..runs.attachments import MOST, Attachment
from ..runs.paths import SCHEME
from ..runs.problems import NotFound, Refused
from ..runs.requests import read_json
from ..store.tables import Run
from . import wes_shapes as shapes
from .runs import IdempotencyKey, idempotency_key, status_of
from .shapes import Reader, RunId, Writer
from .watching import page_of

router = APIRouter(prefix="/ga4gh/wes/v1", tags=["GA4GH WES 1.1.0"], responses={code: ERRORS[code] for code in (400, 401, 403, 404)})
LOG_COLUMNS = (
    Run.id, Run.key_id, Run.state, Run.request, Run.tags, Run.workflow_url, Run.launches, Run.started_at, Run.ended_at, Run.exit_code,
    Run.error, Run.outputs, Run.folder,
)  # fmt: skip
SUMMARY_COLUMNS = (Run.id, Run.state, Run.started_at, Run.ended_at, Run.tags, Run.created_at)
PageSize = Annotated[str | None, Query(description="at most so many")]  # read below: WES answers 400, not 422
PageToken = Annotated[str | None, Query()]


@router.get("/service-info", response_model=shapes.ServiceInfo)
def service_info(gateway: TheGateway, caller: Reader) -> Response:
    """What this service is and can do; counts are of the runs that the caller may see."""
    settings = gateway.settings
    protocols = sorted({"file", *(match[0][:-1].lower() for one in settings.remote_inputs if (match := SCHEME.match(one)))})
    told = wes.service_info(__version__, settings.url, _engines(gateway), views.counts(gateway, caller), protocols)
    return JSONResponse(told)


@router.get("/runs", response_model=shapes.RunListResponse)
def list_runs(gateway: TheGateway, caller: Reader, page_size: PageSize = None, page_token: PageToken = None) -> Response:
    """Newest first."""
    rows, following = views.page(gateway, caller, SUMMARY_COLUMNS, _size(page_size), page_token)
    return JSONResponse({"runs": [wes.summary(row) for row in rows], "next_page_token": following})


@router.post("/runs", response_model=shapes.RunId, dependencies=[Depends(audited("runs.submit"))], openapi_extra=shapes.RUN_WORKFLOW)
async def run_workflow(request: Request, gateway: TheGateway, caller: Writer, key: IdempotencyKey = None) -> Response:
    """Start a run, by a form or by JSON. With an Idempotency-Key the same request gives the same run."""
    name = idempotency_key(key)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return await _submit(request, gateway, caller, name, read_json(await request.body()), [])
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Refused(400, "the body has to be multipart/form-data or application/json")
    async with request.form(max_files=MOST + 1, max_fields=50) as form:
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        files = [one for one in form.getlist("workflow_attachment") if isinstance(one, UploadFile)]
        attachments = [Attachment(one.filename or "", one.file) for one in files]
        return await _submit(request, gateway, caller, name, wes.read_form(texts), attachments)


async def _submit(
    request: Request, gateway: Gateway, caller: Caller, key: str | None, raw: Any, attachments: list[Attachment]
) -> Response:  # fmt: skip
    run_request, problems, told = wes.to_request(raw, _engines(gateway))
    whose = {"key_id": caller.key_id, "request_id": caller.request_id, "idempotency_key": key}
    run, new = await run_in_threadpool(
        submission.submit_once, gateway, run_request, **whose, attachments=attachments, told={"wes": told}, problems=problems
    )
    note(request, run.id, repeated=not new)
    return JSONResponse({"run_id": run.id})


@router.get("/runs/{run_id}", response_model=shapes.RunLog)
def get_run_log(run_id: RunId, gateway: TheGateway, caller: Reader) -> Response:
    """Everything about a run; its tasks are better read by pages."""
    row = views.find(gateway, run_id, caller, LOG_COLUMNS)
    url = gateway.settings.url
    return JSONResponse(wes.run_log(row, tasks.tasks(Path(row.folder)), f"{url}/api/v1", f"{url}/ga4gh/wes/v1"))


@router.get("/runs/{run_id}/status", response_model=shapes.RunStatus)
async def get_run_status(run_id: RunId, request: Request, caller: Reader) -> Response:
    """The state, as cheap as an answer can be."""
    status = await status_of(request, run_id, caller)
    return Response(status.wes, media_type="application/json")


@router.get("/runs/{run_id}/tasks", response_model=shapes.TaskListResponse)
def list_tasks(run_id: RunId, gateway: TheGateway, caller: Reader, page_size: PageSize = None, page_token: PageToken = None) -> Response:
    """Tasks that have ended, in that order."""
    row = views.find(gateway, run_id, caller, (Run.key_id, Run.folder))
    # ListTasks, unlike ListRuns, knows no 400: an odd size is no wish at all, and an unknown page is not there.
    size = int(page_size) if page_size and re.fullmatch(r"[1-9][0-9]{0,8}", page_size) else None
    try:
        found, following = page_of(tasks.tasks(Path(row.folder)), size, page_token)
    except Refused:
        raise NotFound("page") from None
    return JSONResponse({"task_logs": [wes.task_log(one) for one in found], "next_page_token": following})


@router.get("/runs/{run_id}/tasks/{task_id}", response_model=shapes.TaskLog)
def get_task(run_id: RunId, task_id: str, gateway: TheGateway, caller: Reader) -> Response:
    """One task."""
    row = views.find(gateway, run_id, caller, (Run.key_id, Run.folder))
    task = next((one for one in tasks.tasks(Path(row.folder)) if one["id"] == task_id), None)
    if task is None:
        raise NotFound("task")
    return JSONResponse(wes.task_log(task))


@router.post("/runs/{run_id}/cancel", response_model=shapes.RunId, dependencies=[Depends(audited("runs.cancel"))])
def cancel_run(run_id: RunId, gateway: TheGateway, caller: Writer) -> Response:
    """Ask a run to end; one that has ended stays as it is."""
    views.find(gateway, run_id, caller, (Run.key_id,))
    return JSONResponse({"run_id": submission.cancel(gateway, run_id).id})


def _size(text: str | None) -> int | None:
    if text is None or text == "":
        return None
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise Refused(400, "page_size has to be an integer")
    return int(text)


def _engines(gateway: Gateway) -> list[str]:
    return wes.engine_versions((gateway.settings.project / "nextflow.config").read_text("utf-8"))
