"""Rotary position embedding as one autograd function: nothing is kept but the angles, and fewer passes go over memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from types import FunctionType, MethodType

import torch

_NAME = "apply_rotary_pos_emb"  # transformers' function, in the file of each model


class Rotary(torch.autograd.Function):
    """x · cos + rotate_half(x) · sin, where rotate_half([a, b]) is [-b, a] over the last dimension.

    x [batch, heads, tokens, size]; cos and sin [batch, 1, tokens, size], in which angles stand twice, once for each half.
    """

    @staticmethod
    def forward(ctx, x, cos, sin):
        ctx.save_for_backward(cos, sin)
        first, second = sin.chunk(2, -1)
        return _turned(x, cos, first, second, -1)

    @staticmethod
    def backward(ctx, gradient):
        cos, sin = ctx.saved_tensors
        first, second = sin.chunk(2, -1)
        return _turned(gradient, cos, second, first, 1), None, None


def _turned(x, cos, into_first, into_second, sign: int):
    turned, (a, b) = x * cos, x.chunk(2, -1)
    first, second = turned.chunk(2, -1)
    first.addcmul_(b, into_first, value=sign)
    second.addcmul_(a, into_second, value=-sign)
    return turned


def rotate(attention: torch.nn.Module) -> bool:
    """Let an attention of transformers turn queries and keys by Rotary, if that is what it does; says whether.

    It calls a function of its class's file. This instance's forward gets a namespace with ours in its place: others keep theirs.
    """
    forward = _rotating(type(attention))
    if forward is not None:
        attention.forward = MethodType(forward, attention)
    return forward is not None


@cache
def _rotating(kind: type) -> FunctionType | None:
    plain, forward = getattr(sys.modules[kind.__module__], _NAME, None), kind.forward
    if not isinstance(forward, FunctionType) or _NAME not in forward.__code__.co_names or not _is_rotary(plain):
        return None
    names = forward.__globals__ | {_NAME: partial(_rotary, plain)}
    changed = FunctionType(forward.__code__, names, forward.__name__, forward.__defaults__, forward.__closure__)
    changed.__kwdefaults__ = forward.__kwdefaults__
    return changed


def _rotary(plain: Callable, q, k, cos, sin, unsqueeze_dim: int = 1):
    if cos.shape[-1] != q.shape[-1]:  # of a part of each head
        return plain(q, k, cos, sin, unsqueeze_dim=unsqueeze_dim)
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    return Rotary.apply(q, cos, sin), Rotary.apply(k, cos, sin)


def _is_rotary(plain: Callable | None) -> bool:
    """Whether a function turns random queries and keys as Rotary does."""
    if plain is None:
        return False
    generator = torch.Generator().manual_seed(0)
    q, k, angles = (torch.randn(shape, generator=generator) for shape in ((1, 4, 3, 8), (1, 2, 3, 8), (1, 3, 4)))
    angles = torch.cat([angles, angles], -1)
    try:
        wanted, got = (function(q, k, angles.cos(), angles.sin()) for function in (plain, partial(_rotary, plain)))
        return all(torch.allclose(one, other, atol=1e-5) for one, other in zip(wanted, got, strict=True))
    except (TypeError, ValueError, RuntimeError):
        return False
