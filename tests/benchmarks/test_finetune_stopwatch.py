"""The stopwatch of the fine-tuning benchmark: steps as the optimizer makes them, tokens that are no padding."""

from __future__ import annotations

import pytest
import torch

from benchmarks.finetune.stopwatch import Stopwatch, real_tokens


def train(stopwatch: Stopwatch, steps: list[list[int]]) -> None:
    """One optimizer step for each inner list, its micro-batches' tokens."""
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.AdamW([weight])
    for micro_batches in steps:
        for tokens in micro_batches:
            stopwatch.see(tokens)
            weight.sum().backward()
        optimizer.step()


def test_the_first_step_is_left_out_and_micro_batches_add_up(capsys):
    stopwatch = Stopwatch()
    train(stopwatch, [[5, 6], [7], [torch.tensor(3), 1]])
    figures = stopwatch.result()
    assert (figures["steps"], figures["tokens"], figures["timed_tokens"]) == (3, 22, 11)
    assert figures["timed_seconds"] > 0 and figures["first_step_at"] > 0
    assert capsys.readouterr().out.count("bench_step") == 3


def test_a_training_that_counts_itself_is_believed_and_later_steps_are_not_seen():
    stopwatch = Stopwatch()
    train(stopwatch, [[], [], []])
    assert stopwatch.result(tokens=30, first_tokens=10)["timed_tokens"] == 20
    train(stopwatch, [[], []])
    assert stopwatch.result(tokens=30, first_tokens=10)["steps"] == 3


def test_one_step_has_no_speed():
    stopwatch = Stopwatch()
    train(stopwatch, [[4]])
    with pytest.raises(SystemExit, match="two or more"):
        stopwatch.result()


def test_padding_is_no_token_in_any_kind_of_mask():
    ids = torch.zeros(2, 4, dtype=torch.long)
    flat = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    pairs = flat.bool()[:, None, None, :] & flat.bool()[:, None, :, None] & torch.ones(4, 4, dtype=torch.bool).tril()
    closed = torch.zeros(2, 1, 4, 4).masked_fill(~pairs, torch.finfo(torch.float32).min)
    segments = torch.tensor([[1, 1, 2, 0], [1, 0, 0, 0]])  # LLaMA-Factory numbers what it packs
    assert real_tokens({"input_ids": ids}) == 8
    for mask in (flat, pairs, closed, segments):
        assert real_tokens({"input_ids": ids, "attention_mask": mask}) == 4


def test_the_trainers_batches_are_counted(tmp_path):
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    tiny = __file__.replace("benchmarks/test_finetune_stopwatch.py", "data/tiny-llama")
    rows = [{"input_ids": [3] * 4, "attention_mask": [1] * real + [0] * (4 - real), "labels": [3] * 4} for real in (4, 3, 2, 1, 4, 4)]
    plain, stopwatch = Trainer.training_step, Stopwatch()
    stopwatch.watch_trainer()
    try:
        arguments = TrainingArguments(
            tmp_path, per_device_train_batch_size=1, gradient_accumulation_steps=2, num_train_epochs=1, use_cpu=True, report_to="none",
            save_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        Trainer(AutoModelForCausalLM.from_pretrained(tiny), arguments, train_dataset=rows).train()
    finally:
        Trainer.training_step = plain
    figures = stopwatch.result()
    assert (figures["steps"], figures["tokens"]) == (3, 18)
