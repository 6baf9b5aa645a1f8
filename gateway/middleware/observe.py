"""Around everything: the request's id, one log line, metrics, the audit row, headers of safety, and the answer to a bug."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..auth import audit
from ..store.outage import is_outage
from .answers import header, refuse
from .call import KEY, Call
from .metrics import Metrics

SAFE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
CLIMBING = re.compile(rb"(?i)\.\.|%2e|%2f|%5c|%00|\\|%25")
GONE = 499  # in logs and metrics: the caller went away before an answer
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
REFUSALS = frozenset({401, 403, 408, 413, 429})
# Where a handler has not set its own.
HEADERS = {b"x-content-type-options": b"nosniff", b"referrer-policy": b"no-referrer", b"content-security-policy": b"frame-ancestors 'none'"}

log = structlog.get_logger("gateway.http")


class Observe:
    """Outermost, but for the proxies."""

    def __init__(self, app: ASGIApp, audit_log: audit.AuditLog, metrics: Metrics):
        self._app, self._audit, self._metrics = app, audit_log, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = header(scope, b"x-request-id") or ""
        call = Call(given if SAFE.fullmatch(given) else secrets.token_hex(8), scope["client"][0] if scope.get("client") else "")
        scope[KEY] = call
        structlog.contextvars.bind_contextvars(request_id=call.request_id)
        started, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = list(message["headers"])
                own = {name for name, _ in given}
                ours = [(name, value) for name, value in HEADERS.items() if name not in own]
                message["headers"] = [*given, (b"x-request-id", call.request_id.encode()), *ours]
                await self._record(scope, call, status)
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            status = status or GONE
        except Exception as error:
            away = is_outage(error)
            if away:
                log.warning("the database is away", path=scope["path"], error=type(error).__name__)
            else:
                log.exception("bug", method=scope["method"], path=scope["path"])
            if status:
                raise
            if away:
                await refuse(answer, 503, "the database cannot be reached now: try again", {"Retry-After": "2"})
            else:
                await refuse(answer, 500, f"an error of the gateway itself: its log tells more under request id {call.request_id}")
        finally:
            self._metrics.in_flight.dec()
            took = time.perf_counter() - started
            route = route_of(scope)
            self._metrics.answered(scope["method"], route, status, took)
            log.info(
                "request", method=scope["method"], path=scope["path"], status=status, ms=round(took * 1000, 1), address=call.address,
                key_id=call.identity.key_id if call.identity else None, **run_id_of(scope),
            )  # fmt: skip
            structlog.contextvars.unbind_contextvars("request_id")

    async def _record(self, scope: Scope, call: Call, status: int) -> None:
        """Before the answer goes out: a change that was done is in the audit when the caller hears of it."""
        changing = scope["method"] in CHANGING
        if not (changing or status in REFUSALS or (status >= 400 and (call.action or _odd(scope)))):
            return
        row = audit.row(
            action=call.action or f"{scope['method']} {route_of(scope)}".removesuffix(" none"),
            outcome="done" if status < 400 else "refused" if status < 500 else "failed",
            key_id=call.identity.key_id if call.identity else None,
            target=call.target or run_id_of(scope).get("run_id", "") or scope["path"],
            status_code=status,
            request_id=call.request_id,
            address=call.address,
            detail=call.detail,
        )
        if changing and status < 400:
            await self._audit.written(row)
        else:
            self._audit.add(row)


def _odd(scope: Scope) -> bool:
    """A path or query that tries to climb out of where it is."""
    return bool(CLIMBING.search(scope.get("raw_path", b"")) or CLIMBING.search(scope["query_string"]))


def route_of(scope: Scope) -> str:
    """The route's template: paths themselves would be as many as there are runs."""
    return getattr(scope.get("route"), "path", None) or "none"


def run_id_of(scope: Scope) -> dict[str, str]:
    """As a field of the log line, where the call is about a run."""
    run_id = scope.get("path_params", {}).get("run_id")
    return {"run_id": run_id[:64]} if run_id else {}
