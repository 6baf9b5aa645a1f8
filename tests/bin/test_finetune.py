"""FINETUNE with the tiny Llama: repeatable, keeps the best weights, and never calls a failed training a success."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import finetune as script
from llamaflow.errors import BadInputError, LlamaFlowError, run_step
from llamaflow.files import sha256_file, write_json, write_jsonl
from llamaflow.models import load_model, load_tokenizer
from llamaflow.packing import collate, supervised_nats
from llamaflow.recipe import Recipe
from llamaflow.records import Message, Record, content_id
from llamaflow.summaries import BaseModelSummary, FinetuneSummary, read_summary

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
QUICK = {
    "lora_rank": 4, "lora_alpha": 16, "learning_rate": 5e-3, "max_length": 64, "pack_length": 96, "batch_size": 4, "max_steps": 8,
    "evaluations": 2, "precision": "fp32",
}  # fmt: skip
CITIES = ["Recife", "Manaus", "Belém", "Natal", "Cuiabá", "Palmas", "Maceió", "Goiânia"]


def record(city: str, days: int, role: str = "assistant") -> Record:
    answer = f"O prazo para {city} é de {days} dias úteis."
    messages = [Message(role="user", content=f"Qual o prazo para {city}?"), Message(role=role, content=answer)]
    return Record(id=content_id(messages), messages=messages, lang="pt")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Train and validation sets that one sentence teaches, and the base model's summary."""
    folder = tmp_path_factory.mktemp("data")
    write_jsonl(folder / "train.jsonl", [record(city, days) for days in (2, 3, 5) for city in CITIES])
    write_jsonl(folder / "validation.jsonl", [record(city, 4) for city in CITIES[:5]])
    base = BaseModelSummary(
        name="tiny", source="tiny", architecture="LlamaForCausalLM", parameters=139584, context_length=2048, vocabulary=1024, dtype="bf16",
        bytes=1, digest="0" * 64,
    )  # fmt: skip
    write_json(folder / "base.json", base)
    return folder


def command(data: Path, out: Path, *more: str, train: str = "train.jsonl", **overrides) -> list[str]:
    return [
        "--base", str(TINY), "--base-summary", str(data / "base.json"), "--train", str(data / train),
        "--validation", str(data / "validation.jsonl"), "--overrides", json.dumps(QUICK | overrides), "--device", "cpu", "--threads", "1",
        "--adapter", str(out / "adapter"), "--summary", str(out / "finetune.json"), *more,
    ]  # fmt: skip


def train(data: Path, out: Path, *more: str, **overrides) -> FinetuneSummary:
    out.mkdir(exist_ok=True)
    script.main(command(data, out, *more, **overrides))
    return read_summary(out / "finetune.json", FinetuneSummary)


@pytest.fixture(scope="module")
def reference(data, tmp_path_factory):
    """One ordinary training: its folder and summary."""
    out = tmp_path_factory.mktemp("reference")
    return out, train(data, out)


def test_same_seed_same_bytes_and_another_seed_others(data, tmp_path, reference):
    folder, first = reference
    again, other = train(data, tmp_path / "again"), train(data, tmp_path / "other", "--seed", "18")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (folder / "adapter" / name).read_bytes() == (tmp_path / "again" / "adapter" / name).read_bytes()
    assert again.curve == first.curve and again.adapter_digest == first.adapter_digest
    assert other.adapter_digest != first.adapter_digest


def test_training_learns_and_says_what_it_used(data, reference):
    folder, summary = reference
    assert summary.validation_loss < 0.98 * summary.validation_loss_start
    assert summary.steps == 8 and summary.stopped == "max_steps" and summary.examples == 24 and not summary.warnings
    assert summary.recipe == Recipe(**QUICK).model_dump() and summary.data_digest == sha256_file(data / "train.jsonl")
    assert summary.adapter_digest == sha256_file(folder / "adapter" / "adapter_model.safetensors")
    assert summary.validation_loss == min(point.validation_loss for point in summary.curve if point.validation_loss is not None)
    assert [point.tokens for point in summary.curve] == sorted(point.tokens for point in summary.curve)
    assert 0 < summary.packing_efficiency <= 1


def loss_on(data: Path, adapter: Path | None) -> float:
    """Validation loss of a model as loaded from disk, example by example."""
    import torch

    model = load_model(TINY, adapter=adapter, precision="fp32", device="cpu")
    examples, _, _ = script.encode_file(load_tokenizer(TINY), data / "validation.jsonl", 64)
    with torch.no_grad():
        return sum(supervised_nats(model, collate([[one]], 0)).item() for one in examples) / sum(one.supervised for one in examples)


def test_weights_on_disk_have_the_loss_that_the_summary_tells(data, reference):
    folder, summary = reference
    assert loss_on(data, folder / "adapter") == pytest.approx(summary.validation_loss, rel=1e-4)
    assert loss_on(data, None) == pytest.approx(summary.validation_loss_start, rel=1e-4)


# So high a learning rate that the loss soon jumps up and down.
WILD = {"learning_rate": 1.0, "lora_alpha": 64, "schedule": "constant", "warmup_ratio": 0, "max_steps": 40, "evaluations": 40}


def test_early_stopping_waits_as_long_as_told_and_the_best_weights_come_out(data, tmp_path):
    summary = train(data, tmp_path, **WILD, early_stopping=2)
    assert summary.stopped == "early_stopping" and summary.steps == summary.best_step + 2 < 40
    losses = {point.step: point.validation_loss for point in summary.curve if point.validation_loss is not None}
    assert losses[summary.steps] > summary.validation_loss == min(losses.values()) == losses[summary.best_step]
    assert loss_on(data, tmp_path / "adapter") == pytest.approx(summary.validation_loss, rel=1e-4)


def test_micro_batches_change_nothing_but_speed(data, tmp_path, reference):
    _, one = reference
    for size in (2, 4):
        other = train(data, tmp_path / str(size), micro_batch_size=size)
        for a, b in zip(one.curve, other.curve, strict=True):
            assert (a.step, a.tokens, a.learning_rate) == (b.step, b.tokens, b.learning_rate)
            for name in ("train_loss", "validation_loss", "grad_norm"):
                wanted = getattr(a, name)
                assert getattr(b, name) == (None if wanted is None else pytest.approx(wanted, rel=1e-3))


def test_gradient_checkpointing_changes_nothing_but_memory(data, tmp_path, reference):
    _, plain = reference
    assert train(data, tmp_path, gradient_checkpointing=True).validation_loss == pytest.approx(plain.validation_loss, rel=1e-4)


@pytest.mark.parametrize("steps", [1, 6])
def test_training_that_leaves_the_number_range_is_an_error_and_leaves_nothing(data, tmp_path, capsys, steps):
    arguments = command(data, tmp_path, learning_rate=1.0, lora_alpha=3e38, max_steps=steps, evaluations=1)
    with pytest.raises(LlamaFlowError, match="not finite") as caught:
        script.main(arguments)
    assert "learning_rate" in caught.value.fix and not list(tmp_path.iterdir())


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_nothing_to_learn_is_bad_input(data, tmp_path, capsys, role):
    """No assistant turn at all, or none that fits into max_length."""
    long = [record(city, 2, role) for city in CITIES]
    write_jsonl(tmp_path / "none.jsonl", long)
    arguments = command(data, tmp_path, train=str(tmp_path / "none.jsonl"), max_length=16 if role == "assistant" else 64)
    assert run_step(lambda: script.main(arguments)) == BadInputError.exit_code == 2
    assert "none.jsonl" in capsys.readouterr().err and not (tmp_path / "adapter").exists()


def test_learning_rate_rises_falls_and_never_leaves_its_bounds():
    for schedule in ("cosine", "linear", "constant"):
        recipe = Recipe(schedule=schedule, warmup_ratio=0.2)
        for total in (1, 2, 7, 50):
            factors = [script.learning_rate_factor(step, total, recipe) for step in range(total + 1)]
            assert all(0 <= factor <= 1 for factor in factors) and all(factor > 0 for factor in factors[:-1])
            peak, warmup = factors.index(max(factors)), math.ceil(0.2 * total)
            assert peak == warmup and factors[: peak + 1] == sorted(factors[: peak + 1])
            assert factors[peak:] == sorted(factors[peak:], reverse=True)


def test_every_row_is_seen_once_an_epoch():
    import torch

    rows, batches = list(range(11)), script.epochs_of_batches(list(range(11)), 4, torch.Generator().manual_seed(1))
    epochs = [[row for _ in range(3) for row in next(batches)] for _ in range(3)]
    assert all(sorted(epoch) == rows for epoch in epochs) and epochs[0] != epochs[1]


def test_tracking_to_a_folder_holds_the_metrics(data, tmp_path):
    store = tmp_path / "mlruns"
    summary = train(data, tmp_path / "out", "--tracking-uri", str(store), "--run-name", "try")
    (run,) = store.glob(f"*/{summary.tracking_run_id}")
    told = [line.split() for line in (run / "metrics" / "validation_loss").read_text().splitlines()]
    measured = [(point.step, point.validation_loss) for point in summary.curve if point.validation_loss is not None]
    assert [(int(step), float(value)) for _, value, step in told] == measured
    assert (run / "params" / "lora_rank").read_text() == "4" and (run / "params" / "seed").read_text() == "17"


@pytest.mark.rig
def test_two_processes_train_what_one_does(data, tmp_path, reference):
    """Over gloo, as torchrun starts them: rows are shared out, gradients summed, one process writes."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", script.__file__]
    subprocess.run([*launch, *command(data, tmp_path)], env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=300, check=True)
    one, two = reference[1], read_summary(tmp_path / "finetune.json", FinetuneSummary)
    assert (two.steps, two.tokens_seen, two.supervised_tokens) == (one.steps, one.tokens_seen, one.supervised_tokens)
    assert two.validation_loss == pytest.approx(one.validation_loss, rel=1e-3)
    assert loss_on(data, tmp_path / "adapter") == pytest.approx(two.validation_loss, rel=1e-4)


def test_lengths_count_every_record_and_the_mask_report_is_written(data, tmp_path):
    long = record("Recife", 2)
    long = long.model_copy(update={"messages": [long.messages[0], Message(role="assistant", content="palavra " * 90)]})
    both = long.model_copy(update={"messages": [*record("Natal", 3).messages, *long.messages]})
    write_jsonl(tmp_path / "train.jsonl", [record(city, 2) for city in CITIES] + [long, both])
    summary = train(
        data, tmp_path / "out", "--train", str(tmp_path / "train.jsonl"), "--mask-report", str(tmp_path / "masks.html"), "--language", "pt"
    )
    assert (summary.examples, summary.examples_truncated, summary.examples_dropped) == (9, 1, 1)
    assert summary.tokens.records == 10 and summary.tokens.longest > 90 > summary.tokens.p50 > 0
    assert 0 < summary.supervised_share < 1
    page = (tmp_path / "masks.html").read_text("utf-8")
    assert "O que o modelo aprende" in page and "Recife é de 2 dias" in page
