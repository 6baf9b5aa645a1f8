"""The training recipe: every hyper-parameter, typed, bounded and explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import BadInputError


class Recipe(BaseModel):
    """What FINETUNE does. A recipe file names what differs from these defaults."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    method: Literal["lora", "rslora", "dora"] = Field("lora", description="adapter; rslora scales by alpha/sqrt(rank)")
    lora_rank: int = Field(16, ge=1, le=1024)
    lora_alpha: float = Field(32, gt=0)
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    lora_plus_ratio: float = Field(1.0, ge=1, description="LoRA+: learning rate of B / that of A; 1 is plain LoRA")
    quantization: Literal["none", "nf4"] = Field("none", description="nf4: QLoRA, base weights in 4 bits with double quantization")
    target_modules: str | list[str] = Field("all-linear", description="module names, or all-linear")
    learning_rate: float = Field(2e-4, gt=0, le=1)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: float = Field(0.05, ge=0, lt=1, description="share of the steps")
    neftune_alpha: float = Field(0.0, ge=0, description="NEFTune: noise on the embeddings, 5 is common; 0: none")
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    epochs: float = Field(3.0, gt=0, description="passes over the training set")
    max_steps: int = Field(0, ge=0, description="optimizer steps; 0: as many as the epochs need")
    max_length: int = Field(1024, ge=16, description="tokens of one example; a longer one ends behind its last whole answer")
    pack_length: int = Field(1024, ge=16, description="tokens of one packed row")
    batch_size: int = Field(8, ge=1, description="packed rows in one optimizer step")
    micro_batch_size: int = Field(
        0, ge=0, description="packed rows in one forward pass; changes speed and memory, not the result; 0: as many as suit the device"
    )
    evaluations: int = Field(4, ge=1, description="how often validation loss is measured, the end included")
    deduplicate: float = Field(0.0, ge=0, le=1, description="similarity from which on training records count as one; 0: all are used")
    max_repeats: int = Field(0, ge=0, description="training records that may hold the same code or number in an answer; 0: any number")
    replay_share: float = Field(0.0, ge=0, le=0.5, description="share of examples that the base model wrote, against forgetting")
    early_stopping: int = Field(0, ge=0, description="stop after this many evaluations without a better loss; 0: never")
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    gradient_checkpointing: bool = False
    compile: Literal["auto", "on", "off"] = Field("auto", description="torch.compile; auto: where a long training pays for it")
    sharding: Literal["none", "fsdp", "device_map"] = Field("none", description="base weights over several GPUs: by shards or by layers")

    @property
    def is_random(self) -> bool:
        """Whether the recipe has a forward pass draw random numbers, for each example others."""
        return bool(self.lora_dropout or self.neftune_alpha)

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        if self.pack_length < self.max_length:
            raise ValueError("pack_length must be at least max_length")
        if self.micro_batch_size and self.batch_size % self.micro_batch_size:
            raise ValueError("batch_size must be a multiple of micro_batch_size")
        if self.sharding == "fsdp" and self.quantization != "none":
            raise ValueError("4-bit weights cannot be sharded by fsdp: use device_map, or none where each GPU holds all of them")
        return self


def load_recipe(path: Path | str | None, overrides: dict[str, Any] | None = None) -> Recipe:
    """A recipe from YAML, with single values overridden. Raises BadInputError naming file, line and key."""
    values, lines = {}, {}
    if path:
        try:
            text = Path(path).read_text(encoding="utf-8")
            values = yaml.safe_load(text)
            values = {} if values is None else values
            node = yaml.compose(text)
        except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: not UTF-8, or a date that does not exist
            mark = getattr(error, "problem_mark", None)
            where = f"{path}:{mark.line + 1}" if mark else str(path)
            raise BadInputError(
                "the recipe cannot be read", where=where, why=str(getattr(error, "problem", error)), fix="give a YAML mapping"
            ) from None
        if not isinstance(values, dict):
            raise BadInputError("the recipe is not a mapping of names to values", where=str(path), fix="write one 'name: value' a line")
        lines = {key.value: key.start_mark.line + 1 for key, _ in node.value} if isinstance(node, yaml.MappingNode) else {}
    values |= {name: value for name, value in (overrides or {}).items() if value is not None}
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        where = (
            f"{path}:{lines[name]}" if name in lines and name not in (overrides or {}) else f"--{name}" if name else str(path or "recipe")
        )
        raise BadInputError(f"recipe: {name or 'values'}: {first['msg']}", where=where, fix=_nearest(name, first["type"])) from None


def _nearest(name: str, kind: str) -> str:
    from difflib import get_close_matches

    known = list(Recipe.model_fields)
    near = get_close_matches(name, known, 1)
    if kind == "extra_forbidden":
        return f"did you mean {near[0]}?" if near else f"known names: {', '.join(known)}"
    return (Recipe.model_fields[name].description or "see conf/recipes/default.yaml") if name in known else "see conf/recipes/default.yaml"
