"""torch.compile where a training is long enough to pay for it: on a GPU it fuses what lies between the matrix products."""

from __future__ import annotations

import torch

from ..errors import LlamaFlowError

# Compiling took 80 to 110 seconds on an H200, 30 on a CPU.
WORTH_STEPS = 200


def is_compiled(wanted: str, device: str, steps: int, sharded: bool) -> bool:
    """Whether to compile, for a recipe's auto, on or off. Raises LlamaFlowError when it is wanted and cannot be done here.

    auto: on a GPU, for a long training. On a CPU compiling gains 3 % and costs half a minute and a compiler.
    """
    if wanted == "auto":
        return device.startswith("cuda") and steps >= WORTH_STEPS and not sharded and _failure(device) is None
    if wanted == "off":
        return False
    if failure := _failure(device):
        why = str(failure).strip().splitlines()
        raise LlamaFlowError(
            "torch.compile does not work here", where="recipe: compile", why=why[0] if why else type(failure).__name__,
            fix="install a C compiler (apt install gcc g++), or use compile: auto, which does without",
        )  # fmt: skip
    return True


def compile_layers(model) -> None:
    """Compile each decoder layer of an adapted model, once for all layers alike and for rows of any length."""
    for layer in model.get_base_model().get_decoder().layers:
        layer.compile(dynamic=True)


def _failure(device: str) -> Exception | None:
    """What compiling something small ends with: images without a C compiler are common."""
    try:
        torch.compile(lambda x: x * 2 + 1)(torch.ones(8, device=device))
    except Exception as error:  # whatever a compiler may come to
        return error
    return None
