"""Events of runs: as Server-Sent Events to follow, as JSON to look up. Both go on after the number of the last event that was seen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from ..auth.access import Caller
from ..context import Gateway
from ..dependencies import TheGateway
from ..errors import ERRORS
from ..runs import views
from ..runs.events import TYPES
from ..runs.feed import Feed, events_after, stream
from ..runs.problems import Refused
from ..store.tables import Run
from .shapes import EventList, Reader, RunId, slots_of

router = APIRouter(prefix="/api/v1", tags=["events"], responses=ERRORS)
SSE = "text/event-stream"
ANSWERS = {200: {"model": EventList, "content": {SSE: {"schema": {"type": "string"}}}}}
After = Annotated[int | None, Query(ge=0, le=2**62, description="number of the last event seen")]
Types = Annotated[list[str] | None, Query(alias="type", max_length=20, description="of the event; may be repeated")]
Accept = Annotated[str, Header(max_length=500)]
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/runs/{run_id}/events", response_model=EventList, responses=ANSWERS)
async def run_events(
    run_id: RunId, request: Request, gateway: TheGateway, caller: Reader, after: After = None, types: Types = None, limit: Limit = 100,
    until_end: bool = False, accept: Accept = "", last_event_id: LastEventId = None,
) -> Response:  # fmt: skip
    """Events of one run from its first one on. until_end closes a stream when the run has ended; without it a client may just stay."""
    await run_in_threadpool(views.find, gateway, run_id, caller, (Run.key_id,))
    feed, start, kinds = feed_of(request, gateway), _start(after, last_event_id) or 0, _types(types)
    if SSE in accept:
        told = stream(gateway, feed, caller, start, request.app.state.stop, run_id=run_id, types=kinds, until_end=until_end)
        return _streamed(request, caller, told)
    return _listed(await run_in_threadpool(events_after, gateway, caller, start, run_id=run_id, types=kinds, limit=limit), start)


@router.get("/events", response_model=EventList, responses=ANSWERS)
async def all_events(
    request: Request, gateway: TheGateway, caller: Reader, after: After = None, types: Types = None, limit: Limit = 100,
    accept: Accept = "", last_event_id: LastEventId = None,
) -> Response:  # fmt: skip
    """Events of all runs that this key may see. A stream without a last event begins with what comes next; after=0 gives all."""
    feed = feed_of(request, gateway)
    start, kinds = _start(after, last_event_id), _types(types)
    until = await feed.head()  # before the stream's head is sent: what happens after that is told
    if SSE in accept:
        first = until if start is None else start
        return _streamed(request, caller, stream(gateway, feed, caller, first, request.app.state.stop, types=kinds))
    return _listed(await run_in_threadpool(events_after, gateway, caller, start or 0, types=kinds, until=until, limit=limit), start or 0)


def feed_of(request: Request, gateway: Gateway) -> Feed:
    """The one of this application."""
    feed = getattr(request.app.state, "feed", None)
    if feed is None:
        feed = request.app.state.feed = Feed(gateway.store)
    return feed


def _start(after: int | None, last_event_id: str | None) -> int | None:
    """A client that comes again sends the header: it knows better than its URL."""
    if not last_event_id:
        return after
    if not re.fullmatch(r"[0-9]{1,18}", last_event_id):
        raise Refused(400, "Last-Event-ID has to be the id of one of our events: a number")
    return int(last_event_id)


def _types(types: list[str] | None) -> list[str]:
    if unknown := set(types or ()) - set(TYPES):
        raise Refused(400, f"{len(unknown)} of the types asked for are none: they are {', '.join(TYPES)}")
    return types or []


def _streamed(request: Request, caller: Caller, events: AsyncIterator[bytes]) -> StreamingResponse:
    slots = slots_of(request)
    slots.check(caller.key_id)
    return StreamingResponse(
        slots.held(caller.key_id, events), media_type=SSE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


def _listed(events: list[dict], start: int) -> JSONResponse:
    return JSONResponse({"events": events, "next_after": events[-1]["number"] if events else start})
