#!/usr/bin/env python3
"""Evaluation beside a plain script, in one go; `make bench-evaluate` calls this.

    .venv/bin/python benchmarks/evaluate/run.py [--examples 200] [--max-new-tokens 96] [--only llamaflow plain ...]

The same examples (half alpaca-en-999, half faquad) on the same SmolLM2-135M: bin/evaluate_model.py as the pipeline calls it, with its
own defaults of precision and batch size, and plain.py: ``model.generate(do_sample=False)`` one example after the other, a forward
each for perplexity, and the same metrics by the same libraries. Each in a process of its own, one after the other, in the precision that
LlamaFlow chose; the plain script once more in bf16 and once in batches. Prints a table and as its last line one JSON object.

seconds: the whole process, imports and loading included. memory: peak resident memory of the process (on a GPU host RAM only).
vs_plain: plain seconds / LlamaFlow's. identical_outputs: answers that are the same text. metric_difference: the largest difference of
a metric, as a share of its value. LlamaFlow runs a second time on the longest quarter of the examples: its memory may depend on the
longest of them, which are the same in both, but not on their number.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from benchmarks.evaluate.data import choose  # noqa: E402
from benchmarks.finetune.contest import QUIET  # noqa: E402
from benchmarks.finetune.run import fetch_base  # noqa: E402
from llamaflow.chat import encode  # noqa: E402
from llamaflow.errors import LlamaFlowError, run_step  # noqa: E402
from llamaflow.evaluation.examples import read_examples  # noqa: E402
from llamaflow.files import write_jsonl  # noqa: E402
from llamaflow.hardware import describe_hardware  # noqa: E402
from llamaflow.models import load_tokenizer  # noqa: E402

OURS, PLAIN, BATCHED, BF16 = "llamaflow", "plain", "plain-batched", "plain-bf16"
NAMES = (OURS, PLAIN, BATCHED, BF16)
MAX_LENGTH = 1024


class Run(NamedTuple):
    """One evaluation: seconds of the process, tokens generated, peak bytes, metric values and answers by id."""

    seconds: float
    tokens: int
    peak_bytes: int
    scores: dict[str, float]
    answers: dict[str, str]
    precision: str


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    hardware = describe_hardware()
    print(f"{hardware.device}, {hardware.cpu_cores} cores, device {hardware.device_type}", flush=True)
    figures: dict[str, Any] = {"vs_plain": None, "identical_outputs": None, "examples": arguments.examples}
    with tempfile.TemporaryDirectory(prefix="bench-evaluate-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        base, _ = fetch_base(arguments.cache)
        tokenizer = load_tokenizer(base)
        records = choose(arguments.data, arguments.examples, tokenizer, MAX_LENGTH - arguments.max_new_tokens)
        write_jsonl(folder / "test.jsonl", records)
        longest = sorted(records, key=lambda record: -len(encode(tokenizer, record.messages, MAX_LENGTH).input_ids))
        write_jsonl(folder / "few.jsonl", longest[: max(1, len(records) // 4)])
        ours = llamaflow(base, folder / "test.jsonl", arguments, folder / "ours")
        few = llamaflow(base, folder / "few.jsonl", arguments, folder / "few")
        runs = {OURS: ours}
        for one, precision, batch_size in ((PLAIN, ours.precision, 1), (BATCHED, ours.precision, 16), (BF16, "bf16", 1)):
            if one in arguments.only and (one != BF16 or ours.precision != "bf16"):
                runs[one] = plain(one, base, folder / "test.jsonl", precision, batch_size, arguments, folder)
    print(table(runs))
    memory = {len(run.answers): round(run.peak_bytes / 1e9, 3) for run in (few, ours)}
    print("LlamaFlow's peak memory: " + ", ".join(f"{size} GB with {examples} examples" for examples, size in memory.items()))
    figures |= {
        "precision": ours.precision,
        "peak_memory_gb": memory,
        "seconds": {one: round(run.seconds, 1) for one, run in runs.items()},
    }
    for one, run in runs.items():
        if one != OURS:
            figures["vs_" + one.replace("-", "_")] = round(run.seconds / ours.seconds, 2)
            figures[("" if one == PLAIN else one.removeprefix("plain-") + "_") + "identical_outputs"] = identical(ours, run)
    if PLAIN in runs:
        figures["metric_difference"], figures["metric_that_differs_most"] = difference(ours, runs[PLAIN])
    print(json.dumps(figures))


def llamaflow(base: Path, test: Path, arguments: argparse.Namespace, folder: Path) -> Run:
    """bin/evaluate_model.py with its defaults; every example is generated, too."""
    folder.mkdir()
    examples, summary = folder / "examples.parquet", folder / "evaluate.json"
    command = ["--base", base, "--model", "base", "--test", test, "--max-length", MAX_LENGTH, "--max-generate", arguments.examples]
    command += ["--max-new-tokens", arguments.max_new_tokens, "--examples", examples, "--summary", summary]
    seconds, peak = watch(OURS, [ROOT / "bin" / "evaluate_model.py", *command])
    rows = [row for row in read_examples(examples).to_pylist() if row["prediction"] is not None]
    metrics = json.loads(summary.read_text(encoding="utf-8"))["metrics"]
    # Stop tokens count: they were generated like the others.
    tokens = sum(row["new_tokens"] + int(row["finished"]) for row in rows)
    precision = {"float32": "fp32", "bfloat16": "bf16"}[metrics["perplexity"]["settings"]["precision"]]
    scores = {name: metric["value"] for name, metric in metrics.items()}
    return Run(seconds, tokens, peak, scores, {row["id"]: row["prediction"] for row in rows}, precision)


def plain(name: str, base: Path, test: Path, precision: str, batch_size: int, arguments: argparse.Namespace, folder: Path) -> Run:
    result = folder / f"{name}.json"
    command = ["--base", base, "--test", test, "--precision", precision, "--batch-size", batch_size, "--result", result]
    seconds, peak = watch(name, [Path(__file__).with_name("plain.py"), *command, "--max-new-tokens", arguments.max_new_tokens])
    done = json.loads(result.read_text(encoding="utf-8"))
    return Run(seconds, done["tokens"], peak, done["scores"], done["answers"], precision)


def watch(name: str, command: list[Any]) -> tuple[float, int]:
    """Seconds and peak resident bytes of one process. Raises LlamaFlowError with the end of what it printed when it fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *map(str, command)], stdout=log, stderr=log, env=os.environ | QUIET)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise LlamaFlowError(f"{name} failed", where=str(command[0]), why=log.read()[-2000:].strip(), fix="see above")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)  # Linux counts in KiB, macOS in bytes
    print(f"{name}: {seconds:.1f} s, {peak / 1e9:.2f} GB", flush=True)
    return seconds, peak


def identical(ours: Run, theirs: Run) -> int:
    """Answers that are the same text."""
    return sum(theirs.answers.get(one) == text for one, text in ours.answers.items())


def difference(ours: Run, theirs: Run) -> tuple[float, str]:
    """The largest difference of a metric that both have, as a share of its value, and that metric."""
    return max((abs(ours.scores[name] - value) / max(abs(value), 1e-12), name) for name, value in theirs.scores.items())


def table(runs: dict[str, Run]) -> str:
    heads = (("precision", 10), ("seconds", 9), ("ratio", 7), ("tokens/s", 10), ("memory GB", 11), ("identical", 11))
    lines = [f"  {'':<16}" + "".join(f"{head:>{width}}" for head, width in heads) + "  largest metric difference"]
    ours = runs[OURS]
    for name, run in runs.items():
        alike = f"{identical(ours, run)}/{len(ours.answers)}"
        lines.append(
            f"  {name:<16}{run.precision:>10}{run.seconds:>9.1f}{run.seconds / ours.seconds:>7.2f}{run.tokens / run.seconds:>10.1f}"
            f"{run.peak_bytes / 1e9:>11.2f}{alike:>11}  {'{:.2g} ({})'.format(*difference(ours, run))}"
        )
    return "\n".join(lines)


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data" / "instruct", help="folder of alpaca-en-999.json and faquad-train.json"
    )
    parser.add_argument("--cache", type=Path, default=ROOT / ".tools" / "bench-finetune", help="keeps the base model between runs")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--max-new-tokens", type=int, default=96)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="some contestants only; LlamaFlow always runs")
    return parser.parse_args(argv)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the contestant at work ends, too
    sys.exit(run_step(main))
