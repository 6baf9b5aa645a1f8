#!/usr/bin/env python3
"""LLaMA-Factory's own training call in .venv-bench-llamafactory: llamafactory_runner.py JOB.json

The values are those of its documented LoRA example (one example at a time, eight to a step, bf16), rank, rate and schedule as for
all. Its audio library has no build for this torch and is not in the lock; texts need none, so an empty module stands in for it.
"""

from __future__ import annotations

import json
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

sys.modules["torchaudio"] = types.ModuleType("torchaudio")
sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)

import torch  # noqa: E402
from llamafactory.train.tuner import run_exp  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from stopwatch import Stopwatch, conversations, read_job, write_result  # noqa: E402


def main() -> None:
    job = read_job(sys.argv[1])
    folder = Path(job["result"]).with_suffix(".data")
    folder.mkdir()
    (folder / "train.json").write_text(json.dumps([{"messages": turns} for turns in conversations(job["train"])]), encoding="utf-8")
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"}
    info = {"bench": {"file_name": "train.json", "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}}
    (folder / "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")
    stopwatch = Stopwatch()
    stopwatch.watch_trainer()
    run_exp({
        "stage": "sft", "do_train": True, "finetuning_type": "lora", "lora_target": "all", "lora_rank": job["rank"],
        "lora_alpha": job["alpha"], "model_name_or_path": job["base"], "template": "smollm2", "dataset": "bench",
        "dataset_dir": str(folder), "cutoff_len": job["max_length"], "output_dir": job["adapter"], "overwrite_output_dir": True,
        "per_device_train_batch_size": 1, "gradient_accumulation_steps": 8, "bf16": True, "learning_rate": job["learning_rate"],
        "num_train_epochs": job["epochs"], "lr_scheduler_type": "linear", "warmup_ratio": 0.0, "seed": job["seed"],
        "save_strategy": "no", "report_to": "none", "logging_steps": 10, "preprocessing_num_workers": 1,
            "use_cpu": not torch.cuda.is_available(),
    } | job["settings"])  # fmt: skip
    write_result(job, stopwatch.result(), ["llamafactory", "torch", "transformers", "peft", "accelerate"])


if __name__ == "__main__":
    main()
