"""FINETUNE with the tiny Llama: repeatable, keeps the best weights, and never calls a failed training a success."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import finetune as script
from llamaflow.errors import BadInputError, LlamaFlowError, run_step
from llamaflow.files import sha256_file, write_json, write_jsonl
from llamaflow.models import load_model, load_tokenizer
from llamaflow.packing import collate
from llamaflow.recipe import Recipe
from llamaflow.records import Message, Record, content_id
from llamaflow.summaries import BaseModelSummary, FinetuneSummary, read_summary
from llamaflow.training.data import Batches, read_examples
from llamaflow.training.loss import supervised_nats

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
    examples = read_examples(load_tokenizer(TINY), data / "validation.jsonl", 64).kept
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


def test_loss_that_explodes_twice_ends_the_training_and_gives_back_the_best_weights(data, tmp_path):
    summary = train(data, tmp_path, learning_rate=1.0, lora_alpha=3e38, warmup_ratio=0, max_steps=12, evaluations=12)
    assert summary.stopped == "diverged" and len(summary.rolled_back_at) == 1 and summary.warnings
    assert summary.validation_loss <= summary.validation_loss_start and math.isfinite(summary.validation_loss)
    assert loss_on(data, tmp_path / "adapter") == pytest.approx(summary.validation_loss, rel=1e-4)


def test_loss_that_explodes_once_is_rolled_back_and_goes_on_slower(data, tmp_path, monkeypatch):
    """One batch blows up: back to the last good point, on at a quarter of the rate, and it still learns."""
    from llamaflow.training.engine import Engine

    real, hits = Engine.train_step, []

    def once(self, step, rate_scale=1.0):
        outcome = real(self, step, rate_scale)
        if step == 5 and not hits:
            hits.append(step)
            for master in self.weights.masters:
                master.data.fill_(float("nan"))
            self.weights.publish()
            outcome = outcome._replace(nats=outcome.nats * float("nan"))
        return outcome

    monkeypatch.setattr(Engine, "train_step", once)
    summary = train(data, tmp_path, schedule="constant", warmup_ratio=0)
    assert hits and summary.rolled_back_at == [6] and summary.stopped == "max_steps" and summary.steps == 8
    assert [point.step for point in summary.curve] == [0, 1, 4, 5, 8]
    assert {point.step: point.learning_rate for point in summary.curve}[5] == pytest.approx(0.25 * QUICK["learning_rate"])
    assert summary.validation_loss < 0.98 * summary.validation_loss_start


def test_base_model_that_is_broken_is_an_error_and_leaves_nothing(data, tmp_path):
    import torch
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "base"
    shutil.copytree(TINY, broken)
    tensors = load_file(broken / "model.safetensors")
    tensors["model.norm.weight"] = torch.full_like(tensors["model.norm.weight"], float("nan"))
    save_file(tensors, broken / "model.safetensors", {"format": "pt"})
    (tmp_path / "out").mkdir()
    arguments = command(data, tmp_path / "out")
    arguments[1] = str(broken)
    with pytest.raises(LlamaFlowError, match="not finite"):
        script.main(arguments)
    assert not list((tmp_path / "out").iterdir())


def bytes_of(folder: Path) -> bytes:
    return (folder / "adapter" / "adapter_model.safetensors").read_bytes()


METHODS = {
    "plain": {}, "bf16": {"precision": "bf16"}, "dropout": {"lora_dropout": 0.3}, "noise": {"neftune_alpha": 5.0},
    "dora": {"method": "dora"}, "lora+": {"lora_plus_ratio": 4.0, "weight_decay": 0.1}, "nf4": {"quantization": "nf4"},
}  # fmt: skip


@pytest.mark.parametrize("values", METHODS.values(), ids=METHODS)
def test_stopped_and_taken_up_again_equals_never_stopped_to_the_last_bit(data, tmp_path, values):
    """Over three parts; the schedule spans the whole, and what is random depends on the step alone."""
    whole = train(data, tmp_path / "whole", **values, early_stopping=3)
    out, arguments = tmp_path / "parts", ()
    for part, share in enumerate((0.2, 0.6, 1.0)):
        state = tmp_path / f"state{part}"
        summary = train(data, out, *arguments, "--stop-at", str(share), "--state-out", str(state), **values, early_stopping=3)
        assert summary.stopped == ("max_steps" if share == 1 else "rung")
        arguments = ("--state-in", str(state))
    assert bytes_of(out) == bytes_of(tmp_path / "whole")
    rungs = [point for point in summary.curve if point.step in (2, 5)]
    assert [point for point in summary.curve if point not in rungs] == [point for point in whole.curve if point.step not in (2, 5)]
    assert (summary.tokens_seen, summary.best_step, summary.validation_loss) == (whole.tokens_seen, whole.best_step, whole.validation_loss)


def test_state_of_another_training_is_refused(data, tmp_path):
    train(data, tmp_path / "a", "--stop-at", "0.5", "--state-out", str(tmp_path / "state"))
    for change in ({"learning_rate": 1e-3}, {"lora_rank": 2}):
        with pytest.raises(BadInputError, match="another training"):
            train(data, tmp_path / "b", "--state-in", str(tmp_path / "state"), **change)
    with pytest.raises(BadInputError, match="another training"):
        train(data, tmp_path / "b", "--state-in", str(tmp_path / "state"), "--seed", "18")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_and_started_again_equals_never_killed_to_the_last_bit(data, tmp_path, reference, number):
    """A signal after some steps: asked to stop it ends with 143; killed it goes on from the last checkpoint."""
    kept, out = tmp_path / "checkpoints", tmp_path / "out"
    out.mkdir()
    arguments = ["--checkpoints", str(kept), "--checkpoint-minutes", "0"]
    program = [sys.executable, "-c", SLOW, script.__file__, *command(data, out, *arguments)]
    process = subprocess.Popen(program, env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=out, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(kept.glob("*/*-step-3")):
        time.sleep(0.02)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 143), told
    assert not (out / "adapter").exists() and ("goes on from there" in told) == (number != signal.SIGKILL)
    summary = train(data, out, *arguments)
    assert summary.resumed_at and 3 <= summary.resumed_at[0] < 8
    assert bytes_of(out) == bytes_of(reference[0]) and summary.curve == reference[1].curve
    assert not list(kept.glob("*/*-step-*")) and not (out / ".finetune.running").exists() or number == signal.SIGKILL


# The script with steps that take a while, so that a signal finds it at work.
SLOW = """
import runpy, sys, time
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rsplit("/", 1)[0])
from llamaflow.training import engine
real = engine.Engine.train_step
engine.Engine.train_step = lambda *a, **k: (time.sleep(0.3), real(*a, **k))[1]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_time_limit_that_comes_near_stops_in_time_and_the_next_attempt_goes_on(data, tmp_path, reference):
    arguments = ["--checkpoints", str(tmp_path / "kept"), "--time-limit", "0.01"]
    codes = [run_step(lambda: script.main(command(data, tmp_path, *arguments))) for _ in range(8)]
    assert codes == [143] * 7 + [0]
    assert read_summary(tmp_path / "finetune.json", FinetuneSummary).resumed_at == [1, 2, 3, 4, 5, 6, 7]
    assert bytes_of(tmp_path) == bytes_of(reference[0])


def test_out_of_memory_halves_the_micro_batch_and_changes_no_bit(data, tmp_path, reference, monkeypatch):
    """Memory for one row only: from four over two to one, as if it had been one from the start."""
    import torch

    from llamaflow.training import loss

    real = loss.supervised_nats

    def small(model, batch, **options):
        nats = real(model, batch, **options)
        if batch.input_ids.numel() > 100:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")
        return nats

    monkeypatch.setattr(loss, "supervised_nats", small)
    summary = train(data, tmp_path, micro_batch_size=4)
    assert (summary.out_of_memory, summary.micro_batch_size, summary.recipe["micro_batch_size"]) == (2, 1, 4)
    assert bytes_of(tmp_path) == bytes_of(reference[0]) and any("halved" in warning for warning in summary.warnings)


def test_out_of_memory_with_one_row_is_an_error_that_says_what_helps(data, tmp_path, monkeypatch):
    from llamaflow.training import engine

    def never(model, batch):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes. Error code 12")

    real = engine.Engine._gradients
    monkeypatch.setattr(engine.Engine, "_gradients", lambda self, step: never(None, None) if step else real(self, step))
    with pytest.raises(LlamaFlowError, match="memory ran out") as caught:
        train(data, tmp_path)
    assert "gradient_checkpointing" in caught.value.fix and not (tmp_path / "adapter").exists()


def test_other_errors_are_not_taken_for_want_of_memory(data, tmp_path, monkeypatch):
    from llamaflow.training import engine

    def broken(model, batch):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    real = engine.Engine._gradients

    def gradients(self, step):
        self._nats = broken
        return real(self, step)

    monkeypatch.setattr(engine.Engine, "_gradients", gradients)
    with pytest.raises(RuntimeError, match="shapes"):
        train(data, tmp_path)


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_nothing_to_learn_is_bad_input(data, tmp_path, capsys, role):
    """No assistant turn at all, or none that fits into max_length."""
    long = [record(city, 2, role) for city in CITIES]
    write_jsonl(tmp_path / "none.jsonl", long)
    arguments = command(data, tmp_path, train=str(tmp_path / "none.jsonl"), max_length=16 if role == "assistant" else 64)
    assert run_step(lambda: script.main(arguments)) == BadInputError.exit_code == 2
    assert "none.jsonl" in capsys.readouterr().err and not (tmp_path / "adapter").exists()


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**63 - 1))
def test_every_row_is_seen_once_an_epoch(rows, batch_size, seed):
    batches = Batches(rows, batch_size, seed)
    starts = [epoch * batches.per_epoch for epoch in range(3)]
    epochs = [[row for step in range(start, start + batches.per_epoch) for row in batches[step]] for start in starts]
    assert all(sorted(epoch) == list(range(rows)) for epoch in epochs)
    assert rows < 8 or epochs[0] != epochs[1]
    assert Batches(rows, batch_size, seed)[batches.per_epoch] == batches[batches.per_epoch]


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
