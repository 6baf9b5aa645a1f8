"""The caller's address behind a trusted proxy, and no plain HTTP from anybody else when the gateway listens beyond loopback."""

from __future__ import annotations

import ipaddress

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ..settings import Settings

PLAIN = "llamaflow.plain"  # in the scope: this came unencrypted and not by a trusted proxy


class Proxies:
    """X-Forwarded-For and -Proto count only from the proxies named in the settings."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self._app = ProxyHeadersMiddleware(app, trusted_hosts=settings.trusted_proxies) if settings.trusted_proxies else app
        self._trusted = [ipaddress.ip_network(one, strict=False) for one in settings.trusted_proxies]
        self._open = not is_loopback(settings.host) and settings.tls_certificate is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open and scope["type"] == "http":
            peer = scope["client"][0] if scope.get("client") else ""
            scope[PLAIN] = not (is_loopback(peer) or self._trusts(peer))
        await self._app(scope, receive, send)

    def _trusts(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
