"""Reading suites from files, the bundled ones and users': every bad line is named, with what to do about it."""

from __future__ import annotations

import difflib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import zstandard
from pydantic import ValidationError

from ..errors import BadInputError, ManyProblems
from ..files import open_stream
from ..records import Record
from .checks import check_problem
from .items import Check, Item, Suite
from .reading import folded

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
# Names of suites that no file of the user may take.
RESERVED = ("test", "edge", "adversarial", "general", "leak")
SHOWN = 100
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NAME = re.compile(r"[\w.-]+")
_RECORD_KEYS = Record.model_fields.keys()
_SOURCES = "reference, choices (with answer) or checks"


def load_suite(path: Path, kind: str = "user") -> Suite:
    """A suite from JSONL (plain, .gz or .zst): one item a line, or canonical records whose last turn is the reference.

    The suite's name is the file's stem. Raises BadInputError for a file that is none, ManyProblems with file:line for its lines.
    """
    name, problems, items, lines = suite_name(path, kind), [], [], {}
    for number, raw in _lines(path):
        try:
            item = _item(raw)
            if item.id in lines:
                raise _Bad(f"the id stands in line {lines[item.id]}, too", "give every item an id of its own")
        except _Bad as bad:
            problems += [BadInputError(what, where=f"{path}:{number}", fix=fix) for what, fix in bad.args[0]]
            continue
        lines[item.id] = number
        items.append(item)
    if len(problems) > SHOWN:
        fix = "mend these first, then run again"
        problems[SHOWN:] = [BadInputError(f"{len(problems) - SHOWN} more problems", where=str(path), fix=fix)]
    if problems:
        raise problems[0] if len(problems) == 1 else ManyProblems(problems)
    if not items:
        fix = f"write one item a line: id, messages, and {_SOURCES} (docs/suites.md)"
        raise BadInputError("the suite is empty", where=str(path), fix=fix)
    return Suite(name, kind, items)


def suite_name(path: Path, kind: str = "user") -> str:
    """The file's name without its suffix. Raises BadInputError for another suffix or, of a user, a name that is taken."""
    path = Path(path)
    suffix = next((suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if path.name.endswith(suffix)), None)
    name = path.name.removesuffix(suffix) if suffix else ""
    if not name:
        raise BadInputError("a suite is a JSONL file", where=str(path), fix=f"give a file that ends in {', '.join(SUFFIXES)}")
    if not _NAME.fullmatch(name):
        why = "the file's name is the suite's name in rules, tables and reports"
        raise BadInputError("this cannot be a suite's name", where=str(path), why=why, fix="use letters, digits, '.', '_' and '-'")
    if kind == "user" and name in RESERVED:
        raise BadInputError(f"'{name}' is the name of a suite of LlamaFlow's own", where=str(path), fix="rename the file")
    return name


class _Bad(Exception):
    """What is wrong with a line: [(what, fix), ...], or one as two arguments."""

    def __init__(self, what: str | list[tuple[str, str]], fix: str = ""):
        super().__init__([(what, fix)] if isinstance(what, str) else what)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that are not blank."""
    try:
        with open_stream(path, "rb") as raw:
            stream = raw if hasattr(raw, "readline") and not isinstance(raw, zstandard.ZstdDecompressionReader) else io.BufferedReader(raw)
            for number, line in enumerate(stream, 1):
                line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if line.strip():
                    yield number, line
    except FileNotFoundError:
        raise BadInputError("the suite does not exist", where=str(path), fix="give a JSONL file (docs/suites.md)") from None
    except (OSError, EOFError, zstandard.ZstdError) as error:
        fix = "give a JSONL file that can be read, whole"
        raise BadInputError("the suite cannot be read", where=str(path), why=type(error).__name__, fix=fix) from None


def _item(raw: bytes) -> Item:
    """The item of one line. Raises _Bad."""
    try:
        value = json.loads(raw.decode("utf-8"))
        if _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
            raise _Bad("the line holds half of a character (a lone surrogate, \\ud800 to \\udfff)", "write the whole character")
    except UnicodeDecodeError:
        raise _Bad("the line is not UTF-8", "save the file as UTF-8") from None
    except (ValueError, RecursionError):  # the message would quote the line
        raise _Bad("the line is not JSON", "write one JSON object a line, without line breaks inside") from None
    if not isinstance(value, dict):
        raise _Bad("the line is not a JSON object", f"write {{id, messages, …}} with {_SOURCES}")
    if _is_record(value):
        value = _from_record(value)
    try:
        item = Item.model_validate(value, strict=True)
    except ValidationError as error:
        raise _Bad([_told(one) for one in error.errors(include_input=False, include_url=False)]) from None
    if problems := _problems(item):
        raise _Bad(problems)
    return item


def _is_record(value: dict[str, Any]) -> bool:
    messages = value.get("messages")
    ends_with_answer = (
        isinstance(messages, list) and messages and isinstance(messages[-1], dict) and messages[-1].get("role") == "assistant"
    )
    return bool(value.keys() <= _RECORD_KEYS and (ends_with_answer or value.keys() & {"source", "meta"}))


def _from_record(value: dict[str, Any]) -> dict[str, Any]:
    """An item of a canonical record: its last turn, an assistant's, becomes the reference."""
    try:
        record = Record.model_validate(value)
    except ValidationError as error:
        raise _Bad([_told(one) for one in error.errors(include_input=False, include_url=False)]) from None
    *before, last = record.messages
    if last.role != "assistant":
        raise _Bad("the record has no reference: its last turn is not from the assistant", "end it with the answer that is right")
    turns = [message.model_dump() for message in before]
    return {"id": record.id, "messages": turns, "lang": record.lang, "reference": last.content}


def _told(error: Any) -> tuple[str, str]:
    """What pydantic found, without any of the line's values."""
    place = [str(part)[:40] for part in error["loc"]]
    where, last = ".".join(place), place[-1] if place else ""
    if error["type"] == "extra_forbidden":
        known = list((Check if "checks" in place else Item).model_fields)
        known = ["role", "content"] if place[0] == "messages" else known
        near = difflib.get_close_matches(last, known, n=1)
        return f"the key '{where}' is unknown", f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
    if error["type"] == "missing":
        return f"'{where}' is missing", f"give it (an item has id, messages, and {_SOURCES})"
    if error["type"] == "literal_error" and last == "kind":
        return f"the kind of check at {where} is unknown", f"known are {', '.join(get_args(Check.model_fields['kind'].annotation))}"
    if where == "messages":
        return "'messages' is not a list of turns", 'give [{"role": "user", "content": "…"}]'
    return f"'{where}': {error['msg']}", "see docs/suites.md"


def _problems(item: Item) -> list[tuple[str, str]]:
    """What is wrong with an item that has the right shape."""
    found: list[tuple[str, str]] = []
    there = {"reference": item.reference is not None, "choices": bool(item.choices), "checks": bool(item.checks)}
    given = [name for name in there if there[name]]
    if not given:
        found.append(("the item says nothing of a right answer", f"give {_SOURCES}"))
    if len(given) > 1:
        found.append((f"the item has {' and '.join(given)}", f"give only one of {_SOURCES}"))
    if item.reference is not None and not item.reference.strip():
        found.append(("the reference is empty", "write the answer that is right"))
    if item.messages[-1].role not in ("user", "tool"):
        found.append((f"the last turn is from {item.messages[-1].role}", "end messages with the turn to be answered (user or tool)"))
    if item.choices:
        if len(item.choices) < 2 or not all(choice.strip() for choice in item.choices):
            found.append(("choices are fewer than two, or one of them is empty", "give at least two texts"))
        if len({folded(choice, case=True, accents=True) for choice in item.choices}) < len(item.choices):
            found.append(("two choices are equal", "make them differ"))
        if item.answer is None or not 0 <= item.answer < len(item.choices):
            what = "'answer' is missing" if item.answer is None else "'answer' is not the place of a choice"
            found.append((what, f"give the place of the right choice, 0 to {len(item.choices) - 1}"))
    elif item.answer is not None:
        found.append(("'answer' without choices", "give choices, or leave it out"))
    for place, check in enumerate(item.checks):
        if problem := check_problem(check):
            found.append((f"checks.{place} ({check.kind}): {problem}", "see docs/suites.md for what each kind takes"))
    return found
