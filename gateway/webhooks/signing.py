"""Signatures of Standard Webhooks: headers webhook-id, webhook-timestamp, webhook-signature; secrets whsec_<base64 of 32 bytes>."""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets as random
from dataclasses import asdict, dataclass

from standardwebhooks import Webhook as Signer

from ..secrets import SecretBox


@dataclass(frozen=True, slots=True)
class Secret:
    """until: Unix time after which it signs no more; None: the current one."""

    text: str
    until: float | None = None


def new_secret() -> Secret:
    return Secret("whsec_" + base64.b64encode(random.token_bytes(32)).decode())


def seal(box: SecretBox, secrets: list[Secret]) -> bytes:
    return box.seal(json.dumps([asdict(secret) for secret in secrets]))


def unseal(box: SecretBox, sealed: bytes) -> list[Secret]:
    """The current one first."""
    return [Secret(**entry) for entry in json.loads(box.open(sealed))]


def rotated(secrets: list[Secret], overlap_s: float, time: dt.datetime) -> list[Secret]:
    """A new secret before the old ones, each of which signs beside it for ``overlap_s`` seconds at most."""
    end = time.timestamp() + overlap_s
    old = [Secret(secret.text, min(end, secret.until or end)) for secret in valid(secrets, time)]
    return [new_secret(), *(secret for secret in old if secret.until > time.timestamp())]


def valid(secrets: list[Secret], time: dt.datetime) -> list[Secret]:
    return [secret for secret in secrets if secret.until is None or secret.until > time.timestamp()]


def signed_headers(secrets: list[Secret], message_id: str, body: bytes, time: dt.datetime) -> dict[str, str]:
    """One signature for each secret that is good now: a receiver that knows any of them is content."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(int(time.timestamp()))}
    signatures = [Signer(secret.text).sign(message_id, time, body.decode()) for secret in valid(secrets, time)]
    if signatures:
        headers["webhook-signature"] = " ".join(signatures)
    return headers
