#!/usr/bin/env python3
"""Have production records moved away from a reference? One exact test of many features, a page and a sentence.

    drift.py --reference reference/*.jsonl.zst --production production/*.jsonl.zst --alpha 0.01 --least-effect 0.1 \\
        --summary drift.json --report drift.html --text summary.txt

Both sides are canonical records that have been through PREPARE and ANONYMIZE; with their summaries (--reference-prepare,
--reference-anonymize, …) the page also tells how many records were left out on the way. Drift is a result: exit code 0 either
way; ``verdict`` in drift.json says which. The same records in any order, under the same seed, give the same page and numbers.
"""

# ruff: noqa: E402
from __future__ import annotations

import os

# Small products, many of them: threads that wait for each other cost more than they save, and one gives the same bytes everywhere.
# NumPy reads this when it is imported; the encoder's torch does not.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from llamaflow.drift.compare import compare
from llamaflow.drift.measuring import Settings
from llamaflow.drift.page import render, terminal
from llamaflow.drift.sampling import Side, choose
from llamaflow.drift.wording import reason
from llamaflow.errors import BadInputError, ManyProblems, run_step
from llamaflow.files import whole_file, write_json
from llamaflow.progress import Progress
from llamaflow.records import Record, read_records
from llamaflow.reporting.names import LANGUAGES
from llamaflow.summaries import AnonymizeSummary, DriftRecords, DriftSummary, PrepareSummary, read_summary

SIDES = ("reference", "production")
FEWEST = 20
# From this difference of two shares on a person should look, though no test says so.
WORTH_A_LOOK = 0.1


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("records")
    for side in SIDES:
        group.add_argument(f"--{side}", type=Path, nargs="+", required=True, help="pseudonymized canonical records, .jsonl or .jsonl.zst")
        group.add_argument(f"--{side}-prepare", type=Path, help="prepare.json of this side")
        group.add_argument(f"--{side}-anonymize", type=Path, nargs="*", default=[], help="anonymize-*.json of this side")
    group.add_argument("--max-records", type=int, default=10_000, help="records of a side that are compared, a random choice (10000)")
    group.add_argument("--min-records", type=int, default=50, help="fewer distinct records of a side than this are an error (50)")
    group = parser.add_argument_group("the decision")
    group.add_argument("--alpha", type=float, default=0.01, help="chance of an alarm without any drift, of the whole run (0.01)")
    group.add_argument("--least-effect", type=float, default=0.1, help="distance, 0 to 1, below which nothing counts as drift (0.1)")
    group.add_argument("--permutations", type=int, default=999, help="draws of the sides (999)")
    group.add_argument("--seed", type=int, default=17)
    group = parser.add_argument_group("embeddings")
    group.add_argument("--model", default="", help="encoder: a folder or hub id; '' for all-MiniLM-L6-v2 (English); none for no embeddings")
    group.add_argument("--embedded", type=int, default=1000, help="records of each side that are embedded (1000)")
    group = parser.add_argument_group("files to write")
    group.add_argument("--language", choices=LANGUAGES, default="en", help="of page and text (default: en)")
    group.add_argument("--run-name", default="llamaflow", help="for the page's title")
    group.add_argument("--outdir-hint", default="", help="folder of the page as the user named it, for the text")
    group.add_argument("--summary", type=Path, default=Path("drift.json"))
    group.add_argument("--report", type=Path, default=Path("drift.html"))
    group.add_argument("--text", type=Path, default=Path("summary.txt"))
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> None:
    """Raise all that is wrong with the numbers at once."""
    ranges = {
        "--alpha": (0 < args.alpha < 1, "a chance between 0 and 1, as 0.01"),
        "--least-effect": (0 <= args.least_effect <= 1, "a share from 0 to 1"),
        "--permutations": (args.permutations * args.alpha >= 1, f"at least {round(1 / max(args.alpha, 1e-9))}: fewer cannot reach --alpha"),
        "--min-records": (args.min_records >= FEWEST, f"at least {FEWEST}"),
        "--max-records": (args.max_records >= args.min_records, "at least --min-records"),
        "--embedded": (args.embedded >= args.min_records, "at least --min-records"),
        "--seed": (args.seed >= 0, "0 or more"),
    }
    problems = [BadInputError("a value out of range", where=name, fix=f"give {fix}") for name, (good, fix) in ranges.items() if not good]
    if problems:
        raise ManyProblems(problems)


def records_of(paths: list[Path]) -> Iterator[Record]:
    """The records of all shards of a side. Raises BadInputError naming file and line, never what stands there."""
    for path in paths:
        number = 1
        try:
            for record in read_records(path):
                yield record
                number += 1
        except ValidationError:
            fix = "let the pipeline prepare them: nextflow run . --mode drift"
            raise BadInputError("not a canonical record", where=f"{path.name}:{number}", fix=fix) from None
        except (ValueError, OSError, EOFError) as error:
            raise BadInputError("a shard cannot be read", where=f"{path.name}:{number}", why=type(error).__name__) from None


def chosen(args: argparse.Namespace, name: str) -> Side:
    """The records of one side that are compared. Raises BadInputError for too few of them."""
    side = choose(records_of(sorted(getattr(args, name))), args.max_records, args.seed)
    where = "--input" if name == "production" else "--reference"
    for count, what in ((side.distinct, "distinct records"), (len(set(side.groups)), "independent conversations")):
        if count < args.min_records:
            why = f"{side.read} came through, {args.min_records} {what} are needed"
            fix = f"take a longer window of records; --drift_min_records goes down to {FEWEST}, where only gross changes are seen"
            raise BadInputError(f"too few records for a comparison: {count} {what}", where=where, why=why, fix=fix)
    return side


def told(args: argparse.Namespace, name: str, side: Side) -> DriftRecords:
    """What became of a side's records, from the summaries of the steps before where they are given."""
    prepared = getattr(args, f"{name}_prepare")
    prepare = read_summary(prepared, PrepareSummary) if prepared else None
    shards = [read_summary(path, AnonymizeSummary) for path in getattr(args, f"{name}_anonymize")]
    return DriftRecords(
        read=prepare.records_in if prepare else side.read, rejected=prepare.rejected if prepare else 0,
        duplicates=side.duplicates + (prepare.exact_duplicates + prepare.near_duplicates if prepare else 0),
        held_back=sum(shard.quarantined + shard.erased for shard in shards),
        distinct=side.distinct, compared=len(side.records), groups=len(set(side.groups)),
    )  # fmt: skip


def warnings_of(sides: dict[str, DriftRecords]) -> list[str]:
    """Sentences on what the test does not see: what was left out before it, more of it on one side than on the other."""
    shares = {
        name: [getattr(sides[side], name) / max(sides[side].read, 1) for side in SIDES] for name in ("duplicates", "rejected", "held_back")
    }
    told = {name: (f"{before:.0%}", f"{after:.0%}") for name, (before, after) in shares.items() if abs(after - before) >= WORTH_A_LOOK}
    found = []
    if "duplicates" in told:
        before, after = told["duplicates"]
        found.append(
            f"{after} of production's records repeat another one, {before} of the reference's: they are left out of the comparison"
        )
    if "rejected" in told:
        before, after = told["rejected"]
        found.append(f"{after} of production's records were rejected, {before} of the reference's: they are left out of the comparison")
    if "held_back" in told:
        before, after = told["held_back"]
        found.append(f"{after} of production's records were held back, {before} of the reference's: they are left out of the comparison")
    return found


def main(argv: list[str] | None = None) -> DriftSummary:
    """Run the step; raises BadInputError or ManyProblems with nothing written."""
    start = time.monotonic()
    args = arguments(argv)
    check(args)
    sides = {name: chosen(args, name) for name in SIDES}
    records = {name: told(args, name, side) for name, side in sides.items()}
    total = sum(len(side.records) + (2 * min(args.embedded, len(side.records)) if args.model != "none" else 0) for side in sides.values())
    settings = Settings(args.alpha, args.least_effect, args.permutations, args.seed, args.model, args.embedded)
    with Progress("drift", total, "texts") as progress:
        comparison = compare(sides["reference"], sides["production"], settings, progress.update)
    moved = {feature.side for feature in comparison.features if feature.drifted}
    verdicts = {side: "drift" if side in moved else "no_drift" for side in ("input", "output")}
    summary = DriftSummary(
        warnings=warnings_of(records), verdict="drift" if moved else "no_drift", **verdicts, reason="",
        p_value=comparison.p, alpha=args.alpha, least_effect=args.least_effect, permutations=args.permutations, seed=args.seed,
        reference=records["reference"], production=records["production"], features=comparison.features, settings=comparison.settings,
    )  # fmt: skip
    summary.reason = reason(summary, "en")
    with whole_file(args.report) as stream:
        stream.write(render(summary, args.run_name, args.language))
    with whole_file(args.text) as stream:
        stream.write(terminal(summary, args.language, args.outdir_hint, args.report.name))
    summary.seconds = round(time.monotonic() - start, 3)
    write_json(args.summary, summary)
    print(f"drift: {summary.verdict}: {summary.reason}", file=sys.stderr)
    return summary


if __name__ == "__main__":
    # Records are pseudonymized, yet a missed identifier must not reach a log through an exception's message.
    sys.exit(run_step(main, private=True))
