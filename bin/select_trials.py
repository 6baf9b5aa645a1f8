#!/usr/bin/env python3
"""Compare the trials of one rung by validation loss and keep the best.

    select_trials.py --search search.json --trial trial-00=1/finetune.json --trial trial-01=2/finetune.json \\
        --race rung-1.json --summary search.json

A trial of the rung for which no summary is given has failed and is out. Writes the search with this rung's losses and who is
still in the race; once that is only the winner, the same as the step's summary.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from llamaflow.errors import run_step
from llamaflow.files import write_json
from llamaflow.halving import select
from llamaflow.summaries import FinetuneSummary, SearchSummary, read_summary


def main(argv: list[str] | None = None) -> None:
    """Read the rung's summaries, write the search after it."""
    started = time.monotonic()
    args = parse(argv)
    results = {name: read_summary(path, FinetuneSummary) for name, _, path in (pair.partition("=") for pair in args.trial)}
    search = select(read_summary(args.search, SearchSummary), results)
    search = search.model_copy(update={"seconds": search.seconds + time.monotonic() - started})
    write_json(args.race, search)
    if search.winner:
        write_json(args.summary, search)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--search", type=Path, required=True, help="the search before this rung")
    parser.add_argument("--trial", action="append", default=[], metavar="ID=FILE", help="a trial's finetune.json; repeatable")
    parser.add_argument("--race", type=Path, required=True, help="file to write: the search after this rung")
    parser.add_argument("--summary", type=Path, required=True, help="file to write where the search has its winner")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
