"""Where the gateway may send to: every trick we know is refused at the subscription, and again when it is sent."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from receivers import Receiver

from gateway.settings import Settings
from gateway.webhooks.guard import RefusedTarget, check_target, parse_target
from gateway.webhooks.sender import Sender

STRICT = Settings(_env_file=None)
PRIVATE = Settings(_env_file=None, webhook_private=True)

INSIDE = [
    "http://127.0.0.1/", "http://127.8.9.1/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://169.254.1.1/",
    "http://100.64.0.1/", "http://192.0.0.8/", "http://198.18.0.1/", "http://240.0.0.1/", "http://[::1]/", "http://[fe80::1]/", "http://[fd00::1]/",
    "http://[fec0::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[2002:7f00:1::]/",
    "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::a00:1]/", "http://[2001:0:7f00:1::f7f7:f7f7]/", "http://127.0.0.1./",
]  # fmt: skip
NEVER = [
    "http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
    "http://168.63.129.16/", "http://0.0.0.0/", "http://[::]/", "http://224.0.0.1/", "http://[ff02::1]/", "http://255.255.255.255/",
]  # fmt: skip
MALFORMED = [
    "", "x", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "http:///x", "http://", "http://:80/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://1.2.3/", "http://1.2.3.4.5/",
    "http://foo.0x1/", "http://1.2.3.256/", "http://user:secret@example.com/", "http://example.com@127.0.0.1/", "http://example.com\\@127.0.0.1/",
    "http://exa mple.com/", "http://example.com/\r\nHost: inside", "http://example.com\t/", "http://example.com:99999/", "http://example.com:0/",
    "http://example.com:-1/", "http://example.com:x/", "http://[::1/", "http://[fe80::1%25eth0]/", "http://[v1.x]/", "http://a..b/", "http://-a.b/",
    "http://exämple.com/", "http://１２７.0.0.1/", "http://127。0。0。1/", "http://%31%32%37.0.0.1/", "http://example.com/" + "x" * 2048,
    "http://example.com:22/", "http://example.com:6379/", "http://example.com:5432/", "http://example.com:25/", "http://example.com\x00/",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE + NEVER + MALFORMED)
def test_refused_without_asking_a_name_server(url):
    with pytest.raises(RefusedTarget) as refused:
        parse_target(STRICT, url)
    assert "secret" not in str(refused.value) and "meta-data" not in str(refused.value)


@pytest.mark.parametrize("url", INSIDE)
def test_private_ranges_by_setting(url):
    assert parse_target(PRIVATE, url).port == 80


@pytest.mark.parametrize("url", NEVER + MALFORMED)
def test_what_no_range_setting_allows(url):
    with pytest.raises(RefusedTarget):
        parse_target(PRIVATE, url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a?b=c",
        "http://8.8.8.8/",
        "http://[2001:4860:4860::8888]:8443/",
        "HTTPS://EXAMPLE.com",
        "https://a.b-c.example.com./",
    ],
)
def test_ordinary_targets(url):
    parse_target(STRICT, url)


def test_what_is_checked_is_what_is_called():
    target = parse_target(STRICT, "https://Example.COM:8443/in/../hook?x=%2F&y=1#part")
    assert (target.scheme, target.host, target.port, target.path) == ("https", "example.com", 8443, "/in/../hook?x=%2F&y=1")
    assert (target.name, target.authority) == ("example.com:8443", "example.com:8443")
    assert parse_target(STRICT, "http://[2001:4860:4860:0::8888]/").authority == "[2001:4860:4860::8888]"


def test_schemes_ports_and_hosts_by_setting():
    def parse(url: str, **given):
        return parse_target(Settings(_env_file=None, **given), url)

    with pytest.raises(RefusedTarget, match="https://"):
        parse("http://example.com/", webhook_schemes=["https"])
    with pytest.raises(RefusedTarget, match="port 8080"):
        parse("https://example.com:8080/", webhook_ports=[443, 8443])
    assert parse("https://example.com:8443/", webhook_ports=[443, 8443]).port == 8443
    assert parse("http://127.0.0.1:5678/x", webhook_allowed_hosts=["127.0.0.1:5678"]).port == 5678
    with pytest.raises(RefusedTarget):
        parse("http://127.0.0.1:5679/x", webhook_allowed_hosts=["127.0.0.1:5678"])
    assert parse("http://N8N.internal:6379/", webhook_allowed_hosts=["n8n.internal"]).host == "n8n.internal"
    assert parse("http://[::1]:5678/", webhook_allowed_hosts=["[::1]:5678"]).host == "::1"


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_in_any_dress_is_judged_alike(number):
    plain = ipaddress.IPv4Address(number)

    def refused(host: str) -> bool:
        try:
            parse_target(STRICT, f"http://{host}/")
        except RefusedTarget:
            return True
        return False

    dresses = [ipaddress.IPv6Address((0xFFFF << 32) | number), ipaddress.IPv6Address((0x64FF9B << 96) | number)]
    dresses.append(ipaddress.IPv6Address((0x2002 << 112) | (number << 80)))
    assert {refused(f"[{dress}]") for dress in dresses} == {refused(str(plain))}
    for odd in (str(number), hex(number), f"{number >> 24}.{number & 0xFFFFFF}", f"0{plain}"):
        assert refused(odd)


@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{0,30}(/.{0,20})?", fullmatch=True))
def test_any_text_is_read_or_refused(url):
    try:
        target = parse_target(STRICT, url)
    except RefusedTarget:
        return
    assert target.scheme in ("http", "https") and 0 < target.port < 65536 and target.path.startswith("/") and target.host.isascii()


def test_a_name_that_points_inside_is_refused_at_the_subscription():
    with pytest.raises(RefusedTarget, match="private, loopback"):
        check_target(STRICT, "http://localhost:5678/")
    with pytest.raises(RefusedTarget, match="no address"):
        check_target(STRICT, "http://nowhere.invalid/")
    check_target(PRIVATE, "http://localhost:5678/")


def post(settings: Settings, url: str):
    async def send():
        sender = Sender(settings)
        try:
            return await sender.post(url, json.dumps({}).encode(), {"content-type": "application/json"})
        finally:
            await sender.close()

    return asyncio.run(send())


class Names:
    """A name server of the test: what getaddrinfo says to each question about a name, one answer after the other; others as ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, *answers: list[str]):
        self.asked = 0
        real = socket.getaddrinfo

        def ask(host, port, *args, **kwargs):
            if host != name:
                return real(host, port, *args, **kwargs)
            addresses = answers[min(self.asked, len(answers) - 1)]
            self.asked += 1
            return [entry for address in addresses for entry in real(address, port, *args, **kwargs)]

        monkeypatch.setattr(socket, "getaddrinfo", ask)


def test_a_name_that_moves_inside_after_the_subscription_is_not_called(monkeypatch):
    names = Names(monkeypatch, "moves.example", ["93.184.216.34"], ["127.0.0.1"])
    with Receiver() as inside:
        url = f"http://moves.example:{inside.port}/"
        check_target(STRICT, url)
        answer = post(STRICT, url)
        assert inside.calls == []
    assert names.asked == 2
    assert answer.status is None and answer.error.startswith("not called: the host is in a private")


def test_the_name_is_asked_for_once_and_the_connection_goes_to_that_address(monkeypatch):
    """The second answer would be another machine: it is never asked for."""
    names = Names(monkeypatch, "rebinds.example", ["127.0.0.1"], ["127.0.0.2"])
    with Receiver() as target:
        answer = post(PRIVATE, f"http://rebinds.example:{target.port}/hook")
        assert answer.status == 200
        assert target.calls[0].headers["host"] == f"rebinds.example:{target.port}"
    assert names.asked == 1


def test_a_name_with_one_address_inside_is_not_trusted_at_all(monkeypatch):
    Names(monkeypatch, "both.example", ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(RefusedTarget):
        check_target(STRICT, "http://both.example/")


def test_redirects_are_not_followed():
    with Receiver() as inside, Receiver(lambda call: (302, {"location": inside.url}, b"")) as target:
        answer = post(PRIVATE, target.url)
        assert answer.status == 302
        assert inside.calls == []


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with Receiver() as proxy, Receiver() as target:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post(PRIVATE, target.url).status == 200
        assert proxy.calls == [] and len(target.calls) == 1


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """For tls.example, good by SSL_CERT_FILE: paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tls.example")])
    time = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(time - dt.timedelta(days=1)).not_valid_after(time + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("tls.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_tls_is_checked_against_the_name_though_the_address_is_called(monkeypatch, certificate):
    Names(monkeypatch, "tls.example", ["127.0.0.1"])
    with Receiver(ssl_certfile=certificate[0], ssl_keyfile=certificate[1]) as target:
        assert post(PRIVATE, f"https://tls.example:{target.port}/").status == 200
        other = post(PRIVATE, f"https://localhost:{target.port}/")
        assert other.status is None and other.error == "its TLS certificate is not valid for this name"
        assert len(target.calls) == 1
    assert ssl.get_default_verify_paths().cafile == str(certificate[0])
