"""The conversation formats that people have: which one a row is in, and the conversations it holds."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..records import Message, Role
from .messages import RowError, clean_text, read_turn, to_messages

OUTPUTS = ("output", "response", "completion", "answer")
PROMPTS = ("prompt", "question", "query", "input")
COMPLETIONS = ("completion", "response", "answer", "output")
Turn = tuple[Role, str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """messages, and ``context``: text that many records share by nature (a passage with several questions)."""

    messages: list[Message]
    context: str = ""


Found = Iterator[Conversation | RowError]


@dataclass(frozen=True, slots=True)
class Format:
    """One conversation format. keys: the canonical columns that a mapping may name for it."""

    label: str
    keys: frozenset[str]
    matches: Callable[[Any], bool]
    read: Callable[[Any, str], Found]


def column(row: dict[str, Any], *names: str) -> Any:
    """The first of these columns that is there and not null, else None."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def structure(value: Any) -> Any:
    """A list that a CSV cell holds as JSON, or as Python wrote it (pandas does), else the value itself."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    with warnings.catch_warnings():
        # literal_eval warns about odd escapes, and a warning may quote the text.
        warnings.simplefilter("ignore")
        for parse in (json.loads, ast.literal_eval):
            try:
                return parse(value.strip())
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                continue
    return value


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict) and ("role" in value and "content" in value or "from" in value and "value" in value)


def _turns(value: Any, missing: str) -> list[Turn]:
    value = structure(value)
    if value is None:
        raise RowError(missing)
    if not isinstance(value, list):
        raise RowError("turns_not_a_list")
    return [read_turn(turn) for turn in value]


def _system(row: dict[str, Any]) -> list[Turn]:
    system = column(row, "system", "system_prompt")
    return [] if system is None else [("system", clean_text(system))]


def _read_messages(row: Any, _unanswerable: str) -> Found:
    value = row if isinstance(row, list) else column(row, "messages")
    system = _system(row) if isinstance(row, dict) else []
    yield Conversation(to_messages(system + _turns(value, "missing_messages")))


def _read_sharegpt(row: Any, _unanswerable: str) -> Found:
    value = row if isinstance(row, list) else column(row, "conversations", "conversation")
    system = _system(row) if isinstance(row, dict) else []
    yield Conversation(to_messages(system + _turns(value, "missing_conversations")))


def _read_alpaca(row: Any, _unanswerable: str) -> Found:
    instruction, output = column(row, "instruction"), column(row, *OUTPUTS)
    if instruction is None or output is None:
        raise RowError("missing_instruction" if instruction is None else "missing_output")
    turns = _system(row)
    for pair in structure(column(row, "history") or []) or []:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise RowError("history_not_pairs")
        turns += [("user", clean_text(pair[0])), ("assistant", clean_text(pair[1]))]
    instruction, extra = clean_text(instruction), clean_text(column(row, "input", "context") or "")
    if not instruction:
        raise RowError("empty_content")
    turns += [("user", f"{instruction}\n\n{extra}".strip()), ("assistant", clean_text(output))]
    yield Conversation(to_messages(turns))


def _read_prompt(row: Any, _unanswerable: str) -> Found:
    prompt, completion = column(row, *PROMPTS), column(row, *COMPLETIONS)
    if prompt is None or completion is None:
        raise RowError("missing_prompt" if prompt is None else "missing_completion")
    context = clean_text(column(row, "context") or "")
    asked = _listed(prompt) or [("user", _after(context, clean_text(prompt)))]
    said = _listed(completion) or [("assistant", clean_text(completion))]
    yield Conversation(to_messages(_system(row) + asked + said), context)


def _listed(value: Any) -> list[Turn]:
    """The turns of a prompt that is itself a list of messages; [] when it is text, which may well start with '['."""
    value = structure(value)
    return [read_turn(turn) for turn in value] if _are_turns(value) else []


def _are_turns(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_turn(turn) for turn in value)


def _after(context: str, text: str) -> str:
    if not text:
        raise RowError("empty_content")
    return f"{context}\n\n{text}" if context else text


def _read_squad(row: Any, unanswerable: str) -> Found:
    """An article with paragraphs (the files of SQuAD), or one flat row (as on the Hugging Face hub)."""
    if "paragraphs" not in row:
        yield _answer(row.get("context"), row.get("question"), row.get("answers"), unanswerable)
        return
    for paragraph in row["paragraphs"] if isinstance(row["paragraphs"], list) else [None]:
        questions = paragraph.get("qas") if isinstance(paragraph, dict) else None
        for asked in questions if isinstance(questions, list) else [None]:
            try:
                if not isinstance(asked, dict):
                    raise RowError("missing_question")
                yield _answer(paragraph.get("context"), asked.get("question"), asked.get("answers"), unanswerable)
            except RowError as error:
                yield error


def _answer(context: Any, question: Any, answers: Any, unanswerable: str) -> Conversation:
    if context is None or question is None:
        raise RowError("missing_context" if context is None else "missing_question")
    answers = structure(answers)
    # The hub's form is {"text": [...], "answer_start": [...]}, the file's form [{"text": …}, …].
    texts = answers.get("text") if isinstance(answers, dict) else answers
    texts = [texts] if isinstance(texts, str) and texts else list(texts) if isinstance(texts, (list, tuple)) else []
    answer = texts[0].get("text") if texts and isinstance(texts[0], dict) else texts[0] if texts else unanswerable
    if not answer:
        raise RowError("unanswerable")
    context = clean_text(context)
    return Conversation(to_messages([("user", _after(context, clean_text(question))), ("assistant", clean_text(answer))]), context)


def _read_text(row: Any, _unanswerable: str) -> Found:
    value = row if isinstance(row, str) else column(row, "text")
    if value is None:
        raise RowError("missing_text")
    if not (text := clean_text(value)):
        raise RowError("empty_content")
    yield Conversation([Message(role="assistant", content=text)])


def _has(row: Any, *choices: Iterable[str]) -> bool:
    return isinstance(row, dict) and all(any(name in row for name in names) for names in choices)


# In order of preference: a row with both messages and a prompt is read as messages.
FORMATS: dict[str, Format] = {
    "openai": Format(
        "openai messages", frozenset({"messages", "system"}),
        lambda row: _has(row, ["messages"]) or isinstance(row, list) and _are_turns(row) and "role" in row[0], _read_messages,
    ),
    "sharegpt": Format(
        "sharegpt", frozenset({"conversations", "system"}),
        lambda row: _has(row, ["conversations", "conversation"]) or isinstance(row, list) and _are_turns(row), _read_sharegpt,
    ),
    "squad": Format(
        "squad", frozenset({"context", "question", "answers"}),
        lambda row: _has(row, ["paragraphs"]) or _has(row, ["context"], ["question"], ["answers"]), _read_squad,
    ),
    "alpaca": Format(
        "alpaca", frozenset({"instruction", "input", "output", "system", "history", "context", "completion"}),
        lambda row: _has(row, ["instruction"], OUTPUTS), _read_alpaca,
    ),
    "prompt": Format(
        "prompt/completion", frozenset({"prompt", "completion", "question", "context", "system", "input", "output"}),
        lambda row: _has(row, PROMPTS, COMPLETIONS), _read_prompt,
    ),
    "text": Format("text", frozenset({"text"}), lambda row: isinstance(row, str) or _has(row, ["text"]), _read_text),
}  # fmt: skip


def detect(rows: Iterable[Any], mapped: Iterable[str] = ()) -> str:
    """The name of the format that most rows are in, '' when none is in any. mapped: canonical columns it must have."""
    needed = set(mapped)
    candidates = {name: form for name, form in FORMATS.items() if needed <= form.keys}
    votes = Counter(next((name for name, form in candidates.items() if form.matches(row)), "") for row in rows)
    votes.pop("", None)
    return max(votes, key=lambda name: (votes[name], -list(FORMATS).index(name)), default="")


def read_row(row: Any, name: str, unanswerable: str = "") -> Found:
    """The conversations of one row in the named format; one that is rejected comes as its RowError.

    unanswerable: what the assistant says to a SQuAD question without an answer; '' rejects those.
    """
    bare = {str: ("text",), list: ("openai", "sharegpt")}.get(type(row), ())
    if not isinstance(row, dict) and name not in bare:
        yield RowError("not_an_object")
    else:
        try:
            yield from FORMATS[name].read(row, unanswerable)
        except RowError as error:
            yield error


def safe_keys(rows: Iterable[Any], limit: int = 12) -> str:
    """Column names to show in a message.

    A CSV file without a header has its first record there, so nothing is shown unless every name looks like one, and
    then only plain lower-case or camelCase words (no capitalised ones, which may be people's names).
    """
    keys = list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))
    if not keys:
        return "no columns"
    if not all(isinstance(key, str) and re.fullmatch(r"[^\W\d][\w .-]{0,31}", key) and key.count(" ") < 3 for key in keys):
        return f"{len(keys)} columns whose names are not shown: they look like data"
    shown = [key for key in keys if re.fullmatch(r"[a-z][A-Za-z0-9_]*", key)][:limit]
    hidden = len(keys) - len(shown)
    return "columns: " + ", ".join(shown + ([f"{hidden} more not shown"] if hidden else []))
