#!/usr/bin/env python3
"""Compare models on the very examples that they all answered: paired bootstrap, or blind pairs for people.

    compare.py --reference base=examples-base.parquet --candidate examples-candidate.parquet --summary compare-base.json
    compare.py --registry results/registry --versions v1.0.0 v1.1.0 v1.2.0 [--suites general]        # a table for people
    compare.py --models old=a.parquet new=b.parquet --suites support                                # files of evaluate_model.py
    compare.py --registry results/registry --versions v1.0.0 v1.1.0 --blind-pairs pairs.csv --key key.json --pairs 50
    compare.py --score-pairs filled.csv --key key.json

Several files after --candidate are trainings of one recipe with different seeds: the interval then holds for the recipe.
A suite that the versions were not yet asked is run by evaluate_model.py first, once for each version.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import re
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa

from llamaflow.errors import BadInputError, run_step
from llamaflow.evaluation.blind_pairs import draw_pairs, score_pairs, write_sheet
from llamaflow.evaluation.examples import read_examples
from llamaflow.evaluation.pairing import pair
from llamaflow.evaluation.statistics import RESAMPLES, compare_suite
from llamaflow.files import write_json
from llamaflow.metrics import METRICS
from llamaflow.registry import VERSION
from llamaflow.summaries import CompareSummary


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    gate = parser.add_argument_group("for the gate")
    gate.add_argument("--reference", metavar="NAME=FILE", help="base, production or another name, and its examples-….parquet")
    gate.add_argument("--candidate", type=Path, nargs="+", metavar="FILE", help="examples of the candidate, a file for each seed")
    people = parser.add_argument_group("for people")
    people.add_argument("--registry", type=Path, help="folder of the registry")
    people.add_argument("--versions", nargs="+", metavar="VERSION", help="two or more registered versions; the first is the reference")
    people.add_argument("--models", nargs="+", metavar="NAME=FILE", help="the same for any files of examples")
    people.add_argument("--output", type=Path, help="folder for a compare-<reference>-<candidate>.json of each pair of models")
    blind = parser.add_argument_group("blind pairs")
    blind.add_argument(
        "--blind-pairs", type=Path, metavar="CSV", help="write answers of two models side by side, unnamed and in random order"
    )
    blind.add_argument("--score-pairs", type=Path, nargs="+", metavar="CSV", help="count what people filled in, a file for each person")
    blind.add_argument("--key", type=Path, help="JSON file that says which answer is whose")
    blind.add_argument("--pairs", type=int, default=50, help="pairs at most (default 50)")
    how = parser.add_argument_group("how")
    how.add_argument("--suites", nargs="+", default=[], help="only these (default: all that every model was evaluated on)")
    how.add_argument("--resamples", type=int, default=RESAMPLES)
    how.add_argument("--seed", type=int, default=17)
    how.add_argument("--summary", type=Path, help="compare.json, or the count of blind pairs")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """One of the things that the options ask for."""
    args = parse(argv)
    check(args)
    if args.score_pairs:
        count_pairs(args)
    elif args.blind_pairs:
        make_pairs(args)
    elif args.reference:
        compare_with_reference(args)
    else:
        compare_models(args)


def check(args: argparse.Namespace) -> None:
    """Options that do not go together are refused, with the way that does."""
    named = bool(args.versions) + bool(args.models)
    ways = bool(args.reference) + named + bool(args.score_pairs)
    if ways != 1:
        fix = "give one of --reference, --versions, --models or --score-pairs"
        raise BadInputError("nothing to compare" if not ways else "several things to do at once", fix=fix)
    if args.reference and not args.candidate:
        raise BadInputError("--reference without --candidate", fix="give the candidate's examples, a file for each seed")
    if args.versions and not args.registry:
        raise BadInputError("--versions without --registry", fix="give the registry's folder")
    if (args.blind_pairs or args.score_pairs) and not args.key:
        raise BadInputError("blind pairs without --key", fix="give a JSON file that says, apart from the sheet, which answer is whose")
    if args.blind_pairs and args.key.resolve() == args.blind_pairs.resolve():
        raise BadInputError("the sheet and the key are the same file", fix="give the key a name of its own")
    if args.blind_pairs and not named:
        raise BadInputError("--blind-pairs without two models", fix="name them with --versions or --models")
    for name, least in (("resamples", 1000), ("pairs", 1), ("seed", 0)):
        if getattr(args, name) < least:
            raise BadInputError(f"--{name} is {getattr(args, name)}", fix=f"give {least} or more")


def compare_with_reference(args: argparse.Namespace) -> None:
    """The gate's comparison: the candidate, of one seed or several, against one model."""
    name, file = named_file(args.reference)
    seeds = [f"candidate {number}" for number in range(1, len(args.candidate) + 1)] if len(args.candidate) > 1 else ["candidate"]
    tables = [read_examples(path) for path in (file, *args.candidate)]
    summary = compare(tables, [name, *seeds], args)
    if args.summary:
        write_json(args.summary, summary)
    print(one_line(summary))
    for warning in summary.warnings:
        print(f"warning: {warning}")


def compare_models(args: argparse.Namespace) -> None:
    """Every pair of two or more models, as tables; a matrix when they are more than two."""
    models = models_of(args)
    if args.summary and len(models) > 2:
        raise BadInputError("--summary holds one comparison, these are several", fix="give --output FOLDER")
    tables = {name: read_examples(path) for name, path in models.items()}
    summaries = {
        (one, other): compare([tables[one], tables[other]], [one, other], args) for one, other in itertools.combinations(models, 2)
    }
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        for (one, other), summary in summaries.items():
            write_json(args.output / f"compare-{one}-{other}.json", summary)
    if args.summary:
        write_json(args.summary, next(iter(summaries.values())))
    show(list(models), summaries)


def make_pairs(args: argparse.Namespace) -> None:
    """Sheet and key for people."""
    models = models_of(args)
    if len(models) != 2:
        raise BadInputError(f"blind pairs are of two models, these are {len(models)}", fix="name two")
    first, second = models
    suites, _ = pair([read_examples(path) for path in models.values()], [first, second], args.suites)
    sheet, key = draw_pairs(suites, (first, second), args.pairs, args.seed)
    write_json(args.key, key)
    write_sheet(args.blind_pairs, sheet)
    print(f"{len(sheet)} pairs in {args.blind_pairs}; keep {args.key} away from who fills it in")


def count_pairs(args: argparse.Namespace) -> None:
    """What people prefer."""
    result = score_pairs(args.score_pairs, args.key)
    if args.summary:
        write_json(args.summary, dataclasses.asdict(result))
    print(result.sentence)
    if result.agreement is not None:
        print(f"all judges agree on {result.agreement:.0%} of the pairs that several of them judged")


def compare(tables: list[pa.Table], names: list[str], args: argparse.Namespace) -> CompareSummary:
    """The first table against the others, which are one model's (seeds of one recipe)."""
    started = time.monotonic()
    suites, warnings = pair(tables, names, args.suites)
    differences = []
    for suite, (reference, *candidates) in suites.items():
        try:
            found = compare_suite(suite, reference, candidates, args.seed, args.resamples)
        except ValueError as error:
            raise BadInputError(
                f"the examples of suite {suite} cannot be compared", why=str(error), fix="evaluate the models again"
            ) from None
        if not found:
            warnings.append(f"suite {suite} has too few examples, or none with numbers of both models, for an interval")
        differences += found
    return CompareSummary(
        seconds=round(time.monotonic() - started, 3), warnings=warnings, reference=names[0],
        candidate="candidate" if len(tables) > 2 else names[1], resamples=args.resamples, seed=args.seed, seeds=len(tables) - 1,
        differences=differences,
    )  # fmt: skip


def models_of(args: argparse.Namespace) -> dict[str, Path]:
    """Name -> file of examples, in the order asked for."""
    if args.models:
        models = [named_file(text) for text in args.models]
    else:
        models = [(version, registered(args.registry, version)) for version in args.versions]
    if len(dict(models)) < max(2, len(models)):
        raise BadInputError("a comparison needs two or more different models", fix="name two")
    return dict(models)


def registered(registry: Path, version: str) -> Path:
    """Where the registry keeps a version's examples."""
    folder = registry / "models" / "fine-tuned" / version
    if not VERSION.fullmatch(version) or not folder.is_dir():
        names = sorted(path.name for path in folder.parent.glob("v*")) if folder.parent.is_dir() else []
        raise BadInputError(f"there is no version {version}", where=str(registry), fix=f"use one of {', '.join(names)}" if names else "")
    file = folder / "examples.parquet"
    if not file.is_file():
        fix = "evaluate it with evaluate_model.py --adapter, and compare files with --models"
        raise BadInputError(f"version {version} was registered without its examples", where=str(folder), fix=fix)
    return file


def named_file(text: str) -> tuple[str, Path]:
    """NAME=FILE."""
    name, equals, file = text.partition("=")
    if not equals or not file or not re.fullmatch(r"[\w.-]+", name):
        raise BadInputError("a model is given as NAME=FILE", why="it has no name of letters, digits, '.', '_' and '-' before a '='")
    return name, Path(file)


def one_line(summary: CompareSummary) -> str:
    """'candidate against base: 9 better, 1 worse, 6 no difference (16 numbers of 3 suites)'."""
    verdicts = Counter(one.verdict for one in summary.differences)
    told = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in ("better", "worse", "no difference"))
    suites = len({one.suite for one in summary.differences})
    return f"{summary.candidate} against {summary.reference}: {told} ({len(summary.differences)} numbers of {suites} suites)"


def show(models: list[str], summaries: dict[tuple[str, str], CompareSummary]) -> None:
    """Tables for people. Model names come from the command line and may hold what looks like markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Not cut to a width that nobody sees where the output goes to a file.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    style = {"better": "green", "worse": "red", "no difference": "dim"}
    for (one, other), summary in summaries.items():
        table = Table(title=Text(f"{other} against {one}"), title_justify="left")
        for heading, side in (("suite", "left"), ("metric", "left"), (one, "right"), (other, "right"), ("difference", "right")):
            table.add_column(Text(heading), justify=side)
        for heading in ("95 % interval", "examples", "verdict"):
            table.add_column(heading, justify="left" if heading == "verdict" else "right")
        for line in summary.differences:
            numbers = [f"{line.reference:.4g}", f"{line.candidate:.4g}", f"{line.difference:+.3g}", f"{line.low:+.3g} to {line.high:+.3g}"]
            verdict = Text(line.verdict, style[line.verdict])
            table.add_row(Text(line.suite), METRICS.get(line.metric, line.metric), *numbers, str(line.examples), verdict)
        console.print(table)
        for warning in summary.warnings:
            console.print(Text(f"warning: {warning}"))
    if len(models) > 2:
        console.print(Text("row against column: better / worse / no difference"))
        console.print(matrix(models, summaries))
    console.print(Text("One in twenty numbers of equal models differs like this by chance.", style="dim"))


def matrix(models: list[str], summaries: dict[tuple[str, str], CompareSummary]):
    """Row against column: how many numbers are better, worse, and no different."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in ("", *models):
        table.add_column(Text(heading), justify="left" if not heading else "right")
    for row in models:
        cells = []
        for column in models:
            forward = summaries.get((column, row)) or summaries.get((row, column))
            if forward is None:
                cells.append("")
                continue
            verdicts = Counter(one.verdict for one in forward.differences)
            better, worse = verdicts["better"], verdicts["worse"]
            if (row, column) in summaries:
                better, worse = worse, better
            cells.append(f"{better} / {worse} / {verdicts['no difference']}")
        table.add_row(Text(row), *cells)
    return table


if __name__ == "__main__":
    sys.exit(run_step(main))
