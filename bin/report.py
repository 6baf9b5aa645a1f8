#!/usr/bin/env python3
"""Write the report of a run: one self-contained HTML page and a closing text for the terminal.

    report.py --prepare prepare.json --anonymize anonymize-*.json --split split.json --base-model fetch_base.json \\
        --finetune finetune.json --evaluate evaluate-base.json evaluate-candidate.json --gate gate.json \\
        --register register.json --compare compare-base.json --adjust adjust.json --run-name brave-capybara \\
        --outdir-hint results --language pt --report report.html --text summary.txt --summary report.json

It reads only the typed summaries of the steps. The page and the text have no date and no random part: the same
summaries give the same bytes. A rejected model is a result like any other (exit code 0).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from pydantic import ValidationError

from llamaflow.errors import BadInputError, LlamaFlowError, ManyProblems, run_step
from llamaflow.files import whole_file, write_json
from llamaflow.reporting.names import LANGUAGES
from llamaflow.reporting.run import Run
from llamaflow.reporting.text import closing
from llamaflow.reporting.view import render
from llamaflow.summaries import (
    AdjustSummary,
    AnonymizeSummary,
    AnySummary,
    BaseModelSummary,
    CompareSummary,
    EvaluateSummary,
    FinetuneSummary,
    GateSummary,
    PreflightSummary,
    PrepareSummary,
    RegisterSummary,
    ReportSummary,
    SearchSummary,
    SplitSummary,
    read_summary,
)


def main(argv: list[str] | None = None) -> None:
    """Read the summaries, write page, text and summary. Raises BadInputError for a file that is not the summary it should be."""
    start = time.monotonic()
    args = arguments(argv)
    run = read_run(args)
    page, text = (
        render(run, args.language, args.audit_folder, args.mask_report),
        closing(run, args.language, args.outdir_hint, args.report.name),
    )
    with whole_file(args.report) as stream:
        stream.write(page)
    with whole_file(args.text) as stream:
        stream.write(text)
    files = [args.report.name, args.text.name]
    write_json(args.summary, ReportSummary(seconds=time.monotonic() - start, verdict=run.verdict, language=args.language, files=files))


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    inputs = parser.add_argument_group("summaries to read")
    inputs.add_argument("--prepare", type=Path, required=True)
    inputs.add_argument("--anonymize", type=Path, nargs="+", required=True, help="one for each shard, in any order")
    inputs.add_argument("--split", type=Path, required=True)
    inputs.add_argument("--base-model", type=Path, required=True, help="fetch_base.json")
    inputs.add_argument("--finetune", type=Path, required=True)
    inputs.add_argument("--evaluate", type=Path, nargs=2, required=True, help="of the base and of the candidate, in any order")
    inputs.add_argument("--gate", type=Path, required=True)
    inputs.add_argument("--register", type=Path, required=True)
    inputs.add_argument("--preflight", type=Path, help="optional")
    inputs.add_argument("--search", type=Path, help="where one ran")
    inputs.add_argument("--compare", type=Path, nargs="*", default=[], help="with the base, and with the model in use, in any order")
    inputs.add_argument("--production", type=Path, help="evaluation of the model in use, where there is one")
    inputs.add_argument("--adjust", type=Path, help="of the last round, where the recipe may be adjusted")
    look = parser.add_argument_group("what is shown")
    look.add_argument("--run-name", required=True, help="the run's name, for the title")
    look.add_argument("--language", choices=LANGUAGES, default="en", help="of headings and sentences (default: en)")
    look.add_argument("--outdir-hint", default="", help="results folder as the user named it, put before relative paths in the text")
    look.add_argument("--audit-folder", default="../audit/", help="as seen from the page, for a link; '' for none (default: ../audit/)")
    look.add_argument("--mask-report", default="mask_report.html", help="likewise (default: mask_report.html)")
    outputs = parser.add_argument_group("files to write")
    outputs.add_argument("--report", type=Path, required=True, help="HTML page")
    outputs.add_argument("--text", type=Path, required=True, help="closing text")
    outputs.add_argument("--summary", type=Path, required=True, help="report.json")
    return parser.parse_args(argv)


def read_run(args: argparse.Namespace) -> Run:
    """Load all summaries; every file that cannot be used is named at once (ManyProblems)."""
    problems: list[LlamaFlowError] = []

    def load(path: Path, kind: type[AnySummary]) -> AnySummary | None:
        try:
            return load_summary(path, kind)
        except BadInputError as error:
            problems.append(error)
            return None

    single = {
        "prepare": load(args.prepare, PrepareSummary),
        "split": load(args.split, SplitSummary),
        "base_model": load(args.base_model, BaseModelSummary),
        "finetune": load(args.finetune, FinetuneSummary),
        "gate": load(args.gate, GateSummary),
        "register": load(args.register, RegisterSummary),
        "search": load(args.search, SearchSummary) if args.search else None,
        "preflight": load(args.preflight, PreflightSummary) if args.preflight else None,
        "adjust": load(args.adjust, AdjustSummary) if args.adjust else None,
        "production": load(args.production, EvaluateSummary) if args.production else None,
    }
    shards = [load(path, AnonymizeSummary) for path in args.anonymize]
    sides = [load(path, EvaluateSummary) for path in args.evaluate]
    if not problems and {side.model for side in sides} != {"base", "candidate"}:
        where = ", ".join(map(str, args.evaluate))
        fix = "give --evaluate the summary of the base model and the one of the candidate"
        problems.append(BadInputError(f"both evaluations are of the {sides[0].model}", where=where, fix=fix))
    compared = [load(path, CompareSummary) for path in args.compare]
    if not problems:
        problems += misplaced(args, single["production"], compared)
    if problems:
        raise problems[0] if len(problems) == 1 else ManyProblems(problems)
    models = {side.model: side for side in sides}
    shards.sort(key=lambda shard: shard.shard)
    against = {"compare_base" if one.reference == "base" else "compare_production": one for one in compared}
    return Run(name=args.run_name, anonymize=shards, base=models["base"], candidate=models["candidate"], **single, **against)


def misplaced(args: argparse.Namespace, production: EvaluateSummary | None, compared: list[CompareSummary]) -> list[LlamaFlowError]:
    """What is wrong with optional summaries that are sound by themselves."""
    found: list[LlamaFlowError] = []
    if production and production.model != "production":
        fix = "give --production the evaluation of the model in use"
        found.append(BadInputError(f"this is the evaluation of the {production.model}", where=str(args.production), fix=fix))
    if len({one.reference == "base" for one in compared}) < len(compared):
        fix = "give --compare one comparison with the base model and at most one with the model in use"
        found.append(BadInputError("two comparisons are with the same model", where=", ".join(map(str, args.compare)), fix=fix))
    return found


def load_summary(path: Path, kind: type[AnySummary]) -> AnySummary:
    """One checked summary. The error names the fields that are wrong, never their content."""
    step = kind.model_fields["step"].default
    fix = f"give the file that the step {step} of this version of LlamaFlow wrote"
    try:
        return read_summary(path, kind)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in error.errors(include_input=False)[:5]]
        raise BadInputError(f"not a summary of the step {step}", where=str(path), why="; ".join(faults), fix=fix) from None
    except UnicodeDecodeError:
        raise BadInputError(f"not a summary of the step {step}", where=str(path), why="the file is not UTF-8 text", fix=fix) from None
    except (FileNotFoundError, IsADirectoryError):
        raise BadInputError(f"no summary of the step {step}", where=str(path), why="there is no such file", fix=fix) from None


if __name__ == "__main__":
    # Examples are pseudonymized, yet a missed identifier must not reach a log through an exception's message.
    sys.exit(run_step(main, private=True))
