"""A search over recipes and seeds: the search file, the trials that follow from it and the rungs at which they are compared."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import BadInputError, LlamaFlowError, ManyProblems
from .recipe import Recipe
from .summaries import SearchRung

MAX_TRIALS = 64
MAX_RUNGS = 3  # as many as modules/search.nf has

# Validation loss is compared: trials that cut examples differently would be measured on different tokens.
FIXED = {"max_length": "a longer max_length keeps validation tokens that a shorter one cuts, so that their losses cannot be compared"}

_FILE = "see conf/search/small.yaml"


class SearchFile(BaseModel):
    """What a search file may say. Trials are each recipe with each point of the grid and with each of ``trials``."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default_factory=dict, description="recipe values and seed -> values to be combined with all others"
    )
    trials: list[dict[str, Any]] = Field(default_factory=list, description="single combinations")
    recipes: list[str] = Field(default_factory=list, description="names in conf/recipes or YAML files; empty: that of --recipe")
    keep: int = Field(3, ge=2, description="one of this many trials goes on from a rung; behind the last only the best")
    rungs: list[float] = Field(
        [0.11, 0.33], min_length=1, max_length=MAX_RUNGS, description="shares of the steps after which trials are compared"
    )

    @model_validator(mode="after")
    def _fits(self) -> SearchFile:
        if not all(low < high for low, high in itertools.pairwise([0.0, *self.rungs])) or self.rungs[-1] > 1:
            raise ValueError("rungs have to rise, above 0 and at most 1")
        return self

    @property
    def combinations(self) -> int:
        """How many trials one recipe gives."""
        return (math.prod(map(len, self.grid.values())) if self.grid else 0) + len(self.trials) or 1

    @property
    def searched(self) -> set[str]:
        """Names of all values that the file varies."""
        return {*self.grid, *(name for values in self.trials for name in values)}

    def points(self) -> list[tuple[dict[str, Any], tuple[str | int, ...]]]:
        """Values of every combination and, for messages, where in the file they stand."""
        names = list(self.grid)
        combined = [dict(zip(names, values, strict=True)) for values in itertools.product(*self.grid.values())] if names else []
        listed: list[tuple[dict[str, Any], tuple[str | int, ...]]] = [(point, ("grid",)) for point in combined]
        listed += [(values, ("trials", number)) for number, values in enumerate(self.trials)]
        return listed or [({}, ("recipes",))]


class Trial(BaseModel):
    """One training of the search: a complete recipe and a seed."""

    id: str
    recipe_name: str
    recipe: Recipe
    seed: int = Field(ge=0, lt=2**32)


class Plan:
    """A search file read: what it says and where. Raises BadInputError with file and line for anything that is not one."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.lines: dict[tuple[str | int, ...], int] = {}
        values = self._read()
        try:
            self.file = SearchFile.model_validate(values)
        except ValidationError as error:
            raise_all(self.problems((), error))

    def _read(self) -> dict[str, Any]:
        try:
            text = self.path.read_text(encoding="utf-8")
            values = yaml.safe_load(text)
            self.lines = _lines(yaml.compose(text, Loader=yaml.SafeLoader))
        except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: not UTF-8, or a date that does not exist
            mark = getattr(error, "problem_mark", None)
            where = f"{self.path}:{mark.line + 1}" if mark else str(self.path)
            why = str(getattr(error, "problem", None) or getattr(error, "strerror", None) or error)
            raise BadInputError("the search file cannot be read", where=where, why=why, fix=_FILE) from None
        if not isinstance(values, dict):
            raise BadInputError("the search file is not a mapping of names to values", where=f"{self.path}:1", fix=_FILE)
        return values

    def problems(self, place: tuple[str | int, ...], error: ValidationError) -> list[BadInputError]:
        """Errors about what pydantic found below one place of the file."""
        found = []
        for one in error.errors(include_url=False, include_input=False):
            fix = _nearest(str(one["loc"][-1])) if one["type"] == "extra_forbidden" else _FILE
            found.append(self.problem((*place, *one["loc"]), one["msg"], fix))
        return found

    def problem(self, place: tuple[str | int, ...], why: str, fix: str = _FILE) -> BadInputError:
        """An error about one place of the file."""
        near = next((self.lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in self.lines), 1)
        name = ".".join(str(part) for part in place) or "values"
        return BadInputError(f"search: {name}: {why}", where=f"{self.path}:{near}", fix=fix)

    def trials(self, recipes: Mapping[str, Recipe], overrides: Mapping[str, Any], seed: int) -> tuple[list[Trial], int]:
        """All different trials in the order of the file, and how many were left out as equal to an earlier one.

        recipes: name -> recipe with the command line's overrides in it. overrides: those, because a value cannot be both given
        and searched. seed: of trials that name none. Raises BadInputError for values that are no recipe, for fewer than two
        trials and for more than MAX_TRIALS.
        """
        wrong = {name: f"--{name} gives it a value, too" for name in overrides} | dict.fromkeys(FIXED, "cannot be searched")
        raise_all(
            [
                self.problem(self._first(name), wrong[name], FIXED.get(name, "leave out one of the two"))
                for name in sorted(self.file.searched & set(wrong))
            ]
        )
        for name in FIXED:
            if len({getattr(recipe, name) for recipe in recipes.values()}) > 1:
                raise self.problem(("recipes",), f"their {name} differs", f"--{name} gives all of them one value: {FIXED[name]}")
        many = self.file.combinations * len(recipes)
        if many > MAX_TRIALS:
            raise self.problem(("grid",), f"{many} trials, at most {MAX_TRIALS} are allowed", "name fewer values, seeds or recipes")
        found: dict[str, Trial] = {}
        problems: list[LlamaFlowError] = []
        for (name, recipe), (values, place) in itertools.product(recipes.items(), self.file.points()):
            try:
                trial = _trial(name, recipe, values, seed)
            except ValidationError as error:
                problems += self.problems(place, error)
            else:
                found.setdefault(trial.model_dump_json(exclude={"id", "recipe_name"}), trial)
        raise_all(problems)
        if len(found) < 2:
            raise self.problem((), "all trials are the same: there is nothing to choose from", "name at least two values, seeds or recipes")
        trials = [trial.model_copy(update={"id": f"trial-{number:02d}"}) for number, trial in enumerate(found.values())]
        return trials, many - len(trials)

    def _first(self, name: str) -> tuple[str | int, ...]:
        """Where the file first gives a value to a name."""
        listed = (("trials", number, name) for number, values in enumerate(self.file.trials) if name in values)
        return ("grid", name) if name in self.file.grid else next(listed)


def _trial(name: str, recipe: Recipe, values: Mapping[str, Any], seed: int) -> Trial:
    """A recipe with values changed; raises ValidationError whose places begin with the value's name."""
    changed = {key: value for key, value in values.items() if key != "seed"}
    whole = Recipe.model_validate(recipe.model_dump() | changed)
    return Trial(id="", recipe_name=name, recipe=whole, seed=values.get("seed", seed))


def halvings(trials: int, keep: int, shares: list[float]) -> list[SearchRung]:
    """The rungs that are needed at these shares of the steps.

    ceil(n / keep) go on, behind the last rung one. A rung that only one trial would reach is left out.
    """
    plan = []
    for number, share in enumerate(shares):
        going_on = 1 if number == len(shares) - 1 else math.ceil(trials / keep)
        plan.append(SearchRung(share=share, trials=trials, keep=going_on))
        if going_on == 1:
            break
        trials = going_on
    return plan


def differing(trials: list[Trial]) -> list[str]:
    """Names of the recipe values in which the trials are not all alike, in the recipe's order."""
    recipes = [trial.recipe.model_dump() for trial in trials]
    return [name for name in Recipe.model_fields if any(recipe[name] != recipes[0][name] for recipe in recipes)]


def raise_all(problems: list[LlamaFlowError]) -> None:
    """Raise one error, or all different ones at once; nothing for none."""
    problems = list({str(problem): problem for problem in problems}.values())
    if problems:
        raise problems[0] if len(problems) == 1 else ManyProblems(problems)


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word, [*SearchFile.model_fields, *Recipe.model_fields, "seed"], 1)
    return f"did you mean {near[0]}?" if near else f"{', '.join(SearchFile.model_fields)}; in grid and trials a recipe's names and seed"


def _lines(node: yaml.Node | None, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], int]:
    """Line (from 1) of every key and item of a YAML document by its path; raises ValueError for a key given twice."""
    found = {path: node.start_mark.line + 1} if node is not None else {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            if here in found:
                raise ValueError(f"the key {key.value} stands twice, again in line {key.start_mark.line + 1}")
            found |= _lines(value, here) | {here: key.start_mark.line + 1}
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            found |= _lines(item, (*path, number))
    return found
