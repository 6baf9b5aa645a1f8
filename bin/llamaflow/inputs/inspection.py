"""A look at every input before anything is made of it, and the records of a file that passed."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BadInputError
from ..languages import identify
from ..records import Record, content_id
from .cut_off import told_cut
from .files import SourceFile, discover
from .formats import FORMATS, detect, read_row, safe_keys
from .mapping import apply_mapping, parse_mapping
from .messages import RowError
from .rows import layout_of, read_rows
from .streams import Checked, Compression, check_bytes

SAMPLE = 200


@dataclass(slots=True)
class InspectedFile:
    """A file that can be read, with what the first rows told.

    file_format: json, jsonl, csv, tsv, parquet, text or hugging face; format: a key of FORMATS; bytes, sha256: of the
    file as stored; estimated_records: exact where the sample reached the end or the file tells.
    """

    name: str
    path: Path
    file_format: str
    format: str
    detected: bool
    compression: Compression
    bytes: int
    sha256: str
    rows: int
    estimated_records: int
    sample_records: list[Record]
    sample_rejected: list[tuple[int, str]]
    source: SourceFile = field(repr=False)
    mapping: dict[str, str] = field(repr=False)

    @property
    def label(self) -> str:
        """For people: 'jsonl, openai messages'."""
        return f"{self.file_format}, {FORMATS[self.format].label}"

    @property
    def line(self) -> str:
        """For the log: 'conversations.jsonl: jsonl, openai messages, 431 records'."""
        squeezed = "" if self.compression == "none" else f" ({self.compression})"
        exact = "" if self.rows < SAMPLE else "about "
        return f"{self.name}: {self.label}{squeezed}, {exact}{self.estimated_records} records{'' if self.detected else ' (format as told)'}"


@dataclass(frozen=True, slots=True)
class Item:
    """One record found in a file, or the reason why it is rejected. context: see formats.Conversation.

    told_cut: the row itself says that the answer was cut off.
    """

    number: int
    record: Record | None
    reason: str = ""
    context: str = ""
    told_cut: bool = False


def read_items(file: SourceFile, layout: str, form: str, mapping: dict[str, str], unanswerable: str = "", limit: int | None = None,
               digest: Any = None, marks: dict[str, str] | None = None, stratify_by: str = "") -> Iterator[Item]:  # fmt: skip
    """Every record of a file in order, broken rows included; raises BadInputError where it cannot go on.

    limit: rows to read at most; digest: a hashlib object that takes in the rows (for sources that are no file); marks: go
    into each record's meta; stratify_by: a column whose value goes there as ``stratum``.
    """
    for number, row in itertools.islice(read_rows(file, layout), limit):
        if digest is not None:
            digest.update(json.dumps(row, sort_keys=True, default=str).encode() + b"\n")
        if isinstance(row, RowError):
            yield Item(number, None, row.reason)
            continue
        # The questions of a SQuAD article share its row: their number is the question's place in it.
        nested = form == "squad" and isinstance(row, dict) and "paragraphs" in row
        for place, found in enumerate(read_row(apply_mapping(row, mapping), form, unanswerable), 1):
            if isinstance(found, RowError):
                yield Item(number, None, found.reason)
                continue
            source = f"{file.name}:{number}.{place}" if nested else f"{file.name}:{number}"
            messages = found.messages
            language = identify(" ".join(message.content for message in messages))
            meta = {"format": form} | (marks or {})
            if stratify_by and isinstance(row, dict) and isinstance(row.get(stratify_by), (str, int, float)):
                meta["stratum"] = str(row[stratify_by])[:80]
            cut = told_cut(row)
            told = meta | ({"cut_off": True} if cut else {})
            record = Record(id=content_id(messages), messages=messages, lang=language, source=source, meta=told)
            yield Item(number, record, context=found.context, told_cut=cut)


def inspect_inputs(patterns: Iterable[str | os.PathLike[str]], format: str = "auto", mapping: str | dict[str, str] = "",
                   max_rows: int = SAMPLE, unanswerable: str = "") -> tuple[list[InspectedFile], list[BadInputError]]:  # fmt: skip
    """Look at every input: what it is, its first records, and all that is wrong with any of them.

    Reads every file once whole (compression, UTF-8) and its first max_rows rows. Raises nothing for a bad input.
    """
    files, problems, _ = discover(patterns)
    inspected, more = inspect_files(files, format, mapping, max_rows, unanswerable)
    return inspected, problems + more


def inspect_files(files: Iterable[SourceFile], format: str = "auto", mapping: str | dict[str, str] = "", max_rows: int = SAMPLE,
                  unanswerable: str = "") -> tuple[list[InspectedFile], list[BadInputError]]:  # fmt: skip
    """The same for files that ``discover`` found; the result is sorted by name, then digest."""
    inspected: list[InspectedFile] = []
    problems: list[BadInputError] = []
    if format != "auto" and format not in FORMATS:
        return [], [BadInputError("unknown conversation format", where="--format", why=format, fix=f"one of auto, {', '.join(FORMATS)}")]
    try:
        columns = parse_mapping(mapping) if isinstance(mapping, str) else mapping
    except BadInputError as problem:
        return [], [problem]
    for file in files:
        try:
            inspected.append(_inspect(file, format, columns, max_rows, unanswerable))
        except BadInputError as problem:
            problems.append(problem)
    return sorted(inspected, key=lambda file: (file.name, file.sha256)), problems


def _inspect(file: SourceFile, format: str, mapping: dict[str, str], max_rows: int, unanswerable: str) -> InspectedFile:
    if file.kind == "hugging face":
        checked = Checked("none", 0, hashlib.sha256(file.name.encode()).hexdigest(), 0, 0, b"")
    else:
        checked = check_bytes(file)
    layout = layout_of(file, checked.head)
    rows = list(itertools.islice(read_rows(file, layout), max_rows))
    good = [apply_mapping(row, mapping) for _, row in rows if not isinstance(row, RowError)]
    if not rows:
        raise BadInputError("the file holds no record", where=file.name, fix="leave it out or fill it")
    if not good:
        raise _all_rejected(file, [(number, row.reason) for number, row in rows])
    for name, column in mapping.items():
        if not any(isinstance(row, dict) and name in row for row in good):
            raise BadInputError("a mapped column is not in the file", where=file.name, why=f"{name}={column}", fix="correct --mapping")
    form = format if format != "auto" else detect(good, mapping)
    if not form:
        fix = "name columns with --mapping (prompt=…,completion=…) or the format with --format"
        raise BadInputError("the conversation format is not known", where=file.name, why=safe_keys(good), fix=fix)
    items = list(read_items(file, layout, form, mapping, unanswerable, limit=max_rows))
    records = [item.record for item in items if item.record]
    rejected = [(item.number, item.reason) for item in items if not item.record]
    if not records:
        raise _all_rejected(file, rejected)
    estimate = _estimate(file, layout, checked, rows, len(items), max_rows)
    return InspectedFile(
        name=file.name, path=file.path, file_format=layout, format=form, detected=format == "auto", compression=checked.compression,
        bytes=checked.bytes, sha256=checked.sha256, rows=len(rows), estimated_records=estimate,
        sample_records=records, sample_rejected=rejected, source=file, mapping=mapping,
    )  # fmt: skip


def _all_rejected(file: SourceFile, rejected: list[tuple[int, str]]) -> BadInputError:
    reasons = ", ".join(f"{reason} ({count})" for reason, count in Counter(reason for _, reason in rejected).most_common(5))
    fix = "check the file, or name its format with --format and its columns with --mapping"
    why = f"the first {len(rejected)} are rejected: {reasons}"
    return BadInputError("no valid record", where=f"{file.name}:{rejected[0][0]}", why=why, fix=fix)


def _estimate(file: SourceFile, layout: str, checked: Checked, rows: list[tuple[int, Any]], items: int, max_rows: int) -> int:
    """Records in the whole file, from the sample's size or from the count that the file itself gives."""
    if len(rows) < max_rows:
        return items
    if layout == "jsonl":
        return max(items, checked.lines)
    if not checked.decoded:
        return items
    if layout == "parquet" and checked.compression == "none":
        import pyarrow.parquet as parquet

        return int(parquet.ParquetFile(file.path).metadata.num_rows)
    # CSV and text hold the values alone, JSON the keys as well.
    written = [list(row.values()) if layout in ("csv", "tsv") and isinstance(row, dict) else row for _, row in rows]
    size = sum(len(json.dumps(row, ensure_ascii=False, default=str).encode("utf-8", "replace")) for row in written)
    if layout in ("csv", "tsv"):
        size -= 3 * sum(len(row) for row in written if isinstance(row, list))
    return max(items, int(items * checked.decoded / max(1, size)))
