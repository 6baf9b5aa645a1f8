"""The judge of the fine-tuning benchmark agrees with transformers' own loss, and a fresh adapter changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from benchmarks.finetune import judge
from llamaflow.chat import encode
from llamaflow.files import write_jsonl
from llamaflow.models import load_model, load_tokenizer
from llamaflow.records import Message, Record

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"


def record(number: int) -> Record:
    messages = [Message(role="user", content=f"How many? {number}"), Message(role="assistant", content="So many " * number)]
    return Record(id=str(number), messages=messages)


def test_the_loss_is_that_of_the_labelled_tokens():
    tokenizer, model = load_tokenizer(TINY), load_model(TINY, precision="fp32", device="cpu")
    examples = [encode(tokenizer, record(number).messages, 512) for number in (1, 4, 9)]
    nats = [
        model(input_ids=torch.tensor([one.input_ids]), labels=torch.tensor([one.labels])).loss.item() * one.supervised for one in examples
    ]
    assert judge.loss(model, examples) == pytest.approx(sum(nats) / sum(one.supervised for one in examples), rel=1e-5)


def test_each_adapter_gets_a_loss_and_a_fresh_one_that_of_the_base(tmp_path):
    write_jsonl(tmp_path / "validation.jsonl", [record(number) for number in (2, 3)])
    for name, strength in (("fresh", 0.0), ("trained", 0.5)):
        model = get_peft_model(load_model(TINY), LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
        for key, parameter in model.named_parameters():
            if "lora_B" in key:
                torch.nn.init.normal_(parameter, std=strength)
        model.save_pretrained(tmp_path / name)
    adapters = [str(tmp_path / "fresh"), str(tmp_path / "trained")]
    judge.main(["--base", str(TINY), "--validation", str(tmp_path / "validation.jsonl"), "--result", str(tmp_path / "out.json"), *adapters])
    losses = json.loads((tmp_path / "out.json").read_text())
    assert losses[adapters[0]] == pytest.approx(losses["base"], rel=1e-6)
    assert losses[adapters[1]] != pytest.approx(losses["base"], rel=1e-3)
