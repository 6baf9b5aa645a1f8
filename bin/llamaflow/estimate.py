"""Memory, disk and time of a training, from shapes alone: told before anything long begins.

Memory is an account of the tensors that training/ keeps at its fullest moment, the end of a forward pass. What a CPU process needs
beside them was measured, and is named below with how.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .base_model import Source
from .packing import blocks, may_share_prefix, pack_rows, shared_prefix
from .recipe import Recipe

MIB, GIB = 2**20, 2**30

# A CPU process of FINETUNE apart from model and data, as resident memory (measured with torch 2.15, transformers 5.23, MLflow 3):
# Python with torch, transformers, peft and accelerate; a tokenizer's tables a token; MLflow; bitsandbytes; a token of the training
# set as Python numbers.
RUNTIME_BYTES = 880 * MIB
TOKENIZER_BYTES = 700
TRACKING_BYTES = 95 * MIB
QUANTIZER_BYTES = 45 * MIB
DATA_BYTES = 44
# malloc leaves holes between activations of different sizes; larger ones where layers are not fused and more is freed in between, and
# where one layer's values come and go between the checkpoints. Measured by benchmarks/estimate. Mapping each tensor by itself would
# leave none and cost a quarter of the speed.
HOLES, HOLES_UNFUSED, HOLES_CHECKPOINTING = 1.16, 1.45, 2.5
# NF4 with double quantization: 4 bits, a byte of scale for 64 weights, and an fp32 scale for 256 of those.
NF4_BYTES = 1 / 2 + (1 + 4 / 256) / 64
# fp32 logits of one piece of the loss (training/loss.py) and cuBLAS's workspace on the GPUs that have the largest one.
LOGITS_BYTES = {"cpu": 96 * MIB, "cuda": 512 * MIB}
CUDA_WORKSPACE_BYTES = 32 * MIB
# Tokens in one forward pass above which a GPU is busy: an H200 trained a Llama of 1.2 billion weights, compiled, at 0.24 of its peak
# with 4,096, at 0.45 with 8,192 and at 0.50 with 16,384.
ENOUGH_TOKENS = 16_384


@dataclass(frozen=True)
class Shape:
    """What decides a model's cost. Sizes in elements."""

    parameters: int
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    context_length: int
    heads: int
    kv_heads: int
    head_size: int

    @property
    def query(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_size

    @property
    def projections(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of the seven linear maps of a Llama layer."""
        h, i, q, kv = self.hidden, self.intermediate, self.query, self.kv_heads * self.head_size
        return [(h, q), (h, kv), (h, kv), (q, h), (h, i), (h, i), (i, h)]

    @property
    def linear_weights(self) -> int:
        """Weights of all layers' linear maps: what a LoRA adapts and NF4 quantizes."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.projections)


def shape_of(source: Source) -> Shape:
    """Read the shape from config.json or from the header of a GGUF file; the weights are not loaded."""
    if source.gguf:
        return _gguf_shape(source.folder / source.gguf)
    config = json.loads((Path(source.folder) / "config.json").read_text("utf-8"))
    config = config.get("text_config", config)
    hidden, heads = config["hidden_size"], config.get("num_attention_heads", 1)
    kv_heads, head_size = config.get("num_key_value_heads") or heads, config.get("head_dim") or hidden // heads
    shape = Shape(
        0, config["num_hidden_layers"], hidden, config.get("intermediate_size", 4 * hidden), config["vocab_size"],
        config.get("max_position_embeddings", 0), heads, kv_heads, head_size,
    )  # fmt: skip
    embeddings = shape.vocabulary * shape.hidden * (1 if config.get("tie_word_embeddings") else 2)
    norms = (2 * shape.layers + 1) * hidden
    return replace(shape, parameters=embeddings + norms + shape.linear_weights)


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
        len(reader.fields["tokenizer.ggml.tokens"].data), number("context_length", 0),
        heads, number("attention.head_count_kv", heads), number("attention.key_length", hidden // heads),
    )  # fmt: skip


def adapter_parameters(shape: Shape, recipe: Recipe) -> int:
    """Trainable parameters of a LoRA on all linear layers; DoRA learns a magnitude for every output, too."""
    magnitudes = sum(b for _, b in shape.projections) if recipe.method == "dora" else 0
    return shape.layers * (recipe.lora_rank * sum(a + b for a, b in shape.projections) + magnitudes)


@dataclass(frozen=True)
class Workload:
    """Tokens that go through a model: all, supervised ones, and pairs of a token with one that it may attend to.

    lengths, data_tokens: tokens of single examples, and of the whole data set, however often it is gone through. prefix: tokens that
    all of them begin with.
    """

    tokens: float
    supervised: float
    pairs: float
    lengths: tuple[int, ...] = ()
    data_tokens: float = 0.0
    prefix: int = 0

    @classmethod
    def of(cls, examples: list, times: float = 1.0) -> Workload:
        """That of encoded examples, once each; times: a data set so many times as large, of which they are a sample."""
        lengths = tuple(len(example.input_ids) for example in examples)
        once = cls(sum(lengths), sum(example.supervised for example in examples), sum(n * (n + 1) / 2 for n in lengths), lengths)
        return replace(once * times, data_tokens=once.tokens * times, prefix=shared_prefix(examples))

    def __mul__(self, times: float) -> Workload:
        return replace(self, tokens=self.tokens * times, supervised=self.supervised * times, pairs=self.pairs * times)

    def computing(self, share: float) -> Workload:
        """The same, with only this share of its tokens computed: none of the supervised ones is left out."""
        return replace(self, tokens=self.tokens * share, pairs=self.pairs * share)


def needed_flops(shape: Shape, recipe: Recipe, work: Workload) -> float:
    """Floating-point operations that a LoRA training cannot do without, as 2 for each multiplication with addition.

    Forward, and backward for activations but not for frozen weights; the output layer at supervised tokens only; causal pairs
    only. What is computed twice (checkpointing) or for padding does not count.
    """
    linear = 4 * shape.linear_weights * work.tokens
    adapter = 6 * adapter_parameters(shape, recipe) * work.tokens
    attention = 12 * shape.layers * shape.query * work.pairs
    return linear + adapter + attention + 4 * shape.vocabulary * shape.hidden * work.supervised


@dataclass(frozen=True)
class MicroBatch:
    """What one forward pass holds: tokens, and the scores of one head that a CPU keeps for backward."""

    tokens: int
    scores: int

    @classmethod
    def largest(cls, recipe: Recipe, lengths: tuple[int, ...] = (), prefix: int = 0) -> MicroBatch:
        """The costliest packed row with average ones beside it; without lengths, rows full of the longest examples allowed.

        prefix: tokens that all examples begin with and that a row takes once.
        """
        lengths = lengths or (recipe.max_length,) * (max(1, recipe.micro_batch_size) * (recipe.pack_length // recipe.max_length))
        rows = [[lengths[i] for i in row] for row in pack_rows(list(lengths), recipe.pack_length)]
        beside = min(max(1, recipe.micro_batch_size), recipe.batch_size, len(rows)) - 1

        def most(cost) -> int:
            costs = [cost([length - prefix for length in row]) for row in rows]
            return round(max(costs) + beside * sum(costs) / len(costs))

        return cls(most(lambda segments: sum(segments) + prefix), most(lambda segments: kept_scores(segments, prefix)))


def kept_scores(segments: Iterable[int], prefix: int = 0) -> int:
    """Scores of a row's segments that are kept on a CPU (training/attention.py)."""
    return sum(block.scores for block in blocks(tuple(segments), prefix) if block.kept)


def predicted_share(recipe: Recipe, work: Workload, device: str) -> float:
    """Share of a workload's tokens that are computed, where a row takes the prefix of all examples once."""
    if not (work.prefix and may_share_prefix(recipe, device)):
        return 1.0
    rows = len(pack_rows(list(work.lengths), recipe.pack_length))
    return 1 - work.prefix * (len(work.lengths) - rows) / sum(work.lengths)


def memory_parts(
    shape: Shape, recipe: Recipe, bytes_per_weight: int = 2, device: str = "cpu", work: Workload | None = None, tracked: bool = True
) -> dict[str, float]:
    """Bytes of FINETUNE at its fullest moment by what they are for; their sum is its peak.

    On a CPU resident memory, on CUDA what is allocated there. bytes_per_weight: of the precision that is computed in. tracked: MLflow
    is in the process. One process, which holds the whole model.
    """
    cpu, quantized = not device.startswith("cuda"), recipe.quantization == "nf4"
    prefix = work.prefix if work and may_share_prefix(recipe, device) else 0
    batch = MicroBatch.largest(recipe, work.lengths if work else (), prefix)
    trained = adapter_parameters(shape, recipe)
    holes = holes_between(recipe) if cpu else 1.0

    linear = shape.linear_weights * (NF4_BYTES if quantized else bytes_per_weight)
    weights = linear + (shape.parameters - shape.linear_weights) * bytes_per_weight
    # fp32: values, gradients, two moments, the best values, and the state to go back to: that of the beginning has no moments.
    adapter = trained * (bytes_per_weight + 4 * (5 + (2 if recipe.evaluations == 1 else 4)))

    layer = _kept_by_layer(shape, recipe, batch, bytes_per_weight, cpu)
    stream = batch.tokens * shape.hidden * bytes_per_weight
    kept = shape.layers * layer + 3 * stream  # the last layer's output, its norm's, and the gradient of the loss
    if recipe.gradient_checkpointing:
        kept = (shape.layers + 3) * stream
    # One layer's backward pass: gradients of the MLP's inner values; and its forward pass before that, when it is computed again.
    backward = batch.tokens * (4 * shape.intermediate + 2 * shape.hidden) * bytes_per_weight + (
        layer if recipe.gradient_checkpointing else 0
    )
    around = HOLES_CHECKPOINTING if cpu and recipe.gradient_checkpointing else holes
    passing = max(_loss_bytes(shape, batch, bytes_per_weight, cpu), around * backward) + _weight_copies(shape, recipe, bytes_per_weight)

    runtime = CUDA_WORKSPACE_BYTES
    if cpu:
        runtime = RUNTIME_BYTES + TRACKING_BYTES * tracked + QUANTIZER_BYTES * quantized
        runtime += TOKENIZER_BYTES * shape.vocabulary + DATA_BYTES * (work.data_tokens if work else 0)
    # Weights of another precision are made from the bf16 file, whose pages count until that is done. Nothing else is there then.
    file = 2 * shape.parameters if cpu and (quantized or bytes_per_weight != 2) else 0
    loading = max(0.0, file - adapter - holes * kept - passing)
    return {"runtime": runtime, "weights": weights, "adapter": adapter, "activations": holes * kept, "passing": passing, "loading": loading}


def _kept_by_layer(shape: Shape, recipe: Recipe, batch: MicroBatch, itemsize: int, cpu: bool) -> float:
    """Bytes that the backward pass of one layer needs (tests/bin/test_estimate.py counts them)."""
    h, i, q, kv, rank = shape.hidden, shape.intermediate, shape.query, shape.kv_heads * shape.head_size, recipe.lora_rank
    inputs, outputs = (sum(sizes) for sizes in zip(*shape.projections, strict=True))
    # Input and output of both norms, rotated queries and keys, values, attention's output; gate, up and their product; seven A x.
    values = 4 * h + 2 * q + 2 * kv + 3 * i + 7 * rank
    if recipe.quantization == "nf4":
        values += i  # silu(gate): the MLP stays as transformers wrote it
    if recipe.method == "dora":
        values += 2 * outputs  # results of base and adapter, which the magnitudes scale
    if recipe.lora_dropout:
        values += 2 * inputs - (2 * h + q + i)  # for each map a mask and an input of its own, instead of shared ones
    # On a GPU the log-sum-exp of a flash kernel.
    attention = itemsize * shape.heads * batch.scores if cpu else 4 * shape.heads * batch.tokens
    stacked = 5 * rank * h * itemsize if _is_fused(recipe) else 0  # the A of maps with one input as one matrix
    return batch.tokens * (values * itemsize + 8) + attention + stacked


def holes_between(recipe: Recipe) -> float:
    """What malloc takes for activations that are kept, as a multiple of their size."""
    return HOLES if _is_fused(recipe) else HOLES_UNFUSED


def _is_fused(recipe: Recipe) -> bool:
    """Whether projections and MLPs run as training/kernels.py has them."""
    return recipe.method != "dora" and not recipe.lora_dropout and recipe.quantization == "none"


def _loss_bytes(shape: Shape, batch: MicroBatch, itemsize: int, cpu: bool) -> float:
    """Bytes while one piece of logits is there: in the model's precision, and on a GPU in fp32, too."""
    piece = max(min(LOGITS_BYTES["cpu" if cpu else "cuda"], 4 * batch.tokens * shape.vocabulary), 64 * shape.vocabulary)
    return piece * (itemsize / 4 + (itemsize < 4 and not cpu))


def _weight_copies(shape: Shape, recipe: Recipe, itemsize: int) -> float:
    """Bytes of the largest matrix as it is made for one product: dequantized, or for DoRA B A, its sum with W, and the identity."""
    matrix = max(inputs * outputs for inputs, outputs in shape.projections) * itemsize
    identity = max(inputs for inputs, _ in shape.projections) ** 2 * itemsize
    return matrix * (recipe.quantization == "nf4") + (3 * matrix + identity) * (recipe.method == "dora")


def training_memory(
    shape: Shape, recipe: Recipe, bytes_per_weight: int = 2, device: str = "cpu", work: Workload | None = None, tracked: bool = True
) -> float:
    """Peak bytes of FINETUNE; see memory_parts."""
    return sum(memory_parts(shape, recipe, bytes_per_weight, device, work, tracked).values())


def with_micro_batches(recipe: Recipe, shape: Shape, bytes_per_weight: int, device: str, work: Workload, memory: float) -> Recipe:
    """The recipe with a number in place of micro_batch_size 0.

    On a GPU of so many bytes the most rows that fit with a fifth to spare and hold at most ENOUGH_TOKENS; else, and where several
    GPUs share a model, 1: on a CPU larger products are no faster.
    """
    if recipe.micro_batch_size:
        return recipe
    divisors = [rows for rows in range(1, recipe.batch_size + 1) if recipe.batch_size % rows == 0]
    one, *more = (recipe.model_copy(update={"micro_batch_size": rows}) for rows in divisors)
    if not device.startswith("cuda") or recipe.sharding != "none":
        return one
    fitting = (
        larger for larger in reversed(more)
        if larger.micro_batch_size * recipe.pack_length <= ENOUGH_TOKENS
        and training_memory(shape, larger, bytes_per_weight, device, work) <= 0.8 * memory
    )  # fmt: skip
    return next(fitting, one)


def training_seconds(shape: Shape, recipe: Recipe, work: Workload, peak: float, device: str = "cpu") -> float:
    """Seconds of optimizer steps on a machine whose matrix product reaches peak operations a second.

    The factors are measured on a CPU with AVX512-BF16: half of the peak is reached, the forward pass again costs a third, and
    what does not go through the fused layers (DoRA, dropout, 4-bit weights) is so much slower.
    """
    slower = (4 / 3 if recipe.gradient_checkpointing else 1) * (2.7 if recipe.quantization == "nf4" else 1)
    slower *= 2.8 if recipe.method == "dora" else 1.3 if recipe.lora_dropout else 1
    return needed_flops(shape, recipe, work.computing(predicted_share(recipe, work, device))) * slower / (0.5 * peak)


def evaluation_seconds(shape: Shape, recipe: Recipe, work: Workload, peak: float, device: str = "cpu") -> float:
    """Seconds of forward passes over validation examples: half of what training takes for them, for W has no gradient."""
    return training_seconds(shape, recipe.model_copy(update={"gradient_checkpointing": False}), work, peak, device) / 2


def matmul_flops_per_second(device: str, dtype, size: int = 0, seconds: float = 0.3) -> float:
    """What this machine's matrix product really does now: the best of what fits into that time, in operations a second."""
    import time

    import torch

    cuda = device.startswith("cuda")
    size = size or (4096 if cuda else 1024)
    products = 16 if cuda else 1  # a GPU's product is over before the next can be asked for
    a, b, c = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(3))
    best, began = math.inf, time.perf_counter()
    while best == math.inf or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        for _ in range(products):
            torch.mm(a, b, out=c)
        c[0, 0].item()  # reading a value waits for the device
        best = min(best, time.perf_counter() - start)
    return products * 2 * size**3 / best
