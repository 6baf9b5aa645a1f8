#!/usr/bin/env python3
"""Split pseudonymized shards into train, validation and test sets that stay put when records are added.

split.py --shards shard-*.jsonl.zst --validation 0.1 --test 0.1 --seed 17 --outdir . --summary split.json
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter
from pathlib import Path

from llamaflow.errors import BadInputError, run_step
from llamaflow.files import sha256_file, whole_file, write_json
from llamaflow.progress import Progress
from llamaflow.records import content_id, read_records
from llamaflow.summaries import SplitSummary

NAMES = ("train", "validation", "test")


def main(argv: list[str] | None = None) -> None:
    """Send each record to the set that its own content decides."""
    started = time.monotonic()
    args = parse(argv)
    if not 0 < args.validation < 1 or not 0 < args.test < 1 or args.validation + args.test >= 1:
        raise BadInputError(
            "the shares of validation and test must be above 0 and leave something to train on",
            where="--validation_share, --test_share",
            fix="use for example 0.1 and 0.1",
        )
    counts: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    seen: set[str] = set()
    duplicates = 0
    paths = {name: args.outdir / f"{name}.jsonl" for name in NAMES}
    with whole_file(paths["train"]) as train, whole_file(paths["validation"]) as validation, whole_file(paths["test"]) as test:
        streams = {"train": train, "validation": validation, "test": test}
        with Progress("split", None, "record") as progress:
            for shard in sorted(args.shards):
                for record in read_records(shard):
                    progress.update()
                    # Two people's records can become one text once names and numbers are replaced by type.
                    digest = content_id(record.messages)
                    if digest in seen:
                        duplicates += 1
                        continue
                    seen.add(digest)
                    name = choose(record.id, args.seed, args.validation, args.test)
                    counts[name][record.lang] += 1
                    streams[name].write(record.model_dump_json() + "\n")
        for name in NAMES:
            size = counts[name].total()
            if size < args.min_records:
                raise BadInputError(
                    f"too few records for a split: {size} in {name}", where="the input as a whole",
                    why=f"{len(seen)} distinct records were left, and each set needs at least {args.min_records}",
                    fix="give more records, or raise that set's share (--validation_share, --test_share)",
                )  # fmt: skip
    digest = hashlib.sha256("".join(sha256_file(paths[name]) for name in NAMES).encode()).hexdigest()
    write_json(args.summary, SplitSummary(
        seconds=time.monotonic() - started, **{name: counts[name].total() for name in NAMES}, duplicates_removed=duplicates,
        languages={name: dict(sorted(counts[name].items())) for name in NAMES}, data_digest=digest,
    ))  # fmt: skip


def choose(record_id: str, seed: int, validation: float, test: float) -> str:
    """The set of a record, from its id and the seed alone: other records have no influence on it."""
    digest = hashlib.blake2b(f"{seed}:{record_id}".encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2**64
    return "test" if place < test else "validation" if place < test + validation else "train"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, nargs="+", required=True)
    shares = parser.add_argument_group("shares")
    shares.add_argument("--validation", type=float, default=0.1)
    shares.add_argument("--test", type=float, default=0.1)
    shares.add_argument("--min-records", type=int, default=3, help="fewest records that each set must get")
    shares.add_argument("--seed", type=int, default=17)
    out = parser.add_argument_group("output")
    out.add_argument("--outdir", type=Path, default=Path("."))
    out.add_argument("--summary", type=Path, required=True)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main, private=True))
