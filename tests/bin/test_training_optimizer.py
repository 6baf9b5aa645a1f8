"""AdamW's groups, its state in a checkpoint, and the schedule."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from llamaflow.models import load_model
from llamaflow.recipe import Recipe
from llamaflow.training.adapter import MasterWeights, attach
from llamaflow.training.optimizer import (
    build_optimizer,
    learning_rate_factor,
    load_optimizer_state,
    optimizer_state,
    parameter_groups,
)

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"


def masters(recipe: Recipe) -> MasterWeights:
    import torch

    torch.manual_seed(3)
    return MasterWeights(attach(load_model(TINY, precision="fp32", device="cpu"), recipe, "tiny"))


def gradients(weights: MasterWeights, seed: int) -> None:
    import torch

    weights.zero_gradients()
    weights.flat_gradients().normal_(generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_every_parameter_is_in_one_group_with_the_rate_of_its_part(method):
    recipe = Recipe(method=method, lora_rank=4, lora_plus_ratio=8, learning_rate=1e-3, weight_decay=0.1)
    weights = masters(recipe)
    groups = parameter_groups(weights.named_masters(), recipe)
    found = [id(master) for group in groups for master in group["params"]]
    assert sorted(found) == sorted(id(master) for master in weights.masters)
    rates = {id(master): (group["lr"], group["weight_decay"]) for group in groups for master in group["params"]}
    for name, master in weights.named_masters():
        wanted = (8e-3, 0.1) if "lora_B" in name else (1e-3, 0.1) if "lora_A" in name else (1e-3, 0.0)
        assert rates[id(master)] == pytest.approx(wanted)
    assert len(groups) == (3 if method == "dora" else 2)


@pytest.mark.parametrize("ratio", [2.0, 16.0])
def test_first_step_moves_b_by_the_ratio_and_a_as_before(ratio):
    import torch

    moves = []
    for value in (1.0, ratio):
        recipe = Recipe(lora_rank=4, lora_plus_ratio=value, learning_rate=1e-3)
        weights = masters(recipe)
        before = weights.snapshot()
        gradients(weights, 5)
        build_optimizer(weights, recipe).step()
        moves.append({name: master.detach() - before[name] for name, master in weights.named_masters()})
    for name, plain in moves[0].items():
        factor = ratio if "lora_B" in name else 1.0
        torch.testing.assert_close(moves[1][name], factor * plain, rtol=1e-4, atol=1e-7)
        assert plain.abs().min() > 0


def test_weight_decay_shrinks_a_and_b_by_rate_times_decay_and_no_magnitude():
    import torch

    recipe = Recipe(method="dora", lora_rank=4, lora_plus_ratio=4, learning_rate=1e-2, weight_decay=0.5)
    weights = masters(recipe)
    for master in weights.masters:
        master.data += 1
    before = weights.snapshot()
    weights.zero_gradients()
    build_optimizer(weights, recipe).step()
    for name, master in weights.named_masters():
        shrunk = 1 - 4e-2 * 0.5 if "lora_B" in name else 1 - 1e-2 * 0.5 if "lora_A" in name else 1.0
        torch.testing.assert_close(master.detach(), before[name] * shrunk, rtol=1e-6, atol=0)


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_taken_up_again_equals_never_stopped_to_the_last_bit(method):
    import torch

    recipe = Recipe(method=method, lora_rank=4, lora_plus_ratio=4, learning_rate=1e-2, weight_decay=0.1)

    def steps(weights, optimizer, span):
        for step in span:
            gradients(weights, step)
            optimizer.step()

    whole = masters(recipe)
    optimizer = build_optimizer(whole, recipe)
    assert optimizer_state(optimizer, whole) == {}
    steps(whole, optimizer, range(4))
    kept, moments = whole.snapshot(), {name: value.clone() for name, value in optimizer_state(optimizer, whole).items()}
    steps(whole, optimizer, range(4, 9))

    again = masters(recipe)
    again.restore(kept)
    optimizer = build_optimizer(again, recipe)
    load_optimizer_state(optimizer, again, moments)
    steps(again, optimizer, range(4, 9))
    assert all(torch.equal(one, other) for one, other in zip(again.masters, whole.masters, strict=True))
    assert len(moments) == 3 * len(whole.masters)


def test_learning_rate_rises_falls_and_never_leaves_its_bounds():
    for schedule in ("cosine", "linear", "constant"):
        recipe = Recipe(schedule=schedule, warmup_ratio=0.2)
        for total in (1, 2, 7, 50):
            factors = [learning_rate_factor(step, total, recipe) for step in range(total + 1)]
            assert all(0 <= factor <= 1 for factor in factors) and all(factor > 0 for factor in factors[:-1])
            peak, warmup = factors.index(max(factors)), math.ceil(0.2 * total)
            assert peak == warmup and factors[: peak + 1] == sorted(factors[: peak + 1])
            assert factors[peak:] == sorted(factors[peak:], reverse=True)
