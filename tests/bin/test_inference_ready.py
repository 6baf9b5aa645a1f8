"""A model made ready for inference gives the numbers that it gave before."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamaflow.generation import generate_greedy
from llamaflow.inference.ready import PackedLinear, Part, ready_for_inference
from llamaflow.metrics.likelihood import continuation_nats
from llamaflow.models import load_model

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
IDS = [5, 99, 7, 300, 8, 12]


def logits(model):
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([IDS])).logits.double()


def adapted(targets, precision="fp32", **more):
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    base = load_model(TINY, precision=precision, device="cpu")
    model = get_peft_model(base, LoraConfig(r=2, target_modules=targets, **more), autocast_adapter_dtype=False)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    return model.eval()


ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]


@pytest.mark.parametrize("build", [
    lambda: load_model(TINY, precision="fp32", device="cpu"),
    lambda: adapted([*ATTENTION, "gate_proj", "up_proj", "down_proj"]),
    lambda: adapted(ATTENTION, use_dora=True),
    lambda: adapted([*ATTENTION, "lm_head"]),
], ids=["base", "LoRA", "DoRA", "LoRA on the tied head"])  # fmt: skip
def test_fp32_numbers_stay(build):
    import torch

    model = build()
    wanted = logits(model)
    ready = ready_for_inference(model)
    assert torch.allclose(logits(ready), wanted, rtol=0, atol=1e-5 * wanted.abs().max().item())
    run = generate_greedy(ready, [IDS, IDS[:3]], stop_ids={2}, pad_id=0, max_new_tokens=6, batch_size=2)
    assert run.answers == generate_greedy(build(), [IDS, IDS[:3]], stop_ids={2}, pad_id=0, max_new_tokens=6, batch_size=1).answers


def test_the_layout_is_really_another():
    model = ready_for_inference(adapted(ATTENTION))
    layer = model.model.layers[0]
    assert isinstance(layer.self_attn.q_proj, Part) and isinstance(layer.mlp.down_proj, PackedLinear)
    assert not hasattr(model, "peft_config")


def test_a_bf16_adapter_is_not_rounded_into_its_weights():
    import torch

    model = adapted(ATTENTION, "bf16")
    wanted = logits(model)
    ready = ready_for_inference(model)
    assert ready is model and any("lora_B" in name for name, _ in ready.named_parameters())
    assert torch.allclose(logits(ready), wanted, rtol=0, atol=0.03 * wanted.abs().max().item())


def test_siblings_do_not_mix_up_inputs():
    import torch

    model = load_model(TINY, precision="fp32", device="cpu")
    maps = [model.model.layers[0].self_attn.get_submodule(name) for name in ("q_proj", "k_proj", "v_proj")]
    ready_for_inference(model)
    parts = [model.model.layers[0].self_attn.get_submodule(name) for name in ("q_proj", "k_proj", "v_proj")]
    with torch.inference_mode():
        x, y = torch.randn(2, 64), torch.randn(2, 64)
        for place, one in [(0, x), (1, y), (2, x), (2, y), (0, y), (1, x), (1, x)]:
            assert torch.allclose(parts[place](one), maps[place](one), atol=1e-5)


def test_scores_are_those_of_the_adapter():
    pairs = [(IDS[:3], IDS[3:]), (IDS[:3], [4])]
    wanted = continuation_nats(adapted(ATTENTION), pairs, 0)
    assert continuation_nats(ready_for_inference(adapted(ATTENTION)), pairs, 0) == pytest.approx(wanted, rel=1e-5)
