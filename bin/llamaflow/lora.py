"""LoRA adapters: attached in the model's own precision, optimized on fp32 master weights, saved reproducibly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import BadInputError
from .files import sha256_file, write_json
from .recipe import Recipe

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel


def attach(model: PreTrainedModel, recipe: Recipe, base_name: str) -> PeftModel:
    """Wrap the model with the recipe's adapter. Seeds must be set before: A is drawn at random, B starts at zero."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        task_type="CAUSAL_LM", r=recipe.lora_rank, lora_alpha=recipe.lora_alpha, lora_dropout=recipe.lora_dropout,
        target_modules=recipe.target_modules, use_rslora=recipe.method == "rslora", use_dora=recipe.method == "dora",
    )  # fmt: skip
    # Without autocast the adapter multiplies in the model's precision: fp32 adapters halve the speed on bf16 hardware.
    try:
        wrapped = get_peft_model(model, config, autocast_adapter_dtype=False)
    except ValueError as error:
        raise BadInputError(
            "the adapter cannot be attached", where="recipe: target_modules", why=str(error).split(". ")[0][:200],
            fix="name linear modules of this model, or all-linear",
        ) from None  # fmt: skip
    wrapped.peft_config["default"].base_model_name_or_path = base_name
    return wrapped


class MasterWeights:
    """fp32 copies of the trainable parameters: bf16 alone would round small updates away.

    ``masters`` go to the optimizer; ``gradients_in(scale)`` hands it the model's gradients, ``publish()`` writes the
    updated values back into the model.
    """

    def __init__(self, model: torch.nn.Module):
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.masters = [parameter.detach().float().clone().requires_grad_() for parameter in self.parameters]

    def gradients_in(self, scale: float) -> None:
        """Move gradients, multiplied by scale, to the masters and clear the model's."""
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            master.grad = parameter.grad.float().mul_(scale)
            parameter.grad = None

    def publish(self) -> None:
        """Copy the masters into the model, rounded to its precision."""
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            parameter.data.copy_(master.data)

    def snapshot(self) -> list[torch.Tensor]:
        """Copies of the masters' values."""
        return [master.detach().clone() for master in self.masters]

    def restore(self, snapshot: list[torch.Tensor]) -> None:
        """Put a snapshot back, into the model too."""
        for master, value in zip(self.masters, snapshot, strict=True):
            master.data.copy_(value)
        self.publish()


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
