"""One question of a suite and what a right answer is: the form of every suite, the project's own and users'."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..records import Message


class Check(BaseModel):
    """One test of an answer that a program can decide; ``checks.py`` says what each kind does with its value."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal[
        "contains", "excludes", "regex", "equals", "number", "json", "tool_call", "refuses", "answers", "language",
        "words_at_most", "words_at_least", "items", "no_loop",
    ]  # fmt: skip
    value: Any = None


class Item(BaseModel):
    """A prompt with exactly one of reference (text metrics), choices + answer (by likelihood), or checks (of the generated answer).

    messages end with the turn that is to be answered. cluster: items made from one source share it and are resampled together;
    empty means the id. answer: place in choices, from 0.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    messages: list[Message] = Field(min_length=1)
    lang: str = "en"
    category: str = ""
    cluster: str = ""
    reference: str | None = None
    choices: list[str] = Field(default_factory=list)
    answer: int | None = None
    checks: list[Check] = Field(default_factory=list)

    @property
    def kind(self) -> Literal["reference", "choice", "check"]:
        return "choice" if self.choices else "check" if self.checks else "reference"


@dataclass(frozen=True)
class Suite:
    """A named list of items. kind as in ``summaries.SuiteScores``."""

    name: str
    kind: str
    items: list[Item]

    @property
    def digest(self) -> str:
        """SHA-256 over all items in their order."""
        return hashlib.sha256("\n".join(item.model_dump_json() for item in self.items).encode()).hexdigest()
