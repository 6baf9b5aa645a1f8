"""Answers of the middleware itself, in the API's shape, without going through a framework's response class."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Send

LINGER_S = 2.0  # a client that still sends is read for so long after its refusal: closed at once, it would see a reset, not the answer


class BodyRefused(Exception):
    """The body is over a limit: raised to whoever reads it, to end the handler; the answer is the middleware's."""


async def refuse(
    send: Send, status_code: int, msg: str, headers: Mapping[str, str] | None = None, *, unread: Receive | None = None
) -> None:
    """unread: where the request's body may still come; what comes is thrown away and the connection closed."""
    body = json.dumps({"msg": msg, "status_code": status_code}).encode()
    lines = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    lines += [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    if unread is not None:
        lines.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status_code, "headers": lines})
    await send({"type": "http.response.body", "body": body, "more_body": unread is not None})
    if unread is not None:
        with contextlib.suppress(TimeoutError, BodyRefused):
            await asyncio.wait_for(_drain(unread), LINGER_S)
        await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def header(scope: Mapping[str, Any], name: bytes) -> str | None:
    """The first header of this name (lower case); None where there is none."""
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None
