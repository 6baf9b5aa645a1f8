"""From the turns as found to the turns of a canonical record."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from ..records import Message, Role

# Category Cc without \n and \t.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SURROGATE = re.compile("[\ud800-\udfff]")
ROLES: dict[str, Role] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant", "bard": "assistant",
    "bing": "assistant", "function_call": "assistant",
    "tool": "tool", "function": "tool", "function_response": "tool", "observation": "tool", "tool_response": "tool",
}  # fmt: skip


class RowError(Exception):
    """Why a record is rejected: a fixed word without anything of the record in it."""

    def __init__(self, reason: str):
        self.reason = reason
        super().__init__(reason)


def clean_text(value: Any) -> str:
    """Line ends as LF, no other control characters than LF and tab, Unicode NFC, no white space at the ends.

    value: a string, a number, or the list form of OpenAI contents ([{type: text, text: …}]; parts are joined by a
    line feed). Nothing else is rewritten. Raises RowError: not_text, invalid_unicode.
    """
    if isinstance(value, list):
        if not all(isinstance(part, str) or isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
            raise RowError("not_text")
        value = "\n".join(part if isinstance(part, str) else part["text"] for part in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise RowError("empty_content" if value is None else "not_text")
    if SURROGATE.search(value):
        raise RowError("invalid_unicode")
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    value = CONTROL.sub("", value)
    return unicodedata.normalize("NFC", value).strip()


def read_turn(turn: Any) -> tuple[Role, str]:
    """Role and clean text of one turn, with the keys role/content or from/value."""
    if not isinstance(turn, dict):
        raise RowError("turn_not_an_object")
    if turn.get("tool_calls") and not turn.get("content"):
        raise RowError("tool_call_without_text")
    role = turn.get("role") or turn.get("from")
    content = turn["content"] if "content" in turn else turn.get("value")
    if not isinstance(role, str) or role.strip().lower() not in ROLES:
        raise RowError("unknown_role")
    return ROLES[role.strip().lower()], clean_text(content)


def to_messages(turns: list[tuple[Role, str]]) -> list[Message]:
    """Turns as a conversation that can be trained on: ends with the assistant, and the user speaks first.

    An empty system text is left out. What the assistant (or a tool) said before the first user turn is dropped, as
    ShareGPT exports often start in the middle. Turns of one role in a row become one, with a blank line between.
    What follows the last assistant turn is cut. Raises RowError: empty_content, no_user_turn, no_assistant_message.
    """
    turns = [turn for turn in turns if turn != ("system", "")]
    if any(not content for _, content in turns):
        raise RowError("empty_content")
    first = next((index for index, (role, _) in enumerate(turns) if role == "user"), None)
    if first is None:
        raise RowError("no_user_turn" if turns else "empty_content")
    merged: list[tuple[Role, str]] = []
    for role, content in [turn for turn in turns[:first] if turn[0] == "system"] + turns[first:]:
        if merged and merged[-1][0] == role:
            merged[-1] = (role, f"{merged[-1][1]}\n\n{content}")
        else:
            merged.append((role, content))
    while merged and merged[-1][0] != "assistant":
        merged.pop()
    if not merged:
        raise RowError("no_assistant_message")
    return [Message(role=role, content=content) for role, content in merged]
