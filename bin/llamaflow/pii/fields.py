"""The texts of a record as detectors should read them, and the way back to where each character stands.

A message may be JSON or hold JSON (tool calls and results, ``<tool_call>``, fenced blocks, "arguments" that are JSON in
a string of JSON). Its strings are read decoded, one a line, each with its key in front as context:

    {"nome": "Jo\\u00e3o", "cpf": 52998224725}      is read as      nome: João
                                                                    cpf: 52998224725

What is replaced is written back escaped as deep as it lay, so that the JSON stays valid and all other bytes stay.
Escapes outside of valid JSON (output that was cut off, source code) are read decoded as well.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

from .spans import Span

MAX_DEPTH = 8  # JSON in strings of JSON in …
_MAX_FAILURES = 2000  # places where JSON seems to begin and does not: more of them are an attack on the time limit


class UnreadableText(ValueError):
    """A text nested or broken beyond what is read. reason: a code for counters."""

    def __init__(self, reason: str):
        self.reason = reason
        super().__init__(reason)


class Segment(NamedTuple):
    """Characters ``start`` to ``end`` of a view stand in the raw text.

    at: the raw position of the first where all of them run on there, else one position for each and one for the end.
    level: how many times a new value has to be escaped; ascii: with \\u for what is not ASCII; number: it is a JSON
    number; code: it lies in a fenced block of source code, or is the name of a field.
    """

    start: int
    end: int
    at: int | list[int]
    level: int = 0
    ascii: bool = False
    number: bool = False
    code: bool = False

    def raw(self, place: int) -> int:
        """Where in the raw text the character at a place of the view stands."""
        return self.at + place - self.start if isinstance(self.at, int) else self.at[place - self.start]


class Piece(NamedTuple):
    """The part of a span that lies in one segment: ``start`` and ``end`` count in the view."""

    segment: Segment
    start: int
    end: int


class View(NamedTuple):
    """text: what detectors read; segments: the parts of it that stand in the raw text, in order, without overlap."""

    text: str
    segments: list[Segment]

    def pieces(self, span: Span) -> Iterator[Piece]:
        """The parts of a span that stand in the raw text; what lies on context (a key shown again) is left out."""
        place = max(0, bisect_right(self.segments, span.start, key=lambda segment: segment.start) - 1)
        while place < len(self.segments) and self.segments[place].start < span.end:
            segment = self.segments[place]
            start, end = max(span.start, segment.start), min(span.end, segment.end)
            if start < end:
                yield Piece(segment, start, end)
            place += 1


def read(text: str) -> View:
    """The view of a text. Raises UnreadableText."""
    if not _SPECIAL.search(text):
        return View(text, [Segment(0, len(text), 0)] if text else [])
    builder = _Builder()
    builder.text(_Source(text, 0, 0, False), False, 0)
    return View("".join(builder.parts), builder.segments)


def write(raw: str, view: View, changes: list[tuple[Piece, str]]) -> str:
    """The raw text with new values in place of pieces of its view; changes are in the order of the view, which is that of the text."""
    parts, here, place = [], 0, 0
    while place < len(changes):
        piece, new = changes[place]
        segment, start, end = piece.segment, piece.segment.raw(piece.start), piece.segment.raw(piece.end)
        place += 1
        if segment.number:
            # The digits of one number are put together first: what is no number any more becomes a string.
            made, last = [view.text[segment.start : piece.start], new], piece.end
            while place < len(changes) and changes[place][0].segment == segment:
                made += [view.text[last : changes[place][0].start], changes[place][1]]
                last = changes[place][0].end
                place += 1
            new = "".join([*made, view.text[last : segment.end]])
            new = new if _NUMBER.fullmatch(new) else json.dumps(new)
            start, end = segment.raw(segment.start), segment.raw(segment.end)
        for _ in range(segment.level):
            new = json.dumps(new, ensure_ascii=segment.ascii)[1:-1]
        parts += [raw[here:start], new]
        here = end
    return "".join([*parts, raw[here:]])


# ---- fences ----------------------------------------------------------------------------------------------------------

_SPECIAL = re.compile(r"[{\[]|```|~~~|\\u")
_FENCE = re.compile(r"^[ \t>]*(?P<mark>`{3,}|~{3,})(?P<info>[^\n]*)$", re.M)
_DATA = re.compile(r"\s*(?:json|tool|function)", re.I)


def fences(text: str) -> Iterator[tuple[int, int, bool]]:
    """The text in parts (start, end, whether it is source code). A block of JSON is data, not code; one never closed ends with the text."""
    here, opened = 0, None
    for match in _FENCE.finditer(text):
        mark = match["mark"]
        if opened is None:
            if mark[0] == "`" and "`" in match["info"]:
                continue  # ```code``` within one line
            yield here, match.start(), False
            here, opened = match.start(), match
        elif mark[0] == opened["mark"][0] and len(mark) >= len(opened["mark"]) and not match["info"].strip():
            yield here, match.end(), not _is_data(opened["info"], text[opened.end() : match.start()])
            here, opened = match.end(), None
    yield here, len(text), opened is not None and not _is_data(opened["info"], text[opened.end() :])


def _is_data(info: str, body: str) -> bool:
    if _DATA.match(info):
        return True
    body = body.strip()
    if info.strip() or body[:1] not in ("{", "["):
        return False
    try:
        json.loads(body, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


# ---- JSON ------------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(rf"(?P<string>{_STRING})(?P<key>\s*:)?|(?P<number>{_NUMBER.pattern})|[{{}}\[\]]", re.S)
# An array of bare numbers is a citation or a matrix: it reads as well where it stands.
_BEGIN = re.compile(r'\{\s*"|\[\s*[\[{"]')
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.S)
_UNICODE_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CALL = frozenset(["arguments", "parameters", "input_schema", "input"])
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.\-]{0,63}")
_FIELD_NAME = re.compile(r"[a-z_][A-Za-z0-9_]{0,63}|[A-Z_][A-Z0-9_]{0,63}")
_CAMEL = re.compile(r"[a-z]+(?:[A-Z][a-z0-9]+)+")
_DECODER = json.JSONDecoder(strict=False)


def _unescape(text: str) -> tuple[str, list[int]]:
    """A text with its JSON escapes decoded, and where each character (and the end) stood. Half a pair becomes U+FFFD."""
    parts, offsets, here = [], [], 0
    for match in _ESCAPE.finditer(text):
        parts.append(text[here : match.start()])
        offsets += range(here, match.start() + 1)
        code = match[0][1:]
        if code[0] != "u" or len(code) < 5:
            char = _SHORT.get(code, code)
        elif len(code) > 5:
            char = chr(0x10000 + ((int(code[1:5], 16) - 0xD800) << 10) + int(code[7:], 16) - 0xDC00)
        else:
            char = chr(int(code[1:], 16))
            char = "\ufffd" if "\ud800" <= char <= "\udfff" else char
        parts.append(char)
        here = match.end()
    offsets += range(here, len(text) + 1)
    return "".join([*parts, text[here:]]), offsets


class _Source(NamedTuple):
    """A text at some depth: where it stands in the raw one (as Segment.at), how deep it is escaped and in which manner."""

    text: str
    at: int | list[int]
    level: int
    ascii: bool

    def where(self, start: int, end: int) -> int | list[int]:
        return self.at + start if isinstance(self.at, int) else self.at[start : end + 1]

    def decoded(self, start: int, end: int, ascii: bool) -> _Source:
        """Characters start to end as the string that they encode."""
        text, at = self.text[start:end], self.where(start, end)
        if "\\" not in text:
            return _Source(text, at, self.level + 1, ascii)
        made, offsets = _unescape(text)
        places = [at + offset for offset in offsets] if isinstance(at, int) else [at[offset] for offset in offsets]
        return _Source(made, places, self.level + 1, ascii)


class _Builder:
    """Puts a view together."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0
        self.segments: list[Segment] = []

    def context(self, text: str) -> None:
        """Characters that stand nowhere in the raw text."""
        self.parts.append(text)
        self.size += len(text)

    def segment(self, source: _Source, start: int, end: int, code: bool, number: bool = False) -> None:
        if start < end:
            where = source.where(start, end)
            self.segments.append(Segment(self.size, self.size + end - start, where, source.level, source.ascii, number, code))
            self.context(source.text[start:end])

    def text(self, source: _Source, code: bool, depth: int) -> None:
        """A text of people: prose, fenced blocks, JSON in any place of both."""
        if depth > MAX_DEPTH:
            raise UnreadableText("too_deep")
        if not _SPECIAL.search(source.text):
            self.segment(source, 0, len(source.text), code)
            return
        for start, end, fenced in fences(source.text):
            here = start
            for left, right, value in _documents(source.text, start, end):
                self.plain(source, here, left, code or fenced, depth)
                self.document(source, left, right, _functions(value), code or fenced, depth)
                here = right
            self.plain(source, here, end, code or fenced, depth)

    def plain(self, source: _Source, start: int, end: int, code: bool, depth: int) -> None:
        if _UNICODE_ESCAPE.search(source.text, start, end):
            # Its depth is not known from here: a quotation mark within a new value is escaped once more, which does no harm.
            decoded = source.decoded(start, end, True)
            if depth > MAX_DEPTH:
                raise UnreadableText("too_deep")
            self.plain(decoded, 0, len(decoded.text), code, depth + 1)
        else:
            self.segment(source, start, end, code)

    def document(self, source: _Source, start: int, end: int, functions: set[str], code: bool, depth: int) -> None:
        """A valid JSON value, one string or number a line, with its key. functions: names that are no person's."""
        raw = source.text[start:end]
        ascii = raw.isascii() and "\\u" in raw
        keys = [""]  # of the containers that are open: the key that their values stand under
        after_key = False
        for match in _TOKEN.finditer(source.text, start, end):
            token = match[0]
            if match["string"] is not None:
                text = source.decoded(match.start("string") + 1, match.end("string") - 1, ascii)
                if match["key"] is not None:
                    self.context("\n")
                    self.key(text, code)
                    self.context(": ")
                    keys[-1] = _key_context(text.text)
                else:
                    # "name: search" would read like somebody's name.
                    key = "" if keys[-1] == "name: " and text.text in functions else keys[-1]
                    self.context("" if after_key and key else "\n" + key)
                    self.text(text, code, depth + 1)
                after_key = match["key"] is not None
            elif match["number"] is not None:
                self.context("" if after_key else "\n" + keys[-1])
                self.segment(source, match.start(), match.end(), code, number=True)
                after_key = False
            elif token == "[":
                keys.append(keys[-1])
            elif token == "{":
                keys.append("")
                after_key = False
            else:
                keys.pop()
                after_key = False
        self.context("\n")

    def key(self, key: _Source, code: bool) -> None:
        """A key is read as words: customer_name, customerName. One that is spelt like these is code, whatever its words mean."""
        start, code = 0, code or bool(_FIELD_NAME.fullmatch(key.text))
        if _CAMEL.fullmatch(key.text):
            for match in re.finditer(r"(?<=[a-z0-9])(?=[A-Z])", key.text):
                self.segment(key, start, match.start(), code)
                self.context(" ")
                start = match.start()
        self.segment(key._replace(text=key.text.replace("_", " ")), start, len(key.text), code)


def _key_context(key: str) -> str:
    return key.replace("_", " ")[:80] + ": "


def _functions(value: Any) -> set[str]:
    """What is called or defined in a JSON value: the names of objects that have arguments or parameters."""
    if isinstance(value, list):
        return set().union(*map(_functions, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(_functions, value.values()))
    name = value.get("name")
    if isinstance(name, str) and _IDENTIFIER.fullmatch(name) and not _CALL.isdisjoint(value):
        found.add(name)
    return found


def _documents(text: str, start: int, end: int) -> Iterator[tuple[int, int, Any]]:
    """Where valid JSON objects and arrays stand, outermost ones, in order, and what they mean. Raises UnreadableText."""
    place, failures, wasted = start, 0, 0
    while match := _BEGIN.search(text, place, end):
        try:
            value, stop = _DECODER.raw_decode(text, match.start())
        except RecursionError:
            raise UnreadableText("too_deep") from None
        except ValueError as error:
            value, stop, failures = None, 0, failures + 1
            wasted += getattr(error, "pos", len(text)) - match.start()
            if failures > _MAX_FAILURES or wasted > 1_000_000 + 20 * len(text):
                raise UnreadableText("odd_json") from None
        if match.start() < stop <= end:
            yield match.start(), stop, value
            place = stop
        else:
            place = match.start() + 1
