#!/usr/bin/env python3
"""Split pseudonymized shards into train, validation and test sets that stay put when records are added.

    split.py --shards shard-*.jsonl.zst --validation 0.1 --test 0.1 --group-threshold 0.7 --seed 17 --outdir . --summary split.json

A record's set depends on its own text and the seed alone (see llamaflow/splitting.py); near duplicates do not straddle two
sets. Records that PREPARE marked as the user's own test set are the test set; what training shares with them is dropped
(--contamination drop) or ends the step with exit code 2 (stop). The files do not depend on how records came in shards.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from llamaflow.errors import BadInputError, run_step
from llamaflow.files import sha256_file, whole_file, write_json
from llamaflow.progress import Progress
from llamaflow.records import Record, read_records
from llamaflow.splitting import CONTAMINATED, DUPLICATE, SETS, Table, contaminated, settle, stratified, survey
from llamaflow.spool import Spool
from llamaflow.summaries import SplitSummary, Stratum

SHOWN = 10
# Strata below this many records are warned of: their shares are a matter of chance.
SMALL_STRATUM = 30
LISTED_STRATA = 100


def main(argv: list[str] | None = None) -> None:
    """Send each record to the set that its own text decides."""
    started = time.monotonic()
    args = parse(argv)
    check_shares(args.validation, args.test)
    rule = {"threshold": args.group_threshold, "seed": args.seed}
    contamination, similar = None, {}
    with ExitStack() as outputs:
        spool = outputs.enter_context(Spool(args.outdir))
        streams = [outputs.enter_context(whole_file(args.outdir / f"{name}.jsonl")) for name in SETS]
        records = 0
        with Progress("split", None, "record") as progress:
            for shard in args.shards:
                for record in read_records(shard):
                    spool.add(record)
                    records += 1
                    progress.update()
        table = survey(spool, records, validation=args.validation, test=args.test, **rule)
        if args.own_test and not table.own_test:
            raise BadInputError(
                "no record of the test set has arrived", where="--test_input",
                why="all were held back by ANONYMIZE, or its policy drops their mark, the meta field 'split'",
                fix="see the quarantine files, or keep the field in the policy's fields",
            )  # fmt: skip
        if table.own_test:
            pairs, contamination = contaminated(table, spool, **rule)
            if pairs and args.contamination == "stop":
                raise contamination_error(pairs, spool, table)
            table.place[list(pairs)] = CONTAMINATED
        elif args.test == 0:
            check_shares(args.validation, 0, own_test=False)
        if args.group_threshold:
            similar = settle(table, **rule)
        check_sizes(table, args, records)
        for number, line in enumerate(spool.lines()):
            if table.place[number] < len(SETS):
                streams[table.place[number]].write(line)
    strata = stratified(table)
    languages = {name: Counter[str]() for name in SETS}
    for row in strata:
        for name in SETS:
            languages[name][row.language] += getattr(row, name)
    digest = hashlib.sha256("".join(sha256_file(args.outdir / f"{name}.jsonl") for name in SETS).encode()).hexdigest()
    deviation = largest_deviation(strata, args.validation, 0 if table.own_test else args.test)
    write_json(args.summary, SplitSummary(
        seconds=time.monotonic() - started, **{name: languages[name].total() for name in SETS},
        duplicates_removed=int((table.place == DUPLICATE).sum()), similar_removed=similar, contamination=contamination,
        own_test=table.own_test, group_threshold=args.group_threshold, strata=strata[:LISTED_STRATA], largest_deviation=deviation,
        languages={name: dict(sorted((+languages[name]).items())) for name in SETS}, data_digest=digest,
        warnings=warnings(table, strata, similar, contamination.records if contamination else 0),
    ))  # fmt: skip


def check_shares(validation: float, test: float, own_test: bool = True) -> None:
    """Raise BadInputError for shares that leave a set empty; with a test set of the user's own, the test share may be 0."""
    if not (0 < validation < 1 and 0 <= test < 1 and validation + test < 1) or not (own_test or test):
        raise BadInputError(
            "the shares of validation and test must be above 0 and leave something to train on",
            where="--validation_share, --test_share",
            fix="use for example 0.1 and 0.1",
        )


def check_sizes(table: Table, args: argparse.Namespace, records: int) -> None:
    """Raise BadInputError when a set has come out too small to be of use."""
    distinct = records - int((table.place == DUPLICATE).sum())
    for code, name in enumerate(SETS):
        size = int((table.place == code).sum())
        if size < args.min_records:
            raise BadInputError(
                f"too few records for a split: {size} in {name}", where="the input as a whole",
                why=f"{distinct} distinct records were left, {int((table.place > DUPLICATE).sum())} of them too similar to held-out "
                f"ones, and each set needs at least {args.min_records}",
                fix="give more records, raise that set's share (--validation_share, --test_share), or raise --split_group_threshold",
            )  # fmt: skip


def contamination_error(pairs: dict[int, int], spool: Spool, table: Table) -> BadInputError:
    """Which lines of which files meet: never their text."""
    shown = dict(sorted(pairs.items())[:SHOWN])
    wanted, sources = {*shown, *shown.values()}, {}
    for number, line in enumerate(spool.lines()):
        if number in wanted:
            sources[number] = Record.model_validate_json(line).source
    where = "; ".join(f"{sources[one]} meets test {sources[other]}" for one, other in shown.items())
    return BadInputError(
        f"{len(pairs)} training records hold what the test set asks",
        where=where + ("; …" if len(pairs) > SHOWN else ""),
        why="equal, near duplicates, or 13 words in a row in common",
        fix="remove them from --input, or let the flow drop them with --contamination drop",
    )


def largest_deviation(strata: list[Stratum], validation: float, test: float) -> float:
    """Largest distance of a held-out share from the one asked for, over the strata that are not small."""
    found = [0.0]
    for row in strata:
        size = row.train + row.validation + (row.test if test else 0)
        if size >= SMALL_STRATUM:
            found += [abs(row.validation / size - validation), abs(row.test / size - test) if test else 0.0]
    return round(max(found), 4)


def warnings(table: Table, strata: list[Stratum], similar: dict[str, int], met: int) -> list[str]:
    """Sentences on what a person should look at."""
    found, kept = [], int((table.place < len(SETS)).sum())
    if met:
        found.append(f"{met} training records were dropped: they hold what the test set asks")
    if removed := sum(similar.values()):
        advice = "; texts from one template look alike: --split_group_threshold takes a higher value" if removed > 0.05 * kept else ""
        found.append(f"{removed} records were dropped because they nearly repeat one of the validation or test set{advice}")
    if len(table.signatures):
        share = np.bincount(table.signatures[table.place != DUPLICATE, -1]).max() / max(1, (table.place != DUPLICATE).sum())
        if share > 0.05 and kept >= 10 * SMALL_STRATUM:
            found.append(
                f"{share:.0%} of the records share a stock phrase and go to one set together, so the shares are less exact: put the "
                "phrase into the system turn, or set --split_group_threshold 0"
            )
    small = sum(row.train + row.validation + (0 if table.own_test else row.test) < SMALL_STRATUM for row in strata)
    if small and len(strata) > 1:
        found.append(f"{small} of {len(strata)} strata (language, file, group) have fewer than {SMALL_STRATUM} records: shares are chance")
    if len(strata) > LISTED_STRATA:
        found.append(f"of {len(strata)} strata the {LISTED_STRATA} largest are listed")
    return found


def share_or_zero(text: str) -> float:
    """0, or a similarity from 0.1 to 1."""
    value = float(text)
    if value != 0 and not 0.1 <= value <= 1:
        raise argparse.ArgumentTypeError("0, or from 0.1 to 1")
    return value


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=Path, nargs="+", required=True)
    shares = parser.add_argument_group("shares")
    shares.add_argument("--validation", type=float, default=0.1)
    shares.add_argument("--test", type=float, default=0.1, help="not used when the shards hold a test set of the user's own")
    shares.add_argument("--min-records", type=int, default=3, help="fewest records that each set must get")
    shares.add_argument("--group-threshold", type=share_or_zero, default=0.7, help="Jaccard of word 3-shingles; 0 turns grouping off")
    shares.add_argument("--own-test", action="store_true", help="the user gave a test set: fail when none of it has arrived")
    shares.add_argument("--contamination", choices=["drop", "stop"], default="drop", help="when training meets the user's own test set")
    shares.add_argument("--seed", type=int, default=17)
    out = parser.add_argument_group("output")
    out.add_argument("--outdir", type=Path, default=Path("."))
    out.add_argument("--summary", type=Path, required=True)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main, private=True))
