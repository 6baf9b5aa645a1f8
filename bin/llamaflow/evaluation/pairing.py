"""Rows of several models brought side by side: the same items in the same order, or an error that says how many differ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import BadInputError

# Its rows are what one model gave away, more for one that gave away more: judged by absolute numbers.
NOT_COMPARED = "leak"
# What an item is, beside its id: another text under the same id is another item.
_CONTENT = ("prompt", "reference", "cluster", "kind")


def pair(tables: Sequence[pa.Table], names: Sequence[str], suites: Sequence[str] = ()) -> tuple[dict[str, list[pa.Table]], list[str]]:
    """Suite -> one table for each model, sorted by id, row i the same item in all; and warnings about suites that some model lacks.

    names: of the models, for errors. suites: only these. Raises BadInputError where a suite's items differ between models, where an
    id is there twice, where a model lacks a suite that was asked for, and where no suite is common to all. The leak test is left out.
    """
    if NOT_COMPARED in suites:
        why = "its rows are what each model gave away: read its numbers in evaluate.json"
        raise BadInputError(f"suite {NOT_COMPARED} cannot be compared", why=why, fix="name other suites")
    tables = [table.filter(pc.not_equal(table["suite"], NOT_COMPARED)) for table in tables]
    held = [set(pc.unique(table["suite"]).to_pylist()) for table in tables]
    common = set.intersection(*held)
    for name, own in zip(names, held, strict=True):
        if lacking := sorted(set(suites) - own):
            raise BadInputError(
                f"{name} was not evaluated on suite {lacking[0]}", why=f"it has {', '.join(sorted(own))}", fix="evaluate it on it"
            )
    if not common:
        raise BadInputError(f"{' and '.join(names)} have no suite in common", fix="evaluate them on the same suites")
    missing = [] if suites else sorted(set().union(*held) - common)
    warnings = [f"suite {suite} is not compared: not all of {', '.join(names)} were evaluated on it" for suite in missing]
    paired = {}
    for suite in sorted(set(suites) or common):
        sides = [table.filter(pc.equal(table["suite"], suite)).sort_by("id") for table in tables]
        for side, name in zip(sides, names, strict=True):
            if twice := len(side) - pc.count_distinct(side["id"]).as_py():
                raise BadInputError(f"{twice} rows of {name} repeat the id of another row of suite {suite}", fix="evaluate it again")
        for side, name in zip(sides[1:], names[1:], strict=True):
            _same_items(suite, sides[0], side, names[0], name)
        paired[suite] = sides
    return paired, warnings


def _same_items(suite: str, first: pa.Table, second: pa.Table, first_name: str, second_name: str) -> None:
    """Raises BadInputError with counts, never texts."""
    only_first = len(first) - pc.sum(pc.is_in(first["id"], second["id"].combine_chunks())).as_py()
    only_second = len(second) - pc.sum(pc.is_in(second["id"], first["id"].combine_chunks())).as_py()
    told = [
        f"{only_first} items only in {first_name}" if only_first else "",
        f"{only_second} items only in {second_name}" if only_second else "",
    ]
    if not only_first and not only_second:
        unlike = [pc.not_equal(pc.fill_null(first[name], ""), pc.fill_null(second[name], "")) for name in _CONTENT]
        if changed := pc.sum(reduce(pc.or_, unlike)).as_py():
            told = [f"{changed} of {len(first)} items have the same id and another text"]
    if any(told):
        raise BadInputError(
            f"{first_name} and {second_name} were not evaluated on the same test data: the items of suite {suite} differ",
            why=", ".join(filter(None, told)), fix="evaluate both on the same data, or name the suites that they share with --suites",
        )  # fmt: skip
