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
        """The same batch on a device."""
        names = ("input_ids", "targets", "position_ids")
        return replace(self, **{name: getattr(self, name).to(device, non_blocking=True) for name in names})

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


def supervised_nats(model, batch: Batch) -> torch.Tensor:
    """Sum of cross-entropy in nats over a batch's supervised tokens (a scalar with gradient).

    The transformer runs on the whole row; the vocabulary projection only where there is something to learn,
    which is most of the memory and much of the time on small models.
    """
    import torch

    causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
    if causal_lm.config._attn_implementation == SEGMENT_ATTENTION:
        attention = {"attention_mask": None, "segments": batch.segments}
    else:
        attention = {"attention_mask": batch.mask()}
    hidden = causal_lm.model(input_ids=batch.input_ids, position_ids=batch.position_ids, use_cache=False, **attention).last_hidden_state
    chosen = batch.targets != IGNORED
    logits = causal_lm.lm_head(hidden[chosen])
    return torch.nn.functional.cross_entropy(logits.float(), batch.targets[chosen], reduction="sum")


def attend_by_segment(model) -> None:
    """Let the model attend to each segment by itself instead of through one large mask.

    On a CPU the masked product would spend most of its work on pairs that may not see each other.
    """
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    AttentionInterface.register(SEGMENT_ATTENTION, _segment_attention)
    AttentionMaskInterface.register(SEGMENT_ATTENTION, lambda *_args, **_kwargs: None)
    model.set_attn_implementation(SEGMENT_ATTENTION)


def _segment_attention(module, query, key, value, attention_mask, scaling=None, dropout=0.0, segments=None, **_kwargs):
    """transformers' attention interface: query [1, heads, tokens, size], key and value [1, kv heads, tokens, size]."""
    import torch

    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    parts = zip(*(tensor.split(list(segments), dim=2) for tensor in (query, key, value)), strict=True)
    outputs = [
        torch.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scaling, is_causal=True) for q, k, v in parts
    ]
    return torch.cat(outputs, dim=2).transpose(1, 2).contiguous(), None
