"""The gateway over HTTP: keys, retries of what passes, errors in words."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # httpx's own command line: 200 ms of imports for nothing
import httpx  # noqa: E402

from .exits import BAD_INPUT, FAILED, NOT_ALLOWED, UNREACHABLE, Problem  # noqa: E402

URL = "http://127.0.0.1:8000"
NOT_READY = frozenset({429, 502, 503, 504})
LONGEST_PAUSE_S = 15.0


class Client:
    """Calls of one gateway with one key.

    retry_for_s: how long calls are repeated while the gateway cannot be reached or is not ready; None: for ever.
    """

    def __init__(self, url: str = "", key: str = "", retry_for_s: float | None = 30.0):
        url = (url or os.environ.get("LLAMAFLOW_URL") or URL).rstrip("/")
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # a port or a bracket
            good = False
        if not good:
            raise Problem(f"LLAMAFLOW_URL is like http://127.0.0.1:8000, not {url!r}")
        key = key or _key()
        if not (key.isascii() and key.isprintable()):
            raise Problem("this is not the text of an API key", NOT_ALLOWED)
        verify = url.startswith("https://")  # without TLS its context would be made for nothing
        self.retry_for_s = retry_for_s
        try:
            self._http = httpx.Client(
                base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=httpx.Timeout(30, connect=5), verify=verify
            )  # fmt: skip
        except OSError as error:
            raise Problem(f"SSL_CERT_FILE: {error}") from None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(
        self, method: str, path: str, *, body: Any = None, query: dict[str, Any] | None = None, headers: dict[str, str] | None = None,
        again: bool = True,
    ) -> dict[str, Any]:  # fmt: skip
        """The JSON of an answer.

        again: whether the call may be repeated when nobody knows if it arrived (True for all that do the same once or twice).
        Raises Problem: for an answer that says no, or when there is none in retry_for_s.
        """
        pauses = _pauses(self.retry_for_s)
        while True:
            try:
                answer = self._http.request(method, path, json=body, params=query, headers=headers)
                if answer.status_code not in NOT_READY:
                    return _checked(answer)
                problem, least = _refusal(answer), _retry_after(answer)
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
                raise Problem(f"this cannot be sent: {error}") from None
            except httpx.TransportError as error:
                if "CERTIFICATE_VERIFY_FAILED" in str(error):
                    raise Problem(
                        f"{self._http.base_url}: {error}; set SSL_CERT_FILE to the authority's certificate", UNREACHABLE
                    ) from None
                problem, least = _unreachable(self._http.base_url, error), 0.0
                if not again and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
                    raise problem from None
            pause = next(pauses, None)
            if pause is None:
                raise problem from None
            time.sleep(max(pause, least))

    @contextlib.contextmanager
    def stream(self, path: str, query: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Iterator[Iterator[str]]:
        """Lines of an answer that does not end by itself. Raises Problem and, when the connection breaks, httpx.TransportError."""
        timeout = httpx.Timeout(60, connect=5)  # the gateway sends a comment more often than that
        with self._http.stream("GET", path, params=query, headers=headers, timeout=timeout) as answer:
            if answer.status_code >= 300:
                answer.read()
                _checked(answer)
            yield answer.iter_lines()


def _key() -> str:
    """From LLAMAFLOW_API_KEY or the file that LLAMAFLOW_API_KEY_FILE names: never from the command line, which all can read."""
    if key := os.environ.get("LLAMAFLOW_API_KEY", "").strip():
        return key
    if path := os.environ.get("LLAMAFLOW_API_KEY_FILE"):
        try:
            with open(path, encoding="utf-8") as file:
                return file.read().strip()
        except OSError as error:
            raise Problem(f"LLAMAFLOW_API_KEY_FILE: {path}: {error.strerror}", NOT_ALLOWED) from None
    raise Problem("set LLAMAFLOW_API_KEY, or LLAMAFLOW_API_KEY_FILE to a file that holds the key", NOT_ALLOWED)


def _pauses(budget_s: float | None) -> Iterator[float]:
    """Seconds between tries: doubled from 0.2 to 15, with jitter, until the budget is spent."""
    end = None if budget_s is None else time.monotonic() + budget_s
    pause = 0.2
    while end is None or time.monotonic() < end:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(pause * 2, LONGEST_PAUSE_S)


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code >= 300:
        raise _refusal(answer)
    if not answer.content:
        return {}
    try:
        value = answer.json()
    except ValueError:
        raise Problem(
            f"{answer.request.url.host} answered with something that is no JSON: is this the gateway's address?", FAILED
        ) from None
    return value if isinstance(value, dict) else {"items": value}


def _refusal(answer: httpx.Response) -> Problem:
    """What the gateway says no with: {msg, status_code}."""
    try:
        value = answer.json()
        msg = str(value.get("msg") or value.get("detail") or value)
    except (ValueError, AttributeError):
        msg = f"the gateway answered {answer.status_code} {answer.reason_phrase}"
    status = answer.status_code
    code = NOT_ALLOWED if status in (401, 403) else UNREACHABLE if status in NOT_READY else BAD_INPUT if 300 <= status < 500 else FAILED
    return Problem(msg, code, status)


def _unreachable(url: httpx.URL, error: httpx.TransportError) -> Problem:
    why = "it does not answer in time" if isinstance(error, httpx.TimeoutException) else str(error) or type(error).__name__
    return Problem(f"no gateway at {url}: {why}", UNREACHABLE)


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(float(answer.headers.get("retry-after", 0)), 60.0)
    except ValueError:
        return 0.0  # a date: our own pause is as good
