"""Attention over packed rows that never leaves a segment, by the fastest way that this device has.

Segments are the examples of a packed row. A dense block-diagonal mask would spend most of its work on pairs that may
not see each other, so each segment is attended to by itself, or all of them by one variable-length kernel.
"""

from __future__ import annotations

from functools import cache
from inspect import signature

import torch
from torch.nn.functional import scaled_dot_product_attention

from ..packing import SEGMENT_ATTENTION, Segments

# Up to this many tokens the scores of a segment are kept for backward: on a CPU that is two to four times as fast as
# torch's flash kernel, whose backward works in small blocks (measured on AVX512-BF16); above, their size takes over.
KEPT_SCORES = 512


class SegmentProducts(torch.autograd.Function):
    """Causal attention of short segments by plain batched products.

    query [heads, tokens, size], key and value [kv heads, tokens, size]; segments: their lengths, which sum to tokens.
    The query heads of one kv head go through one product: nothing is repeated.
    """

    @staticmethod
    def forward(ctx, query, key, value, scale, segments):
        heads, _, size = query.shape
        groups = key.shape[0]
        output, kept, start = torch.empty_like(query), [], 0
        for length in segments:
            part = slice(start, start + length)
            q = query[:, part].reshape(groups, -1, size)
            scores = torch.bmm(q, key[:, part].transpose(1, 2)).view(heads, length, length)
            future = torch.ones((length, length), dtype=torch.bool, device=query.device).triu_(1)
            weights = scores.masked_fill_(future, float("-inf")).mul_(scale).softmax(-1).view(groups, -1, length)
            output[:, part] = torch.bmm(weights, value[:, part]).view(heads, length, size)
            kept.append(weights)
            start += length
        ctx.save_for_backward(query, key, value, *kept)
        ctx.scale, ctx.segments = scale, segments
        return output

    @staticmethod
    def backward(ctx, gradient):
        query, key, value, *kept = ctx.saved_tensors
        heads, _, size = query.shape
        groups = key.shape[0]
        d_query, d_key, d_value = torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
        start = 0
        for length, weights in zip(ctx.segments, kept, strict=True):
            part = slice(start, start + length)
            q, d = query[:, part].reshape(groups, -1, size), gradient[:, part].reshape(groups, -1, size)
            d_value[:, part] = torch.bmm(weights.transpose(1, 2), d)
            d_weights = torch.bmm(d, value[:, part].transpose(1, 2))
            d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype).mul_(ctx.scale)
            d_query[:, part] = torch.bmm(d_scores, key[:, part]).view(heads, length, size)
            d_key[:, part] = torch.bmm(d_scores.transpose(1, 2), q)
            start += length
        return d_query, d_key, d_value, None, None


def by_segment(module, query, key, value, attention_mask, scaling=None, dropout=0.0, segments=None, **_kwargs):
    """transformers' attention interface: query [1, heads, tokens, size], key and value [1, kv heads, tokens, size]; segments: Segments."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    parts, start = [], 0
    for lengths in _runs(segments.lengths, own=not dropout and query.device.type == "cpu"):
        end = start + sum(lengths)
        q, k, v = (tensor[0, :, start:end] for tensor in (query, key, value))
        if lengths[0] <= KEPT_SCORES and not dropout and query.device.type == "cpu":
            parts.append(SegmentProducts.apply(q, k, v, scale, lengths))
        else:
            options = {"dropout_p": dropout, "scale": scale, "is_causal": True, "enable_gqa": True}
            parts.append(scaled_dot_product_attention(q[None], k[None], v[None], **options)[0])
        start = end
    return torch.cat(parts, dim=1).transpose(0, 1)[None].contiguous(), None


def _runs(segments: tuple[int, ...], own: bool) -> list[tuple[int, ...]]:
    """Neighbouring short segments together, each long one alone."""
    runs: list[list[int]] = []
    for length in segments:
        if own and length <= KEPT_SCORES and runs and runs[-1][0] <= KEPT_SCORES:
            runs[-1].append(length)
        else:
            runs.append([length])
    return [tuple(run) for run in runs]


def variable_length(module, query, key, value, attention_mask, scaling=None, dropout=0.0, segments=None, **_kwargs):
    """The same by torch's flash attention for sequences of different lengths: one kernel for the whole row (CUDA)."""
    from torch.nn.attention.varlen import varlen_attn

    ends = segments.boundaries(query.device)
    q, k, v = (tensor[0].transpose(0, 1).contiguous() for tensor in (query, key, value))
    options = {"scale": scaling, "window_size": (-1, 0)}
    if q.shape[1] != k.shape[1] and "enable_gqa" in signature(varlen_attn).parameters:  # torch 2.11 takes fewer key heads unasked
        options["enable_gqa"] = True
    longest = max(segments.lengths)
    output = varlen_attn(q, k, v, ends, ends, longest, longest, **options)
    return output[None], None


def fastest_way(model):
    """The attention over segments that is fastest here, in transformers' attention interface.

    On CUDA the variable-length kernel is tried on a small random case and taken when it agrees with the plain way.
    """
    parameter, config = next(model.parameters()), model.config.get_text_config()
    if parameter.device.type != "cuda" or getattr(config, "attention_dropout", 0):
        return by_segment
    heads = config.num_attention_heads
    groups = getattr(config, "num_key_value_heads", None) or heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return variable_length if _agrees(parameter.device, parameter.dtype, heads, groups, size) else by_segment


def attend_by_segment(model) -> str:
    """Let the model attend within segments; returns the name of the way that was taken."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    way = fastest_way(model)
    # Outside the graph of torch.compile: lengths change with every row, and each would be compiled anew.
    AttentionInterface.register(SEGMENT_ATTENTION, torch.compiler.disable(way))
    AttentionMaskInterface.register(SEGMENT_ATTENTION, lambda *_args, **_kwargs: None)
    model.set_attn_implementation(SEGMENT_ATTENTION)
    return "variable length" if way is variable_length else "by segment"


@cache
def _agrees(device, dtype, heads: int, groups: int, size: int) -> bool:
    """Whether the variable-length kernel runs here, forward and backward, and gives what the plain way gives."""
    generator = torch.Generator().manual_seed(0)
    segments, results = Segments((5, 33, 26)), []
    drawn = [torch.randn(1, count, sum(segments.lengths), size, generator=generator) for count in (heads, groups, groups)]
    try:
        for way in (by_segment, variable_length):
            inputs = [tensor.to(device, dtype).requires_grad_() for tensor in drawn]
            output = way(None, *inputs, None, segments=segments)[0]
            output.float().square().sum().backward()
            results.append([output.detach().float(), *(tensor.grad.float() for tensor in inputs)])
    except (ImportError, RuntimeError, TypeError, ValueError, NotImplementedError):
        return False
    return all(bool((a - b).abs().max() <= 0.05 * a.abs().max()) for a, b in zip(*results, strict=True))
