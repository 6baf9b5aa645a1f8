#!/usr/bin/env python3
"""Turn users' files into shards of canonical records: read, check, clean, drop duplicates.

    prepare.py --input conversas.jsonl tickets.csv.gz pasta/ --mapping 'prompt=pergunta,completion=resposta' \
        --shards-dir shards --rejected rejected.jsonl --summary prepare.json

Reads JSON, JSONL, CSV, TSV, Parquet and text, plain or .gz or .zst, in the formats openai messages, ShareGPT, alpaca,
prompt/completion, SQuAD and text. Text files: each paragraph between blank lines is one record with a single assistant
turn, as for continued pre-training. Records come out in the order of file names and, within a file, as they stand.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from llamaflow.duplicates import ExactDuplicates, NearDuplicates
from llamaflow.errors import BadInputError, ManyProblems, run_step
from llamaflow.files import sha256_folder, whole_file, write_json
from llamaflow.inputs import FORMATS, InspectedFile, Item, discover, inspect_files, read_items
from llamaflow.progress import Progress
from llamaflow.records import Record
from llamaflow.summaries import InputFile, PrepareSummary

SHOWN = 10


@dataclass(slots=True)
class Counts:
    """Bookkeeping: records_in = kept + rejected + exact + near."""

    records_in: int = 0
    kept: int = 0
    exact: int = 0
    near: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    def __str__(self) -> str:
        duplicates = f"{self.exact} exact duplicates, {self.near} near duplicates"
        return f"{self.records_in} read: {self.rejected} rejected, {duplicates}, {self.kept} kept"


class ShardWriter:
    """Writes records into shard-00000.jsonl.zst, … of at most ``size`` records each."""

    def __init__(self, folder: Path, size: int):
        self.folder, self.size, self.shards, self._room = folder, size, 0, 0
        self._open = ExitStack()

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.__exit__(*exception)  # type: ignore[arg-type]

    def write(self, record: Record) -> None:
        """Append one record."""
        if not self._room:
            self._open.close()
            self._stream = self._open.enter_context(whole_file(self.folder / f"shard-{self.shards:05d}.jsonl.zst"))
            self.shards, self._room = self.shards + 1, self.size
        self._stream.write(record.model_dump_json() + "\n")
        self._room -= 1


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("what to read")
    group.add_argument("--input", nargs="+", required=True, metavar="PATH", help="files, folders, globs or hf:owner/name[:split]")
    group.add_argument("--format", default="auto", choices=["auto", *FORMATS], help="conversation format (default: found per file)")
    group.add_argument("--mapping", default="", help="other column names: canonical=column,… as in prompt=pergunta,completion=resposta")
    group.add_argument("--unanswerable", default="", metavar="TEXT", help="answer for SQuAD questions without one (default: reject them)")
    group = parser.add_argument_group("what to keep")
    group.add_argument("--max-reject-rate", type=float, default=0.05, help="rejected / read above which nothing is written (0..1)")
    group.add_argument("--max-words", type=int, default=4000, help="longer records are rejected (words between white space, all turns)")
    group.add_argument("--min-records", type=int, default=10, help="fewer distinct records than this are an error")
    group.add_argument("--near-duplicate-threshold", type=float, default=0.85, help="Jaccard of word 3-shingles; 0 turns it off")
    group.add_argument("--seed", type=int, default=17, help="of the MinHash functions")
    group = parser.add_argument_group("what to write")
    group.add_argument("--shard-size", type=int, default=20_000, help="records per shard")
    group.add_argument("--shards-dir", type=Path, default=Path("shards"))
    group.add_argument("--rejected", type=Path, default=Path("rejected.jsonl"), help="file, line and reason of each rejected record")
    group.add_argument("--summary", type=Path, default=Path("prepare.json"))
    return parser.parse_args(argv)


def check_args(args: argparse.Namespace) -> None:
    """Raise all that is wrong with the numbers and the output folder at once."""
    ranges = {
        "--max_reject_rate": 0 <= args.max_reject_rate <= 1,
        "--near_duplicate_threshold": args.near_duplicate_threshold == 0 or 0.1 <= args.near_duplicate_threshold <= 1,
        "--max_words": args.max_words > 0,
        "--min_records": args.min_records > 0,
        "--shard_size": args.shard_size > 0,
        "--seed": args.seed >= 0,
    }
    fixes = {"--max_reject_rate": "a share from 0 to 1", "--near_duplicate_threshold": "0, or from 0.1 to 1", "--seed": "0 or more"}
    wrong = [name for name, good in ranges.items() if not good]
    problems = [BadInputError("a value out of range", where=name, fix=f"give {fixes.get(name, 'a number above 0')}") for name in wrong]
    if args.shards_dir.exists() and (not args.shards_dir.is_dir() or any(args.shards_dir.iterdir())):
        fix = "remove it or name another --shards-dir"
        problems.append(BadInputError("the output folder is not empty", where=str(args.shards_dir), fix=fix))
    if problems:
        raise ManyProblems(problems)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears under its name only once it is complete."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    partial.mkdir(parents=True)
    try:
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def comparable(item: Item) -> str:
    """What near duplicates are judged by: the turns without what many distinct records share.

    Each question about one long passage, or each chat under one long system text, would else look like the others.
    Their own few words decide; the shared text counts as one word.
    """
    assert item.record
    parts = []
    for message in item.record.messages:
        text, shared = message.content, message.content if message.role == "system" else item.context
        if shared and text.startswith(shared):
            text = hashlib.blake2b(shared.encode(), digest_size=8).hexdigest() + text[len(shared) :]
        parts.append(text)
    return "\n".join(parts)


def words_of(record: Record) -> int:
    """Words between white space, over all turns."""
    return sum(len(message.content.split()) for message in record.messages)


def main(argv: list[str] | None = None) -> PrepareSummary:
    """Run the step; raises BadInputError or ManyProblems with nothing written."""
    start = time.monotonic()
    args = parse_args(argv)
    check_args(args)
    sources, problems, notes = discover(args.input)
    inspected, more = inspect_files(sources, args.format, args.mapping, unanswerable=args.unanswerable)
    for file in inspected:
        print(file.line, file=sys.stderr)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if problems + more:
        raise ManyProblems([*problems, *more])

    counts, files, broken = Counts(), [], []
    exact = ExactDuplicates()
    near = NearDuplicates(args.near_duplicate_threshold, seed=args.seed) if args.near_duplicate_threshold else None
    expected = sum(file.estimated_records for file in inspected)
    with ExitStack() as outputs:
        folder = outputs.enter_context(whole_folder(args.shards_dir))
        rejected = outputs.enter_context(whole_file(args.rejected))
        writer = outputs.enter_context(ShardWriter(folder, args.shard_size))
        progress = outputs.enter_context(Progress("prepare", expected, "records"))
        for file in inspected:
            before = counts.records_in, counts.rejected
            digest = hashlib.sha256() if file.file_format == "hugging face" else None
            items = read_items(file.source, file.file_format, file.format, file.mapping, args.unanswerable, digest=digest)
            try:
                for item in items:
                    counts.records_in += 1
                    reason = item.reason
                    if item.record and words_of(item.record) > args.max_words:
                        reason = "too_long"
                    if reason:
                        reject(file, item, reason, counts, rejected)
                    elif item.record and exact.add(item.record.id):
                        counts.exact += 1
                    elif item.record and near and near.add(comparable(item)):
                        counts.near += 1
                    elif item.record:
                        counts.kept += 1
                        counts.languages[item.record.lang] += 1
                        writer.write(item.record)
                    progress.update(kept=counts.kept, rejected=counts.rejected)
            except BadInputError as problem:
                # The rest of the files is still looked at: one run shows all that is to be repaired.
                broken.append(problem)
            sha256 = digest.hexdigest() if digest else file.sha256
            files.append(input_file(file, counts.records_in - before[0], counts.rejected - before[1], sha256))
        check_counts(counts, broken, args)
    summary = PrepareSummary(
        seconds=round(time.monotonic() - start, 3), warnings=[*notes, *warnings_of(counts)], files=files,
        records_in=counts.records_in, kept=counts.kept,
        rejected=counts.rejected, rejected_by_reason=dict(sorted(counts.reasons.items())),
        exact_duplicates=counts.exact, near_duplicates=counts.near, languages=dict(sorted(counts.languages.items())),
        shards=writer.shards, data_digest=sha256_folder(args.shards_dir),
    )  # fmt: skip
    write_json(args.summary, summary)
    print(f"prepare: {counts} in {writer.shards} shard(s)", file=sys.stderr)
    return summary


def input_file(file: InspectedFile, records: int, rejected: int, sha256: str) -> InputFile:
    """One file's line of the summary."""
    return InputFile(
        name=file.name, format=file.label, compression=file.compression, detected=file.detected, bytes=file.bytes, sha256=sha256,
        records=records, rejected=rejected,
    )  # fmt: skip


def reject(file: InspectedFile, item: Item, reason: str, counts: Counts, stream) -> None:
    """Write down where and why, never what."""
    stream.write(json.dumps({"file": file.name, "line": item.number, "reason": reason}, ensure_ascii=False) + "\n")
    counts.reasons[reason] += 1
    if len(counts.first) < SHOWN:
        counts.first.append(f"{file.name}:{item.number} {reason}")


def check_counts(counts: Counts, broken: list[BadInputError], args: argparse.Namespace) -> None:
    """Raise when the result is not one to train on; everything written so far then vanishes."""
    problems = list(broken)
    if counts.rejected > args.max_reject_rate * counts.records_in:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in counts.reasons.most_common())
        hints = {"unanswerable": "answer questions without an answer with --unanswerable TEXT", "too_long": "raise --max_words"}
        fix = [text for reason, text in hints.items() if counts.reasons[reason]]
        fix += ["repair these lines", "name the format with --format or columns with --mapping", "raise --max_reject_rate"]
        what = f"too many records are rejected: {counts.rejected} of {counts.records_in} (--max_reject_rate {args.max_reject_rate:g})"
        where = ", ".join(counts.first) + (", …" if counts.rejected > SHOWN else "")
        problems.append(BadInputError(what, where=where, why=reasons, fix="; or ".join(fix)))
    elif counts.kept < args.min_records and not broken:
        problems.append(
            BadInputError(
                f"only {counts.kept} distinct records, at least {args.min_records} are needed",
                where="--input",
                why=str(counts),
                fix="add data; for a trial lower --min_records, or turn near duplicates off with --near_duplicate_threshold 0",
            )  # fmt: skip
        )
    if problems:
        raise ManyProblems(problems)


def warnings_of(counts: Counts) -> list[str]:
    """Sentences on what a person should look at."""
    found = []
    if counts.rejected:
        reasons = ", ".join(f"{reason} {count}" for reason, count in islice(counts.reasons.most_common(), 5))
        found.append(f"{counts.rejected} of {counts.records_in} records were rejected ({reasons}); see rejected.jsonl")
    if counts.near > 0.3 * counts.records_in:
        found.append(
            f"{counts.near} of {counts.records_in} records are near duplicates: a long text that many prompts share can make "
            "distinct records look alike; raise --near_duplicate_threshold or set it to 0 if they are distinct"
        )
    if counts.languages["unknown"] > 0.2 * counts.kept:
        unknown = f"{counts.languages['unknown']} of {counts.kept}"
        found.append(f"the language of {unknown} records is neither Portuguese nor English, or not clear")
    return found


if __name__ == "__main__":
    sys.exit(run_step(main, private=True))
