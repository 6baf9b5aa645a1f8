"""An append-only log of JSON lines, each of which carries a digest over itself and the line before.

Changing, removing or reordering lines breaks the chain. Cutting lines off the end does not: keep the newest digest
(the head) somewhere else, and ``verify`` says whether the log still holds it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .errors import BadInputError, PrivacyError

START = "0" * 64


def append(path: Path | str, entry: dict[str, Any]) -> str:
    """Add an entry, written to the disk before this returns; returns the new head (hex SHA-256).

    Raises PrivacyError for a log that was altered, BadInputError for one that cannot be written. Two callers wait for each other.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BadInputError(
            "the audit log cannot be written", where=str(path), why=error.strerror or "", fix="name a file of yours"
        ) from None
    with os.fdopen(descriptor, "rb+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        heads = _heads(stream, str(path))
        line = {**entry, "previous": heads[-1]}
        line["digest"] = _digest(line)
        # Unbuffered: a line that does not reach the disk is an exception here, not later.
        os.write(descriptor, json.dumps(line, sort_keys=True).encode() + b"\n")
        os.fsync(descriptor)
        return line["digest"]


def verify(path: Path | str, head: str = "") -> tuple[int, str]:
    """Number of entries and the head. head: one noted earlier, which the log has to hold still.

    Raises PrivacyError (with the line) for an altered or shortened log, BadInputError for one that cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            heads = _heads(stream, str(path))
    except OSError as error:
        raise BadInputError("the audit log cannot be read", where=str(path), why=error.strerror or "") from None
    if head and head not in heads:
        raise PrivacyError("the audit log was shortened", where=str(path), why="it no longer holds the head that was noted", fix=_FIX)
    return len(heads) - 1, heads[-1]


_FIX = "treat it as an incident: keep this file as it is and compare it with its backup"


def _digest(line: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(line, sort_keys=True).encode()).hexdigest()


def _heads(lines: Iterable[bytes], where: str) -> list[str]:
    """START and the digest of every line."""
    heads = [START]
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            digest = line.pop("digest")
            good = text.endswith(b"\n") and line["previous"] == heads[-1] and _digest(line) == digest
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            good = False
        if not good:
            raise PrivacyError("the audit log was altered", where=f"{where}:{number}", why="the chain of digests breaks here", fix=_FIX)
        heads.append(digest)
    return heads
