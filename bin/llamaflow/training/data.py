"""What a training reads: examples as tokens, packed rows, and which rows make up which step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..chat import Encoded, encode
from ..errors import BadInputError
from ..packing import pack_rows
from ..progress import Progress
from ..records import Record, read_records


class Examples(NamedTuple):
    """The examples of a file in which something is supervised, and what became of the others.

    lengths: tokens of every record of the file before any cut.
    """

    kept: list[Encoded]
    lengths: list[int]
    truncated: int

    @property
    def dropped(self) -> int:
        """Records without a whole answer within the greatest length."""
        return len(self.lengths) - len(self.kept)

    def rows(self, capacity: int) -> list[list[Encoded]]:
        """The examples packed into rows of at most capacity tokens; the same examples give the same rows."""
        return [[self.kept[i] for i in row] for row in pack_rows([len(one.input_ids) for one in self.kept], capacity)]


def read_examples(tokenizer, path: Path, max_length: int, choose: Callable[[Iterator[Record]], Iterable[Record]] = iter) -> Examples:
    """Encode the records of a file, those that ``choose`` lets through. Raises BadInputError when nothing in them is supervised."""
    encoded = []
    with Progress(f"tokenize {path.name}", None, "record") as progress:
        for record in choose(read_records(path)):
            encoded.append(encode(tokenizer, record.messages, max_length))
            progress.update()
    kept = [example for example in encoded if example.supervised]
    if not kept:
        raise BadInputError(
            "no token to learn: not one assistant answer fits", where=str(path),
            why=f"{len(encoded)} records, none with a whole answer within {max_length} tokens",
            fix="raise --max_length, or check that answers have the role assistant",
        )  # fmt: skip
    return Examples(kept, [example.length for example in encoded], sum(example.truncated for example in kept))


class Batches:
    """Which rows make up which optimizer step. A step's rows follow from the seed and its number alone, so nothing has to be kept."""

    def __init__(self, rows: int, batch_size: int, seed: int):
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.per_epoch = math.ceil(rows / batch_size)
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def __getitem__(self, step: int) -> list[int]:
        """Indices of the rows of a step (0-based); every row once an epoch, in a new order each time."""
        epoch, place = divmod(step, self.per_epoch)
        return self._order(epoch)[place * self.batch_size : (place + 1) * self.batch_size]

    def _shuffled(self, epoch: int) -> list[int]:
        import torch

        generator = torch.Generator().manual_seed(step_seed(self.seed, epoch))
        return torch.randperm(self.rows, generator=generator).tolist()


def step_seed(seed: int, step: int, process: int = 0) -> int:
    """Seed of all that is random in a step of a process (dropout, noise): a training taken up again needs no generator's state."""
    from hashlib import blake2b

    return int.from_bytes(blake2b(f"{seed}/{step}/{process}".encode(), digest_size=7).digest(), "big")
