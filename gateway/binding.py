"""Where the gateway may listen: keys travel in headers, so beyond loopback only with TLS, or behind a proxy that ends it."""

from __future__ import annotations

import ipaddress

from .middleware.proxies import is_loopback
from .settings import Settings


def refusal(settings: Settings) -> str | None:
    """Why these settings may not listen, with the way out; None where they may."""
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        return "tls_certificate and tls_key go together: set both or neither"
    for file in (settings.tls_certificate, settings.tls_key):
        if file is not None and not file.is_file():
            return f"{file} is not a file: tls_certificate and tls_key name PEM files"
    for proxy in settings.trusted_proxies:
        try:
            network = ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            return f"trusted_proxies: {proxy!r} is no address or network"
        if network.prefixlen == 0:
            return f"trusted_proxies: {proxy!r} trusts everybody"
    if is_loopback(settings.host) or settings.tls_certificate or settings.trusted_proxies:
        return None
    return (
        f"listening on {settings.host} would send keys over the network unencrypted. Set LLAMAFLOW_TLS_CERTIFICATE and LLAMAFLOW_TLS_KEY, "
        "or LLAMAFLOW_TRUSTED_PROXIES to the addresses of a proxy that ends TLS, or keep LLAMAFLOW_HOST at 127.0.0.1"
    )
