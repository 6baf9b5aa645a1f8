"""The trained parts of a Llama-like layer as autograd functions: fewer passes over memory, less kept for backward.

Nothing here is approximate: ``fuse`` replaces a module's forward only where the fused one gives the same numbers on a
random input. The rest stays as transformers and peft wrote it.
"""

from __future__ import annotations

from functools import partial
from threading import local

import torch
from torch.nn.functional import linear, silu

from .rotary import rotate


class LoraLinears(torch.autograd.Function):
    """Several adapted linear maps of one input: y_i = x W_iᵀ + b_i + scale · (x A_iᵀ) B_iᵀ.

    x [..., inputs]; then per map W [outputs, inputs], b [outputs] or None, A [rank, inputs], B [outputs, rank]. The A of
    all maps are one product, scaling and addition happen inside the others, and W gets no gradient.
    """

    @staticmethod
    def forward(ctx, x, scale, *tensors):
        count = len(tensors) // 4
        weights, biases, downs, ups = (tensors[i * count : (i + 1) * count] for i in range(4))
        rows = x.reshape(-1, x.shape[-1])
        down = torch.cat(downs) if count > 1 else downs[0]
        inner = rows @ down.t()
        parts = inner.split([one.shape[0] for one in downs], dim=1)
        outputs = []
        for weight, bias, up, part in zip(weights, biases, ups, parts, strict=True):
            output = linear(rows, weight, bias).addmm_(part, up.t(), alpha=scale)
            outputs.append(output.view(*x.shape[:-1], -1))
        ctx.save_for_backward(rows, inner, down, *weights, *ups)
        ctx.scale, ctx.ranks, ctx.shape = scale, [one.shape[0] for one in downs], x.shape
        return tuple(outputs)

    @staticmethod
    def backward(ctx, *gradients):
        rows, inner, down, *rest = ctx.saved_tensors
        count = len(ctx.ranks)
        weights, ups = rest[:count], rest[count:]
        d_inner, d_x, d_ups = torch.empty_like(inner), None, []
        pieces = zip(d_inner.split(ctx.ranks, dim=1), inner.split(ctx.ranks, dim=1), strict=True)
        for gradient, weight, up, (d_part, part) in zip(gradients, weights, ups, pieces, strict=True):
            gradient = gradient.reshape(-1, gradient.shape[-1])
            d_part.copy_(gradient @ up)
            d_ups.append((gradient.t() @ part).mul_(ctx.scale))
            if ctx.needs_input_grad[0]:
                d_x = gradient @ weight if d_x is None else d_x.addmm_(gradient, weight)
        d_inner.mul_(ctx.scale)
        if d_x is not None:
            d_x = d_x.addmm_(d_inner, down).view(ctx.shape)
        d_downs = (d_inner.t() @ rows).split(ctx.ranks)
        return d_x, None, *[None] * (2 * count), *d_downs, *d_ups


class RmsNorm(torch.autograd.Function):
    """x / sqrt(mean(x²) + epsilon) · weight over the last dimension, for a frozen weight; statistics in fp32."""

    @staticmethod
    def forward(ctx, x, weight, epsilon):
        rows = x.reshape(-1, x.shape[-1])
        exact = rows.to(torch.float32, copy=True)  # converted once; a product of both precisions would do so again
        scale = torch.linalg.vector_norm(exact, dim=-1, keepdim=True).square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(rows, scale, weight)
        return exact.mul_(scale).to(x.dtype).mul_(weight).view(x.shape)

    @staticmethod
    def backward(ctx, gradient):
        rows, scale, weight = ctx.saved_tensors
        inner = gradient.reshape(rows.shape) * weight
        along = (inner * rows).sum(-1, keepdim=True, dtype=torch.float32).mul_(scale.pow(3).div_(rows.shape[-1]))
        d_x = inner.to(torch.float32, copy=True).mul_(scale).to(rows.dtype).addcmul_(rows, along.to(rows.dtype), value=-1)
        return d_x.view(gradient.shape), None, None


class SwiGlu(torch.autograd.Function):
    """silu(gate) · up; silu is computed again in backward instead of kept."""

    @staticmethod
    def forward(ctx, gate, up):
        ctx.save_for_backward(gate, up)
        return silu(gate).mul_(up)

    @staticmethod
    def backward(ctx, gradient):
        gate, up = ctx.saved_tensors
        d_up = silu(gate).mul_(gradient)
        d_gate = gradient * up
        return torch.ops.aten.silu_backward.grad_input(d_gate, gate, grad_input=d_gate), d_up


# Projections that transformers' models call one after the other on the same tensor.
_SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


def fuse(model) -> list[str]:
    """Replace the forward of projections, RMS norms, gated MLPs and rotations where that gives the same; returns what was replaced.

    Not under torch.compile: it fuses the plain ones itself, and would compile a forward of a module's own for each module anew.
    """
    done = set()
    for module in model.modules():
        siblings = [[getattr(module, name, None) for name in names] for names in _SIBLINGS]
        for group in siblings:
            if all(_is_plain_lora(one) for one in group):
                _share(group)
                done.add("projections")
        if _is_plain_lora(module) and "forward" not in vars(module):
            module.forward = partial(_alone, module)
            done.add("projections")
        if _replace(module, "RMSNorm", lambda m: partial(_norm, m), ("weight", "variance_epsilon")):
            done.add("norms")
        if _replace(module, "MLP", lambda m: partial(_mlp, m), ("gate_proj", "up_proj", "down_proj", "act_fn")):
            done.add("MLPs")
        if type(module).__name__.endswith("Attention") and rotate(module):
            done.add("rotations")
    return sorted(done)


def _is_plain_lora(module) -> bool:
    """One LoRA (not DoRA) without dropout around a linear map of ordinary, frozen weights."""
    from peft.tuners.lora import Linear

    if type(module) is not Linear or list(module.active_adapters) != ["default"] or module.merged:
        return False
    if type(module.base_layer) is not torch.nn.Linear or module.base_layer.weight.requires_grad:
        return False
    return not (module.use_dora["default"] or module.lora_bias["default"]) and isinstance(module.lora_dropout["default"], torch.nn.Identity)


def _tensors(modules) -> list:
    bases = [module.base_layer for module in modules]
    downs, ups = ([getattr(module, name)["default"].weight for module in modules] for name in ("lora_A", "lora_B"))
    return [*(base.weight for base in bases), *(base.bias for base in bases), *downs, *ups]


def _alone(module, x):
    return LoraLinears.apply(x, module.scaling["default"], *_tensors([module]))[0]


def _share(modules) -> None:
    """Let the first of some projections compute all, and the others hand out what it left for them."""
    own = local()  # a thread hands out what it has computed itself
    scales = {module.scaling["default"] for module in modules}

    def first(x):
        results = LoraLinears.apply(x, modules[0].scaling["default"], *_tensors(modules))
        own.left = {place: (x, result) for place, result in enumerate(results) if place}
        return results[0]

    def later(place, x):
        of, result = getattr(own, "left", {}).pop(place, (None, None))
        return result if of is x else _alone(modules[place], x)

    for place, module in enumerate(modules):
        module.forward = (partial(later, place) if place else first) if len(scales) == 1 else partial(_alone, module)


def _norm(module, x):
    return RmsNorm.apply(x, module.weight, module.variance_epsilon)


def _mlp(module, x):
    return module.down_proj(SwiGlu.apply(module.gate_proj(x), module.up_proj(x)))


def _replace(module, kind: str, build, needs: tuple[str, ...]) -> bool:
    """Put a fused forward into a module whose class name ends in kind, if it computes the same there."""
    if not type(module).__name__.endswith(kind) or not all(hasattr(module, name) for name in needs):
        return False
    trained = kind == "RMSNorm" and module.weight.requires_grad
    weight = module.weight if kind == "RMSNorm" else _weight_of(module.gate_proj)
    if trained or weight is None or weight.device.type == "meta":
        return False
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, weight.shape[-1], generator=generator).to(weight.device, weight.dtype)
    fused = build(module)
    with torch.no_grad():
        wanted, got = module(x).float(), fused(x).float()
    if not (got - wanted).abs().max() <= 0.02 * wanted.abs().max():
        return False
    module.forward = fused
    return True


def _weight_of(module):
    weight = getattr(module, "base_layer", module).weight
    return weight if weight.is_floating_point() else None
