"""Cross-entropy over supervised tokens only, in pieces: the logits of a row never exist all at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from ..packing import SEGMENT_ATTENTION, Batch

# Logits of one piece, in fp32: enough positions for matrix products at full speed.
_PIECE_BYTES = {"cpu": 96 << 20, "cuda": 512 << 20}
# Of them a CPU takes as many at a time through softmax as its second-level cache holds.
_CACHED_BYTES = 2 << 20


class ProjectedNats(torch.autograd.Function):
    """Sum of -log p(target) over positions, from hidden states and the frozen output projection.

    hidden [positions, size], weight [vocabulary, size], targets [positions]. The gradient of the hidden states is
    computed along with the loss, piece by piece, because the logits are at hand then; the projection gets none.
    """

    @staticmethod
    def forward(ctx, hidden, weight, bias, targets, nats_and_gradient, lanes=1):
        rows = max(16, _PIECE_BYTES.get(hidden.device.type, 32 << 20) // (4 * weight.shape[0] * lanes))
        wanted = ctx.needs_input_grad[0]
        logits = hidden.new_empty((min(rows, len(targets)), weight.shape[0]))  # one for all pieces: fresh memory is slow on a CPU
        gradient = torch.empty_like(hidden) if wanted else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(targets), rows):
            piece, target = hidden[start : start + rows], targets[start : start + rows, None]
            torch.mm(piece, weight.t(), out=logits[: len(target)])
            if bias is not None:
                logits[: len(target)] += bias
            nats, d_logits = nats_and_gradient(logits[: len(target)], target, wanted)
            total += nats
            if wanted:
                torch.mm(d_logits, weight, out=gradient[start : start + rows])
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx, outer):
        (gradient,) = ctx.saved_tensors
        return gradient * outer.to(gradient.dtype), None, None, None, None, None


def in_place(logits: torch.Tensor, target: torch.Tensor, wanted: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Sum of -log p(target) and, if wanted, its gradient in the logits' place: softmax minus one at the target.

    logits [positions, vocabulary], target [positions, 1]; computed in fp32.
    """
    total = torch.zeros((), dtype=torch.float32, device=logits.device)
    rows = max(1, _CACHED_BYTES // (4 * logits.shape[1])) if logits.device.type == "cpu" else len(target)
    exact = logits.new_empty((min(rows, len(target)), logits.shape[1]), dtype=torch.float32)  # one for all parts, as above
    for part, aim in zip(logits.split(rows), target.split(rows), strict=True):
        shifted = exact[: len(part)].copy_(part)
        shifted -= shifted.amax(-1, keepdim=True)
        hit = shifted.gather(1, aim)
        norm = shifted.exp_().sum(-1, keepdim=True)  # torch's own softmax adds up less exactly, and takes longer
        total += (norm.log() - hit).sum()
        if wanted:
            part.copy_(shifted.mul_(norm.reciprocal_()).scatter_add_(1, aim, norm.new_full(aim.shape, -1.0)))
    return total, logits if wanted else None


def fusible(logits: torch.Tensor, target: torch.Tensor, wanted: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The same for torch.compile, which reads logits twice and writes the gradient once."""
    precision, logits = logits.dtype, logits.float()
    norm = logits.logsumexp(-1, keepdim=True)
    nats = (norm - logits.gather(1, target)).sum()
    if not wanted:
        return nats, None
    return nats, ((logits - norm).exp() - (torch.arange(logits.shape[1], device=logits.device) == target).float()).to(precision)


@cache
def compiled() -> Callable:
    """``fusible``, compiled once for any number of positions."""
    return torch.compile(fusible, dynamic=True)


def supervised_nats(model, batch: Batch, nats_and_gradient: Callable = in_place, lanes: int = 1) -> torch.Tensor:
    """Sum of cross-entropy in nats over a batch's supervised tokens (fp32 scalar with gradient).

    The transformer runs on the whole row; the vocabulary projection only where there is something to learn,
    which is most of the memory and much of the time on small models. lanes: threads that do this side by side; logits of all take
    the memory that those of one would.
    """
    causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
    if causal_lm.config._attn_implementation == SEGMENT_ATTENTION:
        attention = {"attention_mask": None, "segments": batch.segments}
    else:
        attention = {"attention_mask": batch.mask()}
    hidden = causal_lm.model(input_ids=batch.input_ids, position_ids=batch.position_ids, use_cache=False, **attention).last_hidden_state
    head = causal_lm.lm_head
    learned, targets = batch.learned.to(hidden.device), batch.targets.to(head.weight.device)  # layers may lie on several devices
    hidden = hidden.flatten(0, 1).index_select(0, learned).to(head.weight.device)
    if head.weight.requires_grad or getattr(head.weight, "quant_state", None) is not None or hasattr(head, "lora_A"):
        return torch.nn.functional.cross_entropy(head(hidden).float(), targets, reduction="sum")
    return ProjectedNats.apply(hidden, head.weight, head.bias, targets, nats_and_gradient, lanes)
