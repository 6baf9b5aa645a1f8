"""Answers of two models for people who must not know which is whose: a sheet to fill in, a key kept apart, and the count."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import BadInputError
from ..files import whole_file
from ..pii.second_look import wilson

COLUMNS = ("pair", "prompt", "answer 1", "answer 2", "preference (1, 2 or 0 for equal)")
_VOTES = {"1": 1, "1.0": 1, "2": 2, "2.0": 2, "0": 0, "0.0": 0, "=": 0, "tie": 0, "equal": 0, "empate": 0, "igual": 0}
# A spreadsheet runs a cell that begins like this, full-width forms included. One set to another separator also sees cells begin
# inside a text; there, lists ("- milk") stay as they are.
_BLANK = r"[\s\ufeff\u200b-\u200f\u2060]*"
_FORMULA = re.compile(rf"(\A{_BLANK})(?=[=+\-@＝＋－＠])|([;\t\r\n]{_BLANK})(?=[=@＝＠]|[+\-＋－][^\s+\-])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class PairKey(BaseModel):
    """Which answer of a pair is whose."""

    model_config = ConfigDict(extra="forbid")
    pair: int
    suite: str
    id: str
    answer_1: str
    answer_2: str


class Key(BaseModel):
    """Kept away from who fills the sheet in."""

    model_config = ConfigDict(extra="forbid")
    models: tuple[str, str]
    seed: int
    pairs: list[PairKey]


@dataclass(frozen=True)
class Preference:
    """What people prefer. share: pairs won by the second model / pairs with a winner, with its 95 % interval (Wilson 1927).

    p_value: of the two-sided sign test, pairs without a winner left out. agreement: share of pairs judged by several people where all
    said the same; None where there are none.
    """

    models: tuple[str, str]
    wins: tuple[int, int]
    equal: int
    unjudged: int
    share: float
    low: float
    high: float
    p_value: float
    agreement: float | None

    @property
    def sentence(self) -> str:
        """'v1.1.0 is preferred in 31 of 42 pairs (74 %; 59 % to 85 %), 8 equal; sign test p = 0.003.'"""
        first, second = self.wins
        if not first + second:
            return f"No pair has a winner: {self.equal} equal, {self.unjudged} not judged."
        name = self.models[1] if second >= first else self.models[0]
        share, low, high = (self.share, self.low, self.high) if second >= first else (1 - self.share, 1 - self.high, 1 - self.low)
        told = "is preferred" if self.p_value < 0.05 else "leads, which may be chance,"
        if first == second:
            name, told = " and ".join(self.models), "are even: the second is preferred"
        return (
            f"{name} {told} in {max(self.wins)} of {first + second} pairs ({share:.0%}; 95 % interval {low:.0%} to {high:.0%}), "
            f"{self.equal} equal, {self.unjudged} not judged; sign test p = {self.p_value:.2g}."
        )


def draw_pairs(suites: dict[str, list[pa.Table]], models: tuple[str, str], count: int, seed: int) -> tuple[list[list[str]], Key]:
    """Rows for the sheet and their key: at most count items where the two answers differ, chosen and ordered by the seed.

    suites: as ``pairing.pair`` gives them for two models. Raises BadInputError where no answers differ.
    """
    found = []
    for suite, (first, second) in suites.items():
        columns = [first["id"], first["prompt"], first["prediction"], second["prediction"]]
        for id_, prompt, one, other in zip(*(column.to_pylist() for column in columns), strict=True):
            if one is not None and other is not None and one.strip() != other.strip():
                order = hashlib.sha256(f"{seed}\0{suite}\0{id_}".encode("utf-8", "surrogatepass")).digest()
                found.append((order, suite, id_, prompt or "", one, other))
    if not found:
        raise BadInputError(f"there is no pair to judge: {models[0]} and {models[1]} give the same answers, or none")
    sheet, pairs = [], []
    generator = np.random.default_rng(seed)
    for number, (_, suite, id_, prompt, one, other) in enumerate(sorted(found)[:count], start=1):
        swapped = bool(generator.integers(2))
        answers, names = ((other, one), models[::-1]) if swapped else ((one, other), models)
        sheet.append([str(number), prompt, *answers, ""])
        pairs.append(PairKey(pair=number, suite=suite, id=id_, answer_1=names[0], answer_2=names[1]))
    return sheet, Key(models=models, seed=seed, pairs=pairs)


def write_sheet(path: Path, rows: list[list[str]]) -> None:
    """A CSV file for spreadsheets: UTF-8 with a mark, every cell quoted, none that could run."""
    with whole_file(path, "wb") as stream:
        text = io.StringIO(newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerow(COLUMNS)
        writer.writerows([[harmless(cell) for cell in row] for row in rows])
        stream.write(text.getvalue().encode("utf-8-sig", "replace"))


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe stands before what would begin one."""
    return _FORMULA.sub(lambda found: found[0] + "'", _CONTROL.sub("", text))


def score_pairs(sheets: list[Path], key: Path) -> Preference:
    """Count preferences. A pair that several people judged counts once, for whom more of them prefer. Raises BadInputError."""
    try:
        known = Key.model_validate_json(key.read_bytes())
    except FileNotFoundError:
        raise BadInputError(
            "the key does not exist", where=str(key), fix="give the file that --blind-pairs wrote beside the sheet"
        ) from None
    except ValidationError:
        raise BadInputError("this is no key of blind pairs", where=str(key), fix="give the file that --blind-pairs wrote") from None
    owners = {pair.pair: pair for pair in known.pairs}
    votes: dict[int, list[int]] = {number: [] for number in owners}
    for sheet in sheets:
        for number, vote in _read_sheet(sheet, owners).items():
            preferred = {1: owners[number].answer_1, 2: owners[number].answer_2}.get(vote)
            votes[number].append(0 if preferred is None else 1 if preferred == known.models[1] else -1)
    judged = [cast for cast in votes.values() if cast]
    tally = Counter(int(np.sign(sum(cast))) for cast in judged)
    first, second = tally[-1], tally[1]
    low, high = wilson(second, first + second)
    shared = [cast for cast in judged if len(cast) > 1]
    return Preference(
        models=known.models, wins=(first, second), equal=tally[0], unjudged=len(votes) - len(judged), share=second / max(first + second, 1),
        low=low, high=high, p_value=sign_test(first, second),
        agreement=sum(len(set(cast)) == 1 for cast in shared) / len(shared) if shared else None,
    )  # fmt: skip


def _read_sheet(path: Path, owners: dict[int, PairKey]) -> dict[int, int]:
    """Pair -> 1, 2 or 0 for equal; pairs without a preference are left out. Spreadsheets may have changed separator and encoding."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise BadInputError("the sheet does not exist", where=str(path), fix="give the file that people filled in") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        columns = [name.strip().lower() for name in next(rows, [])]
        pair_at, vote_at = columns.index("pair"), next(at for at, name in enumerate(columns) if name.startswith("preference"))
    except (ValueError, StopIteration):
        fix = f"keep the first line as it was: {', '.join(COLUMNS)}"
        raise BadInputError("this is no sheet of blind pairs", where=f"{path}:1", why="a column is missing", fix=fix) from None
    found: dict[int, int] = {}
    for row in rows:
        where = f"{path}:{rows.line_num}"
        if not any(cell.strip() for cell in row):
            continue
        pair, vote = (row[at].strip().lower() if at < len(row) else "" for at in (pair_at, vote_at))
        number = int(float(pair)) if re.fullmatch(r"\d{1,9}(\.0)?", pair) else 0
        if number not in owners:
            raise BadInputError("this row is of no pair in the key", where=where, fix="give the sheet and the key of the same pairs")
        if vote == "":
            continue
        if vote not in _VOTES:
            raise BadInputError(f"the preference for pair {number} is not 1, 2 or 0", where=where, fix="write 1, 2, or 0 for equal")
        if number in found:
            raise BadInputError(f"pair {number} is there twice", where=where, fix="keep one of the rows")
        found[number] = _VOTES[vote]
    return found


def sign_test(first: int, second: int) -> float:
    """Two-sided exact p-value that both sides win equally often."""
    trials = first + second
    return min(1.0, 2 * sum(math.comb(trials, wins) for wins in range(min(first, second) + 1)) / 2**trials)
