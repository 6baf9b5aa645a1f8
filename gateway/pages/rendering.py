"""From a template to an answer: texts in the reader's language, and headers that let the page do only what it does."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ..auth.access import Caller
from . import language

FOLDER = Path(__file__).parent
STATIC = {path.name: path.read_bytes() for path in sorted((FOLDER / "static").iterdir()) if path.is_file()}
VERSION = hashlib.sha256(b"".join(STATIC.values())).hexdigest()[:12]
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

# No inline script or style, nothing from elsewhere, no frame around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

_environment = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=select_autoescape(["html", "j2"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _address(path: str, **query: Any) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


_environment.globals |= {"address": _address, "iso": _iso, "languages": language.NAMES, "version": VERSION}


def texts(request: Request) -> language.Texts:
    """In the language that was chosen, or that the browser asks for."""
    return language.Texts(language.choose(request.cookies.get(language.COOKIE), request.headers.get("accept-language")))


def render(request: Request, template: str, caller: Caller | None, *, status_code: int = 200, **values: Any) -> HTMLResponse:
    """A page. Values are escaped by the templates."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    values = {"t": texts(request), "caller": caller, "here": here} | values
    content = _environment.get_template(template).render(values)
    return HTMLResponse(content, status_code, HEADERS | {"Content-Security-Policy": POLICY, "Vary": "Cookie, Accept-Language"})
