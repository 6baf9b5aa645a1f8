"""/api/v1/models: the versions of the registry, which one is in production, and the review of what the gate could not decide."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from ..auth.access import Caller, audited, note, requires
from ..dependencies import TheGateway
from ..errors import ERRORS
from ..models import promotions
from ..models.registry import ModelRegistry, Version
from ..models.review import review
from ..runs import views
from ..runs.problems import NotFound, Refused
from ..runs.requests import UNCLEAN
from .shapes import RunId

router = APIRouter(prefix="/api/v1", tags=["models"], responses=ERRORS)
Reader = Annotated[Caller, Depends(requires("runs:read", "models:promote"))]
Promoter = Annotated[Caller, Depends(requires("models:promote"))]
Name = Annotated[str, Path(max_length=40)]


class Reason(BaseModel):
    """Why, for the history."""

    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=2000)] = ""


class Review(Reason):
    """reviewer: who decides, for the history (a name or a role)."""

    decision: Literal["approve", "reject"]
    reviewer: Annotated[str, Field(max_length=200)] = ""


class ModelView(BaseModel):
    """A version. metadata: as the pipeline registered it: lineage, recipe, metrics."""

    version: str
    usable: bool
    withdrawn: bool
    production: bool
    metadata: dict[str, Any]


class PromotionView(BaseModel):
    """version took the place of previous."""

    version: str
    previous: str | None
    kind: Literal["promote", "rollback"]
    key_id: str
    reason: str
    time: str


class ModelList(BaseModel):
    """Versions newest first, what is in production, and how it came to be (the newest 100)."""

    models: list[ModelView]
    aliases: dict[str, str | None]
    history: list[PromotionView]


class ReviewView(BaseModel):
    """version: what an approved adapter became."""

    decision: Literal["approve", "reject"]
    reviewer: str
    reason: str
    time: str
    version: str | None = None


def _view(version: Version, production: str | None) -> dict[str, Any]:
    return {
        "version": version.name, "usable": version.usable, "withdrawn": version.withdrawn, "production": version.name == production,
        "metadata": version.metadata,
    }  # fmt: skip


def _model(gateway: TheGateway, name: str) -> JSONResponse:
    version = ModelRegistry(gateway.settings.registry_folder).version(name)
    if version is None:
        raise NotFound("version")
    return JSONResponse(_view(version, promotions.current(gateway)))


@router.get("/models", response_model=ModelList)
def list_models(gateway: TheGateway, _caller: Reader) -> Response:
    """All accepted versions."""
    production = promotions.current(gateway)
    found = [_view(one, production) for one in ModelRegistry(gateway.settings.registry_folder).versions()]
    past = [one | {"time": views.iso(one["time"])} for one in promotions.history(gateway)]
    return JSONResponse({"models": found, "aliases": {promotions.ALIAS: production}, "history": past})


@router.get("/models/{version}", response_model=ModelView)
def get_model(version: Name, gateway: TheGateway, _caller: Reader) -> Response:
    """One version."""
    return _model(gateway, version)


@router.post("/models/rollback", response_model=ModelView, dependencies=[Depends(audited("models.rollback"))])
def rollback(request: Request, gateway: TheGateway, caller: Promoter, why: Annotated[Reason | None, Body()] = None) -> Response:
    """Back to what was in production before; 409 where there is nothing to go back to."""
    name = promotions.rollback(gateway, key_id=caller.key_id, reason=_clean(why))
    note(request, name)
    return _model(gateway, name)


@router.post("/models/{version}/promote", response_model=ModelView, dependencies=[Depends(audited("models.promote"))])
def promote(
    version: Name, request: Request, gateway: TheGateway, caller: Promoter, why: Annotated[Reason | None, Body()] = None
) -> Response:
    """Put a version into production: registry/models/production.json names it, and later runs are compared with it. Again is no change."""
    changed = promotions.promote(gateway, version, key_id=caller.key_id, reason=_clean(why))
    note(request, version, changed=changed)
    return _model(gateway, version)


@router.post("/runs/{run_id}/review", response_model=ReviewView, dependencies=[Depends(audited("runs.review"))])
def review_run(run_id: RunId, gateway: TheGateway, caller: Promoter, said: Review) -> Response:
    """Decide on a run whose verdict is needs_review: approve makes its adapter a version and promotes it."""
    if not views.RUN_ID.fullmatch(run_id):
        raise NotFound
    told = review(gateway, run_id, decision=said.decision, reviewer=said.reviewer, reason=_clean(said), key_id=caller.key_id)
    return JSONResponse(told)


def _clean(said: Reason | None) -> str:
    texts = [said.reason, getattr(said, "reviewer", "")] if said else [""]
    if any(UNCLEAN.search(one) for one in texts):
        raise Refused(400, "reason and reviewer may hold no control characters")
    return texts[0]
