"""/api/v1/datasets: upload records once, name them as dataset:ID in a run's parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from ..auth.access import Caller, audited, note, requires
from ..dependencies import TheGateway
from ..errors import ERRORS
from ..runs import datasets
from ..runs.problems import Refused

router = APIRouter(prefix="/api/v1/datasets", tags=["datasets"], responses=ERRORS)
User = Annotated[Caller, Depends(requires("datasets"))]
DatasetId = Annotated[str, Path(max_length=24)]
BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


class DatasetView(BaseModel):
    """reference: what to write into a run's parameters."""

    dataset_id: str
    name: str
    sha256: str
    bytes: int
    created_at: str
    reference: str


class DatasetPage(BaseModel):
    """Newest first. next_page_token: empty at the end."""

    datasets: list[DatasetView]
    next_page_token: str


@router.post("", status_code=201, response_model=DatasetView, dependencies=[Depends(audited("datasets.upload"))], openapi_extra=BODY)
async def upload(
    request: Request,
    gateway: TheGateway,
    caller: User,
    name: Annotated[str, Query(min_length=1, max_length=200, description="file name: its ending tells the format")],
    sha256: Annotated[str | None, Query(pattern="^[0-9a-fA-F]{64}$", description="refused when the content has another one")] = None,
) -> Response:
    """The body is the file, as it is (curl --data-binary @FILE; n8n: binary file). It is written as it comes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Refused(400, "send the file itself as the body (content type application/octet-stream), not a form")
    new = await run_in_threadpool(datasets.Upload, gateway, name)
    try:
        async for piece in request.stream():
            if piece:
                await run_in_threadpool(new.write, piece)
        row = await run_in_threadpool(new.finish, caller.key_id, sha256 and sha256.lower())
    finally:
        await run_in_threadpool(new.close)
    note(request, row.id, bytes=row.bytes)
    return JSONResponse(datasets.view(row), 201, headers={"Location": f"/api/v1/datasets/{row.id}"})


@router.get("", response_model=DatasetPage)
def list_datasets(
    gateway: TheGateway,
    caller: User,
    page_size: Annotated[int | None, Query(ge=1, le=2**31)] = None,
    page_token: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Data sets of this key's owner (of all for an admin)."""
    found, following = datasets.page(gateway, caller, page_size, page_token)
    return JSONResponse({"datasets": [datasets.view(row) for row in found], "next_page_token": following})


@router.get("/{dataset_id}", response_model=DatasetView)
def get_dataset(dataset_id: DatasetId, gateway: TheGateway, caller: User) -> Response:
    """What is known of one; never its content."""
    return JSONResponse(datasets.view(datasets.find(gateway, dataset_id, caller)))


@router.delete("/{dataset_id}", status_code=204, dependencies=[Depends(audited("datasets.delete"))])
def delete(dataset_id: DatasetId, request: Request, gateway: TheGateway, caller: User) -> Response:
    """The file is gone afterwards. Refused (409) while a run that has not ended uses it."""
    datasets.delete(gateway, dataset_id, caller)
    note(request, dataset_id)
    return Response(status_code=204)
