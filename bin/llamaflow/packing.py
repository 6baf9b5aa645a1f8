"""Packing several examples into one row without letting them see each other.

Examples lie one behind the other in a single row; attention stays within each (a segment), positions restart with
every segment, and targets never cross a boundary, so a packed row gives the very logits of its examples alone.

What examples of a row begin with alike (a system prompt, most often) may be there once, before their segments: its hidden states
depend on nothing behind it, so they are the same in each example.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import accumulate
from math import ceil
from os.path import commonprefix
from typing import TYPE_CHECKING, NamedTuple

from .chat import IGNORED, Encoded

if TYPE_CHECKING:
    import torch

    from .recipe import Recipe

SEGMENT_ATTENTION = "llamaflow_segments"
# On a CPU the scores of a segment of up to so many tokens are kept for backward; above, their size takes over, and they are computed
# again. About so many queries of a segment go through one product: fewer are slow, with more most scores are of keys behind their query.
# torch's flash kernel works in smaller blocks there and takes half as long again or more.
KEPT_SCORES, BLOCK = 512, 128
# The tightest packing's rows may be this share of the evenly filled ones. More of them cost no time: none is padded to its capacity.
FULL = 0.97
# Tokens from which on a shared beginning is worth the copies of its keys.
LEAST_SHARED = 8


class Segments:
    """Lengths of a packed row's segments, in order; prefix: tokens before them that each of them goes on from.

    torch.compile hands an object of this class on without looking into it. It would compile anew for each other tuple of lengths.
    """

    def __init__(self, lengths: Iterable[int], prefix: int = 0):
        self.lengths, self.prefix = tuple(lengths), prefix
        self._boundaries: torch.Tensor | None = None

    def boundaries(self, device: torch.device | str) -> torch.Tensor:
        """[segments + 1], int32: where segments begin and end. Copied to a device once, without waiting for it, not for every layer."""
        import torch

        device = torch.device(device)
        if self._boundaries is None or self._boundaries.device != device:
            ends = torch.tensor([0, *accumulate(self.lengths)], dtype=torch.int32)
            self._boundaries = (ends.pin_memory() if device.type == "cuda" else ends).to(device, non_blocking=True)
        return self._boundaries


@dataclass(frozen=True)
class Batch:
    """Packed examples as tensors: input_ids, position_ids [1, tokens]. Each is a segment; the last one may be padding.

    real_tokens: all that is computed but padding. learned are the positions [supervised tokens] at which something is to be
    predicted, targets the tokens there: looked up here, since to look on a GPU would be to wait for it.
    """

    input_ids: torch.Tensor
    targets: torch.Tensor
    learned: torch.Tensor
    position_ids: torch.Tensor
    segments: Segments
    real_tokens: int

    @property
    def supervised_tokens(self) -> int:
        """Tokens that are learned."""
        return len(self.targets)

    def to(self, device: str) -> Batch:
        """The same batch on a device; copied while that one computes, where it is a GPU."""
        names = ("input_ids", "targets", "learned", "position_ids")
        pinned = str(device).startswith("cuda")
        tensors = {name: getattr(self, name).pin_memory() if pinned else getattr(self, name) for name in names}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})

    def mask(self) -> torch.Tensor:
        """Block-diagonal causal mask [1, 1, tokens, tokens], True where a query may look; all may look at a prefix."""
        import torch

        prefix = self.segments.prefix
        lengths = torch.tensor([prefix, *self.segments.lengths], device=self.input_ids.device)
        segment = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        size = len(segment)
        causal = torch.ones((size, size), dtype=torch.bool, device=lengths.device).tril()
        return (((segment[:, None] == segment[None, :]) | (segment == 0)[None, :]) & causal)[None, None]


def pack_rows(lengths: list[int], capacity: int) -> list[list[int]]:
    """Indices of examples by row, so that each row's lengths sum to at most capacity.

    Where lengths allow it, rows are as full as each other, and hold long and short examples alike: each step learns as much, and a
    row's examples can be shared out among threads. Else they are packed as tightly as best-fit decreasing does. The result depends on
    the lengths alone. Raises ValueError when one example is longer than a row.
    """
    tight = _best_fit(lengths, capacity)
    for rows in (len(tight), ceil(len(tight) / FULL)):
        even = spread(lengths, rows)
        if all(0 < sum(lengths[index] for index in row) <= capacity for row in even):
            return even
    return tight


def spread(lengths: list[int], bins: int) -> list[list[int]]:
    """Indices by bin: the longest first, each into the bin with the least in it so far."""
    filled = [(0, number) for number in range(bins)]
    result: list[list[int]] = [[] for _ in range(bins)]
    for index in _longest_first(lengths):
        tokens, number = heappop(filled)
        result[number].append(index)
        heappush(filled, (tokens + lengths[index], number))
    return result


def _best_fit(lengths: list[int], capacity: int) -> list[list[int]]:
    rows: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (space, row), sorted
    for index in _longest_first(lengths):
        length = lengths[index]
        if length > capacity:
            raise ValueError(f"an example of {length} tokens does not fit into rows of {capacity}")
        place = bisect_left(free, (length, -1))
        space, row = free.pop(place) if place < len(free) else (capacity, len(rows))
        if row == len(rows):
            rows.append([])
        rows[row].append(index)
        insort(free, (space - length, row))
    return rows


def _longest_first(lengths: list[int]) -> list[int]:
    return sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))


class Block(NamedTuple):
    """Queries of a row that attend in one product on a CPU, to the first ``before`` tokens of the row and to keys.

    kept: whether their scores are kept for backward.
    """

    queries: slice
    before: int
    keys: slice
    kept: bool

    @property
    def scores(self) -> int:
        """Scores of one head."""
        return (self.queries.stop - self.queries.start) * (self.before + self.keys.stop - self.keys.start)


def blocks(segments: tuple[int, ...], prefix: int = 0) -> Iterator[Block]:
    """The blocks of a row in order: those of its prefix, then of the segments that go on from it."""
    start = 0
    for length, before in ((prefix, 0), *((length, prefix) for length in segments)):
        size = max(1, ceil(length / max(1, round(length / BLOCK))))
        for begin in range(0, length, size):
            end = start + min(begin + size, length)
            yield Block(slice(start + begin, end), before, slice(start, end), before + length <= KEPT_SCORES)
        start += length


def shared_prefix(examples: list[Encoded]) -> int:
    """Tokens that all examples begin with, up to where one of them ends or predicts what is learned; 0 where that is not worth it."""
    if len(examples) < 2:
        return 0
    common = len(commonprefix([example.input_ids for example in examples]))
    for example in examples:
        first = next((place for place, label in enumerate(example.labels[1 : common + 1]) if label != IGNORED), common)
        common = min(common, len(example.input_ids) - 1, first)
    return common if common >= LEAST_SHARED else 0


def may_share_prefix(recipe: Recipe, device: str) -> bool:
    """Whether a training lets examples share what they begin with: on a CPU, where no example draws random numbers of its own."""
    return device == "cpu" and not recipe.is_random


def collate(rows: list[list[Encoded]], pad_id: int, device: str = "cpu", prefix: int = 0) -> Batch:
    """The examples of some rows as one Batch on the device, padded to a multiple of eight tokens for its kernels.

    prefix: their shared_prefix, which then is in the batch once, or 0.
    """
    import torch

    examples = [example for row in rows for example in row]
    ids, labels = examples[0].input_ids[:prefix], [IGNORED] * prefix
    ids += [token for example in examples for token in example.input_ids[prefix:]]
    # A position predicts the token behind it; the last one of an example predicts none.
    labels += [label for example in examples for label in (*example.labels[prefix + 1 :], IGNORED)]
    learned = [position for position, label in enumerate(labels) if label != IGNORED]
    segments = [len(example.input_ids) - prefix for example in examples]
    real = len(ids)
    if padding := -real % 8:
        ids, segments = ids + [pad_id] * padding, [*segments, padding]
    positions = torch.cat([torch.arange(prefix), *(torch.arange(prefix, prefix + length) for length in segments)])
    return Batch(
        input_ids=torch.tensor([ids]), targets=torch.tensor([labels[position] for position in learned], dtype=torch.long),
        learned=torch.tensor(learned, dtype=torch.long), position_ids=positions[None],
        segments=Segments(segments, prefix), real_tokens=real,
    ).to(device)  # fmt: skip
