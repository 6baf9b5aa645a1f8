#!/usr/bin/env python3
"""bin/finetune.py, called as the pipeline calls it, with the stopwatch beside: llamaflow_runner.py JOB.json"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

import finetune  # noqa: E402
from benchmarks.finetune.stopwatch import Stopwatch, read_job, write_result  # noqa: E402


def main() -> None:
    job = read_job(sys.argv[1])
    recipe = {
        "lora_rank": job["rank"], "lora_alpha": job["alpha"], "learning_rate": job["learning_rate"], "schedule": "linear",
        "warmup_ratio": 0, "epochs": job["epochs"], "max_length": job["max_length"], "pack_length": job["pack_length"],
        "batch_size": job["rows_per_step"],
        "evaluations": 1,
    }  # fmt: skip
    summary = Path(job["result"]).with_suffix(".finetune.json")
    stopwatch = Stopwatch()
    finetune.main([
        "--base", job["base"], "--base-summary", job["base_summary"], "--train", job["train"], "--validation", job["validation"],
        "--overrides", json.dumps(recipe | job["settings"]), "--seed", str(job["seed"]), "--adapter", job["adapter"],
        "--summary", str(summary),
    ])  # fmt: skip
    done = json.loads(summary.read_text(encoding="utf-8"))
    first = next(point["tokens"] for point in done["curve"] if point["step"] == 1)
    figures = stopwatch.result(done["tokens_seen"], first)
    kept = (
        *("peak_memory_bytes", "predicted", "validation_loss_start", "validation_loss", "tokens_per_second", "share_of_peak"),
        *("computed_share", "precision"),
    )
    figures |= {"summary": {name: done[name] for name in kept}}
    write_result(job, figures, ["torch", "transformers", "peft", "accelerate"])


if __name__ == "__main__":
    main()
