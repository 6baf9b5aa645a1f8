"""Attention over packed rows that never leaves a segment, by the fastest way that this device has.

Segments are the examples of a packed row. A dense block-diagonal mask would spend most of its work on pairs that may
not see each other, so each segment is attended to by itself, or all of them by one variable-length kernel.
"""

from __future__ import annotations

from functools import cache, lru_cache
from inspect import signature

import torch
from torch.nn.functional import scaled_dot_product_attention

from ..packing import BLOCK, SEGMENT_ATTENTION, Block, Segments, blocks, may_share_prefix
from ..recipe import Recipe


class SegmentProducts(torch.autograd.Function):
    """Causal attention within segments by plain batched products.

    query [heads, tokens, size], key and value [kv heads, tokens, size]; segments: their lengths, which with that of the prefix
    that all see sum to tokens. The query heads of one kv head go through one product: nothing is repeated. A long segment is gone
    through by blocks of queries, each with the keys up to its end, and its scores are computed again in backward.
    """

    @staticmethod
    def forward(ctx, query, key, value, scale, segments, prefix=0):
        output, groups, kept = torch.empty_like(query), key.shape[0], []
        for block in blocks(segments, prefix):
            part = query[:, block.queries]
            weights = _weights(_scaled(part, groups, scale), _seen(key, block), part.shape[1])
            output[:, block.queries] = torch.bmm(weights, _seen(value, block)).view(part.shape)
            kept.append(weights if block.kept else None)
        ctx.save_for_backward(query, key, value, *kept)
        ctx.scale, ctx.segments, ctx.prefix = scale, segments, prefix
        return output

    @staticmethod
    def backward(ctx, gradient):
        query, key, value, *kept = ctx.saved_tensors
        heads, groups, size, prefix = query.shape[0], key.shape[0], query.shape[-1], ctx.prefix
        d_query, d_key, d_value = torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
        # All segments add to the prefix's, so these are summed in fp32.
        shared = [key.new_zeros((groups, prefix, size), dtype=torch.promote_types(key.dtype, torch.float32)) for _ in range(2)]
        for block, weights in zip(blocks(ctx.segments, prefix), kept, strict=True):
            queries, before, keys, _ = block
            key_, value_ = _seen(key, block), _seen(value, block)
            q, d = _scaled(query[:, queries], groups, ctx.scale), gradient[:, queries].reshape(groups, -1, size)
            weights = _weights(q, key_, queries.stop - queries.start) if weights is None else weights
            d_weights = torch.bmm(d, value_.transpose(1, 2))
            d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype)
            torch.mul(torch.bmm(d_scores, key_).view(heads, -1, size), ctx.scale, out=d_query[:, queries])
            # The first block of a segment that looks at keys writes their gradients, later ones add to them.
            seen = before + queries.start - keys.start
            parts = torch.bmm(d_scores.transpose(1, 2), q), torch.bmm(weights.transpose(1, 2), d)
            for whole, part, common in zip((d_key, d_value), parts, shared, strict=True):
                if before:
                    common += part[:, :before]
                whole[:, keys.start : queries.start] += part[:, before:seen]
                whole[:, queries] = part[:, seen:]
        for whole, common in zip((d_key, d_value), shared, strict=True):
            whole[:, :prefix] += common
        return d_query, d_key, d_value, None, None, None


def _seen(tensor: torch.Tensor, block: Block) -> torch.Tensor:
    """The keys or values [kv heads, …, size] that a block attends to."""
    own = tensor[:, block.keys]
    return torch.cat([tensor[:, : block.before], own], 1) if block.before else own


def _scaled(query: torch.Tensor, groups: int, scale: float) -> torch.Tensor:
    """[heads, queries, size] -> [kv heads, …, size]. It is copied anyway, and smaller than the scores."""
    return torch.mul(query, scale).reshape(groups, -1, query.shape[-1])


def _weights(query: torch.Tensor, key: torch.Tensor, count: int) -> torch.Tensor:
    """Causal softmax of the last count queries of some keys: [kv heads, …, size], [kv heads, keys, size] -> [kv heads, …, keys]."""
    groups, keys, _ = key.shape
    scores = torch.bmm(query, key.transpose(1, 2)).view(-1, count, keys)
    scores[:, :, keys - count :].add_(_future(count, scores.dtype, scores.device))
    return scores.softmax(-1).view(groups, -1, keys)


@lru_cache(2 * BLOCK)  # blocks are shorter than that
def _future(count: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """[count, count]: minus infinity at the keys behind a query. Adding it takes a fifth of the time of filling by a mask."""
    return torch.full((count, count), float("-inf"), dtype=dtype, device=device).triu_(1)


def by_segment(module, query, key, value, attention_mask, scaling=None, dropout=0.0, segments=None, **_kwargs):
    """transformers' attention interface: query [1, heads, tokens, size], key and value [1, kv heads, tokens, size]; segments: Segments."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if query.device.type == "cpu" and not dropout:
        output = SegmentProducts.apply(query[0], key[0], value[0], scale, segments.lengths, segments.prefix)
    else:
        options = {"dropout_p": dropout, "scale": scale, "is_causal": True, "enable_gqa": True}
        pieces = zip(*(tensor.split(segments.lengths, dim=2) for tensor in (query, key, value)), strict=True)
        output = torch.cat([scaled_dot_product_attention(*piece, **options)[0] for piece in pieces], dim=1)
    return output.transpose(0, 1)[None].contiguous(), None


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
    if parameter.device.type != "cuda" or attention_dropout(model):
        return by_segment
    heads = config.num_attention_heads
    groups = getattr(config, "num_key_value_heads", None) or heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return variable_length if _agrees(parameter.device, parameter.dtype, heads, groups, size) else by_segment


def can_share_prefix(model, recipe: Recipe, device: str) -> bool:
    """packing.may_share_prefix, for a model that may drop weights of attention on its own account."""
    return may_share_prefix(recipe, device) and not attention_dropout(model)


def attention_dropout(model) -> float:
    """Share of attention's weights that the model's own configuration drops in training."""
    return getattr(model.config.get_text_config(), "attention_dropout", 0) or 0.0


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
