"""Base weights in four bits (QLoRA, https://arxiv.org/abs/2305.14314): NF4 whose scales are quantized a second time.

Linear layers take 4.13 bits a weight; embeddings, norms and the output layer stay as they are. The adapter is trained on the
quantized weights, so it has to be scored on them (load_model with the same quantization) or on dequantize() of them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import BadInputError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def loading_options(device: str, dtype: torch.dtype) -> dict[str, Any]:
    """Arguments of from_pretrained that make it quantize to NF4 while it loads, and multiply in dtype."""
    if device == "mps" or find_spec("bitsandbytes") is None:
        raise BadInputError(
            "4-bit weights need an NVIDIA GPU or a CPU under Linux", where="recipe: quantization",
            why="bitsandbytes has no kernels for this machine", fix="use quantization: none",
        )  # fmt: skip
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )  # fmt: skip
    return {"quantization_config": config, "device_map": {"": device}}


def settle(model: PreTrainedModel) -> PreTrainedModel:
    """Make a freshly quantized model fit for training: its weights stay as they are, and the file that they came from is let go.

    On a CPU with AVX512-BF16 bitsandbytes repacks weights at the first forward pass in eval mode. That rounds the scales to
    bf16, for good, and training after an evaluation gets wrong gradients: the kernel for repacked weights has no backward
    pass (seen with bitsandbytes 0.50.2). And what was not quantized is still a view of the mapped file, which keeps all
    of its pages in memory.
    """
    from bitsandbytes.nn import Linear4bit, Params4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
    for parameter in model.parameters():
        if parameter.device.type == "cpu" and not isinstance(parameter, Params4bit):
            parameter.data = parameter.data.clone()
    return model


def dequantize(model: PreTrainedModel) -> PreTrainedModel:
    """The model with the very values of its NF4 weights as plain linear layers in its precision; without an adapter on it."""
    model = model.dequantize(dtype=model.dtype)
    model.is_loaded_in_4bit = False
    return model
