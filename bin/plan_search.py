#!/usr/bin/env python3
"""Turn a search file into trials: one complete recipe each, and the plan of their halving.

    plan_search.py --search conf/search/small.yaml --recipes conf/recipes/default.yaml --overrides '{"epochs": 2}' --seed 17 \\
        --trials trials --summary search.json

Writes trials/trial-00.yaml … (complete recipes; a trial's seed stands in the summary). --recipes are the files that the search
file's `recipes` names, in its order, or the one recipe that all trials change. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import yaml

from llamaflow.errors import BadInputError, run_step
from llamaflow.files import whole_file, write_json
from llamaflow.recipe import load_recipe
from llamaflow.search import Plan, differing, halvings
from llamaflow.summaries import SearchSummary, SearchTrial


def main(argv: list[str] | None = None) -> None:
    """Read the search file, write its trials. Raises BadInputError naming file and line."""
    started = time.monotonic()
    args = parse(argv)
    plan, overrides = Plan(args.search), json.loads(args.overrides)
    names = plan.file.recipes or [args.recipes[0].stem]
    if len(names) != len(args.recipes):
        raise BadInputError(
            f"the search file names {len(names)} recipes and {len(args.recipes)} files were given", where=str(args.search),
            fix="give --recipes one file for each, in the same order",
        )  # fmt: skip
    recipes = {name: load_recipe(path, overrides) for name, path in zip(names, args.recipes, strict=True)}
    trials, equal = plan.trials(recipes, overrides, args.seed)

    args.trials.mkdir(parents=True, exist_ok=True)
    for trial in trials:
        with whole_file(args.trials / f"{trial.id}.yaml") as stream:
            stream.write(f"# {trial.id} of the search {args.search.stem}, seed {trial.seed}\n")
            yaml.safe_dump(trial.recipe.model_dump(), stream, sort_keys=False)
    fields = differing(trials)
    write_json(args.summary, SearchSummary(
        seconds=time.monotonic() - started, name=args.search.stem, rungs=halvings(len(trials), plan.file.keep, plan.file.rungs),
        trials=[
            SearchTrial(id=trial.id, recipe=trial.recipe_name, values=trial.recipe.model_dump(include=set(fields)), seed=trial.seed)
            for trial in trials
        ],
        warnings=[f"{equal} trials are equal to another one and were left out."] if equal else [],
    ))  # fmt: skip


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = parser.add_argument_group("input")
    given.add_argument("--search", type=Path, required=True, help="YAML, see conf/search")
    given.add_argument("--recipes", type=Path, nargs="+", required=True, help="YAML, see conf/recipes")
    given.add_argument("--overrides", default="{}", help="JSON of recipe values that win over the files")
    given.add_argument("--seed", type=int, default=17, help="of trials that name none")
    out = parser.add_argument_group("output")
    out.add_argument("--trials", type=Path, required=True, help="folder to write")
    out.add_argument("--summary", type=Path, required=True)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
