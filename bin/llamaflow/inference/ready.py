"""Making a model ready for nothing but inference: adapter merged where that is exact, weights laid out for the CPU's kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import linear

from ..training.kernels import fuse
from .forward import causal_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Projections that transformers' models call one after the other on the same tensor: one product instead of several.
SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
# Tokens of a typical forward: oneDNN lays weights out for it, and takes any other number as well.
TOKENS = 32


def ready_for_inference(model: PreTrainedModel) -> PreTrainedModel:
    """The model to score and generate with; it cannot be trained or saved afterwards. Returns it, or the model inside its adapter.

    In fp32 the adapter is merged: W + s B A differs from the two products by less than the order of a sum does. In bf16 and on
    quantized weights rounding the sum would lose part of what was trained, so there the adapter stays beside the weights. On a CPU
    the weights are then laid out as oneDNN's kernels read them, which is about twice as fast as doing so in every call; each layer is kept
    as it was where the other way does not give its numbers.
    """
    with torch.inference_mode(False), torch.no_grad():
        if hasattr(model, "merge_and_unload"):
            if not _merges_exactly(model):
                fuse(model)
                return model
            model = model.merge_and_unload(progressbar=False)
        if next(model.parameters()).device.type == "cpu":
            _lay_out(causal_model(model))
    return model.eval()


def _merges_exactly(model: Any) -> bool:
    """fp32 everywhere, and no adapter on a weight that input and output share: merging it would change both."""
    from peft.tuners.lora import LoraLayer

    if any(parameter.dtype != torch.float32 for parameter in model.parameters()):
        return False
    shared = {id(part.weight) for part in (model.get_input_embeddings(), model.get_output_embeddings()) if hasattr(part, "weight")}
    adapted = [module.get_base_layer() for module in model.modules() if isinstance(module, LoraLayer)]
    return not any(id(getattr(layer, "weight", None)) in shared for layer in adapted)


class PackedLinear(torch.nn.Module):
    """x Wᵀ + b with W [outputs, inputs] in oneDNN's own layout. W may be those of several maps, one below the other."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None):
        super().__init__()
        self.packed, self.bias = torch.ops.mkldnn._reorder_linear_weight(weight, TOKENS), bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")


class Siblings:
    """Several maps of the same input: whichever is asked first computes all, the others take what was left for them."""

    def __init__(self, maps: list[torch.nn.Linear]):
        biases = [one.bias for one in maps]
        bias = None if biases[0] is None else torch.cat([one.detach() for one in biases])
        self.whole = PackedLinear(torch.cat([one.weight.detach() for one in maps]), bias)
        self.ends = torch.tensor([one.out_features for one in maps]).cumsum(0).tolist()
        self.left: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def compute(self, place: int, x: torch.Tensor) -> torch.Tensor:
        of, result = self.left.pop(place, (None, None))
        if of is not x:
            result = self.whole(x)
            self.left = {other: (x, result) for other in range(len(self.ends)) if other != place}
        return result[..., self.ends[place - 1] if place else 0 : self.ends[place]]


class Part(torch.nn.Module):
    """One of some siblings, in the place of its linear map."""

    def __init__(self, siblings: Siblings, place: int):
        super().__init__()
        self.whole, self.compute = siblings.whole, partial(siblings.compute, place)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.compute(x)


def _lay_out(causal: Any) -> None:
    """Put packed linear maps in the place of ordinary ones."""
    for module in list(causal.modules()):
        for names in SIBLINGS:
            maps = [getattr(module, name, None) for name in names]
            alike = all(_is_plain(one) for one in maps) and len({(one.in_features, one.bias is None) for one in maps}) == 1
            siblings = _built(lambda maps=maps: Siblings(maps)) if alike else None
            if siblings and all(_same(one, partial(siblings.compute, place)) for place, one in enumerate(maps)):
                for place, name in enumerate(names):
                    setattr(module, name, Part(siblings, place))
        for name, child in list(module.named_children()):
            if _is_plain(child):
                packed = _built(lambda child=child: PackedLinear(child.weight.detach(), child.bias))
                if packed and _same(child, packed):
                    setattr(module, name, packed)


def _is_plain(module: Any) -> bool:
    return type(module) is torch.nn.Linear and module.weight.dtype in (torch.float32, torch.bfloat16)


def _built(build: Callable[[], Any]) -> Any:
    """What build gives, or None where this build of torch lacks the kernels."""
    try:
        return build()
    except (AttributeError, NotImplementedError, RuntimeError):
        return None


def _same(plain: torch.nn.Linear, other: Callable) -> bool:
    x = torch.randn(3, plain.in_features, generator=torch.Generator().manual_seed(0)).to(plain.weight.dtype)
    wanted = linear(x, plain.weight, plain.bias).float()
    bound = (1e-5 if plain.weight.dtype == torch.float32 else 0.02) * wanted.abs().max()
    return bool((other(x).float() - wanted).abs().max() <= bound)
