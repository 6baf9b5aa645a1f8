"""`llamaflow serve` and `worker` as processes: where they listen, TLS, proxies, signals, the first key, logs."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import signal
import socket
import ssl
import subprocess
import sys

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi.testclient import TestClient
from served import ROOT, environment, eventually, free_port, secret_of, served
from sqlalchemy import select

from gateway.app import create_app
from gateway.binding import refusal
from gateway.context import open_gateway
from gateway.settings import Settings
from gateway.store.tables import Audit, Worker


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Files of a self-signed certificate for 127.0.0.1 and its key."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name, today = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today, today + dt.timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(names, False).sign(key, hashes.SHA256())
    kept = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *kept))
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_tls(make_settings, host):
    assert refusal(make_settings(host=host)) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "gateway.internal", "::ffff:10.0.0.1"])
def test_beyond_loopback_needs_tls_or_a_trusted_proxy(make_settings, certificate, host):
    assert "unencrypted" in refusal(make_settings(host=host))
    assert refusal(make_settings(host=host, tls_certificate=certificate[0], tls_key=certificate[1])) is None
    assert refusal(make_settings(host=host, trusted_proxies=["10.1.0.0/16"])) is None


@pytest.mark.parametrize("proxies", [["*"], ["0.0.0.0/0"], ["::/0"], ["proxy.internal"]])
def test_trusting_everybody_is_refused(make_settings, proxies):
    assert "trusted_proxies" in refusal(make_settings(host="0.0.0.0", trusted_proxies=proxies))


def test_half_of_tls_is_refused(make_settings, certificate, tmp_path):
    assert "together" in refusal(make_settings(tls_certificate=certificate[0]))
    assert "together" in refusal(make_settings(tls_key=certificate[1]))
    assert "not a file" in refusal(make_settings(tls_certificate=tmp_path / "no.pem", tls_key=certificate[1]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": "0.0.0.0"}, "unencrypted"),
        ({"port": "many"}, "port: Input should be a valid integer"),
        ({"trusted_proxies": "10.0.0.1"}, "trusted_proxies"),
    ],
)
def test_refused_settings_end_with_2_and_a_line_that_helps(tmp_path, settings, said):
    env = environment(tmp_path / "home", **settings)
    ended = subprocess.run([sys.executable, "-m", "gateway.cli", "serve"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr and ended.stderr.startswith("llamaflow serve: ") and "Traceback" not in ended.stderr
    assert not (tmp_path / "home").exists()


def test_help_lists_every_setting(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "serve", "--help"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0
    assert "--trusted-proxies" in ended.stdout and "--database-url" in ended.stdout


def test_tls(tmp_path, certificate):
    with served(tmp_path / "home", tls_certificate=certificate[0], tls_key=certificate[1]) as one:
        context = ssl.create_default_context(cafile=str(certificate[0]))
        context.maximum_version = ssl.TLSVersion.TLSv1_3
        with httpx.Client(verify=context, trust_env=False) as client:
            assert client.get(f"{one.url}/api/v1/keys/me", headers={"X-API-Key": one.key}).json()["name"] == "first admin"
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{one.port}/healthz", trust_env=False)  # no plain HTTP on the same port
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with pytest.warns(DeprecationWarning):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", one.port)) as plain:
            old.wrap_socket(plain)


def own_address() -> str | None:
    """An address of this host that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return probe.getsockname()[0]
        except OSError:
            return None


def test_plain_http_past_the_proxy_is_refused(tmp_path):
    address = own_address()
    if address is None:
        pytest.skip("this host has no address but loopback")
    with served(tmp_path / "home", host="0.0.0.0", trusted_proxies=["192.0.2.7"]) as one:
        answer = httpx.get(f"http://{address}:{one.port}/api/v1/keys/me", headers={"X-API-Key": one.key}, trust_env=False)
        assert (answer.status_code, answer.json()["msg"]) == (403, "come over TLS or by the trusted proxy")
        assert one.client().get("/api/v1/keys/me").status_code == 200  # from this host itself
        (row,) = eventually(lambda: one.audit(outcome="refused"))
        assert (row["address"], row["status_code"]) == (address, 403)


@pytest.mark.parametrize(("proxies", "address"), [(["10.9.0.0/16"], "203.0.113.5"), ([], "10.9.8.7"), (["10.1.0.0/16"], "10.9.8.7")])
def test_forwarded_address_counts_from_a_trusted_proxy_only(make_settings, proxies, address):
    gateway = open_gateway(make_settings(host="127.0.0.1", trusted_proxies=proxies))
    with TestClient(create_app(gateway), client=("10.9.8.7", 1)) as client:
        assert client.get("/api/v1/keys", headers={"X-Forwarded-For": "203.0.113.5", "X-API-Key": "lf_0123456789_x"}).status_code == 401
        client.app.state.audit.stop()
    with gateway.store.read() as session:
        assert session.scalars(select(Audit.address)).all() == [address]
    gateway.close()


def test_first_key_is_printed_once_and_not_logged(tmp_path):
    with served(tmp_path / "home") as one:
        key = one.key
        assert one.client().get("/api/v1/keys/me").json()["scopes"] == ["admin"]
        assert one.stop() == 0
    with served(tmp_path / "home") as again:
        assert again.client(key).get("/api/v1/keys/me").status_code == 200
    assert again.output.read_text().count("lf_") == 1
    secret = secret_of(key)
    assert secret not in again.log.read_text()
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file() and path != again.output:
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_everything_written(tmp_path, number):
    with served(tmp_path / "home") as one:
        with one.client() as client:
            for _ in range(7):
                assert client.get("/api/v1/keys/me").status_code == 200
        assert one.stop(number) == 0
    with served(tmp_path / "home") as again:
        assert again.client(one.key).get("/api/v1/keys/me").json()["uses"] == 7


def test_killed_gateway_has_lost_no_change(tmp_path):
    """What was answered is in the database and in the audit, whatever happens next."""
    with served(tmp_path / "home") as one:
        made = one.make_key("runs:read")
        one.process.kill()
        one.process.wait()
    with served(tmp_path / "home") as again:
        assert again.client(made["key"]).get("/api/v1/keys/me").status_code == 200
        assert [row["target"] for row in again.audit(action="keys.create")] == [made["key_id"]]


def test_two_gateways_on_one_database(tmp_path):
    with served(tmp_path / "home") as one, served(tmp_path / "home", secret_key="") as other:
        made = one.make_key("runs:read")
        assert other.client(made["key"]).get("/api/v1/keys/me").status_code == 200
        assert one.client().delete(f"/api/v1/keys/{made['key_id']}").status_code == 200
        assert one.client(made["key"]).get("/api/v1/keys/me").status_code == 401
        eventually(lambda: other.client(made["key"]).get("/api/v1/keys/me").status_code == 401, seconds=5)
    assert one.output.read_text().count("lf_") == 1


def test_port_in_use_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        env = environment(tmp_path / "home", port=taken.getsockname()[1], embedded_worker=False)
        ended = subprocess.run(
            [sys.executable, "-m", "gateway.cli", "serve"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
        )
    assert ended.returncode != 0
    assert "address already in use" in ended.stderr


def test_each_log_line_is_json_with_time_level_and_request(tmp_path):
    with served(tmp_path / "home") as one:
        with one.client() as client:
            client.get("/api/v1/runs/some-run/status", headers={"X-Request-Id": "from-n8n-7"})
        one.stop()
        lines = one.log_lines()
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
    (line,) = [line for line in lines if line.get("request_id") == "from-n8n-7"]
    assert (line["event"], line["method"], line["run_id"]) == ("request", "GET", "some-run")


def test_worker_alone_ends_on_sigterm(tmp_path, make_settings):
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "worker"], cwd=ROOT, env=environment(tmp_path / "home"), stderr=subprocess.PIPE, text=True
    )
    try:
        gateway = open_gateway(make_settings())

        def beating():
            with gateway.store.read() as session:
                return session.scalars(select(Worker)).all()

        assert eventually(beating)[0].pid == process.pid
        gateway.close()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert not [line for line in log.splitlines() if json.loads(line)["level"] == "error"]


def test_every_setting_is_documented():
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    table = page.partition("## Settings")[2].partition("\n## ")[0]
    assert [name for name in Settings.model_fields if f"`{name}`" not in table] == []
