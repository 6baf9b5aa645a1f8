"""Memory, disk and time of a training, from shapes alone: told before anything long begins."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

from .base_model import Source
from .recipe import Recipe

GIB = 2**30
# A Python process with torch, transformers and MLflow loaded, as measured on a CPU host.
RUNTIME_BYTES = 1.5 * GIB


@dataclass(frozen=True)
class Shape:
    """What decides a model's cost. Sizes in elements."""

    parameters: int
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    context_length: int
    kv_share: float = 1.0

    @property
    def projections(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of the seven linear maps of a Llama layer."""
        kv = int(self.hidden * self.kv_share)
        h, i = self.hidden, self.intermediate
        return [(h, h), (h, kv), (h, kv), (h, h), (h, i), (h, i), (i, h)]


def shape_of(source: Source) -> Shape:
    """Read the shape from config.json or from the header of a GGUF file; the weights are not loaded."""
    if source.gguf:
        return _gguf_shape(source.folder / source.gguf)
    config = json.loads((Path(source.folder) / "config.json").read_text("utf-8"))
    config = config.get("text_config", config)
    heads = config.get("num_attention_heads", 1)
    hidden = config["hidden_size"]
    shape = Shape(
        0, config["num_hidden_layers"], hidden, config.get("intermediate_size", 4 * hidden), config["vocab_size"],
        config.get("max_position_embeddings", 0), (config.get("num_key_value_heads") or heads) / heads,
    )  # fmt: skip
    embeddings = shape.vocabulary * shape.hidden * (1 if config.get("tie_word_embeddings") else 2)
    norms = (2 * shape.layers + 1) * hidden
    return replace(shape, parameters=embeddings + norms + shape.layers * sum(a * b for a, b in shape.projections))


def _gguf_shape(path: Path) -> Shape:
    from gguf import GGUFReader

    reader = GGUFReader(path)
    kind = reader.fields["general.architecture"].contents()

    def number(name: str, otherwise: int) -> int:
        field = reader.fields.get(f"{kind}.{name}")
        return int(field.contents()) if field else otherwise

    hidden, heads = number("embedding_length", 0), number("attention.head_count", 1)
    return Shape(
        sum(int(tensor.n_elements) for tensor in reader.tensors),
        number("block_count", 0), hidden, number("feed_forward_length", 4 * hidden),
        len(reader.fields["tokenizer.ggml.tokens"].data), number("context_length", 0), number("attention.head_count_kv", heads) / heads,
    )  # fmt: skip


def adapter_parameters(shape: Shape, recipe: Recipe) -> int:
    """Trainable parameters of a LoRA on all linear layers; DoRA learns a magnitude for every output, too."""
    magnitudes = sum(b for _, b in shape.projections) if recipe.method == "dora" else 0
    return shape.layers * (recipe.lora_rank * sum(a + b for a, b in shape.projections) + magnitudes)


def training_memory(shape: Shape, recipe: Recipe, bytes_per_weight: int = 2) -> float:
    """Peak bytes of FINETUNE: runtime, weights, adapter with optimizer, activations of one forward pass, logits."""
    tokens = recipe.pack_length * recipe.micro_batch_size
    adapter = adapter_parameters(shape, recipe) * (
        2 * bytes_per_weight + 4 * 5
    )  # weights and gradients; fp32 master, its gradient, two moments, best copy
    kept = 34 * shape.hidden + 10 * shape.intermediate  # bytes that backward needs of a token and layer, in bf16
    layers = math.sqrt(shape.layers) if recipe.gradient_checkpointing else shape.layers
    logits = tokens * shape.vocabulary * 12  # bf16 logits, fp32 copy, softmax and gradient, where every token is supervised
    return RUNTIME_BYTES + shape.parameters * bytes_per_weight + adapter + layers * tokens * kept * bytes_per_weight / 2 + logits


def training_flops(shape: Shape, tokens: float) -> float:
    """Floating-point operations of a LoRA training: forward, and backward for activations but not for frozen weights."""
    return 4 * shape.parameters * tokens


def matmul_flops_per_second(device: str, dtype, size: int = 1024) -> float:
    """What this machine's matrix product really does now: the best of a few, in operations a second."""
    import time

    import torch

    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        (a @ b).sum().item()  # reading the value waits for the device
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best
