#!/usr/bin/env python3
"""TRL's SFTTrainer in .venv-bench-finetune: trl_runner.py JOB.json, whose ``settings`` name one of SETTINGS below.

``default`` is what its documentation shows: SFTTrainer with a model's name, a set of messages and a LoraConfig. It trains in bf16
autocast over bf16 weights with fp32 adapters, gradient checkpointing on, and the loss on all turns.

Which is fastest on a CPU (TRL 1.16, AMD EPYC with AVX512-BF16, SmolLM2-135M, real tokens by second of processor time of one thread, on
a busy machine): batch-1 109, packed-1 89, packed-2 71, by-length 47. Packing is right there, too: on SDPA a packed row gives the logits
of its examples alone. `run.py --tune` measures all of them anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer

sys.path.insert(0, str(Path(__file__).parent))
from stopwatch import Stopwatch, conversations, read_job, write_result  # noqa: E402


class Settings(NamedTuple):
    """config: of SFTConfig, beyond the common values. answers_only: the loss on the answer alone, as ours. bf16_adapters: in bf16 too."""

    config: dict[str, Any]
    answers_only: bool = True
    bf16_adapters: bool = True


PURE = {"bf16": False, "gradient_checkpointing": False}  # the weights' own bf16, without autocast
ONE_BY_ONE = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 8}
PACKED = {"packing": True, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 2}
BY_LENGTH = {"train_sampling_strategy": "group_by_length"}
SETTINGS = {
    "default": Settings({}, answers_only=False, bf16_adapters=False),
    "answers": Settings({}, bf16_adapters=False),
    "no-checkpointing": Settings({"gradient_checkpointing": False}, bf16_adapters=False),
    "autocast": Settings({"gradient_checkpointing": False}),
    "pure": Settings(PURE),
    "by-length": Settings(PURE | BY_LENGTH),
    "batch-2": Settings(PURE | BY_LENGTH | {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}),
    "batch-1": Settings(PURE | ONE_BY_ONE),
    "batch-1-compiled": Settings(PURE | ONE_BY_ONE | {"torch_compile": True}),
    "padding-free": Settings(PURE | {"padding_free": True, "max_length": None}),
    "packed-2": Settings(PURE | {"packing": True, "per_device_train_batch_size": 2}),
    "packed-1": Settings(PURE | PACKED),
    "packed-1-autocast": Settings({"gradient_checkpointing": False} | PACKED, bf16_adapters=False),
    "packed-1-compiled": Settings(PURE | PACKED | {"torch_compile": True}),
    "gpu": Settings(PURE | {"packing": True, "use_liger_kernel": True}),
}


def main() -> None:
    job = read_job(sys.argv[1])
    settings = SETTINGS[job["settings"]["name"]]
    turns = conversations(job["train"])
    if settings.answers_only:
        rows = [{"prompt": one[:-1], "completion": one[-1:]} for one in turns]
    else:
        rows = [{"messages": one} for one in turns]
    common = {
        "output_dir": job["adapter"], "num_train_epochs": job["epochs"], "learning_rate": job["learning_rate"],
        "max_length": job["max_length"], "seed": job["seed"], "save_strategy": "no", "report_to": "none",
        "use_cpu": not torch.cuda.is_available(),  # bf16, its default, asks for this word on a CPU
    }  # fmt: skip
    config = SFTConfig(**common | settings.config | job["settings"].get("config", {}))
    lora = LoraConfig(r=job["rank"], lora_alpha=job["alpha"], target_modules="all-linear", task_type="CAUSAL_LM")
    stopwatch = Stopwatch()
    stopwatch.watch_trainer()
    if settings.bf16_adapters:
        torch.manual_seed(job["seed"])
        model = AutoModelForCausalLM.from_pretrained(job["base"], dtype=torch.bfloat16, **job["settings"].get("model", {}))
        model = get_peft_model(model, lora, autocast_adapter_dtype=False)
        trainer = SFTTrainer(model=model, args=config, train_dataset=Dataset.from_list(rows))
    else:
        trainer = SFTTrainer(model=job["base"], args=config, train_dataset=Dataset.from_list(rows), peft_config=lora)
    trainer.train()
    trainer.save_model(job["adapter"])
    write_result(job, stopwatch.result(), ["trl", "torch", "transformers", "peft", "accelerate"])


if __name__ == "__main__":
    main()
