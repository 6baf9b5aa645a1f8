"""Packing several examples into one row without letting them see each other.

Examples lie one behind the other in a single row; attention stays within each (a segment), positions restart with
every segment, and targets never cross a boundary, so a packed row gives the very logits of its examples alone.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .chat import IGNORED, Encoded

if TYPE_CHECKING:
    import torch

SEGMENT_ATTENTION = "llamaflow_segments"


@dataclass(frozen=True)
class Batch:
    """Packed examples as tensors: input_ids, targets, position_ids [1, tokens]; segments are their lengths in order.

    targets[0, t] is the token that position t has to predict, -100 where nothing is learned. The last segment may
    be padding.
    """

    input_ids: torch.Tensor
    targets: torch.Tensor
    position_ids: torch.Tensor
    segments: tuple[int, ...]
    real_tokens: int
    supervised_tokens: int

    def to(self, device: str) -> Batch:
        """The same batch on a device; copied while that one computes, where it is a GPU."""
        names = ("input_ids", "targets", "position_ids")
        pinned = str(device).startswith("cuda")
        tensors = {name: getattr(self, name).pin_memory() if pinned else getattr(self, name) for name in names}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})

    def mask(self) -> torch.Tensor:
        """Block-diagonal causal mask [1, 1, tokens, tokens], True where a query may look."""
        import torch

        lengths = torch.tensor(self.segments, device=self.input_ids.device)
        segment = torch.repeat_interleave(torch.arange(len(self.segments), device=lengths.device), lengths)
        size = len(segment)
        causal = torch.ones((size, size), dtype=torch.bool, device=lengths.device).tril()
        return ((segment[:, None] == segment[None, :]) & causal)[None, None]


def pack_rows(lengths: list[int], capacity: int) -> list[list[int]]:
    """Best-fit decreasing: indices of examples by row, so that each row's lengths sum to at most capacity.

    The result depends on the lengths alone. Raises ValueError when one example is longer than a row.
    """
    rows: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (space, row), sorted
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
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


def collate(rows: list[list[Encoded]], pad_id: int, device: str = "cpu") -> Batch:
    """The examples of some rows as one Batch on the device, padded to a multiple of eight tokens for its kernels."""
    import torch

    examples = [example for row in rows for example in row]
    ids = [token for example in examples for token in example.input_ids]
    targets = [label for example in examples for label in (*example.labels[1:], IGNORED)]
    segments = [len(example.input_ids) for example in examples]
    real = len(ids)
    if padding := -real % 8:
        ids, targets, segments = ids + [pad_id] * padding, targets + [IGNORED] * padding, [*segments, padding]
    positions = torch.cat([torch.arange(length) for length in segments])
    supervised = sum(target != IGNORED for target in targets)
    return Batch(torch.tensor([ids]), torch.tensor([targets]), positions[None], tuple(segments), real, supervised).to(device)
