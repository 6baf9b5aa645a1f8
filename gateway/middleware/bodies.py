"""Bodies that are too large or come too slowly are refused while they come, whatever their Content-Length says."""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..settings import Settings
from .answers import BodyRefused, header, refuse

UPLOADS = "/api/v1/datasets"
ATTACHMENTS = "/ga4gh/wes/v1/runs"  # as forms
SLOWEST = 64 * 1024  # bytes a second that an honest client has at least; a large upload may take as long as that gives


class Bodies:
    """Limits of size and time of request bodies. The answer is given here: frameworks make one of their own of any error in a body."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        form = (header(scope, b"content-type") or "").startswith("multipart/form-data")
        upload = scope["path"].startswith(UPLOADS) or (form and scope["path"] == ATTACHMENTS)
        most = self._settings.max_upload_bytes if upload else self._settings.max_body_bytes
        length = header(scope, b"content-length")
        if length is not None and (not length.isdigit() or int(length) > most):
            await refuse(send, 413, f"a body may have at most {most} bytes here", unread=receive)
            return
        complete = answered = False
        refused: tuple[int, str] | None = None
        received, started = 0, time.monotonic()

        async def limited() -> Message:
            nonlocal received, complete, refused
            if refused:
                raise BodyRefused
            if complete:
                return await receive()  # after the body: waits for the disconnection
            left = started + self._settings.body_timeout_s + received / SLOWEST - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(left, 0.001))
            except TimeoutError:
                refused = (408, f"the body came too slowly: it has {self._settings.body_timeout_s:g} s")
                raise BodyRefused from None
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > most:
                    refused = (413, f"a body may have at most {most} bytes here")
                    raise BodyRefused
                complete = not message.get("more_body", False)
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            if not refused or answered:
                answered = True
                await send(message)

        try:
            await self._app(scope, limited, watched)
        except BodyRefused:
            if answered:
                raise
        if refused and not answered:
            await refuse(send, *refused, unread=receive)
