"""The pseudonymization key: from a file, the environment or Vault; never in a message, a command line or a log.

The same secret is the same key wherever it lies: text loses its line end, and hex or base64 of at least 32 bytes is
decoded. What may be published of a key is its fingerprint (``surrogates.key_id``).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llamaflow.errors import BadInputError

MIN_KEY_BYTES = 32
# What a key file may hold at most: a device or a data file given by mistake is not read to its end.
MAX_KEY_BYTES = 65536
_TIMEOUT_SECONDS = 10
_LONGEST_NAME = 40
_VAULT = re.compile(
    r"vault:(?P<mount>[\w.-]+)/(?P<path>[\w./-]*[\w.-])(?:\?version=(?P<version>[1-9]\d{0,8}))?#(?P<field>[\w.-]+)", re.ASCII
)
_ENVIRONMENT = re.compile(r"env:([A-Za-z_]\w*)", re.ASCII)
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){%d,}" % MIN_KEY_BYTES)
_MAKE = "make one with: openssl rand -hex 32"


def read_key(reference: str | Path) -> bytes:
    """The secret, at least 32 bytes.

    reference: a file, ``env:NAME``, or ``vault:mount/path[?version=N]#field`` (KV version 2; see ``_vault_client`` for
    the environment that is read). Raises BadInputError when it cannot be had, or is too short to be a secret.
    """
    text = reference if isinstance(reference, str) else ""
    if text.startswith("env:"):
        return _from_environment(text)
    if text.startswith("vault:"):
        return _from_vault(text)
    return _from_file(Path(reference))


def _from_file(path: Path) -> bytes:
    fix = f"make one with: head -c {MIN_KEY_BYTES} /dev/urandom > {path.name}"
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise BadInputError("the key file cannot be read", where=str(path), why=error.strerror or "", fix=fix) from None
    if len(raw) > MAX_KEY_BYTES:
        raise BadInputError(
            "the key file is too large to be a key", where=str(path), why=f"above {MAX_KEY_BYTES} bytes", fix="name the file of the key"
        )
    return _checked(raw, "the key file", str(path), fix)


def _from_environment(reference: str) -> bytes:
    match = _ENVIRONMENT.fullmatch(reference)
    if not match or len(match[1]) > _LONGEST_NAME:
        # Not shown: somebody may have put the secret itself behind the colon.
        raise BadInputError("the key reference is not env:NAME", fix="write the name of a variable behind env:, not the secret itself")
    name = match[1]
    value = os.environb.get(name.encode())
    if value is None:
        fix = "export it where the task runs (docs/privacy.md says how for Slurm, Kubernetes and containers)"
        raise BadInputError("the environment variable of the key is not set", where=f"env:{name}", fix=fix)
    return _checked(value, "the key in the environment", f"env:{name}", _MAKE)


def _from_vault(reference: str) -> bytes:
    match = _VAULT.fullmatch(reference)
    if not match:
        fix = "for example vault:secret/llamaflow#key"
        raise BadInputError("the key reference is not vault:mount/path#field", why="no such form", fix=fix)
    where = reference
    client, leased = _vault_client(where)
    with _explained(where):
        try:
            version = int(match["version"]) if match["version"] else None
            answer = client.secrets.kv.v2.read_secret_version(
                match["path"], version=version, mount_point=match["mount"], raise_on_deleted_version=True
            )
        finally:
            if leased:
                _give_back(client)
    fields = answer["data"]["data"] or {}
    if match["field"] not in fields:
        fix = f"vault kv patch -mount={match['mount']} {match['path']} {match['field']}=@FILE"
        raise BadInputError("the Vault secret has no such field", where=where, why="fields: " + ", ".join(sorted(fields)), fix=fix)
    value = fields[match["field"]]
    if not isinstance(value, str):
        raise BadInputError("the key in Vault is not a string", where=where, fix="store it as hex or base64 text")
    return _checked(value.encode("utf-8"), "the key in Vault", where, _MAKE)


def _vault_client(where: str) -> tuple[Any, bool]:
    """A client with a token, and whether that token was made by this call.

    Read from the environment: VAULT_ADDR, then VAULT_ROLE_ID with VAULT_SECRET_ID (AppRole at VAULT_APPROLE_MOUNT, else
    ``approle``), else VAULT_TOKEN; VAULT_NAMESPACE, VAULT_CACERT and VAULT_CAPATH as for the vault command.
    """
    import hvac
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    address, token = os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN")
    role, secret = os.environ.get("VAULT_ROLE_ID"), os.environ.get("VAULT_SECRET_ID")
    if not address:
        raise BadInputError("VAULT_ADDR is not set", where=where, fix="export the server's address, e.g. https://vault.example.com:8200")
    if not token and not (role and secret):
        fix = "export VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID"
        raise BadInputError("there is no way to log in to Vault", where=where, why="neither a token nor an AppRole is set", fix=fix)
    session = requests.Session()
    # Only what passes by itself: a server that is starting, changing its leader or busy.
    again = Retry(total=4, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504], allowed_methods=None, raise_on_status=False)
    session.mount("http://", HTTPAdapter(max_retries=again))
    session.mount("https://", HTTPAdapter(max_retries=again))
    client = hvac.Client(
        url=address,
        # An empty token keeps hvac from the token file of whoever runs this.
        token="" if role and secret else token,
        timeout=_TIMEOUT_SECONDS,
        session=session,
        namespace=os.environ.get("VAULT_NAMESPACE"),
        verify=os.environ.get("VAULT_CACERT") or os.environ.get("VAULT_CAPATH") or True,
    )
    if not (role and secret):
        return client, False
    with _explained(where):
        client.auth.approle.login(role, secret, mount_point=os.environ.get("VAULT_APPROLE_MOUNT", "approle"))
    return client, True


def _give_back(client: Any) -> None:
    """Revoke a token that was made for one read; its policy may not allow that, and then it runs out by itself."""
    import hvac
    import requests

    with contextlib.suppress(hvac.exceptions.VaultError, requests.RequestException):
        client.auth.token.revoke_self()


@contextlib.contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn what Vault and the network answer into sentences. Their own messages stay out: they may quote a request."""
    import requests
    from hvac import exceptions

    sentences = [
        (exceptions.Forbidden, "Vault refuses to give the key", "403: token or policy", "ask for 'read' on mount/data/path"),
        (exceptions.Unauthorized, "Vault refuses to give the key", "401: not logged in", "renew the token"),
        (exceptions.InvalidPath, "Vault has no such secret", "404: or its version is deleted", "vault kv get says what is there"),
        (exceptions.InvalidRequest, "Vault refuses the log-in", "400", "check VAULT_ROLE_ID, VAULT_SECRET_ID and VAULT_APPROLE_MOUNT"),
        (exceptions.VaultDown, "Vault is sealed or starting", "503", "unseal it, then go on with -resume"),
        (exceptions.VaultError, "Vault answered with an error", "", "see the log of the server"),
        (requests.exceptions.SSLError, "the certificate of Vault is not trusted", "TLS", "set VAULT_CACERT to its authority"),
        (requests.RequestException, "Vault cannot be reached", "", "check VAULT_ADDR and the network of the task"),
    ]
    try:
        yield
    except (exceptions.VaultError, requests.RequestException) as error:
        what, why, fix = next(words for known, *words in sentences if isinstance(error, known))
        raise BadInputError(what, where=where, why=why or type(error).__name__, fix=fix) from None


def _checked(raw: bytes, what: str, where: str, fix: str) -> bytes:
    """The key out of its spelling. Raises BadInputError when it is too short."""
    key = _decoded(raw)
    if len(key) < MIN_KEY_BYTES:
        raise BadInputError(f"{what} is too short", where=where, why=f"{len(key)} bytes, {MIN_KEY_BYTES} are needed", fix=fix)
    return key


def _decoded(raw: bytes) -> bytes:
    """Hex and base64 of at least 32 bytes as the bytes they mean; other text without its line end; all else as it is."""
    if not raw.isascii():
        return raw
    text = raw.rstrip(b"\r\n")
    if _HEX.fullmatch(text):
        return bytes.fromhex(text.decode())
    for alphabet in (b"+/", b"-_"):
        try:
            key = base64.b64decode(text, altchars=alphabet, validate=True)
        except binascii.Error:
            continue
        if len(key) >= MIN_KEY_BYTES and base64.b64encode(key, altchars=alphabet) == text:
            return key
    return text
