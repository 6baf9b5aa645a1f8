"""Fused functions: the numbers and gradients of what they replace, on models of several families."""

from __future__ import annotations

import copy
import math
import statistics
from functools import partial
from itertools import accumulate, pairwise

import pytest
from test_packing import example

from llamaflow.errors import LlamaFlowError
from llamaflow.packing import BLOCK, KEPT_SCORES, collate
from llamaflow.recipe import Recipe
from llamaflow.training import loss
from llamaflow.training.adapter import attach
from llamaflow.training.attention import SegmentProducts, attend_by_segment
from llamaflow.training.compilation import compile_layers, is_compiled
from llamaflow.training.kernels import fuse
from llamaflow.training.loss import supervised_nats

SIZES = {
    "vocab_size": 1024, "hidden_size": 32, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 2048,
}  # fmt: skip
FAMILIES = ("Llama", "Mistral", "Qwen2", "Qwen3")


def build(family: str, method: str = "lora", precision: str = "fp32", seed: int = 5, **values):
    """A random model of a family with an adapter that does something, its twin that is fused, and what was fused."""
    import torch
    import transformers

    torch.manual_seed(seed)
    config = getattr(transformers, f"{family}Config")(**SIZES | values)
    model = getattr(transformers, f"{family}ForCausalLM")(config).to({"fp32": torch.float32, "bf16": torch.bfloat16}[precision]).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif "bias" in name:
                parameter.normal_()
    attend_by_segment(model)
    model = attach(model, Recipe(lora_rank=3, method=method), "random")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    twin = copy.deepcopy(model)
    return model, twin, fuse(twin)


def result(model, batch, nats_of=supervised_nats):
    """Nats of a batch, and the gradient of every adapter parameter in one vector."""
    import torch

    model.zero_grad(set_to_none=True)
    nats = nats_of(model, batch)
    nats.backward()
    return nats.item(), torch.cat([p.grad.float().flatten() for p in model.parameters() if p.requires_grad])


BATCH_LENGTHS = (9, 31, 4, 20)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["lora", "rslora"])
def test_fused_layers_give_the_same_loss_and_gradient(family, method):
    plain, fused, done = build(family, method)
    assert done == ["MLPs", "norms", "projections", "rotations"]
    batch = collate([[example(i, length) for i, length in enumerate(BATCH_LENGTHS)]], 0)
    (loss, gradient), (other, fused_gradient) = result(plain, batch), result(fused, batch)
    assert other == pytest.approx(loss, rel=1e-5)
    assert (gradient - fused_gradient).norm() <= 1e-4 * gradient.norm() and gradient.norm() > 0


def test_in_bf16_the_fused_gradient_is_as_close_to_the_exact_one_as_the_plain():
    """One such random model turns rounding into anything: the ratio of errors is a mean over many."""
    batch, ratios = collate([[example(i, length) for i, length in enumerate(BATCH_LENGTHS)]], 0), []
    for seed in range(24):
        plain, fused, _ = build("Llama", precision="bf16", seed=seed)
        exact = build("Llama", seed=seed)[0]
        exact.load_state_dict({name: value.float() for name, value in plain.state_dict().items()})
        (loss, gradient), others = result(exact, batch), [result(model, batch) for model in (plain, fused)]
        assert all(other == pytest.approx(loss, rel=2e-3) for other, _ in others)
        plain_error, fused_error = ((other - gradient).norm().item() for _, other in others)
        ratios.append(math.log(fused_error / plain_error))
    assert statistics.mean(ratios) <= math.log(1.15)


def test_only_the_fused_model_turns_queries_and_keys_otherwise():
    from transformers.models.llama import modeling_llama

    function = modeling_llama.apply_rotary_pos_emb
    plain, fused, done = build("Llama")
    assert "rotations" in done and modeling_llama.apply_rotary_pos_emb is function
    attentions = [model.get_base_model().model.layers[0].self_attn for model in (plain, fused)]
    assert ["forward" in vars(attention) for attention in attentions] == [False, True]
    assert attentions[1].forward.__globals__["apply_rotary_pos_emb"] is not function


def test_a_rotation_that_turns_other_pairs_is_kept():
    """GLM turns neighbours, and only half of each head."""
    from transformers import GlmConfig, GlmForCausalLM

    model = GlmForCausalLM(GlmConfig(**SIZES, head_dim=8, pad_token_id=0)).eval().requires_grad_(False)
    assert "rotations" not in fuse(model)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_every_step_and_recomputation_sees_its_own_input(checkpointing):
    """The first of some projections computes for all: what it leaves must never reach another call."""
    plain, fused, _ = build("Llama")
    for model in (plain, fused):
        model.train()
        if checkpointing:
            model.get_base_model().gradient_checkpointing_enable({"use_reentrant": False})
            model.enable_input_require_grads()
    for seed in (1, 2):
        batch = collate([[example(seed, 17), example(seed + 10, 12)]], 0)
        (loss, gradient), (other, fused_gradient) = result(plain, batch), result(fused, batch)
        assert other == pytest.approx(loss, rel=1e-5) and (gradient - fused_gradient).norm() <= 1e-4 * gradient.norm()


def test_what_is_not_plain_lora_is_left_to_peft():
    _, _, done = build("Llama", "dora")
    assert "projections" not in done
    import torch
    from test_finetune import TINY

    from llamaflow.models import load_model

    torch.manual_seed(1)
    model = attach(load_model(TINY, precision="fp32", device="cpu"), Recipe(lora_dropout=0.1), "tiny")
    assert "projections" not in fuse(model)


def test_a_norm_that_computes_something_else_is_kept():
    """Gemma multiplies by one plus the weight."""
    import torch
    from transformers import GemmaConfig, GemmaForCausalLM

    model = GemmaForCausalLM(GemmaConfig(**SIZES, head_dim=8)).eval().requires_grad_(False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
    assert fuse(model) == ["rotations"]


@pytest.mark.parametrize(
    "lengths",
    [
        (KEPT_SCORES + 40,),
        (30, KEPT_SCORES + 1, 12),
        (KEPT_SCORES, 7, KEPT_SCORES + 9, 1),
        (BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1),
    ],
)
def test_long_and_short_segments_attend_as_under_one_mask(lengths):
    """By segment, kept scores or not, against transformers' own attention under the block-diagonal mask."""
    by_segment = build("Llama")[0].double()  # in fp32 either differs from the truth by as much as from the other
    masked = copy.deepcopy(by_segment)
    masked.get_base_model().set_attn_implementation("sdpa")
    batch = collate([[example(i, length) for i, length in enumerate(lengths)]], 0)
    (loss, gradient), (other, other_gradient) = result(masked, batch), result(by_segment, batch)
    assert other == pytest.approx(loss, rel=1e-6) and (gradient - other_gradient).norm() <= 1e-5 * gradient.norm()


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
@pytest.mark.parametrize("prefix", [9, 2 * BLOCK + 3, KEPT_SCORES + 1])
def test_segments_that_go_on_from_one_prefix_attend_as_each_behind_its_own(prefix, precision):
    """Short and long ones, kept scores or not; in bf16 no further from the truth than without sharing."""
    import torch

    lengths, torch_type = (5, KEPT_SCORES - prefix % 50, 2 * BLOCK, 1, *[3] * 40), getattr(torch, precision)
    generator = torch.Generator().manual_seed(3)
    drawn = [torch.randn(heads, prefix + sum(lengths), 16, generator=generator, dtype=torch.float64) for heads in (6, 2, 2, 6)]
    ends = list(accumulate(lengths, initial=prefix))
    places = [torch.cat([torch.arange(prefix), torch.arange(start, end)]) for start, end in pairwise(ends)]

    def gradients(dtype, shared: bool) -> list:
        query, key, value, weights = (tensor.to(dtype, copy=True).requires_grad_() for tensor in drawn)
        if shared:
            output = SegmentProducts.apply(query, key, value, 0.25, lengths, prefix)[:, prefix:]
        else:
            apart = [tensor[:, torch.cat(places)] for tensor in (query, key, value)]
            output = SegmentProducts.apply(*apart, 0.25, tuple(prefix + length for length in lengths))
            output = torch.cat([part[:, prefix:] for part in output.split([prefix + length for length in lengths], 1)], 1)
        (output * weights[:, prefix:]).sum().backward()
        return [output.detach().double(), *(tensor.grad.double() for tensor in (query, key, value))]

    exact = gradients(torch.float64, shared=False)
    for true, plain, once in zip(exact, gradients(torch_type, shared=False), gradients(torch_type, shared=True), strict=True):
        assert (once - true).norm() <= 1.1 * (plain - true).norm() + 1e-12 * true.norm()


@pytest.mark.parametrize("vocabulary", [1024, 2_000_000])  # a piece of the second holds sixteen positions
def test_loss_in_pieces_is_the_cross_entropy(vocabulary):
    import torch

    torch.manual_seed(2)
    hidden, weight = (torch.randn(size, 8, dtype=torch.float64) for size in (37, vocabulary))
    hidden.requires_grad_()
    targets = torch.randint(vocabulary, (37,))
    wanted = torch.nn.functional.cross_entropy(hidden @ weight.t(), targets, reduction="sum")
    (gradient,) = torch.autograd.grad(wanted, hidden)
    nats = loss.ProjectedNats.apply(hidden, weight, None, targets, loss.in_place)
    (got,) = torch.autograd.grad(3 * nats, hidden)
    torch.testing.assert_close(nats.double(), wanted, rtol=1e-6, atol=0)
    torch.testing.assert_close(got, 3 * gradient, rtol=1e-4, atol=1e-5)


def test_a_batch_with_nothing_to_learn_has_no_loss_and_no_gradient():
    """As FSDP gives it to a process that has run out of rows."""
    import torch

    hidden, weight = torch.ones((0, 8), requires_grad=True), torch.ones((1024, 8))
    nats = loss.ProjectedNats.apply(hidden, weight, None, torch.zeros(0, dtype=torch.long), loss.in_place)
    (gradient,) = torch.autograd.grad(nats, hidden)
    assert nats == 0 and gradient.shape == (0, 8)


def test_compiled_training_gives_the_same_and_is_compiled_once():
    import torch
    from torch._dynamo.utils import counters

    plain, _, _ = build("Llama", num_hidden_layers=4)
    model = copy.deepcopy(plain)
    compile_layers(model)
    torch._dynamo.reset()
    compiled, counts = partial(supervised_nats, nats_and_gradient=loss.compiled()), []
    for seed, lengths in enumerate([(18, 21), (23, 9, 25), (40,), (6, 5, 9, 8, 18), (63,)]):
        batch = collate([[example(seed + 10 * place, length) for place, length in enumerate(lengths)]], 0)
        (nats, gradient), (other, compiled_gradient) = result(plain, batch), result(model, batch, compiled)
        assert other == pytest.approx(nats, rel=1e-4) and (gradient - compiled_gradient).norm() <= 1e-3 * gradient.norm()
        counts.append(counters["stats"]["unique_graphs"])
    # All in the first pass: for the first layer, whose input needs no gradient, and for all others, whatever segments a row has.
    assert counts[0] == counts[-1], counts


def test_compiling_is_for_long_trainings_on_gpus(monkeypatch):
    assert is_compiled("on", "cpu", 1, False) and not is_compiled("off", "cpu", 1000, False) and not is_compiled("auto", "cpu", 1000, False)

    def compile(_function):
        raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable.")

    monkeypatch.setattr("torch.compile", compile)
    assert not is_compiled("auto", "cuda", 1000, False)
    with pytest.raises(LlamaFlowError) as failed:
        is_compiled("on", "cpu", 1, False)
    assert "Failed to find C compiler" in str(failed.value) and "apt install gcc" in failed.value.fix
