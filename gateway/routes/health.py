"""/healthz: the process answers. /readyz: it can also work. /metrics: for Prometheus."""

from __future__ import annotations

import shutil
import threading
import time

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from ..auth.access import requires
from ..context import Gateway
from ..dependencies import TheGateway
from ..middleware.call import the_call
from ..middleware.proxies import is_loopback
from ..store.migrate import at_head

router = APIRouter(tags=["health"])
FREE_BYTES = 100 * 1024**2  # less than this in home, and the next run's files would not fit
CHECKED_FOR_S = 1.0


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers; no look at anything else, so that nobody restarts it because a database is away."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Something that it needs is away; checks says what."}})
def readyz(gateway: TheGateway, request: Request) -> JSONResponse:
    """Database at its newest schema, queue reached, room in home."""
    checks = _checks(gateway, request.app.state)
    ready = all(result == "ok" for result in checks.values())
    return JSONResponse({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Open to this host, and to the network where LLAMAFLOW_METRICS_PUBLIC says so; others send a key with runs:read."""
    if not (request.app.state.gateway.settings.metrics_public or is_loopback(the_call(request).address)):
        await requires("runs:read")(request)
    return Response(await request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)


_lock = threading.Lock()


def _checks(gateway: Gateway, state) -> dict[str, str]:
    """Remembered for a second: asking often is free of cost."""
    with _lock:
        known = getattr(state, "readiness", None)
        if known is None or known[0] < time.monotonic() - CHECKED_FOR_S:
            known = state.readiness = (time.monotonic(), {name: _result(check, gateway) for name, check in CHECKS.items()})
    return known[1]


def _result(check, gateway: Gateway) -> str:
    try:
        return check(gateway) or "ok"
    except Exception as error:
        return type(error).__name__  # its text may hold the database's address


def _database(gateway: Gateway) -> None:
    with gateway.store.read() as session:
        session.execute(text("SELECT 1"))


def _schema(gateway: Gateway) -> str | None:
    return None if at_head(gateway.store.engine) else "another version of the gateway has changed the schema: restart this one"


def _queue(gateway: Gateway) -> None:
    gateway.queue.ping()


def _disk(gateway: Gateway) -> str | None:
    return None if shutil.disk_usage(gateway.settings.home).free >= FREE_BYTES else "home is full"


CHECKS = {"database": _database, "schema": _schema, "queue": _queue, "disk": _disk}
