"""When memory runs out: the same step again in smaller pieces."""

from __future__ import annotations

import ctypes
from contextlib import suppress

import torch

from ..errors import LlamaFlowError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on an accelerator or on the host."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    texts = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(text in str(error) for text in texts)


def smaller(micro_batch_size: int, checkpointing: bool) -> int:
    """Half the micro-batch: the effective batch stays, for a step divides by all its tokens. Raises LlamaFlowError at one row."""
    if micro_batch_size == 1:
        raise LlamaFlowError(
            "memory ran out with one row in the micro-batch", where="FINETUNE",
            why="one packed row and the model are more than this machine or task may hold",
            fix="lower --pack_length and --max_length" + ("" if checkpointing else ", use --gradient_checkpointing true")
            + ", --quantization nf4, or give the task more memory",
        )  # fmt: skip
    return micro_batch_size // 2


def release() -> None:
    """Give back what passes have left in the accelerator's cache, or in glibc's."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    with suppress(OSError, AttributeError):  # another libc
        ctypes.CDLL(None).malloc_trim(0)
