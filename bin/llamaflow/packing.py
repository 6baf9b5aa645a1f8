"""Packing several examples into one row without letting them see each other.

Rows carry segment numbers; attention is block-diagonal and causal, positions restart with every segment, and
targets never cross a boundary, so a packed row gives the very logits of its examples alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .chat import IGNORED, Encoded

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Batch:
    """Packed rows as tensors: input_ids, targets, position_ids [rows, length]; mask [rows, 1, length, length].

    targets[r, t] is the token that position t has to predict, -100 where nothing is learned; mask is True where
    a query may look.
    """

    input_ids: torch.Tensor
    targets: torch.Tensor
    position_ids: torch.Tensor
    mask: torch.Tensor
    real_tokens: int
    supervised_tokens: int

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        names = ("input_ids", "targets", "position_ids", "mask")
        return replace(self, **{name: getattr(self, name).to(device, non_blocking=True) for name in names})


def pack_rows(lengths: list[int], capacity: int) -> list[list[int]]:
    """Best-fit decreasing: indices of examples by row, so that each row's lengths sum to at most capacity.

    The result depends on the lengths alone. Raises ValueError when one example is longer than a row.
    """
    rows: list[list[int]] = []
    free_by_space: dict[int, list[int]] = {}
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[index]
        if length > capacity:
            raise ValueError(f"an example of {length} tokens does not fit into rows of {capacity}")
        space = min((space for space in free_by_space if space >= length), default=None)
        if space is None:
            row = len(rows)
            rows.append([])
            space = capacity
        else:
            row = free_by_space[space].pop()
            if not free_by_space[space]:
                del free_by_space[space]
        rows[row].append(index)
        free_by_space.setdefault(space - length, []).append(row)
    return rows


def collate(rows: list[list[Encoded]], pad_id: int, device: str = "cpu") -> Batch:
    """Rows of examples as one padded Batch on the device."""
    import torch

    length = max(sum(len(example.input_ids) for example in row) for row in rows)
    length += -length % 8  # matrix kernels like multiples of eight
    ids = torch.full((len(rows), length), pad_id)
    targets = torch.full((len(rows), length), IGNORED)
    positions = torch.zeros((len(rows), length), dtype=torch.long)
    segments = torch.full((len(rows), length), -1)
    for r, row in enumerate(rows):
        start = 0
        for segment, example in enumerate(row):
            end = start + len(example.input_ids)
            ids[r, start:end] = torch.tensor(example.input_ids)
            targets[r, start : end - 1] = torch.tensor(example.labels[1:])
            positions[r, start:end] = torch.arange(end - start)
            segments[r, start:end] = segment
            start = end
    causal = torch.ones((length, length), dtype=torch.bool).tril()
    mask = (segments[:, :, None] == segments[:, None, :]) & causal  # padding sees padding: a row of no True gives NaN
    real, supervised = int((segments >= 0).sum()), int((targets != IGNORED).sum())
    return Batch(ids, targets, positions, mask[:, None], real, supervised).to(device)


def supervised_nats(model, batch: Batch) -> torch.Tensor:
    """Sum of cross-entropy in nats over a batch's supervised tokens (a scalar with gradient).

    The transformer runs on whole rows; the vocabulary projection only where there is something to learn,
    which is most of the memory and much of the time on small models.
    """
    import torch

    causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = causal_lm.model(
        input_ids=batch.input_ids, attention_mask=batch.mask, position_ids=batch.position_ids, use_cache=False
    ).last_hidden_state
    chosen = batch.targets != IGNORED
    logits = causal_lm.lm_head(hidden[chosen])
    return torch.nn.functional.cross_entropy(logits.float(), batch.targets[chosen], reduction="sum")
