#!/usr/bin/env python3
"""Write a trained adapter with its base as models that run alone, and prove that they answer alike.

    export.py --base base --adapter adapter --finetune-summary finetune.json --formats merged,gguf-q8_0 \
        --output exported --summary export.json
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

from llamaflow.errors import BadInputError, run_step
from llamaflow.export.gguf_file import QUANTIZATIONS, check_gguf, load_gguf, write_gguf
from llamaflow.export.gguf_tokenizer import require_same_tokens
from llamaflow.export.merge import merge
from llamaflow.export.parity import Probe, compare, logits, probes, require_parity, too_coarse
from llamaflow.files import sha256_file, sha256_folder, write_json
from llamaflow.hardware import describe_hardware, pick_device, pick_dtype
from llamaflow.models import load_model, load_tokenizer, quiet_libraries, set_threads
from llamaflow.summaries import ExportedModel, ExportSummary, FinetuneSummary, read_summary

FORMATS = ("merged", *QUANTIZATIONS)
LIBRARIES = ("torch", "transformers", "peft", "gguf")


def main(argv: list[str] | None = None) -> None:
    """Merge, convert, load each result again, compare it with base plus adapter; all formats come out or none."""
    started = time.monotonic()
    args = parse(argv)
    finetune = read_summary(args.finetune_summary, FinetuneSummary)
    quiet_libraries()
    check(args, finetune)
    set_threads(args.threads)
    device = pick_device(args.device)
    quantization = finetune.recipe.get("quantization", "none")
    precision = precision_of(args, finetune, describe_hardware(device).memory_bytes)
    sequences = probes(load_tokenizer(args.base), context_length(args.base))

    part = args.output.with_name(f".{args.output.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of an attempt that was killed
    try:
        base = args.base
        if quantization == "nf4":
            base = part / "dequantized"
            dequantize_base(args.base, base, precision, device)
        print(f"merging {finetune.method} adapter into {finetune.base}", flush=True)
        merge(base, args.adapter, part / "merged")
        model = load_model(args.base, args.adapter, precision, device, quantization)
        reference = logits(model, sequences)
        with model.disable_adapter():
            effect = compare(reference, logits(model, sequences))
        del model
        gc.collect()

        models = []
        for format in args.formats:
            path = part / ("merged" if format == "merged" else f"model-{format.removeprefix('gguf-')}.gguf")
            if format != "merged":
                write_gguf(part / "merged", path, format, f"{finetune.base} fine-tuned")
                require_same_tokens(args.base, path)
            models.append(described(format, path, reference, sequences, precision, device))
        for folder in {"dequantized", "merged"} - set(args.formats):
            shutil.rmtree(part / folder, ignore_errors=True)
        part.rename(args.output)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    write_json(args.summary, ExportSummary(
        seconds=time.monotonic() - started, base=finetune.base, base_digest=finetune.base_digest, adapter_digest=finetune.adapter_digest,
        method=finetune.method, quantization=quantization, precision=precision, effect=effect, models=models,
        warnings=[text for model in models for text in too_coarse(model.parity, effect, model.format)],
        hardware=describe_hardware(device), versions={name: version(name) for name in LIBRARIES},
    ))  # fmt: skip


def described(format: str, path: Path, reference: list, sequences: list[Probe], precision: str, device: str) -> ExportedModel:
    """Load a written model, compare its logits with the reference, raise LlamaFlowError when they are too far."""
    if format == "merged":
        model = load_model(path, precision=precision, device=device)
    else:
        model = load_gguf(path, pick_dtype(precision, device), device)
    parity = compare(reference, logits(model, sequences))
    print(
        f"{format}: logits differ by {parity.relative_difference:.3%} (largest {parity.max_logit_difference:.3g}), "
        f"{parity.divergence:.3g} nats; {parity.same_choice:.1%} of {parity.positions} choices are the same",
        flush=True,
    )
    require_parity(parity, format, precision, path)
    del model
    gc.collect()
    size = path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in path.iterdir())
    digest = sha256_file(path) if path.is_file() else sha256_folder(path)
    return ExportedModel(format=format, path=path.name, bytes=size, sha256=digest, parity=parity)


def check(args: argparse.Namespace, finetune: FinetuneSummary) -> None:
    """Refuse what cannot work before anything large is loaded."""
    from transformers import AutoConfig

    unknown = [name for name in args.formats if name not in FORMATS]
    if unknown or not args.formats:
        raise BadInputError(f"unknown format '{', '.join(unknown)}'", where="--formats", fix=f"give one or more of {','.join(FORMATS)}")
    if args.output.exists():
        raise BadInputError("the output exists", where=str(args.output), fix="name a folder that does not exist yet")
    for file, digest, path in (
        ("adapter_model.safetensors", finetune.adapter_digest, args.adapter),
        ("config.json", finetune.base_digest, args.base),
    ):
        if not (path / file).is_file():
            raise BadInputError(
                "no model in this folder", where=str(path), why=f"{file} is missing", fix="give what FINETUNE and FETCH_BASE wrote"
            )
        if digest != (sha256_folder(path) if path == args.base else sha256_file(path / file)):
            raise BadInputError(
                "adapter or base is not the one of the training", where=str(path), why="its digest differs from finetune.json",
                fix="give the base and the adapter that belong to this finetune.json",
            )  # fmt: skip
    if args.formats != ["merged"]:
        check_gguf(AutoConfig.from_pretrained(args.base))


def precision_of(args: argparse.Namespace, finetune: FinetuneSummary, memory: int) -> str:
    """bf16 or fp32 for the comparison: fp32 shows nothing but rounding; NF4 weights exist only as training saw them."""
    if finetune.recipe.get("quantization", "none") != "none":
        return {"bfloat16": "bf16", "float32": "fp32"}[finetune.precision]
    fp32_bytes = 2 * sum(path.stat().st_size for path in args.base.glob("*.safetensors"))
    return "fp32" if 1.3 * fp32_bytes < memory else "bf16"


def dequantize_base(base: Path, output: Path, precision: str, device: str) -> None:
    """The base as the adapter saw it in training: rounded to NF4, written out in its precision as a plain model."""
    from llamaflow.training.quantization import dequantize

    dequantize(load_model(base, None, precision, device, "nf4")).save_pretrained(output, safe_serialization=True)
    for path in base.iterdir():
        if path.is_file() and ".safetensors" not in path.name:  # weights and their index are new, all else is the base's
            shutil.copyfile(path, output / path.name)
    config = json.loads((base / "config.json").read_text("utf-8"))
    write_json(output / "config.json", config | {"dtype": {"bf16": "bfloat16", "fp32": "float32"}[precision]})


def context_length(base: Path) -> int:
    """Positions that the model was made for."""
    return json.loads((base / "config.json").read_text("utf-8")).get("max_position_embeddings", 2048)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model = parser.add_argument_group("model")
    model.add_argument("--base", type=Path, required=True, help="folder of the base model and its tokenizer")
    model.add_argument("--adapter", type=Path, required=True, help="folder of the adapter")
    model.add_argument("--finetune-summary", type=Path, required=True, help="what FINETUNE tells: digests, method, quantization")
    out = parser.add_argument_group("output")
    out.add_argument("--formats", type=lambda text: list(dict.fromkeys(text.split(","))), required=True, help=",".join(FORMATS))
    out.add_argument("--output", type=Path, required=True, help="folder to write; must not exist")
    out.add_argument("--summary", type=Path, required=True)
    run = parser.add_argument_group("hardware")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda or mps: where the models are compared")
    run.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for every core this task may use")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
