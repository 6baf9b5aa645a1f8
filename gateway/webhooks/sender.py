"""The call itself: one POST to a checked address, bounded in time and in what is read of the answer; redirects are not followed."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpcore

from .. import __version__
from ..settings import Settings
from .answers import Answer
from .guard import RefusedTarget, Target, UnknownHost, allowed_addresses, parse_target, resolve

BODY_READ = 4096  # bytes: enough to tell n8n's answers apart
KEEPALIVE_S = 4  # less than what common servers allow: reusing a connection that they are closing looks like a failure
RESOLVERS = 32
POOL = 4  # connections to as many targets


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens the pool's connections: asks for the name's addresses once, checks them, connects to one of those. TLS still sees the name."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._plain = httpcore.AnyIOBackend()
        self._resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolve")  # a slow name server holds up nobody else

    async def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> httpcore.AsyncNetworkStream:
        # The scheme plays no part in what is allowed here; parse_target has judged it.
        target = Target("https", host, port, "/")
        addresses = await asyncio.get_running_loop().run_in_executor(self._resolvers, resolve, target)
        failure: Exception = httpcore.ConnectError()
        for address in allowed_addresses(self._settings, target, addresses)[:4]:
            try:
                return await self._plain.connect_tcp(address, port, timeout=timeout, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, path: str, **options: Any) -> httpcore.AsyncNetworkStream:
        raise RefusedTarget("webhooks are not sent to sockets")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)


class Sender:
    """Belongs to one event loop. Proxies of the environment are not used: they would choose the address."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._backend = _CheckedBackend(settings)
        self._ssl = ssl.create_default_context()
        # A pool looks at all its connections at each call, which costs more than the call: so each call takes a small pool for itself.
        self._idle: list[tuple[httpcore.AsyncConnectionPool, float]] = []  # and when each was last used

    @asynccontextmanager
    async def _a_pool(self) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        if self._idle:
            pool, _ = self._idle.pop()  # the last used: its connection is still open, most probably
        else:
            options = {"max_connections": POOL, "keepalive_expiry": KEEPALIVE_S, "network_backend": self._backend}
            pool = httpcore.AsyncConnectionPool(self._ssl, **options)
        try:
            yield pool
        finally:
            self._idle.append((pool, time.monotonic()))

    async def close_idle(self, seconds: float = 2 * KEEPALIVE_S) -> None:
        """Connections that nobody used for so long: their targets have closed them, and nobody else would notice."""
        while self._idle and self._idle[0][1] <= time.monotonic() - seconds:
            pool, _ = self._idle.pop(0)
            await pool.aclose()

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Never raises for what the target does. The time limit is for all until the answer begins: name, connection, TLS, sending."""
        try:
            target = parse_target(self._settings, url)  # again, since settings may have changed since the subscription
            return await self._post(target, body, headers)
        except RefusedTarget as refused:
            return Answer(None, error=str(refused) if isinstance(refused, UnknownHost) else f"not called: {refused}")
        except (TimeoutError, httpcore.TimeoutException):
            return Answer(None, error=f"no answer within {self._settings.webhook_timeout_s:g} s")
        except httpcore.ConnectError as error:
            return Answer(None, error=_why_not_connected(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError):
            return Answer(None, error="the connection broke before an answer came")

    async def _post(self, target: Target, body: bytes, headers: dict[str, str]) -> Answer:
        sent = {
            "host": target.authority,
            "user-agent": f"LlamaFlow/{__version__}",
            "content-length": str(len(body)),
            "accept": "*/*",
        } | headers
        where = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self._settings.webhook_timeout_s):
                pool = await stack.enter_async_context(self._a_pool())
                response = await stack.enter_async_context(pool.stream("POST", where, headers=list(sent.items()), content=body))
            retry_after = next((value.decode("latin-1") for name, value in response.headers if name.lower() == b"retry-after"), None)
            return Answer(response.status, await _first_bytes(response), retry_after)

    async def close(self) -> None:
        await self.close_idle(0)
        self._backend.close()


async def _first_bytes(response: httpcore.Response) -> bytes:
    """What comes of the body soon, BODY_READ bytes at most; the status is known, so a broken or endless body changes nothing."""
    read = b""
    try:
        async with asyncio.timeout(1):
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) >= BODY_READ:
                    break
    except (TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    return read[:BODY_READ]


def _why_not_connected(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its TLS certificate is not valid for this name"
        if isinstance(cause, ssl.SSLError):
            return "no TLS connection came about"
        cause = cause.__cause__ or cause.__context__
    return "the connection was refused or the host is unreachable"
