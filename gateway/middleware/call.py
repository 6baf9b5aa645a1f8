"""What is known about the call in progress: one small object in the ASGI scope, filled from outside in."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from ..auth.keyring import Identity

KEY = "llamaflow.call"


class Call:
    """identity: whose key it is, or None and refusal says why (status, text). action, target, detail: for the audit."""

    __slots__ = ("action", "address", "detail", "identity", "refusal", "request_id", "target")

    def __init__(self, request_id: str, address: str):
        self.request_id, self.address = request_id, address
        self.identity: Identity | None = None
        self.refusal: tuple[int, str] | None = None
        self.action = self.target = ""
        self.detail: dict[str, Any] = {}


def the_call(request: Request) -> Call:
    return request.scope[KEY]
