#!/usr/bin/env python3
"""The loop that everybody writes: peft on a bf16 model, one example at a time, no padding. peft_runner.py JOB.json"""

from __future__ import annotations

import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402

from benchmarks.finetune.stopwatch import Stopwatch, read_job, write_result  # noqa: E402
from llamaflow.chat import encode  # noqa: E402
from llamaflow.models import load_model, load_tokenizer  # noqa: E402
from llamaflow.records import read_records  # noqa: E402

EXAMPLES_PER_STEP = 8


def main() -> None:
    job = read_job(sys.argv[1])
    torch.manual_seed(job["seed"])
    tokenizer, stopwatch = load_tokenizer(job["base"]), Stopwatch()
    examples = [encode(tokenizer, record.messages, job["max_length"]) for record in read_records(job["train"])]
    lora = LoraConfig(r=job["rank"], lora_alpha=job["alpha"], target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(load_model(job["base"]), lora, autocast_adapter_dtype=False).train()
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=job["learning_rate"], weight_decay=0)
    order = [one for epoch in range(job["epochs"]) for one in random.Random(job["seed"] + epoch).sample(examples, len(examples))]
    steps = [order[start : start + EXAMPLES_PER_STEP] for start in range(0, len(order), EXAMPLES_PER_STEP)]
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, len(steps))
    for step in steps:
        learned = sum(example.supervised for example in step)
        for example in step:
            ids, labels = (torch.tensor([one], device=model.device) for one in (example.input_ids, example.labels))
            stopwatch.see(ids.numel())
            (model(input_ids=ids, labels=labels).loss * example.supervised / learned).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.save_pretrained(job["adapter"])
    write_result(job, stopwatch.result(), ["torch", "transformers", "peft"])


if __name__ == "__main__":
    main()
