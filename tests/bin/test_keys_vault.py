"""The key out of a real Vault: by token, by AppRole, by version; what is denied is told without a secret."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hvac
import pytest

from llamaflow.errors import BadInputError
from llamaflow.pii.keys import read_key

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.rig
REFERENCE = "vault:secret/team/llamaflow#key"


@pytest.fixture(scope="module")
def rig() -> Iterator[dict[str, str]]:
    """Environment of a running rig; skipped with the rig's own line where the host cannot run it."""
    folder = tempfile.mkdtemp(prefix="lf-vault-", dir="/tmp")
    up = subprocess.run([ROOT / "tests/rigs/vault/up", folder], capture_output=True, text=True)
    if up.returncode == 77:
        pytest.skip(up.stderr.strip())
    assert up.returncode == 0, up.stderr
    yield dict(re.findall(r"export (\w+)='?([^'\n]+)'?", up.stdout))
    subprocess.run([ROOT / "tests/rigs/vault/down", folder], check=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def vault(rig: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> hvac.Client:
    """A client as root; the environment that the code under test sees has the same token."""
    for name in ("VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_APPROLE_MOUNT", "VAULT_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAULT_ADDR", rig["VAULT_ADDR"])
    monkeypatch.setenv("VAULT_TOKEN", rig["VAULT_TOKEN"])
    return hvac.Client(url=rig["VAULT_ADDR"], token=rig["VAULT_TOKEN"])


def put(vault: hvac.Client, **fields) -> None:
    vault.secrets.kv.v2.create_or_update_secret("team/llamaflow", secret=fields)


def test_the_newest_and_any_older_version_is_read(vault):
    old, new = secrets.token_bytes(32), secrets.token_bytes(40)
    put(vault, key=old.hex())
    version = vault.secrets.kv.v2.read_secret_metadata("team/llamaflow")["data"]["current_version"]
    put(vault, key=new.hex())
    assert read_key(REFERENCE) == new
    assert read_key(f"vault:secret/team/llamaflow?version={version}#key") == old


def test_a_destroyed_version_is_gone_and_told(vault):
    put(vault, key=secrets.token_hex(32))
    vault.secrets.kv.v2.delete_latest_version_of_secret("team/llamaflow")
    with pytest.raises(BadInputError, match="no such secret"):
        read_key(REFERENCE)
    vault.secrets.kv.v2.delete_metadata_and_all_versions("team/llamaflow")
    with pytest.raises(BadInputError, match="no such secret"):
        read_key(REFERENCE)


def test_app_role_reads_with_a_token_that_lives_for_one_read(vault, monkeypatch):
    value = secrets.token_bytes(32)
    put(vault, key=value.hex(), other="x")
    if "approle/" not in vault.sys.list_auth_methods()["data"]:
        vault.sys.enable_auth_method("approle")
    vault.sys.create_or_update_policy("key-reader", 'path "secret/data/team/llamaflow" { capabilities = ["read"] }')
    vault.auth.approle.create_or_update_approle("llamaflow", token_policies=["key-reader"])
    role = vault.auth.approle.read_role_id("llamaflow")["data"]["role_id"]
    secret_id = vault.auth.approle.generate_secret_id("llamaflow")["data"]["secret_id"]
    before = len(vault.list("auth/token/accessors")["data"]["keys"])
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("VAULT_ROLE_ID", role)
    monkeypatch.setenv("VAULT_SECRET_ID", secret_id)
    assert read_key(REFERENCE) == value
    assert len(vault.list("auth/token/accessors")["data"]["keys"]) == before
    with pytest.raises(BadInputError, match="refuses to give the key") as caught:
        read_key("vault:secret/somebody/else#key")
    assert secret_id not in str(caught.value)
    monkeypatch.setenv("VAULT_SECRET_ID", "00000000-0000-0000-0000-000000000000")
    with pytest.raises(BadInputError, match="log-in"):
        read_key(REFERENCE)


def test_what_is_wrong_in_vault_is_told(vault, monkeypatch):
    put(vault, key="too short", number=7, password="hunter2")
    with pytest.raises(BadInputError, match="9 bytes, 32 are needed"):
        read_key(REFERENCE)
    with pytest.raises(BadInputError, match="no such field") as caught:
        read_key("vault:secret/team/llamaflow#absent")
    assert "key, number, password" in str(caught.value) and "hunter2" not in str(caught.value)
    with pytest.raises(BadInputError, match="not a string"):
        read_key("vault:secret/team/llamaflow#number")
    with pytest.raises(BadInputError):
        read_key("vault:nosuchmount/team/llamaflow#key")
    monkeypatch.setenv("VAULT_TOKEN", "hvs.not-a-token")
    with pytest.raises(BadInputError, match="refuses") as caught:
        read_key(REFERENCE)
    assert "hvs." not in str(caught.value)


def test_a_shard_is_anonymized_with_the_key_from_vault_and_from_a_file_alike(vault, tmp_path):
    value = secrets.token_hex(32)
    put(vault, key=value)
    (tmp_path / "policy.yaml").write_text("version: 1\ncanaries: 0\n")
    (tmp_path / "key").write_text(value + "\n")
    record = {
        "id": "a" * 32,
        "messages": [{"role": "user", "content": "meu cpf é 529.982.247-25"}],
        "lang": "pt",
        "source": "x",
        "meta": {},
    }
    (tmp_path / "in.jsonl").write_text(json.dumps(record) + "\n")
    lines = []
    for name, key in (("file", "key"), ("vault", REFERENCE)):
        command = [sys.executable, ROOT / "bin/anonymize.py", "--input", "in.jsonl", "--key", key, "--output", f"{name}.jsonl"]
        command += ["--policy", "policy.yaml", "--audit", f"{name}.audit", "--quarantine", f"{name}.quarantine"]
        done = subprocess.run([*command, "--summary", f"{name}.json"], cwd=tmp_path, capture_output=True, text=True, env=os.environ)
        assert done.returncode == 0, done.stderr
        lines.append((tmp_path / f"{name}.jsonl").read_bytes())
    assert lines[0] == lines[1] and b"529.982.247-25" not in lines[0]
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name != "key")
    assert value.encode() not in written and os.environ["VAULT_TOKEN"].encode() not in written
