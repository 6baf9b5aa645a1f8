"""Where the key comes from: one secret is one key everywhere, and nothing of it is ever shown."""

from __future__ import annotations

import base64
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.errors import BadInputError
from llamaflow.pii.keys import MAX_KEY_BYTES, read_key

SECRET = bytes(range(7, 7 + 32))
VAULT = ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_NAMESPACE", "VAULT_CACERT", "VAULT_CAPATH")


@pytest.fixture(autouse=True)
def no_vault(monkeypatch):
    for name in VAULT:
        monkeypatch.delenv(name, raising=False)


SPELLINGS = [SECRET.hex(), SECRET.hex().upper(), base64.b64encode(SECRET).decode(), base64.urlsafe_b64encode(SECRET).decode()]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_the_same_key_in_a_file_and_in_the_environment(tmp_path, monkeypatch, spelling, end):
    (tmp_path / "key").write_bytes((spelling + end).encode())
    (tmp_path / "raw").write_bytes(SECRET)
    monkeypatch.setenv("LLAMAFLOW_KEY", spelling + end)
    assert read_key(tmp_path / "key") == read_key(str(tmp_path / "key")) == read_key("env:LLAMAFLOW_KEY")
    assert read_key("env:LLAMAFLOW_KEY") == SECRET
    assert len(read_key(tmp_path / "raw")) == 32


@given(st.binary(min_size=32, max_size=80))
def test_any_bytes_are_a_key_and_their_spellings_agree(tmp_path_factory, raw):
    folder = tmp_path_factory.mktemp("key")
    for name, content in (("raw", raw), ("hex", raw.hex().encode()), ("base64", base64.b64encode(raw) + b"\n")):
        (folder / name).write_bytes(content)
    assert read_key(folder / "hex") == read_key(folder / "base64") == raw
    if not raw.isascii():
        assert read_key(folder / "raw") == raw


@given(st.text(st.characters(codec="ascii", exclude_characters="\0\r\n"), max_size=31))
def test_what_is_too_short_is_refused_and_not_shown(text):
    os.environ["SHORT_KEY"] = text
    try:
        with pytest.raises(BadInputError) as caught:
            read_key("env:SHORT_KEY")
    finally:
        del os.environ["SHORT_KEY"]
    assert f"{len(text)} bytes, 32 are needed" in str(caught.value)
    if len(text) > 6:
        assert text not in str(caught.value)


def test_hex_of_fewer_bytes_is_not_taken_for_a_long_key(monkeypatch):
    # 32 hex digits are 16 bytes of chance; as text they are 32 characters, which a passphrase may be.
    monkeypatch.setenv("LLAMAFLOW_KEY", SECRET[:16].hex())
    assert read_key("env:LLAMAFLOW_KEY") == SECRET[:16].hex().encode()


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("env:", "not env:NAME"),
        ("env:hunter2 is my secret", "not env:NAME"),
        ("env:" + "a1" * 32, "not env:NAME"),
        ("env:NOT_SET_ANYWHERE", "env:NOT_SET_ANYWHERE"),
        ("vault:", "not vault:mount/path#field"),
        ("vault:secret/llamaflow", "not vault:mount/path#field"),
        ("vault:secret/../x y#key", "not vault:mount/path#field"),
        ("vault:secret/llamaflow#key", "VAULT_ADDR is not set"),
        ("/dev/zero", f"above {MAX_KEY_BYTES} bytes"),
        ("/", "cannot be read"),
        ("absent.key", "absent.key"),
    ],
)
def test_a_wrong_reference_is_told_and_a_secret_in_it_is_not(reference, words):
    with pytest.raises(BadInputError) as caught:
        read_key(reference)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value) and "a1a1" not in str(caught.value)


def test_vault_without_a_log_in_is_told(monkeypatch):
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    with pytest.raises(BadInputError, match="no way to log in"):
        read_key("vault:secret/llamaflow#key")
    monkeypatch.setenv("VAULT_ROLE_ID", "half of an AppRole")
    with pytest.raises(BadInputError, match="no way to log in"):
        read_key("vault:secret/llamaflow#key")


class _Answers(BaseHTTPRequestHandler):
    codes: list[int] = []
    seen: list[str] = []

    def do_GET(self):
        self.seen.append(self.headers.get("X-Vault-Token", ""))
        code = self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]
        body = b'{"data": {"data": {"key": "%s"}}}' % SECRET.hex().encode() if code == 200 else b'{"errors": ["token s.leaked is bad"]}'
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    _Answers.seen = []
    with HTTPServer(("127.0.0.1", 0), _Answers) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{http.server_port}")
        monkeypatch.setenv("VAULT_TOKEN", "s.leaked")
        yield
        http.shutdown()


def test_a_vault_that_is_starting_is_asked_again(server):
    _Answers.codes = [503, 500, 200]
    assert read_key("vault:secret/llamaflow#key") == SECRET
    assert _Answers.seen == ["s.leaked"] * 3


@pytest.mark.parametrize(("code", "words"), [(403, "refuses"), (404, "no such secret"), (401, "refuses"), (418, "error")])
def test_what_vault_answers_becomes_a_sentence_without_the_token(server, code, words):
    _Answers.codes = [code]
    with pytest.raises(BadInputError) as caught:
        read_key("vault:secret/llamaflow#key")
    assert words in str(caught.value) and "s.leaked" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_vault_that_is_not_there_is_told(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("VAULT_TOKEN", "s.leaked")
        with pytest.raises(BadInputError, match="cannot be reached") as caught:
            read_key("vault:secret/llamaflow#key")
    assert "s.leaked" not in str(caught.value)
