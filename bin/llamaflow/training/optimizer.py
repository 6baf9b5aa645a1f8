"""AdamW on the adapter's master weights, with LoRA+ rates, its state by name, and the schedule of the learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..recipe import Recipe

if TYPE_CHECKING:
    import torch

    from .adapter import MasterWeights


def parameter_groups(named_masters: list[tuple[str, torch.Tensor]], recipe: Recipe) -> list[dict[str, Any]]:
    """AdamW's groups by a parameter's part in the adapter; empty ones are left out.

    B learns lora_plus_ratio times as fast as A: B starts at zero, and with one rate for both its part of the update
    vanishes as a model grows wider (LoRA+, https://arxiv.org/abs/2402.12354). DoRA's magnitudes start at the norms of
    the base weights, not at zero, so that argument does not reach them: they keep A's rate. Nor do they decay:
    that would shrink the base weights themselves, not the update.
    """
    kinds: dict[str, list] = {"A": [], "B": [], "magnitude": []}
    for name, master in named_masters:
        kind = "B" if ".lora_B." in name or ".lora_embedding_B." in name else "magnitude" if ".lora_magnitude_vector." in name else "A"
        kinds[kind].append(master)
    rate, decay = recipe.learning_rate, recipe.weight_decay
    groups = [
        {"name": "A", "params": kinds["A"], "lr": rate, "weight_decay": decay},
        {"name": "B", "params": kinds["B"], "lr": rate * recipe.lora_plus_ratio, "weight_decay": decay},
        {"name": "magnitude", "params": kinds["magnitude"], "lr": rate, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def build_optimizer(weights: MasterWeights, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW in one fused pass over weights, gradients and moments, where the device has it."""
    import torch

    fused = weights.masters[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW(parameter_groups(weights.named_masters(), recipe), fused=fused)


def optimizer_state(optimizer: torch.optim.AdamW, weights: MasterWeights) -> dict[str, torch.Tensor]:
    """What AdamW remembers, as '<kind>:<parameter>' -> tensor (no copies); empty before the first step."""
    return {
        f"{kind}:{name}": value
        for name, master in weights.named_masters()
        for kind, value in optimizer.state.get(master, {}).items()
    }  # fmt: skip


def load_optimizer_state(optimizer: torch.optim.AdamW, weights: MasterWeights, tensors: dict[str, torch.Tensor]) -> None:
    """Put back what optimizer_state gave; learning rates are set anew with each step and stay."""
    names = {id(master): name for name, master in weights.named_masters()}
    order = [names[id(master)] for group in optimizer.param_groups for master in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        kind, name = key.split(":", 1)
        state.setdefault(order.index(name), {})[kind] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def learning_rate_factor(step: int, total: int, recipe: Recipe) -> float:
    """Share of the peak learning rate at a step (0-based): linear warm-up, then the schedule down to zero."""
    warmup = math.ceil(recipe.warmup_ratio * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, total - warmup)
    return {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}[recipe.schedule]
