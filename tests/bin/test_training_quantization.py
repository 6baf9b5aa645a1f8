"""QLoRA with bitsandbytes on a CPU: small, exact about which weights were trained on, and unharmed by evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamaflow.errors import BadInputError
from llamaflow.models import load_model
from llamaflow.recipe import Recipe
from llamaflow.training.adapter import MasterWeights, attach, save
from llamaflow.training.optimizer import build_optimizer
from llamaflow.training.quantization import dequantize, loading_options

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
RECIPE = Recipe(lora_rank=4, lora_alpha=16, learning_rate=5e-3, quantization="nf4")


def quantized(precision: str = "bf16"):
    return load_model(TINY, precision=precision, device="cpu", quantization="nf4")


def tokens():
    import torch

    return torch.randint(3, 1000, (1, 90), generator=torch.Generator().manual_seed(4))


def logits(model):
    import torch

    with torch.no_grad():
        return model.eval()(tokens()).logits


def linear_layers(model) -> dict:
    import torch

    return {name: layer for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear) and "lm_head" not in name}


def test_linear_layers_shrink_below_two_fifths_and_the_rest_is_untouched():
    import torch

    plain, small = load_model(TINY, precision="bf16", device="cpu"), quantized()
    full = {name: layer.weight for name, layer in linear_layers(plain).items()}
    kept = sum(
        value.nbytes
        for layer in linear_layers(small).values()
        for value in [layer.weight.data, *layer.weight.quant_state.as_dict().values()]
        if isinstance(value, torch.Tensor)
    )
    assert len(full) == len(linear_layers(small)) == 14
    # The two code books, 1088 bytes, are counted for each layer, which matters in layers as small as these only.
    assert kept - 14 * 1088 < 0.27 * sum(weight.nbytes for weight in full.values())
    others = {name: value for name, value in plain.state_dict().items() if "proj" not in name}
    assert others and all(torch.equal(small.state_dict()[name], value) for name, value in others.items())


def test_values_are_nf4_of_blocks_of_64_and_dequantized_exactly(tmp_path):
    """Each value is nearest in a table of 16 for its block's largest magnitude; the table's widest gap is 0.304."""
    import torch

    plain, small, wide = load_model(TINY, precision="fp32", device="cpu"), quantized("fp32"), dequantize(quantized("fp32"))
    for name, layer in linear_layers(wide).items():
        weight = linear_layers(plain)[name].weight.detach().reshape(-1, 64)
        blocks = layer.weight.detach().reshape(-1, 64)
        largest = weight.abs().amax(1, keepdim=True)
        assert type(layer) is torch.nn.Linear
        assert (blocks - weight).abs().div(largest).max() < 0.152 + 0.02  # half of that, and the rounding of the scale
        assert max(len(block.unique()) for block in blocks) <= 16
    assert torch.equal(logits(wide), logits(small))

    one = dequantize(quantized())
    assert torch.equal(logits(one), logits(quantized())) and one.dtype == torch.bfloat16
    assert not getattr(one, "is_quantized", False) and not getattr(one.config, "quantization_config", None)
    one.save_pretrained(tmp_path)
    assert torch.equal(logits(load_model(tmp_path, precision="bf16", device="cpu")), logits(one))


def test_training_learns_and_the_adapter_scores_the_same_when_loaded_on_the_same_weights(tmp_path):
    import torch

    torch.manual_seed(3)
    model = attach(quantized(), RECIPE, "tiny")
    weights, ids, losses = MasterWeights(model), tokens(), []
    optimizer = build_optimizer(weights, RECIPE)
    for _ in range(12):
        weights.zero_gradients()
        loss = model.train()(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        weights.publish()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.05
    save(model, tmp_path)
    again = load_model(TINY, adapter=tmp_path, precision="bf16", device="cpu", quantization="nf4")
    assert torch.equal(logits(again), logits(model))
    assert not torch.equal(logits(load_model(TINY, adapter=tmp_path, precision="bf16", device="cpu")), logits(model))


def test_an_evaluation_changes_neither_the_weights_nor_the_gradients_that_follow():
    """bitsandbytes repacks weights in eval mode on some CPUs: scales are rounded and gradients become wrong."""
    import torch

    torch.manual_seed(3)
    model = attach(quantized(), RECIPE, "tiny")
    weights, ids = MasterWeights(model), tokens()
    for master in weights.masters:
        master.data += 0.01
    weights.publish()

    def gradients():
        weights.zero_gradients()
        model.train()(input_ids=ids, labels=ids).loss.backward()
        return weights.flat_gradients().clone()

    before = gradients()
    with torch.no_grad():
        training = model.train()(ids).logits
    assert torch.equal(logits(model), training)
    after = gradients()
    assert before.any() and torch.equal(before, after)


def test_a_machine_without_kernels_is_bad_input():
    import torch

    with pytest.raises(BadInputError, match="4-bit"):
        loading_options("mps", torch.bfloat16)
