"""Loading what FETCH_BASE wrote: tokenizer, base model, and an adapter on top."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from .hardware import cpu_threads, pick_device, pick_dtype
from .training.quantization import loading_options, settle

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def quiet_libraries() -> None:
    """Keep transformers' bars and hints out of task logs, and never ask the network for a local folder."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # says on every import which kernel it lacks


def set_threads(threads: int = 0) -> int:
    """Let torch use this many threads; 0 means every core that this task may use. Returns the number."""
    import torch

    threads = cpu_threads(threads)
    torch.set_num_threads(threads)
    return threads


def load_tokenizer(folder: Path | str) -> PreTrainedTokenizerBase:
    """The base model's tokenizer, padding on the right; a missing padding token becomes the EOS token."""
    quiet_libraries()
    from transformers import AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def load_model(
    folder: Path | str, adapter: Path | str | None = None, precision: str = "auto", device: str = "auto", quantization: str = "none",
    device_map: str | dict | None = None,
) -> PreTrainedModel:  # fmt: skip
    """The base model in eval mode on its device, with a LoRA adapter attached when one is given.

    precision: auto, bf16 or fp32; device: auto, cpu, cuda, mps; quantization: none or nf4 (see training/quantization.py);
    device_map: where else the layers lie, as transformers takes it. The adapter keeps the model's precision, so that scores
    are those of the very weights that were trained.
    """
    quiet_libraries()
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    device = pick_device(device)
    dtype = pick_dtype(precision, device)
    if quantization == "nf4":
        options = loading_options(device, dtype) | ({"device_map": device_map} if device_map else {})
        model = settle(AutoModelForCausalLM.from_pretrained(str(folder), dtype=dtype, local_files_only=True, **options))
    else:
        model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=dtype, local_files_only=True, device_map=device_map)
        model = model if device_map else model.to(device)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter), autocast_adapter_dtype=False)
        cast_adapter(model, dtype)
    return model.eval()


def cast_adapter(model: PeftModel, dtype: torch.dtype) -> None:
    """Bring the adapter to a precision, and nothing else: peft leaves it in fp32 on quantized weights.

    ``model.to(dtype)`` would round the rotary frequencies, too: by position 500 a bf16 angle is off by up to a radian.
    """
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.to(dtype)
