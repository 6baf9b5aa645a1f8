"""Answers that were cut off at the source: a model trained on them learns to stop in the middle."""

from __future__ import annotations

import json
import re
from typing import Any, Generic, TypeVar

REASONS = frozenset({"length", "max_tokens", "max_length", "max_output_tokens", "model_length", "token_limit"})
FIELDS = ("finish_reason", "finishReason", "stop_reason", "stopReason")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
# How near to the longest answer of a file others have to be: white space at the cut is lost.
SLACK = 2
FEWEST, SHORTEST, MOST, UNFINISHED = 5, 100, 0.5, 0.8


def told_cut(row: Any) -> bool:
    """Whether the row's own fields say that generation ended at a limit (finish_reason: length, and its kin)."""
    if not isinstance(row, dict):
        return False
    places = [row, row.get("meta"), row.get("metadata")]
    for name in ("choices", "messages", "conversations"):
        if isinstance(row.get(name), list) and row[name]:
            places.append(row[name][-1])
    return any(isinstance(place, dict) and str(place.get(name)).lower() in REASONS for place in places for name in FIELDS)


def breaks_off(answer: str) -> bool:
    """Whether an answer ends inside a code fence (CommonMark) or inside the JSON value that it began with."""
    return _open_fence(answer) or _open_json(answer)


def _open_fence(text: str) -> bool:
    open_ = ""
    for line in text.splitlines():
        if match := FENCE.match(line):
            mark, rest = match[1], match[2].strip()
            if not open_:
                # Backticks behind three backticks on one line are a span of code, not a fence.
                open_ = "" if mark[0] == "`" and "`" in rest else mark
            elif mark[0] == open_[0] and len(mark) >= len(open_) and not rest:
                open_ = ""
    return bool(open_)


def _open_json(text: str) -> bool:
    text = text.strip()
    if not re.match(r"\{\s*\"|\[\s*[\[{\"\d]", text):
        return False
    try:
        json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        rest = text[error.pos :]
        return error.msg.startswith("Unterminated string") or any(word.startswith(rest) for word in ("", "true", "false", "null"))
    except (RecursionError, ValueError):
        pass
    return False


Label = TypeVar("Label")


class PileUp(Generic[Label]):
    """Finds answers that a field of limited length cut: many of a file's answers end unfinished at one greatest length.

    That is at least 5 answers within 2 characters of the longest, which has 100 or more, four in five of them without the
    end of a sentence, and no more than half of the file (else the length is the data's nature).
    """

    def __init__(self) -> None:
        self._answers = self._longest = 0
        self._last: list[tuple[int, Label, bool]] = []

    def add(self, label: Label, answer: str) -> None:
        """An answer under the label by which ``found`` names it."""
        self._answers += 1
        length = len(answer)
        if length < self._longest - SLACK:
            return
        if length > self._longest:
            self._longest = length
            self._last = [entry for entry in self._last if entry[0] >= length - SLACK]
        self._last.append((length, label, answer[-1:].isalnum() or answer[-1:] in tuple(",;(-–—")))

    def found(self) -> list[Label]:
        """Labels of the answers that were cut."""
        cut = [label for _, label, unfinished in self._last if unfinished]
        enough = self._longest >= SHORTEST and FEWEST <= len(self._last) <= MOST * self._answers
        return cut if enough and len(cut) >= UNFINISHED * len(self._last) else []
