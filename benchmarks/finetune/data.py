"""The same conversations for every contestant: a fixed split, and a training set cut to a budget of tokens."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llamaflow.chat import encode
from llamaflow.errors import BadInputError
from llamaflow.estimate import Workload
from llamaflow.files import write_jsonl
from llamaflow.packing import FULL, pack_rows
from llamaflow.records import Message, Record, content_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VALIDATION = 100


class Data(NamedTuple):
    """Two canonical JSONL files; examples and work of one epoch of the training set; left_out: examples that are too long."""

    train: Path
    validation: Path
    examples: int
    work: Workload
    epochs: int
    left_out: int

    @property
    def budget(self) -> int:
        """Real tokens that each contestant sees: whole epochs of the same examples."""
        return int(self.work.tokens) * self.epochs


def row_length(lengths: Sequence[int], rows: int, least: int) -> int:
    """A packed row, of at least so many tokens, that takes examples of these lengths in so many rows or fewer, evenly filled."""
    capacity = max(least, *lengths, math.ceil(sum(lengths) / (FULL * rows)))
    while len(pack_rows(list(lengths), capacity)) > rows:
        capacity += 8
    return capacity


def alpaca(path: Path) -> list[Record]:
    """Rows of instruction, input and output as canonical records, in the file's order."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(
            "the conversations cannot be read", where=str(path), why=error.strerror or "", fix="make bench-finetune DATA=FOLDER"
        ) from None
    records = []
    for row in rows:
        asked = "\n\n".join(part for part in (row["instruction"], row.get("input", "")) if part)
        messages = [Message(role="user", content=asked), Message(role="assistant", content=row["output"])]
        records.append(Record(id=content_id(messages), messages=messages, lang="en", source=path.name))
    return records


def write(path: Path, folder: Path, tokenizer: PreTrainedTokenizerBase, budget: int | None, max_length: int) -> Data:
    """The last hundred examples validate; of the others the first that together have ``budget`` tokens train.

    A budget beyond one epoch takes all of them for as many whole epochs as come nearest; None is one epoch of all. Examples longer
    than max_length tokens are in neither set: each contestant would cut them in another way.
    """
    records = alpaca(path)
    encoded = [encode(tokenizer, record.messages, max_length) for record in records]
    fitting = [(record, example) for record, example in zip(records, encoded, strict=True) if not example.truncated]
    held, learned = fitting[-VALIDATION:], fitting[:-VALIDATION]
    if not learned:
        raise BadInputError("too few conversations", where=str(path), why=f"{VALIDATION} are held out for validation", fix="give more")
    ends = list(accumulate(len(example.input_ids) for _, example in learned))
    budget = ends[-1] if budget is None else budget
    taken = learned[: bisect_left(ends, budget) + 1]
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "train.jsonl", [record for record, _ in taken])
    write_jsonl(folder / "validation.jsonl", [record for record, _ in held])
    work, epochs = Workload.of([example for _, example in taken]), max(1, round(budget / ends[-1]))
    return Data(folder / "train.jsonl", folder / "validation.jsonl", len(taken), work, epochs, len(records) - len(fitting))
