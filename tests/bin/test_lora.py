"""LoRA adapters: nothing changes before training, small updates survive in bf16, and the same weights are the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llamaflow.errors import BadInputError
from llamaflow.lora import MasterWeights, attach, save
from llamaflow.models import load_model
from llamaflow.recipe import Recipe

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


def test_gradients_are_scaled_moved_and_cleared():
    import torch

    weights = MasterWeights(adapted())
    for i, parameter in enumerate(weights.parameters):
        parameter.grad = torch.full_like(parameter, float(i + 1))
    weights.gradients_in(0.25)
    for i, (parameter, master) in enumerate(zip(weights.parameters, weights.masters, strict=True)):
        assert parameter.grad is None and torch.equal(master.grad, torch.full_like(master, 0.25 * (i + 1)))


def test_snapshot_comes_back_into_masters_and_model_whatever_happened_since():
    import torch

    weights = MasterWeights(adapted("bf16"))
    kept = weights.snapshot()
    values = [value.clone() for value in kept]
    shown = [parameter.detach().clone() for parameter in weights.parameters]
    for master in weights.masters:
        master.data.normal_()
    weights.publish()
    assert not all(torch.equal(one, other) for one, other in zip(weights.parameters, shown, strict=True))
    weights.restore(kept)
    assert all(torch.equal(master, value) for master, value in zip(weights.masters, values, strict=True))
    assert all(torch.equal(parameter, value) for parameter, value in zip(weights.parameters, shown, strict=True))
    weights.masters[0].data += 1  # a snapshot is a copy, not a view
    assert torch.equal(kept[0], values[0])


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


SAVE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
from llamaflow.lora import attach, save
from llamaflow.models import load_model
from llamaflow.recipe import Recipe
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
