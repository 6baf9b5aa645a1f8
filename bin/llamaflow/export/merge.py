"""An adapter merged into the base weights, tensor by tensor: fp32 arithmetic, one rounding to the base's own type.

peft's merge_and_unload rounds twice in bf16 (B·A first, then its sum with W) and needs the whole model in memory.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInputError
from ..files import write_json

if TYPE_CHECKING:
    import torch

EMBEDDING, HEAD = "model.embed_tokens", "lm_head"
# What peft writes behind the module's name, and the field that it becomes.
_SUFFIXES = {
    ".lora_A.weight": "a", ".lora_B.weight": "b", ".lora_magnitude_vector": "magnitude",
    ".lora_embedding_A": "a", ".lora_embedding_B": "b",
}  # fmt: skip


@dataclass
class LowRank:
    """One module's adapter. a (r, in), b (out, r); magnitude (out,) for DoRA only; embedding: W is (in, out)."""

    a: torch.Tensor | None = None
    b: torch.Tensor | None = None
    magnitude: torch.Tensor | None = None
    rslora: bool = False
    alpha: float = 1.0
    embedding: bool = False

    @property
    def scale(self) -> float:
        """alpha / r, for rsLoRA (arXiv 2312.03732) alpha / sqrt(r)."""
        rank = self.a.shape[0]
        return self.alpha / (rank**0.5 if self.rslora else rank)

    def merged(self, weight: torch.Tensor) -> torch.Tensor:
        """W + scale·B·A; DoRA (arXiv 2402.09353) gives each row of that sum the length `magnitude`. Shape and type of W."""
        import torch

        update = self.scale * (self.b.float() @ self.a.float())
        total = weight.float() + (update.T if self.embedding else update)
        if self.magnitude is not None:
            total *= (self.magnitude.float() / torch.linalg.norm(total, dim=1))[:, None]
        return total.to(weight.dtype)


def read_adapter(folder: Path) -> dict[str, LowRank]:
    """Module name -> its matrices, from adapter_config.json and adapter_model.safetensors.

    Raises BadInputError for an adapter that is more than LoRA, rsLoRA or DoRA.
    """
    from safetensors.torch import load_file

    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    odd = [name for name in ("rank_pattern", "alpha_pattern", "modules_to_save", "fan_in_fan_out", "lora_bias") if config.get(name)]
    modules: dict[str, LowRank] = {}
    for key, tensor in load_file(folder / "adapter_model.safetensors").items():
        suffix = next((suffix for suffix in _SUFFIXES if key.endswith(suffix)), None)
        if suffix is None:
            odd.append(key)
            continue
        module = modules.setdefault(
            key.removeprefix("base_model.model.").removesuffix(suffix),
            LowRank(rslora=config["use_rslora"], alpha=config["lora_alpha"], embedding="embedding" in suffix),
        )
        setattr(module, _SUFFIXES[suffix], tensor)
    odd += [name for name, module in modules.items() if module.embedding and module.magnitude is not None]
    if config.get("peft_type") != "LORA" or odd or not modules:
        raise BadInputError(
            "the adapter cannot be merged", where=str(folder), why=f"it holds more than LoRA matrices: {', '.join(odd[:3]) or 'no LoRA'}",
            fix="export an adapter that FINETUNE wrote",
        )  # fmt: skip
    return modules


def merge(base: Path, adapter: Path, output: Path) -> None:
    """Write base + adapter as a plain model folder, with the base's file names, types, configuration and tokenizer.

    Holds one weight matrix in memory at a time besides one file's tensors. Raises BadInputError when the adapter names
    a module that the base does not have.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    modules = read_adapter(adapter)
    waiting = set(modules)
    output.mkdir(parents=True)
    for path in sorted(base.iterdir()):
        if path.is_file() and path.suffix != ".safetensors":
            shutil.copyfile(path, output / path.name)
    config = json.loads((base / "config.json").read_text("utf-8"))
    # Embeddings shared with the output layer part when only one of them has an adapter.
    untie = bool(config.get("tie_word_embeddings")) and not waiting.isdisjoint({EMBEDDING, HEAD})
    for path in sorted(base.glob("*.safetensors")):
        tensors = {}
        with safe_open(path, "pt") as source:
            for name in source.keys():  # noqa: SIM118 (not a dict)
                module, weight = name.removesuffix(".weight"), source.get_tensor(name)
                if untie and module == EMBEDDING:
                    tensors[f"{HEAD}.weight"] = modules[HEAD].merged(weight) if HEAD in modules else weight.clone()
                    waiting.discard(HEAD)
                tensors[name] = modules[module].merged(weight) if module in modules else weight
                waiting.discard(module)
        save_file(tensors, output / path.name, metadata={"format": "pt"})
        shutil.copymode(output / "config.json", output / path.name)  # safetensors lets nobody else read it
        if untie and f"{EMBEDDING}.weight" in tensors:
            write_json(output / "config.json", config | {"tie_word_embeddings": False})
            _enter(output, f"{HEAD}.weight", path.name)
    if waiting:
        raise BadInputError(
            "the adapter does not belong to this base model", where=str(adapter), why=f"the base has no module {min(waiting)}",
            fix="give the base that the adapter was trained on",
        )  # fmt: skip


def _enter(folder: Path, tensor: str, file: str) -> None:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        content = json.loads(index.read_text("utf-8"))
        content["weight_map"][tensor] = file
        write_json(index, content)
