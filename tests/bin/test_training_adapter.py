"""LoRA adapters: nothing changes before training, small updates survive in bf16, and the same weights are the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.errors import BadInputError
from llamaflow.models import load_model
from llamaflow.recipe import Recipe
from llamaflow.training.adapter import MasterWeights, attach, save

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
BIN = Path(__file__).parents[2] / "bin"


def adapted(precision: str = "fp32", seed: int = 3, **values):
    import torch

    torch.manual_seed(seed)
    return attach(load_model(TINY, precision=precision, device="cpu"), Recipe(**{"lora_rank": 4, **values}), "tiny")


def logits(model):
    import torch

    with torch.no_grad():
        return model(torch.arange(3, 40)[None]).logits


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_untrained_adapter_changes_nothing(method):
    import torch

    plain = logits(load_model(TINY, precision="fp32", device="cpu"))
    model = adapted(method=method).eval()
    torch.testing.assert_close(logits(model), plain, rtol=1e-5, atol=1e-6)
    first, second = (
        {name: value for name, value in model.named_parameters() if f"lora_{letter}." in name} for letter in "AB"
    )  # fmt: skip
    assert len(first) == len(second) == 7 * 2
    assert all(value.abs().sum() > 0 for value in first.values()) and not any(value.abs().sum() > 0 for value in second.values())
    with torch.no_grad():
        next(iter(second.values())).fill_(1.0)
    assert not torch.allclose(logits(model), plain)


def test_only_the_adapter_is_trainable_and_in_the_models_precision():
    import torch

    model = adapted("bf16")
    trainable = {name for name, value in model.named_parameters() if value.requires_grad}
    assert trainable and all("lora_" in name for name in trainable)
    assert {value.dtype for value in model.parameters()} == {torch.bfloat16}


def test_masters_keep_updates_that_bf16_would_lose():
    import torch

    model = adapted("bf16")
    weights = MasterWeights(model)
    start = [master.detach().clone() for master in weights.masters]
    for _ in range(100):
        for master in weights.masters:
            master.data += 1e-4
    weights.publish()
    for parameter, master, before in zip(weights.parameters, weights.masters, start, strict=True):
        assert master.dtype == torch.float32
        torch.testing.assert_close(master.data, before + 0.01, rtol=0, atol=1e-5)
        assert torch.equal(parameter.data, master.data.to(torch.bfloat16))


def gradients(weights, model, batches) -> object:
    """The masters' gradients of the summed loss over some batches, one backward pass each."""
    import torch

    weights.zero_gradients()
    for ids in batches:
        logits = model(ids).logits[:, :-1].float()
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum").backward()
    return weights.flat_gradients().clone()


@pytest.fixture(scope="module")
def trained():
    """An adapter whose B is not zero, so that A has gradients too; 8 examples; their gradient in one batch."""
    import torch

    model = adapted()
    weights = MasterWeights(model)
    for master in weights.masters:
        master.data += 0.02 * torch.randn(master.shape, generator=torch.Generator().manual_seed(5))
    weights.publish()
    examples = torch.randint(3, 1000, (8, 12), generator=torch.Generator().manual_seed(6))
    return model, weights, examples, gradients(weights, model, [examples])


@given(st.lists(st.integers(0, 7), min_size=0, max_size=7, unique=True).map(sorted))
@settings(max_examples=20, deadline=None)
def test_any_split_of_a_batch_gives_the_same_gradient(trained, cuts):
    import torch

    model, weights, examples, whole = trained
    parts = [part for part in examples.tensor_split(cuts) if len(part)]
    assert sum(len(part) for part in parts) == 8
    torch.testing.assert_close(gradients(weights, model, parts), whole, rtol=1e-5, atol=1e-6 * whole.abs().max().item())


def test_many_small_gradients_of_bf16_are_summed_in_fp32():
    """bf16 has 8 bits: a sum in it would stop growing at about 256 times one gradient."""
    import torch

    model = adapted("bf16")
    weights, ids = MasterWeights(model), torch.arange(3, 11)[None]
    one = gradients(weights, model, [ids])
    torch.testing.assert_close(gradients(weights, model, [ids] * 320), 320 * one, rtol=1e-5, atol=0)
    assert one.abs().sum() > 0 and all(parameter.grad is None for parameter in weights.parameters)


def test_flat_gradients_are_the_masters_and_scaled_at_once(trained):
    import torch

    model, weights, examples, whole = trained
    gradients(weights, model, [examples])
    weights.scale_gradients(torch.tensor(0.25))
    assert torch.equal(weights.flat_gradients(), 0.25 * whole)
    assert torch.equal(torch.cat([master.grad.flatten() for master in weights.masters]), weights.flat_gradients())
    weights.flat_gradients().fill_(2)  # as a sum over processes writes it
    assert all(bool((master.grad == 2).all()) for master in weights.masters)


def test_gradients_survive_an_optimizer_that_drops_them(trained):
    import torch

    model, weights, examples, whole = trained
    torch.optim.SGD(weights.masters, lr=0.1).zero_grad(set_to_none=True)
    assert torch.equal(gradients(weights, model, [examples]), whole)
    assert torch.equal(torch.cat([master.grad.flatten() for master in weights.masters]), whole)


def test_what_a_failed_backward_pass_left_is_forgotten(trained):
    """As out of memory in the first layer's backward pass, when the second layer's gradients are already there."""
    import torch

    model, weights, examples, whole = trained

    def fail(*_):
        raise torch.OutOfMemoryError("no memory left")

    hook = model.get_base_model().model.layers[0].register_full_backward_hook(fail)
    with pytest.raises(torch.OutOfMemoryError):
        gradients(weights, model, [examples])
    hook.remove()
    assert weights.flat_gradients().abs().sum() > 0
    weights.zero_gradients()
    assert not weights.flat_gradients().any() and all(parameter.grad is None for parameter in weights.parameters)
    assert torch.equal(gradients(weights, model, [examples]), whole)


def test_parameters_that_were_not_used_have_gradient_zero(trained):
    model, weights, examples, _ = trained
    weights.zero_gradients()
    model(examples, output_hidden_states=True).hidden_states[1].sum().backward()
    for name, master in weights.named_masters():
        assert master.grad.any() == (".layers.0." in name)


def test_names_are_those_of_the_plain_model_whatever_wraps_it():
    import torch

    model = adapted()
    plain = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert MasterWeights(model).names == plain and len(set(plain)) == len(plain)
    layers = model.get_base_model().model.layers
    layers[0] = torch.compile(layers[0])
    wrapped = torch.nn.Module()
    wrapped.module = torch.compile(model)  # as DistributedDataParallel keeps it
    assert MasterWeights(wrapped).names == plain


def test_snapshot_comes_back_into_masters_and_model_whatever_happened_since():
    import torch

    weights = MasterWeights(adapted("bf16"))
    kept = weights.snapshot()
    values = {name: value.clone() for name, value in kept.items()}
    shown = [parameter.detach().clone() for parameter in weights.parameters]
    for master in weights.masters:
        master.data.normal_()
    weights.publish()
    assert not all(torch.equal(one, other) for one, other in zip(weights.parameters, shown, strict=True))
    weights.restore(kept)
    assert all(torch.equal(master, values[name]) for name, master in weights.named_masters())
    assert all(torch.equal(parameter, value) for parameter, value in zip(weights.parameters, shown, strict=True))
    weights.masters[0].data += 1  # a snapshot is a copy, not a view
    assert all(torch.equal(kept[name], values[name]) for name in kept)


@pytest.mark.parametrize("change", [{"lora_rank": 2}, {"method": "dora"}, {"target_modules": ["q_proj"]}])
def test_snapshot_of_another_adapter_is_refused(change):
    weights = MasterWeights(adapted())
    with pytest.raises(ValueError, match="another adapter"):
        weights.restore(MasterWeights(adapted(**change)).snapshot())


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_adapter_is_the_formula_in_forward_pass_and_merged(method):
    """y = x W'^T with W' = W + s·BA, s = alpha/r or alpha/sqrt(r); DoRA: W' = m · V/|V|, V = W + s·BA, norms by output."""
    import torch

    model = adapted(method=method, lora_rank=4, lora_alpha=24)
    generator = torch.Generator().manual_seed(1)
    for name, layer in model.named_modules():
        if not name.endswith(("q_proj", "down_proj")):
            continue
        a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        b.data = 0.05 * torch.randn(b.shape, generator=generator)
        scale = 24 / 4**0.5 if method == "rslora" else 24 / 4
        wanted = layer.base_layer.weight + scale * (b @ a)
        if method == "dora":
            magnitude = layer.lora_magnitude_vector["default"].weight
            torch.testing.assert_close(magnitude, layer.base_layer.weight.norm(dim=1))  # at the start m = |W|
            magnitude.data *= 1 + 0.1 * torch.rand(magnitude.shape, generator=generator)
            wanted = magnitude[:, None] * wanted / wanted.norm(dim=1, keepdim=True)
        x = torch.randn(3, 5, wanted.shape[1], generator=generator)
        torch.testing.assert_close(layer(x), x @ wanted.T, rtol=1e-4, atol=1e-5)
        layer.merge()
        torch.testing.assert_close(layer.base_layer.weight, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("quantization", ["none", "nf4"])
@pytest.mark.parametrize(("method", "dropout"), [("lora", 0.1), ("rslora", 0.0), ("dora", 0.0), ("dora", 0.1)])
def test_every_method_learns_in_bf16(quantization, method, dropout):
    """Through peft's own forward pass, adapter and masters in the precisions that they should have."""
    import torch

    torch.manual_seed(3)
    recipe = Recipe(method=method, lora_dropout=dropout, lora_rank=4, lora_alpha=8)
    model = attach(load_model(TINY, precision="bf16", device="cpu", quantization=quantization), recipe, "tiny").train()
    weights, ids = MasterWeights(model), torch.arange(3, 60)[None]
    assert {parameter.dtype for parameter in weights.parameters} == {torch.bfloat16}
    optimizer = torch.optim.AdamW(weights.masters, lr=5e-3)
    losses = []
    for _ in range(10):
        weights.zero_gradients()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        weights.publish()
        losses.append(loss.item())
    assert min(losses[5:]) < losses[0] - 0.01


def test_saved_adapter_loads_again_as_it_was(tmp_path):
    import torch

    model = adapted().eval()
    weights = MasterWeights(model)
    for i, master in enumerate(weights.masters):
        master.data += 0.01 * (i + 1)
    weights.publish()
    save(model, tmp_path / "adapter")
    again = load_model(TINY, adapter=tmp_path / "adapter", precision="fp32", device="cpu")
    assert torch.equal(logits(again), logits(model))
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny"


def test_loading_an_adapter_rounds_nothing_but_the_adapter(tmp_path):
    """It once rounded the rotary frequencies to bf16, so that far positions were turned by up to a radian."""
    import torch

    model = adapted("bf16")
    weights = MasterWeights(model.eval())
    for master in weights.masters:
        master.data += 0.01
    weights.publish()
    save(model, tmp_path / "adapter")
    again = load_model(TINY, adapter=tmp_path / "adapter", precision="bf16", device="cpu")
    assert {name: value.dtype for name, value in again.named_buffers()} == {name: value.dtype for name, value in model.named_buffers()}
    ids = torch.randint(3, 1000, (1, 1000), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert torch.equal(again(ids).logits, model(ids).logits)


SAVE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
from llamaflow.models import load_model
from llamaflow.recipe import Recipe
from llamaflow.training.adapter import attach, save
torch.manual_seed(3)
print(save(attach(load_model(sys.argv[2], precision="bf16", device="cpu"), Recipe(lora_rank=4), "tiny"), Path(sys.argv[3])))
"""


def test_two_processes_with_other_hash_seeds_write_the_same_bytes(tmp_path):
    """This process and a child whose sets are ordered in another way."""
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    command = [sys.executable, "-c", SAVE, str(BIN), str(TINY), str(tmp_path / "child")]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"}
    digest = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, timeout=200, check=True).stdout.strip()
    assert len(digest) == 64 and digest == save(adapted("bf16"), tmp_path / "here")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "child" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    assert digest != save(adapted("bf16", seed=4), tmp_path / "other")


def test_target_modules_that_are_not_there_are_bad_input():
    model = load_model(TINY, precision="fp32", device="cpu")
    with pytest.raises(BadInputError, match="target_modules"):
        attach(model, Recipe(target_modules=["no_such_module"]), "tiny")
