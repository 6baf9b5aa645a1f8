"""Readers of the file kinds: each yields (number, value), where a broken row's value is a RowError.

number is the line where the row starts (JSONL, CSV, text) or the row's position from 1 (JSON, Parquet, Hugging Face).
What makes the rest of the file unreadable raises BadInputError. Only one row (Parquet: 1024) is in memory at a time.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from ..errors import BadInputError
from .files import SourceFile
from .messages import RowError
from .streams import BOM, CHUNK, explained, open_bytes, open_text

Rows = Iterator[tuple[int, Any]]
MAX_ROW = 64 << 20
# Of what JSON writes outside of strings or escapes inside them (\\ud83d\\ude00): so far from the end an error is none of a cut.
LONGEST_TOKEN = 16
# Keys under which a JSON object holds its rows.
ROW_KEYS = ("data", "rows", "records", "examples")
BLANK = re.compile(r"[ \t\n\r\ufeff]*")
csv.field_size_limit(MAX_ROW)


def read_rows(file: SourceFile, layout: str) -> Rows:
    """Rows of a file; layout as ``layout_of`` found it. Raises BadInputError, also in the middle of the file."""
    with explained(file):
        yield from READERS[layout](file)


def layout_of(file: SourceFile, head: bytes) -> str:
    """'json', 'jsonl', 'csv', 'tsv', 'parquet' or 'text': by the suffix, and by the content where suffixes often lie.

    head: the first (decompressed) bytes. Raises BadInputError when neither tells.
    """
    if file.kind == "hugging face":
        return "hugging face"
    if head.startswith(b"PAR1"):
        return "parquet"
    if file.kind == "parquet":
        raise BadInputError("not a Parquet file", where=file.name, why="it does not start with PAR1", fix="write it again as Parquet")
    if file.kind == "csv":
        return "tsv" if dialect_of(file)[0] == "\t" else "csv"
    if file.kind == "text":
        return "text"
    start = head.removeprefix(BOM).lstrip()[:1]
    if file.kind in ("json", "jsonl") or start in (b"[", b"{"):
        return _json_layout(file)
    known = "json, jsonl, ndjson, csv, tsv, parquet, txt, md"
    raise BadInputError("the kind of file is not known", where=file.name, fix=f"give it a suffix that tells ({known}; .gz or .zst behind)")


def _json_layout(file: SourceFile) -> str:
    """JSON Lines in a .json file and one big array in a .jsonl file are both common."""
    with explained(file), open_bytes(file.path) as stream:
        first = second = b""
        while not first and (line := stream.readline(MAX_ROW)):
            first = line.removeprefix(BOM).strip()
        while not second and (line := stream.readline(MAX_ROW)):
            second = line.strip()
    if file.kind == "jsonl" and not first.startswith(b"["):
        return "json" if first == b"{" and not second.startswith(b"{") else "jsonl"
    # A file of one line is never parsed here: it may be the whole array.
    return "jsonl" if second and _is_json(first) else "json"


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8"), strict=False), (dict, list))
    except (ValueError, RecursionError):
        return False


def _read_jsonl(file: SourceFile) -> Rows:
    with open_bytes(file.path) as stream:
        number = 0
        while line := stream.readline(MAX_ROW):
            number += 1
            if len(line) == MAX_ROW and not line.endswith(b"\n"):
                raise BadInputError("a line is longer than 64 MiB", where=f"{file.name}:{number}", fix="write one record a line")
            line = (line.removeprefix(BOM) if number == 1 else line).strip()
            if line:
                try:
                    # Raw control characters inside strings are let in here: cleaning removes them.
                    yield number, json.loads(line.decode("utf-8"), strict=False)
                except UnicodeDecodeError:
                    raise
                except (ValueError, RecursionError):
                    yield number, RowError("invalid_json")


class _JsonScanner:
    """Takes values one by one off a JSON text that is never wholly in memory."""

    def __init__(self, stream: IO[str], name: str):
        self._stream, self._name = stream, name
        self._text, self._at, self._lines, self._ended = "", 0, 0, False
        self._decoder = json.JSONDecoder(strict=False)

    def _fill(self) -> bool:
        more = "" if self._ended else self._stream.read(max(CHUNK, len(self._text) - self._at))
        self._ended = not more
        self._lines += self._text.count("\n", 0, self._at)
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)

    def error(self, what: str, at: int | None = None, why: str = "") -> BadInputError:
        line = self._lines + self._text.count("\n", 0, self._at if at is None else at) + 1
        fix = "write the file again; as JSONL, one broken line would not matter"
        return BadInputError(what, where=f"{self._name}:{line}", why=why, fix=fix)

    def peek(self) -> str:
        """The next character that is not white space, '' at the end."""
        while True:
            self._at = BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def take(self, expected: str) -> None:
        if (found := self.peek()) not in expected or not found:
            raise self.error("the JSON ends early" if not found else "not valid JSON", why=f"expected one of {' '.join(expected)}")
        self._at += 1

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                if end == len(self._text) and not self._ended:
                    # A number at the end of what was read so far may go on.
                    self._fill()
                    continue
                self._at = end
                return value
            except RecursionError:
                raise self.error("the JSON is nested too deeply") from None
            except json.JSONDecodeError as error:
                if error.pos < len(self._text) - LONGEST_TOKEN and not error.msg.startswith("Unterminated string"):
                    # Nothing that is still to be read can mend this.
                    raise self.error("not valid JSON", error.pos, error.msg) from None
                if len(self._text) - self._at > MAX_ROW:
                    raise self.error("not valid JSON", error.pos, "or a record of more than 64 MiB") from None
                if not self._fill():
                    # The scanner's position may have moved to 0 while the error counts from the old one.
                    raise self.error("not valid JSON", why=f"{error.msg}, in the record that starts here") from None
            except ValueError:
                raise self.error("a number in the JSON is too long") from None

    def items(self) -> Iterator[Any]:
        """The elements of the array that comes next."""
        self.take("[")
        if self.peek() == "]":
            return self.take("]")
        while True:
            yield self.value()
            if self.peek() == "]":
                return self.take("]")
            self.take(",]")


def _read_json(file: SourceFile) -> Rows:
    """An array, an object with its rows under ``data`` (SQuAD), one record, or several of these in a row."""
    with open_text(file.path) as stream:
        scanner, number = _JsonScanner(stream, file.name), 0
        while start := scanner.peek():
            values = scanner.items() if start == "[" else _object(scanner) if start == "{" else iter([scanner.value()])
            for value in values:
                number += 1
                yield number, value


def _object(scanner: _JsonScanner) -> Iterator[Any]:
    scanner.take("{")
    row: dict[str, Any] = {}
    streamed = False
    while scanner.peek() != "}":
        if scanner.peek() != '"':
            raise scanner.error("not valid JSON" if scanner.peek() else "the JSON ends early", why="expected a key")
        key = scanner.value()
        scanner.take(":")
        if key in ROW_KEYS and scanner.peek() == "[":
            streamed = True
            yield from scanner.items()
        else:
            row[key] = scanner.value()
        if scanner.peek() != "}":
            scanner.take(",")
    scanner.take("}")
    if not streamed:
        yield row


def dialect_of(file: SourceFile) -> tuple[str, int]:
    """Delimiter and quoting of a CSV/TSV file: the pair under which most of the first rows have the header's width.

    Quotes are usual in CSV; in TSV they are often plain characters, and reading them as quotes would swallow rows.
    """
    with explained(file), open_text(file.path) as stream:
        sample = stream.read(CHUNK)
    cut = len(sample) == CHUNK
    if cut:
        sample = sample[: sample.rfind("\n") + 1] or sample
    best, choice = (False, -1.0, -1), (",", csv.QUOTE_MINIMAL)
    for delimiter in "\t,;|" if ".tsv" in file.name.lower() else ",;\t|":
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE) if delimiter == "\t" else (csv.QUOTE_MINIMAL,):
            reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
            widths, broken = [], 0
            while True:
                try:
                    widths.append(len(next(reader)))
                except StopIteration:
                    break
                except csv.Error as error:
                    broken += not (cut and "unexpected end" in str(error))
            widths = [width for width in widths if width]
            if widths and widths[0] > 1:
                # No exception at all, then the share of regular rows, then how many there are: a swallowed row is one less.
                regular = sum(width == widths[0] for width in widths) / (len(widths) + broken)
                score = (regular == 1, round(regular, 2), 0 if regular == 1 else len(widths))
                if score > best:
                    best, choice = score, (delimiter, quoting)
    return choice


def _read_csv(file: SourceFile) -> Rows:
    delimiter, quoting = dialect_of(file)
    with open_text(file.path) as stream:
        reader = csv.reader(stream, delimiter=delimiter, quoting=quoting, strict=True)
        header: list[str] = []
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                where = f"{file.name}:{line}"
                if "unexpected end" in str(error) or "field limit" in str(error):
                    why = f"a quote opened in the record of line {line} is never closed"
                    raise BadInputError("the CSV has an open quote", where=where, why=why, fix="close or double it") from None
                if not header:
                    raise BadInputError("the CSV header cannot be read", where=where, fix="quote names that hold quotes") from None
                yield line, RowError("broken_csv")
                continue
            if not cells:
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                named = [name for name in header if name]
                if len(set(named)) < len(named):
                    raise BadInputError("two columns have the same name", where=f"{file.name}:{line}", fix="rename one in the header")
            elif len(cells) != len(header):
                yield line, RowError("wrong_column_count")
            else:
                yield line, {name: cell for name, cell in zip(header, cells, strict=True) if name}


def _read_parquet(file: SourceFile) -> Rows:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    with open_bytes(file.path) as stream, tempfile.TemporaryFile() as unpacked:
        # Parquet is read from its end, which a compressed stream cannot offer.
        source: Any = stream
        if not (isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO)):
            shutil.copyfileobj(stream, unpacked, CHUNK)
            unpacked.seek(0)
            source = unpacked
        number = 0
        try:
            for batch in parquet.ParquetFile(source, pre_buffer=False).iter_batches(batch_size=1024, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
        except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
            why = f"{type(error).__name__} after {number} rows"
            raise BadInputError("the Parquet file is damaged", where=file.name, why=why, fix="copy or write it again") from None


def _read_text(file: SourceFile) -> Rows:
    """Documents: what stands between blank lines."""
    with open_bytes(file.path) as stream:
        block: list[bytes] = []
        start = number = size = 0
        while line := stream.readline(MAX_ROW):
            number += 1
            line = line.removeprefix(BOM) if number == 1 else line
            if line.strip():
                start = start if block else number
                block.append(line)
                size += len(line)
                if size >= MAX_ROW:
                    where = f"{file.name}:{start}"
                    raise BadInputError("a paragraph is longer than 64 MiB", where=where, fix="put blank lines between documents")
            elif block:
                yield start, b"".join(block).decode("utf-8")
                block, size = [], 0
        if block:
            yield start, b"".join(block).decode("utf-8")


def _read_hub(file: SourceFile) -> Rows:
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    try:
        dataset = load_dataset(str(file.path), split=file.split)
        rows = enumerate(dataset, 1)
    except Exception as error:  # the library raises dozens of kinds, some with addresses and tokens in their words
        why = f"{type(error).__name__}; the hub is out of reach, or it has no such dataset, split or access for this user"
        fix = "check the id and the network (HF_ENDPOINT, HF_TOKEN), or download the data and name the files"
        raise BadInputError("the Hugging Face dataset could not be loaded", where=file.name, why=why, fix=fix) from None
    yield from rows


READERS = {
    "json": _read_json, "jsonl": _read_jsonl, "csv": _read_csv, "tsv": _read_csv, "parquet": _read_parquet, "text": _read_text,
    "hugging face": _read_hub,
}  # fmt: skip
