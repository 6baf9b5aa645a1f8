"""The status page for people: login, runs, a run, models. Plain `def` handlers: they read the database and files in the thread pool."""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from ..auth import session as login_session
from ..auth.access import Caller, audited, authenticate, caller_or_none, note
from ..dependencies import TheGateway
from ..errors import ApiError
from ..pages import language, listing, models
from ..pages.rendering import HEADERS, STATIC, TYPES, render
from ..pages.view import View
from ..runs import estimate
from ..store.tables import Event

router = APIRouter(include_in_schema=False)
YEAR_S = 365 * 24 * 3600
ETAGS = {name: f'"{hashlib.sha256(content).hexdigest()[:20]}"' for name, content in STATIC.items()}


@router.get("/")
def start() -> Response:
    return RedirectResponse("/runs", 303)


@router.get("/runs")
def runs(request: Request, gateway: TheGateway) -> Response:
    """All runs that the reader may see, by filters in the address."""
    caller = caller_or_none(request)
    if caller is None:
        return _to_login(request)
    if not caller.has("runs:read"):
        return _problem(request, caller, 403)
    filters = listing.Filters.of(request.query_params)
    with gateway.store.read() as session:
        found = listing.find(session, caller, filters)
        newest = _newest(session)
    views = [View(run) for run in found.runs]
    return render(
        request, "runs.html.j2", caller, views=views, found=found, filters=filters, groups=listing.GROUPS, verdicts=listing.VERDICTS,
        attention=[(why, View(run)) for why, run in found.attention], pages=max(1, -(-found.total // listing.PAGE)),
        live={"events": f"/api/v1/events?after={newest}"},
    )  # fmt: skip


@router.get("/runs/{run_id}")
def run(request: Request, gateway: TheGateway, run_id: str) -> Response:
    """One run."""
    caller = caller_or_none(request)
    if caller is None:
        return _to_login(request)
    if not caller.has("runs:read"):
        return _problem(request, caller, 403)
    with gateway.store.read() as session:
        found = listing.visible(session, caller, run_id)
        if found is None:
            return _problem(request, caller, 404)
        events = (
            session.query(Event)
            .filter(Event.run_id == found.id, ~Event.type.endswith(".progress"))
            .order_by(Event.number.desc())
            .limit(50)
            .all()
        )
        newest = _newest(session)
        owner = listing.owners(session, caller).get(found.key_id, "")
    view = View(found)
    return render(
        request, "run.html.j2", caller, view=view, events=events, owner=owner, left=_left(gateway, view),
        live={"events": f"/api/v1/runs/{quote(found.id)}/events?after={newest}"},
    )  # fmt: skip


@router.get("/models")
def registry(request: Request, gateway: TheGateway) -> Response:
    """Accepted versions, and which one is in production."""
    caller = caller_or_none(request)
    if caller is None:
        return _to_login(request)
    if not (caller.has("runs:read") or caller.has("models:promote")):
        return _problem(request, caller, 403)
    return render(request, "models.html.j2", caller, registry=models.read(gateway, caller), models=models, live=None)


@router.get("/login")
def login_form(request: Request, next: str = "/runs") -> Response:
    """The form. Its script looks whether there is a session after all: a link from elsewhere comes without the cookie (SameSite=Strict)."""
    if caller_or_none(request) is not None:
        return RedirectResponse(_inside(next), 303)
    return render(request, "login.html.j2", None, next=_inside(next), failed=False, live=None)


@router.post("/login", dependencies=[Depends(audited("session.login"))])
async def login(
    request: Request, gateway: TheGateway, key: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/runs"
) -> Response:
    """A cookie for a key."""
    if not _from_here(request):
        raise ApiError(403, "a login comes from the login page")
    try:
        caller = await authenticate(request, key.strip())
    except ApiError as error:
        return render(request, "login.html.j2", None, status_code=error.status_code, next=_inside(next), failed=True, live=None)
    note(request, caller.used_key_id)
    answer = RedirectResponse(_inside(next), 303)
    sealed = login_session.seal(gateway.secrets, key.strip())
    lasting, secure = login_session.HOURS * 3600, _over_tls(request, gateway)
    answer.set_cookie(login_session.COOKIE, sealed, max_age=lasting, httponly=True, samesite="strict", secure=secure)
    return answer


@router.get("/session")
def has_session(request: Request) -> Response:
    """Whether there is a session: asked by the login page's script."""
    return JSONResponse({"session": caller_or_none(request) is not None}, headers=HEADERS)


@router.post("/logout", dependencies=[Depends(audited("session.logout"))])
def logout(request: Request, gateway: TheGateway) -> Response:
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(login_session.COOKIE, httponly=True, samesite="strict", secure=_over_tls(request, gateway))
    return answer


@router.get("/language/{code}")
def choose_language(request: Request, gateway: TheGateway, code: str, next: str = "/runs") -> Response:
    answer = RedirectResponse(_inside(next), 303)
    if code in language.NAMES:
        answer.set_cookie(language.COOKIE, code, max_age=YEAR_S, httponly=True, samesite="lax", secure=_over_tls(request, gateway))
    return answer


@router.get("/static/{name}")
def static(request: Request, name: str) -> Response:
    """Style, script, icon: asked for again each time, sent when they have changed."""
    if name not in STATIC:
        raise ApiError(404, "no such file")
    headers = {
        "ETag": ETAGS[name],
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.headers.get("if-none-match") == ETAGS[name]:
        return Response(status_code=304, headers=headers)
    return Response(STATIC[name], media_type=TYPES[PurePath(name).suffix], headers=headers)


def _to_login(request: Request) -> Response:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login" if here in ("/", "/runs") else f"/login?next={quote(here, safe='/')}", 303)


def _problem(request: Request, caller: Caller, status: int) -> Response:
    return render(request, "problem.html.j2", caller, status_code=status, status=status, live=None)


def _inside(address: str) -> str:
    """A path of this gateway, whatever was asked for."""
    parts = urlsplit(address) if address.isprintable() else None
    if parts is None or parts.scheme or parts.netloc or "\\" in address or not address.startswith("/") or address.startswith("//"):
        return "/runs"
    return address


def _from_here(request: Request) -> bool:
    """No other site logs a browser in as somebody else."""
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _over_tls(request: Request, gateway: TheGateway) -> bool:
    return request.url.scheme == "https" or gateway.settings.url.startswith("https:")


def _left(gateway: TheGateway, view: View) -> float | None:
    """Seconds, by earlier runs of the kind; None where nothing is known."""
    return estimate.estimate(gateway, view.run.request or {}, view.run).get("remaining_s") if view.going else None


def _newest(session) -> int:
    newest = session.query(Event.number).order_by(Event.number.desc()).limit(1).scalar()
    return newest or 0
