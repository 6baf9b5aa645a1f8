"""Where the gateway may send to. Against server-side request forgery: a caller names a URL, and it is the gateway that calls it.

A URL is checked when it is given (`check_target`) and at each delivery (`parse_target` and, for the addresses that its name has at that
moment, `allowed_addresses`); the connection then goes to a checked address, so a name cannot change in between.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_URL = 2048
LOOKUP_S = 5.0  # of a name, when its URL is given
_lookups = ThreadPoolExecutor(8, thread_name_prefix="lookup")  # slow name servers keep these busy, not the threads that answer calls
DEFAULT_PORTS = {"http": 80, "https": 443}
# Ports of services that are no web servers but would read a request line by line; a web server on one of them can be a listed host.
# fmt: off
FORBIDDEN_PORTS = frozenset({
    7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113,
    115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554,
    556, 563, 587, 601, 636, 873, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306,
    3389, 3659, 4045, 4190, 5060, 5061, 5432, 5672, 5900, 5984, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6697, 7000,
    9042, 9092, 9200, 9300, 10080, 10250, 11211, 27017
})
# fmt: on
# Where clouds tell a machine its credentials: never, not even where private ranges are allowed.
METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "fd00:ec2::254")
)
# Special ranges that ipaddress of Python 3.11 takes for global ones: site-local, local NAT64, protocol assignments.
_LOCAL = tuple(ipaddress.ip_network(text) for text in ("fec0::/10", "64:ff9b:1::/48", "192.0.0.0/24"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")


class RefusedTarget(ValueError):
    """A URL that the gateway does not call; the message says why, for people, without the URL itself."""


class UnknownHost(RefusedTarget):
    """The name has no address now; it may have one later."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart once, so that what was checked is what is called."""

    scheme: str
    host: str  # lower case, ASCII, without brackets
    port: int
    path: str  # with query

    @property
    def name(self) -> str:
        """host:port, for people, breakers and lists of allowed hosts."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """For the header Host."""
        return self.name.rpartition(":")[0] if self.port == DEFAULT_PORTS[self.scheme] else self.name


def parse_target(settings: Settings, url: str) -> Target:
    """Everything that can be said without asking for the name's addresses. Raises RefusedTarget."""
    if len(url) > MAX_URL:
        raise RefusedTarget(f"the URL is longer than {MAX_URL} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise RefusedTarget("the URL has characters that a URL may not have: percent-encode them (names: xn--...)")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedTarget("this is not a URL") from None
    if parts.scheme not in settings.webhook_schemes or parts.scheme not in DEFAULT_PORTS:
        raise RefusedTarget(f"the URL must begin with {' or '.join(f'{scheme}://' for scheme in settings.webhook_schemes)}")
    if "@" in parts.netloc:
        raise RefusedTarget("a URL with a user name is not called: receivers know the gateway by its signature")
    host = _host(parts.hostname or "", bracketed="[" in parts.netloc)
    target = Target(parts.scheme, host, port if port is not None else DEFAULT_PORTS[parts.scheme], _path(parts.path, parts.query))
    if not is_listed(settings, target):
        _check_port(settings, target.port)
        literal = _literal(host)
        if literal is not None:
            check_address(settings, literal)
    return target


def _path(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _host(host: str, *, bracketed: bool) -> str:
    if bracketed:
        if _literal(host) is None or "%" in host:
            raise RefusedTarget("the URL's IPv6 address cannot be read")
        return str(ipaddress.ip_address(host))
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise RefusedTarget("the URL's host is not a name or an address")
    host = host.rstrip(".")
    if _literal(host) is None and _is_odd_ipv4(host):
        raise RefusedTarget("write an IPv4 address as four decimal numbers")
    return host


def _is_odd_ipv4(host: str) -> bool:
    """2130706433, 0x7f.1, 0177.0.0.1, 127.1: what the C library takes for an address though it does not look like one."""
    try:
        socket.inet_aton(host)
    except OSError:
        return re.fullmatch(r"0x[0-9a-f]*|[0-9]+", host.rpartition(".")[2]) is not None
    return True


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _check_port(settings: Settings, port: int) -> None:
    if settings.webhook_ports and port not in settings.webhook_ports:
        raise RefusedTarget(f"port {port} is not among those that may be called (LLAMAFLOW_WEBHOOK_PORTS)")
    if port in FORBIDDEN_PORTS or port == 0:
        raise RefusedTarget(f"port {port} is another service's than a web server's")


def is_listed(settings: Settings, target: Target) -> bool:
    """Whether the operator named this host (or host:port): it may be called whatever its address and port."""
    return any(entry.lower() in (target.host, target.name) for entry in settings.webhook_allowed_hosts)


def check_address(settings: Settings, address: Address) -> None:
    """Raises RefusedTarget for an address that may not be called. An IPv6 address that carries an IPv4 one is judged by both."""
    for one in (address, *_carried(address)):
        if one in METADATA:
            raise RefusedTarget("the host is a cloud's metadata service")
        if one.is_multicast or one.is_unspecified or str(one) == "255.255.255.255":
            raise RefusedTarget("the host's address is no single machine's")
        if not settings.webhook_private and not _is_ordinary(one):
            raise RefusedTarget(
                "the host is in a private, loopback or link-local range: an operator can allow it"
                " (LLAMAFLOW_WEBHOOK_ALLOWED_HOSTS or LLAMAFLOW_WEBHOOK_PRIVATE)"
            )


def _is_ordinary(address: Address) -> bool:
    """is_global knows the registries of special ranges: private, shared, loopback, link-local, documentation, reserved."""
    return bool(_carried(address)) or (address.is_global and not address.is_reserved and not any(address in local for local in _LOCAL))


def _carried(address: Address) -> tuple[Address, ...]:
    """IPv4 addresses inside an IPv6 one: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address.teredo:
        return address.teredo
    if address in _NAT64 or (0xFFFF < int(address) <= 0xFFFFFFFF):
        return (last,)
    return ()


def resolve(target: Target) -> list[str]:
    """The addresses of the target's name now, in the resolver's order; may block for seconds. Raises UnknownHost."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnknownHost("the host's name has no address") from None
    return list(dict.fromkeys(entry[4][0] for entry in found))


def allowed_addresses(settings: Settings, target: Target, addresses: list[str]) -> list[str]:
    """The addresses, if each may be called: a name that also points inside is not trusted at all. Raises RefusedTarget."""
    if not is_listed(settings, target):
        for text in addresses:
            check_address(settings, ipaddress.ip_address(text.partition("%")[0]))
    return addresses


def check_target(settings: Settings, url: str) -> Target:
    """A URL as someone gives it, its name asked for, too (so call it outside transactions). Raises RefusedTarget."""
    target = parse_target(settings, url)
    try:
        addresses = _lookups.submit(resolve, target).result(LOOKUP_S)
    except TimeoutError:
        raise UnknownHost("the host's name server does not answer") from None
    allowed_addresses(settings, target, addresses)
    return target
