"""LoRA adapters: attached in the model's own precision, optimized on fp32 master weights, saved reproducibly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInputError
from ..files import sha256_file, write_json
from ..models import cast_adapter
from ..recipe import Recipe

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

# What torch.compile, FSDP, DDP and activation checkpointing put into the names of what they wrap.
_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|module)\.")


def attach(model: PreTrainedModel, recipe: Recipe, base_name: str) -> PeftModel:
    """Wrap the model with the recipe's adapter. Seeds must be set before: A is drawn at random, B starts at zero."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        task_type="CAUSAL_LM", r=recipe.lora_rank, lora_alpha=recipe.lora_alpha, lora_dropout=recipe.lora_dropout,
        target_modules=recipe.target_modules, use_rslora=recipe.method == "rslora", use_dora=recipe.method == "dora",
    )  # fmt: skip
    dtype = model.dtype
    # Without autocast the adapter multiplies in the model's precision: fp32 adapters halve the speed on bf16 hardware.
    try:
        wrapped = get_peft_model(model, config, autocast_adapter_dtype=False)
    except ValueError as error:
        raise BadInputError(
            "the adapter cannot be attached", where="recipe: target_modules", why=str(error).split(". ")[0][:200],
            fix="name linear modules of this model, or all-linear",
        ) from None  # fmt: skip
    wrapped.peft_config["default"].base_model_name_or_path = base_name
    cast_adapter(wrapped, dtype)
    return wrapped


class MasterWeights:
    """fp32 copies of the trainable parameters: bf16 alone would round small updates away.

    Each backward pass adds its gradients to those of the masters, in fp32, as soon as a parameter's is there: micro-batches
    then sum up to what one large batch gives, and the model itself holds no gradient. A step is ``zero_gradients()``,
    backward passes, ``scale_gradients(…)``, the optimizer's step on ``masters``, ``publish()``. Nothing here waits for
    the device. Masters lie on the device of the first parameter, where a model over several devices sums up.

    names, parameters, masters: in the model's order; names are free of what wrappers add, so they fit any checkpoint.
    """

    def __init__(self, model: torch.nn.Module):
        import torch

        named = [(_WRAPPERS.sub("", name), parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        self._values = torch.cat([parameter.detach().reshape(-1).to(self.parameters[0].device, torch.float32) for _, parameter in named])
        self._gradients = torch.zeros_like(self._values)
        self.masters = [values.requires_grad_() for values in self._views(self._values)]
        self.zero_gradients()
        for parameter, gradient in zip(self.parameters, self._views(self._gradients), strict=True):
            parameter.register_post_accumulate_grad_hook(partial(_move, gradient))

    def named_masters(self) -> list[tuple[str, torch.Tensor]]:
        """(name, master) in order."""
        return list(zip(self.names, self.masters, strict=True))

    def zero_gradients(self) -> None:
        """Forget all gradients, also what a backward pass that ran out of memory has left behind."""
        self._gradients.zero_()
        for parameter in self.parameters:
            parameter.grad = None
        # An optimizer's zero_grad drops the masters' gradients: they are put back here.
        for master, gradient in zip(self.masters, self._views(self._gradients), strict=True):
            master.grad = gradient

    def gradients_of(self, value: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The parameters' gradients of a scalar, for ``add_gradients``: a backward pass that several threads may run at a time."""
        import torch

        return torch.autograd.grad(value, self.parameters, allow_unused=True)

    def add_gradients(self, gradients: Iterable[torch.Tensor | None]) -> None:
        """Add gradients of the parameters to those of the masters, in fp32."""
        for master, gradient in zip(self.masters, gradients, strict=True):
            if gradient is not None:
                _add(master.grad, gradient)

    def scale_gradients(self, factor: float | torch.Tensor) -> None:
        """Multiply the masters' gradients by a number or a scalar tensor."""
        self._gradients.mul_(factor)

    def flat_gradients(self) -> torch.Tensor:
        """All gradients as one fp32 tensor [trainable parameters]; writing to it writes to the masters' gradients."""
        return self._gradients

    def publish(self) -> None:
        """Copy the masters into the model, rounded to its precision."""
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            parameter.data.copy_(master.data, non_blocking=True)

    def snapshot(self) -> dict[str, torch.Tensor]:
        """Copies of the masters' values by name."""
        return dict(zip(self.names, self._views(self._values.clone()), strict=True))

    def restore(self, snapshot: dict[str, torch.Tensor]) -> None:
        """Put a snapshot back, into the model too. Raises ValueError when its names or shapes are others."""
        shapes = {name: value.shape for name, value in snapshot.items()}
        if shapes != {name: master.shape for name, master in self.named_masters()}:
            raise ValueError("these weights belong to another adapter: names or shapes differ")
        for name, master in self.named_masters():
            master.data.copy_(snapshot[name])
        self.publish()

    def _views(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """One view into a flat tensor for each parameter, in its shape."""
        parts = flat.split([parameter.numel() for parameter in self.parameters])
        return [part.detach().view(parameter.shape) for part, parameter in zip(parts, self.parameters, strict=True)]


def _move(total: torch.Tensor, parameter: torch.Tensor) -> None:
    """Add a parameter's gradient to the total, and forget it."""
    _add(total, parameter.grad)
    parameter.grad = None


def _add(total: torch.Tensor, gradient: torch.Tensor) -> None:
    total.add_(gradient.to(total.device, non_blocking=True))


def save(model: PeftModel, folder: Path) -> str:
    """Write adapter_model.safetensors and adapter_config.json; returns the SHA-256 of the weights.

    The same weights give the same bytes: peft lists target modules in an order that changes with each process.
    """
    model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card; the registry writes a real one
    config = json.loads((folder / "adapter_config.json").read_text())
    config = {key: sorted(value) if isinstance(value, list) else value for key, value in sorted(config.items())}
    write_json(folder / "adapter_config.json", config)
    return sha256_file(folder / "adapter_model.safetensors")
