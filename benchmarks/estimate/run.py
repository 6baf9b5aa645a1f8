#!/usr/bin/env python3
"""Predicted beside measured peak memory of bin/finetune.py; `make bench-estimate` calls this.

    .venv/bin/python benchmarks/estimate/run.py [--only plain nf4 ...] [--device cpu|cuda] [--work FOLDER]

Models of several shapes with random weights train for two steps on random words, each in a process of its own. What is predicted is
printed by that process before it loads the model; measured is its peak resident memory, or on a GPU its peak allocated memory there.
The last line is one JSON object: cases, worst_error_percent, within_15_percent.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from llamaflow.estimate import GIB  # noqa: E402
from llamaflow.files import write_json, write_jsonl  # noqa: E402
from llamaflow.hardware import pick_device  # noqa: E402
from llamaflow.records import Message, Record, content_id  # noqa: E402
from llamaflow.summaries import BaseModelSummary, FinetuneSummary, read_summary  # noqa: E402

TINY = ROOT / "tests" / "data" / "tiny-llama"
SHAPES = {
    "smollm2-135m": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
                     "num_key_value_heads": 3, "vocab_size": 49152, "tie_word_embeddings": True},
    "wide": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 16, "num_attention_heads": 16,
             "num_key_value_heads": 16, "vocab_size": 32000, "tie_word_embeddings": False},
    "large-vocabulary": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 4, "num_attention_heads": 32,
                         "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": True},
}  # fmt: skip
SHAPES["llama-3.2-1b"] = SHAPES["large-vocabulary"] | {"num_hidden_layers": 16}


class Case(NamedTuple):
    """One training: a name of SHAPES, 'short' or 'long' examples, and what its recipe changes."""

    shape: str = "smollm2-135m"
    examples: str = "short"
    recipe: dict = {}


CASES = {
    "plain": Case(),
    "plain, 20 steps": Case(recipe={"max_steps": 20}),
    "long examples": Case(examples="long"),
    "rows of 2048, 2 at once": Case(recipe={"pack_length": 2048, "micro_batch_size": 2}),
    "checkpointing": Case(recipe={"gradient_checkpointing": True}),
    "checkpointing, rows of 4096": Case(recipe={"gradient_checkpointing": True, "pack_length": 4096}),
    "nf4": Case(recipe={"quantization": "nf4"}),
    "nf4 and checkpointing": Case(recipe={"quantization": "nf4", "gradient_checkpointing": True}),
    "dora": Case(recipe={"method": "dora"}),
    "dropout": Case(recipe={"lora_dropout": 0.05}),
    "rank 64, 2 evaluations": Case(recipe={"lora_rank": 64, "evaluations": 2}),
    "fp32": Case(recipe={"precision": "fp32"}),
    "wide": Case("wide"),
    "wide, fp32, long": Case("wide", "long", {"precision": "fp32"}),
    "wide, nf4": Case("wide", "short", {"quantization": "nf4"}),
    "wide, dora": Case("wide", "short", {"method": "dora"}),
    "large vocabulary": Case("large-vocabulary"),
    "large vocabulary, nf4": Case("large-vocabulary", "short", {"quantization": "nf4"}),
    "large vocabulary, checkpointing": Case("large-vocabulary", "long", {"gradient_checkpointing": True}),
    "1B": Case("llama-3.2-1b"),
    "1B, checkpointing": Case("llama-3.2-1b", recipe={"gradient_checkpointing": True}),
    "1B, nf4": Case("llama-3.2-1b", recipe={"quantization": "nf4"}),
    "1B, nf4 and checkpointing": Case("llama-3.2-1b", recipe={"quantization": "nf4", "gradient_checkpointing": True}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--work", type=Path, help="folder that is kept, with the logs; default: a temporary one")
    arguments = parser.parse_args()
    device = pick_device(arguments.device)
    work = arguments.work or Path(tempfile.mkdtemp(prefix="estimate-"))
    errors = {}
    print(f"{'case':<34}{'predicted':>10}{'measured':>10}  GiB, {device}", flush=True)
    for name in arguments.only:
        summary = train(CASES[name], work, work / name.replace(" ", "-").replace(",", ""), device)
        predicted, measured = summary.predicted["memory_gib"], summary.peak_memory_bytes / GIB
        errors[name] = round(100 * (predicted / measured - 1), 1)
        print(f"{name:<34}{predicted:>10.2f}{measured:>10.2f}{errors[name]:>+8.1f} %", flush=True)
    if not arguments.work:
        shutil.rmtree(work)
    worst = max(errors.values(), key=abs)
    print(json.dumps({"cases": len(errors), "worst_error_percent": worst, "within_15_percent": abs(worst) <= 15, "device": device}))


def train(case: Case, work: Path, out: Path, device: str) -> FinetuneSummary:
    """Two steps of a case in a new process; raises CalledProcessError with its log in out/log."""
    out.mkdir(parents=True, exist_ok=True)
    base = model(case.shape, work / "models")
    recipe = {"max_steps": 2, "batch_size": case.recipe.get("micro_batch_size", 1), "evaluations": 1, "compile": "off"} | case.recipe
    command = [
        sys.executable, ROOT / "bin" / "finetune.py", "--base", base, "--base-summary", base.with_suffix(".json"),
        "--train", records(case.examples, 100, work), "--validation", records(case.examples, 3, work),
        "--overrides", json.dumps(recipe), "--device", device, "--tracking-uri", out / "mlruns",
        "--adapter", out / "adapter", "--summary", out / "finetune.json",
    ]  # fmt: skip
    with open(out / "log", "w") as log:
        subprocess.run(list(map(str, command)), check=True, stdout=log, stderr=subprocess.STDOUT)
    return read_summary(out / "finetune.json", FinetuneSummary)


def model(name: str, folder: Path) -> Path:
    """A folder with random bf16 weights of a shape and the tiny model's tokenizer, and its summary beside it."""
    base = folder / name
    if not base.with_suffix(".json").exists():
        code = (
            "import json, sys, torch\n"
            "from transformers import LlamaConfig, LlamaForCausalLM\n"
            "torch.set_default_dtype(torch.bfloat16)\n"
            "LlamaForCausalLM(LlamaConfig(max_position_embeddings=8192, **json.loads(sys.argv[1]))).save_pretrained(sys.argv[2])\n"
        )
        subprocess.run([sys.executable, "-c", code, json.dumps(SHAPES[name]), str(base)], check=True, capture_output=True)
        for path in TINY.iterdir():
            if path.name not in ("config.json", "model.safetensors"):
                shutil.copy(path, base)
        size = (base / "model.safetensors").stat().st_size
        write_json(base.with_suffix(".json"), BaseModelSummary(
            name=name, source=name, architecture="LlamaForCausalLM", parameters=size // 2, context_length=8192,
            vocabulary=SHAPES[name]["vocab_size"], dtype="bf16", bytes=size, digest=name,
        ))  # fmt: skip
    return base


def records(kind: str, count: int, folder: Path) -> Path:
    """Conversations of random words: short answers of some hundred tokens, or long ones that fill most of 1024."""
    path = folder / f"{kind}-{count}.jsonl"
    draw = random.Random(f"{kind}/{count}")
    found = []
    for number in range(count):
        words = draw.randint(10, 90) if kind == "short" else draw.randint(120, 190)
        answer = " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 8))) for _ in range(words))
        messages = [Message(role="user", content=f"Question {number}?"), Message(role="assistant", content=answer)]
        found.append(Record(id=content_id(messages), messages=messages))
    write_jsonl(path, found)
    return path


if __name__ == "__main__":
    main()
