"""NEFTune: noise of the paper's size for each example of a packed row, in training only, and the same again after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.models import load_model
from llamaflow.recipe import Recipe
from llamaflow.training.adapter import MasterWeights, attach
from llamaflow.training.neftune import Neftune

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"


@pytest.fixture(scope="module")
def model():
    return load_model(TINY, precision="fp32", device="cpu")


def noise(model, positions=None, tokens: int = 0):
    """What is added to the embeddings in one training pass, [rows, tokens, width]."""
    import torch

    shape = positions.shape if positions is not None else (1, tokens)
    ids = torch.randint(3, 1000, shape, generator=torch.Generator().manual_seed(1))
    embedding, seen = model.get_input_embeddings(), []
    hook = embedding.register_forward_hook(lambda *arguments: seen.append(arguments[-1].detach()))
    with torch.no_grad():
        model.train()
        model(input_ids=ids, **({} if positions is None else {"position_ids": positions}))
        model.eval()
        model(input_ids=ids, **({} if positions is None else {"position_ids": positions}))
    hook.remove()
    assert torch.equal(seen[1], embedding.weight[ids]), "noise in eval mode"
    return seen[0] - seen[1]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.sampled_from([1.0, 5.0, 15.0]))
@settings(max_examples=15, deadline=None)
def test_noise_of_each_example_has_the_bound_of_its_own_length(model, lengths, alpha):
    import torch

    neftune = Neftune(model, alpha, seed=2)
    added = noise(model, torch.cat([torch.arange(length) for length in lengths])[None])[0]
    neftune.remove()
    for length, part in zip(lengths, added.split(lengths), strict=True):
        bound = alpha / (length * part.shape[-1]) ** 0.5
        assert part.abs().max() <= bound * (1 + 1e-5) + 1e-7
        assert part.abs().max() >= 0.8 * bound  # 64 draws or more
        if part.numel() > 1500:
            assert abs(part.mean()) < 0.1 * bound and part.std() == pytest.approx(bound / 3**0.5, rel=0.1)


def test_rows_are_told_apart_and_without_positions_a_row_is_one_example(model):
    import torch

    neftune = Neftune(model, 5.0, seed=2)
    rows = torch.stack([torch.arange(40), torch.cat([torch.arange(4), torch.arange(36)])])
    added, plain = noise(model, rows), noise(model, tokens=40)
    neftune.remove()
    width = added.shape[-1]
    for part, length in ((added[0], 40), (added[1, :4], 4), (added[1, 4:], 36), (plain[0], 40)):
        assert part.abs().max() == pytest.approx(5 / (length * width) ** 0.5, rel=0.05)


def test_noise_depends_on_the_seed_alone(model):
    import torch

    neftune = Neftune(model, 5.0, seed=2)
    first, second = noise(model, tokens=20), noise(model, tokens=20)
    assert not torch.equal(first, second)
    for seed, same in ((2, True), (3, False)):
        neftune.reseed(seed)
        torch.rand(3)  # torch's own generator has no part in it
        assert torch.equal(noise(model, tokens=20), first) == same
    neftune.remove()
    assert not noise(model, tokens=20).any()


@pytest.mark.parametrize("checkpointing", [False, True])
def test_an_adapter_trains_under_it_in_bf16(checkpointing):
    """The noise is drawn once a pass, also when layers run a second time for their gradients."""
    import torch

    torch.manual_seed(3)
    model = load_model(TINY, precision="bf16", device="cpu")
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    model = attach(model, Recipe(lora_rank=4), "tiny").train()
    weights, neftune, ids = MasterWeights(model), Neftune(model, 5.0, seed=2), torch.arange(3, 40)[None]
    model(input_ids=ids, labels=ids).loss.backward()
    assert weights.flat_gradients().any() and torch.isfinite(weights.flat_gradients()).all()
    drawn = torch.Generator().manual_seed(2)
    torch.empty(1, 37, 64).uniform_(generator=drawn)
    assert torch.equal(neftune._generator.get_state(), drawn.get_state())
