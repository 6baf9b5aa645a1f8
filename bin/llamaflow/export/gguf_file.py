"""A model folder as one GGUF file, and such a file loaded again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import BadInputError
from .gguf_tokenizer import add_tokenizer

if TYPE_CHECKING:
    import torch
    from gguf import GGUFWriter
    from transformers import PretrainedConfig, PreTrainedModel

# transformers' class -> GGUF's architecture. Mistral is Llama with other numbers.
ARCHITECTURES = {"LlamaForCausalLM": "LLAMA", "MistralForCausalLM": "LLAMA", "Qwen2ForCausalLM": "QWEN2"}
QUANTIZATIONS = {"gguf-bf16": "BF16", "gguf-f16": "F16", "gguf-q8_0": "Q8_0"}


def check_gguf(config: PretrainedConfig) -> str:
    """GGUF's architecture for a configuration; raises BadInputError for what such a file cannot say."""
    name = (config.architectures or [config.model_type])[0]
    rope = config.rope_parameters.get("rope_type", "default") if name in ARCHITECTURES else ""
    problem = (
        f"its architecture is {name}; known are {', '.join(ARCHITECTURES)}" if name not in ARCHITECTURES
        else f"its rotary scaling is {rope}; known are default and llama3" if rope not in ("default", "llama3")
        else "it has biases" if getattr(config, "attention_bias", False) or getattr(config, "mlp_bias", False)
        else f"its activation is {config.hidden_act}, not silu" if config.hidden_act != "silu"
        else ""
    )  # fmt: skip
    if problem:
        raise BadInputError("the model cannot be written as GGUF", where="--formats", why=problem, fix="export merged only")
    return ARCHITECTURES[name]


def write_gguf(folder: Path, path: Path, format: str, name: str) -> None:
    """Write the model of a folder into one file.

    format: a key of QUANTIZATIONS. Matrices get that type, vectors (norms, biases) stay fp32 as llama.cpp expects; a
    matrix whose rows are no multiple of the type's block becomes F16. name: for people, in the file's metadata.
    Holds one tensor in memory at a time. Raises BadInputError as check_gguf does, and where F16 would overflow.
    """
    import gguf
    from safetensors import safe_open
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    architecture = check_gguf(config)
    arch = gguf.MODEL_ARCH[architecture]
    wanted = gguf.GGMLQuantizationType[QUANTIZATIONS[format]]
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)

    tensors = []  # file, name there, name here, shape, type
    for file, tensor, shape in _stored(folder):
        if tensor.endswith("rotary_emb.inv_freq") or (tensor == "lm_head.weight" and config.tie_word_embeddings):
            continue  # computed from the configuration; the same as the embeddings
        target = names.get_name(tensor, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise BadInputError(
                "the model cannot be written as GGUF", where=tensor, why="GGUF has no such tensor", fix="export merged only"
            )
        fits = shape[-1] % gguf.GGML_QUANT_SIZES[wanted][0] == 0
        kind = gguf.GGMLQuantizationType.F32 if len(shape) == 1 else wanted if fits else gguf.GGMLQuantizationType.F16
        tensors.append((file, tensor, target, shape, kind))

    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    _add_shape(writer, config, name)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{wanted.name}"])
    if wanted is gguf.GGMLQuantizationType.Q8_0:
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_tokenizer(writer, folder, config.vocab_size)
    factors = rotary_factors(config)
    if factors is not None:
        writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
    for _, _, target, shape, kind in tensors:
        size = gguf.quant_shape_to_byte_shape(shape, kind)
        writer.add_tensor_info(target, size, np.dtype(np.uint8), math.prod(size), raw_dtype=kind)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if factors is not None:
            writer.write_tensor_data(factors)
        for file, tensor, _, _, kind in tensors:
            with safe_open(file, "pt") as source:
                values = source.get_tensor(tensor).float()
            if architecture == "LLAMA" and tensor.endswith(("q_proj.weight", "k_proj.weight")):
                values = _interleaved(values, config.num_attention_heads if "q_proj" in tensor else config.num_key_value_heads)
            if kind is gguf.GGMLQuantizationType.F16 and values.abs().max() > np.finfo(np.float16).max:
                raise BadInputError(
                    "the model does not fit into F16", where=tensor, why=f"a weight is {values.abs().max():.3g}", fix="export gguf-bf16"
                )
            writer.write_tensor_data(gguf.quantize(values.numpy(), kind))
    finally:
        writer.close()


def rotary_factors(config: PretrainedConfig) -> np.ndarray | None:
    """(head_dim / 2,) fp32: by how much Llama 3 lowers each rotary frequency; None where it lowers none."""
    if config.rope_parameters.get("rope_type", "default") == "default":
        return None
    import torch
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    return (config.rope_parameters["rope_theta"] ** -exponents / scaled).numpy()


def load_gguf(path: Path, dtype: torch.dtype, device: str) -> PreTrainedModel:
    """A GGUF file as a model in eval mode: shape and weights from the file alone."""
    import torch
    from gguf import GGUFReader
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=dtype, quantization_config=GgufConfig(dequantize=True)
    )
    # transformers leaves the rotary factors aside; llama.cpp divides the frequencies by them.
    factors = [tensor.data for tensor in GGUFReader(path).tensors if tensor.name == "rope_freqs.weight"]
    if factors:
        model.model.rotary_emb.inv_freq /= torch.tensor(factors[0])
    return model.to(device).eval()


def _add_shape(writer: GGUFWriter, config: PretrainedConfig, name: str) -> None:
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_type("model")
    writer.add_name(name)
    writer.add_block_count(config.num_hidden_layers)
    # llama.cpp attends to everything: within a sliding window that is the same.
    writer.add_context_length(
        min(config.max_position_embeddings, getattr(config, "sliding_window", None) or config.max_position_embeddings)
    )
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _interleaved(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of each head from (real halves, imaginary halves) to pairs: llama.cpp rotates neighbours in this architecture."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _stored(folder: Path) -> Iterator[tuple[Path, str, tuple[int, ...]]]:
    """File, name and shape of each tensor."""
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (not a dict)
                yield path, name, tuple(tensors.get_slice(name).get_shape())
