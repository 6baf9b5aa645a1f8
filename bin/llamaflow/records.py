"""The canonical record: the only form that anything after PREPARE reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .files import read_jsonl

Role = Literal["system", "user", "assistant", "tool"]
Language = Literal["pt", "en", "mixed", "unknown"]


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(extra="forbid")
    role: Role
    content: str


class Record(BaseModel):
    """One conversation. ``id`` is a digest of its content, keyed from ANONYMIZE on: it never moves and tells nothing."""

    model_config = ConfigDict(extra="forbid")
    id: str
    messages: list[Message] = Field(min_length=1)
    lang: Language = "unknown"
    source: str = ""
    meta: dict[str, Any] = Field(default_factory=dict)

    @property
    def text(self) -> str:
        """All turns, one a line, each with its role in front."""
        return "\n".join(f"{message.role}: {message.content}" for message in self.messages)


def content_id(messages: Iterable[Message]) -> str:
    """128-bit hex digest of roles and contents."""
    plain = json.dumps([[message.role, message.content] for message in messages], ensure_ascii=False)
    return hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def read_records(path: Path | str) -> Iterator[Record]:
    """Yield the records of a canonical JSONL file (.jsonl or .jsonl.zst)."""
    for value in read_jsonl(path):
        yield Record.model_validate(value)
