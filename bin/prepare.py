#!/usr/bin/env python3
"""Turn users' files into shards of canonical records: read, check, clean, drop duplicates.

    prepare.py --input conversas.jsonl tickets.csv.gz pasta/ --mapping 'prompt=pergunta,completion=resposta' \
        --shards-dir shards --rejected rejected.jsonl --summary prepare.json

Reads JSON, JSONL, CSV, TSV, Parquet and text, plain or .gz or .zst, in the formats openai messages, ShareGPT, alpaca,
prompt/completion, SQuAD and text. Text files: each paragraph between blank lines is one record with a single assistant
turn, as for continued pre-training. Records come out in the order of file names and, within a file, as they stand.
Those of --test-input, the user's own test set, come last and are marked in meta: {"split": "test"}.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from array import array
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from llamaflow.duplicates import ExactDuplicates, NearDuplicates
from llamaflow.errors import BadInputError, ManyProblems, run_step
from llamaflow.files import sha256_folder, whole_file, write_json
from llamaflow.inputs import FORMATS, InspectedFile, Item, discover, inspect_files, read_items
from llamaflow.inputs.cut_off import PileUp, breaks_off
from llamaflow.lengths import describe
from llamaflow.progress import Progress
from llamaflow.records import Record
from llamaflow.shards import ShardWriter, whole_folder, write_without
from llamaflow.summaries import InputFile, Lengths, PrepareSummary

SHOWN = 10


@dataclass(slots=True)
class Counts:
    """Bookkeeping: records_in = kept + rejected + exact + near."""

    records_in: int = 0
    kept: int = 0
    tests: int = 0
    exact: int = 0
    near: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    def __str__(self) -> str:
        duplicates = f"{self.exact} exact duplicates, {self.near} near duplicates"
        return f"{self.records_in} read: {self.rejected} rejected, {duplicates}, {self.kept} kept"


class Kept:
    """Language and size of each record that was written, by its number; 17 bytes a record."""

    def __init__(self) -> None:
        self.languages: list[str] = []
        self.words, self.characters, self._language = array("L"), array("L"), array("B")

    def add(self, record: Record) -> int:
        """Take in a record; returns its number."""
        if record.lang not in self.languages:
            self.languages.append(record.lang)
        self._language.append(self.languages.index(record.lang))
        self.words.append(words_of(record))
        self.characters.append(sum(len(message.content) for message in record.messages))
        return len(self._language) - 1

    def without(self, numbers: set[int], sizes: array[int]) -> dict[str, Lengths]:
        """language -> lengths of its records but those of these numbers. sizes: ``words`` or ``characters``."""
        left = np.ones(len(self._language), bool)
        left[list(numbers)] = False
        codes, values = np.frombuffer(self._language, np.uint8), np.frombuffer(sizes, np.dtype("L"))
        found = {name: describe(values[left & (codes == code)]) for code, name in enumerate(self.languages)}
        return {name: lengths for name, lengths in sorted(found.items()) if lengths.records}


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("what to read")
    group.add_argument("--input", nargs="+", required=True, metavar="PATH", help="files, folders, globs or hf:owner/name[:split]")
    group.add_argument("--format", default="auto", choices=["auto", *FORMATS], help="conversation format (default: found per file)")
    group.add_argument("--mapping", default="", help="other column names: canonical=column,… as in prompt=pergunta,completion=resposta")
    group.add_argument("--unanswerable", default="", metavar="TEXT", help="answer for SQuAD questions without one (default: reject them)")
    group.add_argument("--test-input", nargs="*", default=[], metavar="PATH", help="the user's own test set, read and mapped as --input")
    group.add_argument("--stratify-by", default="", metavar="COLUMN", help="column whose value each record takes along for SPLIT")
    group = parser.add_argument_group("what to keep")
    group.add_argument("--max-reject-rate", type=float, default=0.05, help="rejected / read above which nothing is written (0..1)")
    group.add_argument("--max-words", type=int, default=4000, help="longer records are rejected (words between white space, all turns)")
    group.add_argument("--min-records", type=int, default=10, help="fewer distinct records than this are an error")
    group.add_argument("--near-duplicate-threshold", type=float, default=0.85, help="Jaccard of word 3-shingles; 0 turns it off")
    group.add_argument("--drop-cut-off", choices=["true", "false"], default="true", help="reject answers that were cut off at the source")
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
    inspected, notes = look(args)
    counts, files, broken, sizes = Counts(), [], [], Kept()
    exact = {False: ExactDuplicates(), True: ExactDuplicates()}
    near = NearDuplicates(args.near_duplicate_threshold, seed=args.seed) if args.near_duplicate_threshold else None
    expected = sum(file.estimated_records for file, _ in inspected)
    with ExitStack() as outputs:
        folder = outputs.enter_context(whole_folder(args.shards_dir))
        rejected = outputs.enter_context(whole_file(args.rejected))
        progress = outputs.enter_context(Progress("prepare", expected, "records"))
        taken_back: set[int] = set()
        with ShardWriter(folder, args.shard_size) as writer:
            for file, own_test in inspected:
                before = counts.records_in, counts.rejected
                digest = hashlib.sha256() if file.file_format == "hugging face" else None
                items = read_items(
                    file.source, file.file_format, file.format, file.mapping, args.unanswerable, digest=digest,
                    marks={"split": "test"} if own_test else {}, stratify_by=args.stratify_by,
                )  # fmt: skip
                pile = PileUp[tuple[int, int]]()
                try:
                    for item in items:
                        counts.records_in += 1
                        reason = item.reason or reason_against(item, args)
                        if reason:
                            reject(file, item.number, reason, counts, rejected)
                        elif exact[own_test].add(item.record.id):
                            counts.exact += 1
                        elif near and not own_test and near.add(comparable(item)):
                            counts.near += 1
                        else:
                            number = sizes.add(item.record)
                            counts.kept += 1
                            counts.tests += own_test
                            writer.write(item.record.model_dump_json() + "\n")
                            if file.format != "text":
                                pile.add((number, item.number), item.record.messages[-1].content)
                        progress.update(kept=counts.kept, rejected=counts.rejected)
                except BadInputError as problem:
                    # The rest of the files is still looked at: one run shows all that is to be repaired.
                    broken.append(problem)
                for number, line in pile.found() if args.drop_cut_off == "true" else []:
                    reject(file, line, "cut_off", counts, rejected)
                    counts.kept -= 1
                    counts.tests -= own_test
                    taken_back.add(number)
                sha256 = digest.hexdigest() if digest else file.sha256
                files.append(input_file(file, counts.records_in - before[0], counts.rejected - before[1], sha256, own_test))
        check_counts(counts, broken, args)
        shards = write_without(folder, args.shard_size, taken_back) if taken_back else writer.shards
    words = sizes.without(taken_back, sizes.words)
    languages = {name: lengths.records for name, lengths in words.items()}
    summary = PrepareSummary(
        seconds=round(time.monotonic() - start, 3), warnings=[*notes, *warnings_of(counts, languages)], files=files,
        records_in=counts.records_in, kept=counts.kept, test_records=counts.tests,
        rejected=counts.rejected, rejected_by_reason=dict(sorted(counts.reasons.items())),
        exact_duplicates=counts.exact, near_duplicates=counts.near, languages=languages,
        words=words, characters=sizes.without(taken_back, sizes.characters), shards=shards, data_digest=sha256_folder(args.shards_dir),
    )  # fmt: skip
    write_json(args.summary, summary)
    print(f"prepare: {counts} in {shards} shard(s)", file=sys.stderr)
    return summary


def look(args: argparse.Namespace) -> tuple[list[tuple[InspectedFile, bool]], list[str]]:
    """Every file inspected, with whether it is part of the user's own test set, and notes; raises all problems at once."""
    found: list[tuple[InspectedFile, bool]] = []
    problems, notes = [], []
    for patterns, own_test in ((args.input, False), (args.test_input, True)):
        if not patterns:
            continue
        sources, missing, remarks = discover(patterns)
        inspected, bad = inspect_files(sources, args.format, args.mapping, unanswerable=args.unanswerable)
        found += [(file, own_test) for file in inspected]
        problems += missing + bad
        notes += remarks
    for file, own_test in found:
        print(file.line + (" (test set)" if own_test else ""), file=sys.stderr)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if problems:
        raise ManyProblems(problems)
    return found, notes


def reason_against(item: Item, args: argparse.Namespace) -> str:
    """Why a sound record is rejected all the same, '' when it is not."""
    if words_of(item.record) > args.max_words:
        return "too_long"
    text = item.record.meta["format"] == "text"
    if args.drop_cut_off == "true" and (item.told_cut or not text and breaks_off(item.record.messages[-1].content)):
        return "cut_off"
    return ""


def input_file(file: InspectedFile, records: int, rejected: int, sha256: str, own_test: bool) -> InputFile:
    """One file's line of the summary."""
    return InputFile(
        name=file.name, format=file.label, compression=file.compression, detected=file.detected, bytes=file.bytes, sha256=sha256,
        records=records, rejected=rejected, own_test=own_test,
    )  # fmt: skip


def reject(file: InspectedFile, number: int, reason: str, counts: Counts, stream) -> None:
    """Write down where and why, never what."""
    stream.write(json.dumps({"file": file.name, "line": number, "reason": reason}, ensure_ascii=False) + "\n")
    counts.reasons[reason] += 1
    if len(counts.first) < SHOWN:
        counts.first.append(f"{file.name}:{number} {reason}")


def check_counts(counts: Counts, broken: list[BadInputError], args: argparse.Namespace) -> None:
    """Raise when the result is not one to train on; everything written so far then vanishes."""
    problems = list(broken)
    if counts.rejected > args.max_reject_rate * counts.records_in:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in counts.reasons.most_common())
        hints = {"unanswerable": "answer questions without an answer with --unanswerable TEXT", "too_long": "raise --max_words"}
        hints["cut_off"] = "keep answers that end in the middle with --drop_cut_off false"
        fix = [text for reason, text in hints.items() if counts.reasons[reason]]
        fix += ["repair these lines", "name the format with --format or columns with --mapping", "raise --max_reject_rate"]
        what = f"too many records are rejected: {counts.rejected} of {counts.records_in} (--max_reject_rate {args.max_reject_rate:g})"
        where = ", ".join(counts.first) + (", …" if counts.rejected > SHOWN else "")
        problems.append(BadInputError(what, where=where, why=reasons, fix="; or ".join(fix)))
    elif counts.kept - counts.tests < args.min_records and not broken:
        problems.append(
            BadInputError(
                f"only {counts.kept - counts.tests} distinct records, at least {args.min_records} are needed",
                where="--input",
                why=str(counts),
                fix="add data; for a trial lower --min_records, or turn near duplicates off with --near_duplicate_threshold 0",
            )  # fmt: skip
        )
    if problems:
        raise ManyProblems(problems)


def warnings_of(counts: Counts, languages: dict[str, int]) -> list[str]:
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
    if languages.get("unknown", 0) > 0.2 * counts.kept:
        unknown = f"{languages['unknown']} of {counts.kept}"
        found.append(f"the language of {unknown} records is neither Portuguese nor English, or not clear")
    return found


if __name__ == "__main__":
    sys.exit(run_step(main, private=True))
