"""A webhook receiver as bad as they come: a real HTTP server on loopback that fails a share of its calls in every way there is.

Each call is read to its end and its signature checked by the Standard Webhooks library; then chance decides, anew for each call:
errors (500, 502, 503, 429 with Retry-After), a connection cut without an answer, an answer that never comes. Half of the cut and silent
ones did their work before they failed, so that the next call with that webhook-id is a duplicate, as in life.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import httptools
from standardwebhooks import Webhook, WebhookVerificationError

from benchmarks.gateway.tally import Note

FAILURES = ("500", "502", "503", "429", "cut", "cut after work", "silent", "silent after work")
WEIGHTS = (2, 2, 4, 2, 5, 5, 5, 5)  # a third each: errors, cut, silent
EVENT = "application/cloudevents+json"


class Receiver:
    """Runs in a thread of its own. failing: share of calls. silence_s: how long a silent call is kept; more than the sender waits."""

    def __init__(self, failing: float, silence_s: float, seed: int = 7):
        self.failing, self.silence_s = failing, silence_s
        self.secret = ""  # of the webhook, once it is known
        self.journal: list[Note] = []
        self.outcomes: Counter[str] = Counter()
        self.bad_signatures = 0
        self.accepted: set[str] = set()
        self._chance = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="receiver", daemon=True)
        self._ready = threading.Event()
        self.port = 0

    def __enter__(self) -> Receiver:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()

    def outcome(self) -> str:
        if self._chance.random() >= self.failing:
            return "ok"
        return self._chance.choices(FAILURES, WEIGHTS)[0]

    def read(self, headers: dict[str, str], body: bytes) -> tuple[str, str, int] | None:
        """webhook-id, run and sequence of a call; None: not signed as it should be."""
        try:
            event = Webhook(self.secret).verify(body, headers)
            assert headers.get("content-type", "").startswith(EVENT), headers
            return headers["webhook-id"], event["subject"], event["sequence"]
        except (WebhookVerificationError, AssertionError, KeyError, ValueError):
            self.bad_signatures += 1
            return None

    def note(self, what: str, call: tuple[str, str, int]) -> None:
        self.journal.append(Note(what, *call))
        if what == "accepted":
            self.accepted.add(call[0])


class _Connection(asyncio.Protocol):
    """One connection, kept open between calls."""

    def __init__(self, receiver: Receiver):
        self._receiver = receiver
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._headers, self._body = {}, []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        receiver, call = self._receiver, self._receiver.read(self._headers, b"".join(self._body))
        if call is None:
            self._answer("400 Bad Request")
            return
        outcome = receiver.outcome()
        receiver.outcomes[outcome] += 1
        receiver.note("arrived", call)
        if outcome == "ok" or outcome.endswith("after work"):
            receiver.note("taken", call)
        if outcome == "ok":
            if not self._transport.is_closing():
                self._answer("204 No Content")
                receiver.note("accepted", call)
        elif outcome.startswith("cut"):
            self._transport.abort()
        elif outcome.startswith("silent"):
            asyncio.get_running_loop().call_later(receiver.silence_s, self._transport.abort)
        else:
            self._answer(f"{outcome} Not Now", "Retry-After: 1\r\n" if outcome == "429" else "")

    def _answer(self, status: str, more: str = "") -> None:
        length = "" if status.startswith("204") else "Content-Length: 0\r\n"
        self._transport.write(f"HTTP/1.1 {status}\r\n{more}{length}\r\n".encode())


def wait_for(done: Callable[[], int], target: int, told: Callable[[int], None], patience_s: float, every_s: float = 5.0) -> int:
    """Until ``done`` reaches ``target``, or has not grown for ``patience_s`` seconds; what it says then."""
    best, since, said = -1, time.monotonic(), 0.0
    while (now := done()) < target:
        if now > best:
            best, since = now, time.monotonic()
        elif time.monotonic() - since > patience_s:
            break
        if time.monotonic() - said >= every_s:
            told(now)
            said = time.monotonic()
        time.sleep(0.2)
    return now
