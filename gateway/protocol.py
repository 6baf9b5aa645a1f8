"""uvicorn's HTTP protocol, which waits for a request's head for ever and reads it at any length, with limits to both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 20.0
HEAD_BYTES = 64 * 1024
LINGER_S = 1.0


def limited(refused: Callable[[str, int, str], None], head_s: float = HEAD_S) -> type[HttpToolsProtocol]:
    """The protocol's class. refused(address, status, why) is told of each connection that is closed for its head."""

    class Limited(HttpToolsProtocol):
        """A timer runs from the connection, or from the first byte of a later request, to the end of the head."""

        _timer: asyncio.TimerHandle | None = None
        _in_head = True
        _head_bytes = 0
        _refused = False

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._timer = self.loop.call_later(head_s, self._too_slow)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_head = True
            if self._timer is None:
                self._timer = self.loop.call_later(head_s, self._too_slow)

        def on_headers_complete(self) -> None:
            self._in_head, self._head_bytes = False, 0
            self._stop_timer()
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            if self._refused:
                return  # thrown away
            super().data_received(data)
            if self._in_head and not self._refused and not self.transport.is_closing():
                self._head_bytes += len(data)
                if self._head_bytes > HEAD_BYTES:
                    self._refuse(431, "the head of a request is too long")

        def send_400_response(self, msg: str) -> None:
            self._refuse(400, "not HTTP")

        def _too_slow(self) -> None:
            self._timer = None
            if not self._refused and not self.transport.is_closing():
                self._refuse(408, "the head of a request came too slowly")

        def _refuse(self, status: int, why: str) -> None:
            refused(self.client[0] if self.client else "", status, why)
            line = {400: b"400 Bad Request", 408: b"408 Request Timeout", 431: b"431 Request Header Fields Too Large"}[status]
            if self.cycle is None or self.cycle.response_complete:  # not into the middle of another answer
                self.transport.write(b"HTTP/1.1 " + line + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._refused = True
            # Closed at once, what still comes would be answered by a reset, and the client might never see the answer.
            self.loop.call_later(LINGER_S, self.transport.close)

        def _stop_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Limited


def audited(app_state: Any) -> Callable[[str, int, str], None]:
    """Tells the application's audit."""
    from .auth import audit

    def refused(address: str, status: int, why: str) -> None:
        app_state.audit.add(audit.row(action="connection", outcome="refused", status_code=status, address=address, detail={"why": why}))

    return refused
