"""/api/v1/webhooks: subscriptions, what was delivered to them, dead letters, sending again."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from ..auth.access import Caller, audited, note, requires
from ..context import Gateway
from ..dependencies import TheGateway
from ..errors import ERRORS, ApiError
from ..queue.cloudevents import CONTENT_TYPE
from ..runs import views as run_views
from ..runs.events import TYPES
from ..store.tables import Webhook
from ..webhooks import replay, subscriptions, views
from ..webhooks.answers import describe
from ..webhooks.trial import send_test

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"], responses=ERRORS)
Reader = Annotated[Caller, Depends(requires("runs:read"))]
Writer = Annotated[Caller, Depends(requires("runs:write"))]
WebhookId = Annotated[str, Path(max_length=24)]
Status = Literal["pending", "delivered", "dead"]
BIGGEST = 2**63 - 1


class WebhookRequest(BaseModel):
    """Where to send which events. Without event_types all, without run_id those of all runs that the key may read."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=2048)]
    event_types: Annotated[list[Literal[TYPES]], Field(max_length=len(TYPES))] = []  # type: ignore[valid-type]
    run_id: Annotated[str | None, Field(max_length=36)] = None
    content_type: Annotated[
        Literal["application/cloudevents+json", "application/json"], Field(description="n8n reads application/json only")
    ] = CONTENT_TYPE  # fmt: skip


class WebhookView(BaseModel):
    """target: host and port; the rest of the URL is not shown again. paused_until: the target failed too often and is left alone."""

    webhook_id: str
    kind: Literal["webhook", "resume"]
    target: str
    event_types: list[str]
    run_id: str | None
    content_type: str
    active: Annotated[bool, Field(description="false: it answered 410, or is a resume URL that has been called")]
    created_at: dt.datetime
    pending: Annotated[int, Field(description="deliveries on their way")]
    dead: Annotated[int, Field(description="dead letters")]
    paused_until: dt.datetime | None


class MadeWebhook(WebhookView):
    """secret: of Standard Webhooks, to check signatures with; shown this once."""

    secret: str


class WebhookList(BaseModel):
    webhooks: list[WebhookView]


class DeliveryView(BaseModel):
    """One event for one webhook. last_status: of HTTP; last_error: why the last attempt failed."""

    delivery_id: int
    webhook_id: str
    run_id: str
    event_id: str
    event_type: str
    event_number: int
    sequence: int
    status: Status
    attempts: int
    next_at: dt.datetime | None
    last_status: int | None
    last_error: str | None
    created_at: dt.datetime
    ended_at: dt.datetime | None


class DeliveryPage(BaseModel):
    deliveries: list[DeliveryView]
    next_page_token: str


class RotateRequest(BaseModel):
    """overlap_s: how long the old secret signs beside the new one."""

    model_config = ConfigDict(extra="forbid")
    overlap_s: Annotated[int, Field(ge=0, le=30 * 86400)] = 86400


class NewSecret(BaseModel):
    """secret: the new one, shown this once."""

    webhook_id: str
    secret: str
    overlap_s: int


class ReplayRequest(BaseModel):
    """Nothing: all dead letters. deliveries: those dead letters. after: all events with a higher number, delivered ones too."""

    model_config = ConfigDict(extra="forbid")
    deliveries: Annotated[list[Annotated[int, Field(ge=1, le=BIGGEST)]] | None, Field(min_length=1, max_length=1000)] = None
    after: Annotated[int | None, Field(ge=0, le=BIGGEST)] = None


class Replayed(BaseModel):
    """next_after: there are more than one call takes; call again with it as `after`."""

    replayed: int
    next_after: int | None = None


class TestResult(BaseModel):
    """delivered: the target answered 2xx."""

    __test__ = False
    delivered: bool
    last_status: int | None
    last_error: str | None


def _find(session: Session, caller: Caller, webhook_id: str, *, lock: bool = False) -> Webhook:
    query = select(Webhook).where(Webhook.id == webhook_id)
    webhook = session.scalar(query.with_for_update() if lock else query)
    if webhook is None or not (caller.admin or webhook.key_id == caller.key_id):
        raise ApiError(404, "no such webhook")
    return webhook


def _view(session: Session, webhook: Webhook) -> dict[str, Any]:
    return views.webhook_views(session, [webhook])[0]


@router.post("", status_code=201, response_model=MadeWebhook, dependencies=[Depends(audited("webhooks.create"))])
def create(body: WebhookRequest, request: Request, gateway: TheGateway, caller: Writer) -> dict[str, Any]:
    """Subscribe. The answer has the secret that signs deliveries, this once."""
    if body.run_id is not None:
        run_views.find(gateway, body.run_id, caller)
    try:
        subscriptions.check_target(gateway.settings, body.url)
        with gateway.store.write() as session:
            webhook = subscriptions.subscribe(session, gateway, key_id=caller.key_id, **body.model_dump())
            made = _view(session, webhook) | {"secret": subscriptions.secret_of(gateway, webhook)}
    except subscriptions.TooMany as error:
        raise ApiError(409, str(error)) from None
    except subscriptions.RefusedTarget as error:
        raise ApiError(422, f"url: {error}") from None
    note(request, webhook.id, host=webhook.host)
    return made


@router.get("", response_model=WebhookList)
def list_webhooks(gateway: TheGateway, caller: Reader, run_id: Annotated[str | None, Query(max_length=36)] = None) -> dict[str, Any]:
    """The caller's own webhooks, an admin's of all keys; resume URLs of runs among them. The newest 1000."""
    query = select(Webhook).order_by(Webhook.created_at.desc(), Webhook.id).limit(1000)
    if not caller.admin:
        query = query.where(Webhook.key_id == caller.key_id)
    if run_id is not None:
        query = query.where(Webhook.run_id == run_id)
    with gateway.store.read() as session:
        return {"webhooks": views.webhook_views(session, session.scalars(query).all())}


@router.get("/deliveries", response_model=DeliveryPage)
def list_deliveries(
    gateway: TheGateway,
    caller: Reader,
    status: Status | None = None,
    webhook_id: Annotated[str | None, Query(max_length=24)] = None,
    run_id: Annotated[str | None, Query(max_length=36)] = None,
    event_type: Annotated[str | None, Query(max_length=64)] = None,
    page_size: Annotated[int, Query(ge=1, le=500)] = 100,
    page_token: Annotated[str | None, Query(pattern="^[0-9]{1,18}$")] = None,
) -> dict[str, Any]:
    """Deliveries to the caller's webhooks, newest first. Delivered ones are kept for 30 days."""
    filters = {"status": status, "webhook_id": webhook_id, "run_id": run_id, "event_type": event_type}
    return _deliveries(gateway, caller, page_size, page_token, filters)


@router.get("/dead-letters", response_model=DeliveryPage)
def list_dead_letters(
    gateway: TheGateway,
    caller: Reader,
    webhook_id: Annotated[str | None, Query(max_length=24)] = None,
    run_id: Annotated[str | None, Query(max_length=36)] = None,
    page_size: Annotated[int, Query(ge=1, le=500)] = 100,
    page_token: Annotated[str | None, Query(pattern="^[0-9]{1,18}$")] = None,
) -> dict[str, Any]:
    """What was given up: see last_error, put the target right, then POST .../replay."""
    filters = {"status": "dead", "webhook_id": webhook_id, "run_id": run_id}
    return _deliveries(gateway, caller, page_size, page_token, filters)


def _deliveries(gateway: Gateway, caller: Caller, size: int, token: str | None, filters: dict[str, Any]) -> dict[str, Any]:
    owner = None if caller.admin else caller.key_id
    with gateway.store.read() as session:
        page, following = views.delivery_page(session, owner, int(token) if token else None, size, **filters)
    return {"deliveries": page, "next_page_token": following}


@router.get("/{webhook_id}", response_model=WebhookView)
def get_webhook(webhook_id: WebhookId, gateway: TheGateway, caller: Reader) -> dict[str, Any]:
    with gateway.store.read() as session:
        return _view(session, _find(session, caller, webhook_id))


@router.delete("/{webhook_id}", status_code=204, dependencies=[Depends(audited("webhooks.delete"))])
def delete_webhook(webhook_id: WebhookId, request: Request, gateway: TheGateway, caller: Writer) -> Response:
    """With its deliveries: what is on its way is not sent any more."""
    note(request, webhook_id)
    with gateway.store.write() as session:
        subscriptions.delete_webhook(session, _find(session, caller, webhook_id, lock=True))
    return Response(status_code=204)


@router.post("/{webhook_id}/test", response_model=TestResult, dependencies=[Depends(audited("webhooks.test"))])
async def test_webhook(webhook_id: WebhookId, request: Request, gateway: TheGateway, caller: Writer) -> dict[str, Any]:
    """Send a signed event of the type br.llamaflow.webhook.test now, and say what came back. Not to resume URLs: the flow would go on."""
    note(request, webhook_id)
    webhook = await run_in_threadpool(_read, gateway, caller, webhook_id)
    if webhook.kind == "resume":
        raise ApiError(409, "a resume URL is called once, when its run has ended")
    answer = await send_test(gateway, webhook)
    return {"delivered": 200 <= (answer.status or 0) < 300, "last_status": answer.status, "last_error": describe(answer)}


def _read(gateway: Gateway, caller: Caller, webhook_id: str) -> Webhook:
    with gateway.store.read() as session:
        return _find(session, caller, webhook_id)


@router.post("/{webhook_id}/rotate", response_model=NewSecret, dependencies=[Depends(audited("webhooks.rotate"))])
def rotate(
    webhook_id: WebhookId, request: Request, gateway: TheGateway, caller: Writer, body: RotateRequest | None = None
) -> dict[str, Any]:
    """A new secret. Until overlap_s seconds are over, deliveries carry the signatures of both."""
    note(request, webhook_id)
    overlap_s = (body or RotateRequest()).overlap_s
    with gateway.store.write() as session:
        webhook = _find(session, caller, webhook_id, lock=True)
        if webhook.kind == "resume":
            raise ApiError(409, "a resume URL has no secret")
        secret = subscriptions.rotate(session, gateway, webhook, overlap_s)
    return {"webhook_id": webhook_id, "secret": secret, "overlap_s": overlap_s}


@router.post("/{webhook_id}/replay", response_model=Replayed, dependencies=[Depends(audited("webhooks.replay"))])
def send_again(
    webhook_id: WebhookId, request: Request, gateway: TheGateway, caller: Writer, body: ReplayRequest | None = None
) -> dict[str, Any]:
    """Send dead letters again, or every event from a number on. Receivers tell repeated events by their id."""
    note(request, webhook_id)
    asked = body or ReplayRequest()
    if asked.after is not None and asked.deliveries is not None:
        raise ApiError(422, "give deliveries or after, not both")
    with gateway.store.write() as session:
        webhook = _find(session, caller, webhook_id, lock=True)
        try:
            if asked.after is None:
                return {"replayed": replay.replay_dead(session, webhook, asked.deliveries)}
            replayed, next_after = replay.replay_from(session, webhook, asked.after)
        except replay.Finished as error:
            raise ApiError(409, str(error)) from None
    return {"replayed": replayed, "next_after": next_after}
