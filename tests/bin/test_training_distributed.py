"""Several processes over gloo train what one does: data-parallel, with base weights in shards, stopped and taken up again.

Run by torchrun, this file is what each process does (see ``work``); the tests compare its results with one process's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import finetune as script
from llamaflow.chat import IGNORED, Encoded
from llamaflow.errors import BadInputError, LlamaFlowError
from llamaflow.files import write_json, write_jsonl
from llamaflow.models import load_model
from llamaflow.recipe import Recipe
from llamaflow.records import Message, Record, content_id
from llamaflow.summaries import BaseModelSummary, FinetuneSummary, read_summary
from llamaflow.training.launcher import _cause, launch
from llamaflow.training.sharding import out_of_memory_together, placement, require_on_accelerators

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
STEPS = 3
# Seven rows in steps of four and three, or of three, three and one: some steps have fewer rows than processes, or an odd number.
CASES = {
    "data": {"batch_size": 4},
    "data, odd": {"batch_size": 3},
    "data, one row": {"batch_size": 1},
    "fsdp": {"batch_size": 4, "sharding": "fsdp"},
    "fsdp, odd": {"batch_size": 3, "sharding": "fsdp"},
    "fsdp, one row": {"batch_size": 1, "sharding": "fsdp"},
    "fsdp, micro-batches of two": {"batch_size": 6, "micro_batch_size": 2, "sharding": "fsdp"},
    "fsdp, checkpointing": {"batch_size": 3, "sharding": "fsdp", "gradient_checkpointing": True},
    "fsdp, dora": {"batch_size": 3, "sharding": "fsdp", "method": "dora"},
}


def rows(count: int) -> list[list[Encoded]]:
    """Packed rows of two or three examples of random tokens, the first third of each not supervised."""
    import torch

    generator = torch.Generator().manual_seed(3)
    made = []
    for row in range(count):
        examples = []
        for length in (9, 14, 5)[: 2 + row % 2]:
            ids = torch.randint(3, 1000, (length + row,), generator=generator).tolist()
            examples.append(Encoded(ids, [IGNORED] * (len(ids) // 3) + ids[len(ids) // 3 :]))
        made.append(examples)
    return made


def training(values: dict, process: int = 0, processes: int = 1, adapter: Path | None = None) -> dict:
    """A few steps as bin/finetune.py composes them; the adapter's weights, the losses, and the share of the layers held here."""
    import torch

    from llamaflow.training.adapter import attach, save
    from llamaflow.training.attention import attend_by_segment
    from llamaflow.training.engine import Engine
    from llamaflow.training.kernels import fuse
    from llamaflow.training.sharding import shard

    torch.manual_seed(17)
    recipe = Recipe(lora_rank=4, learning_rate=1e-2, warmup_ratio=0, precision="fp32", **values)
    model = load_model(TINY, precision="fp32", device="cpu")
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    model = attach(model, recipe, "tiny")
    fused = fuse(model)
    if recipe.sharding == "fsdp" and processes > 1:
        shard(model, "cpu")
    attend_by_segment(model.get_base_model())
    engine = Engine(model, recipe, rows(7), rows(5), 0, 17, "cpu", STEPS, process, processes)
    losses = [engine.validation_loss()]
    for step in range(STEPS):
        outcome = engine.train_step(step)
        losses += [outcome.nats.item() / outcome.supervised, outcome.gradient_norm.item()]
    losses.append(engine.validation_loss())
    if adapter and process == 0:
        save(model, adapter)
    frozen = [p for layer in model.get_base_model().get_decoder().layers for p in layer.parameters() if not p.requires_grad]
    held = sum((p.to_local() if hasattr(p, "to_local") else p).numel() for p in frozen) / sum(p.numel() for p in frozen)
    return {"losses": losses, "weights": engine.weights.snapshot(), "held": held, "fused": fused}


def work(out: Path) -> None:
    """What each process does: every case, one after the other; the first process keeps the results."""
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    process = distributed.get_rank()
    results = {name: training(values, process, 2, out / name) for name, values in CASES.items()}
    if process == 0:
        torch.save(results, out / "results.pt")
    distributed.barrier()
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Folder and results of two processes that ran every case."""
    import torch

    out = tmp_path_factory.mktemp("both")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", __file__, str(out)]
    path = os.pathsep.join(str(Path(__file__).parents[2] / part) for part in ("bin", "tests", ""))
    subprocess.run(launcher, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}, timeout=300, check=True)
    return out, torch.load(out / "results.pt")


@pytest.mark.rig
@pytest.mark.parametrize("name", CASES)
def test_two_processes_are_one(both, name):
    import torch

    one, two = training(CASES[name]), both[1][name]
    assert one["losses"] == pytest.approx(two["losses"], rel=1e-4)
    assert list(one["weights"]) == list(two["weights"])
    for parameter, value in one["weights"].items():
        torch.testing.assert_close(two["weights"][parameter], value, rtol=1e-3, atol=1e-4)


@pytest.mark.rig
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("fsdp")])
def test_shards_are_held_once_and_the_adapter_is_whole(both, name):
    from safetensors.torch import load_file

    out, results = both
    assert results[name]["held"] == pytest.approx(0.5) and results["data"]["held"] == 1
    assert results[name]["fused"] == training(CASES[name])["fused"] != []
    saved = load_file(out / name / "adapter_model.safetensors")
    assert sum(value.numel() for value in saved.values()) == sum(value.numel() for value in results[name]["weights"].values())
    model = load_model(TINY, adapter=out / name, precision="fp32", device="cpu")  # fails on weights that are missing or of another shape
    loaded = dict(model.named_parameters())
    for parameter, value in results[name]["weights"].items():
        assert loaded[parameter].equal(value)


# The whole script. So many steps that there is time to stop it; a checkpoint after each.
LONG = {
    "lora_rank": 4, "learning_rate": 5e-3, "max_length": 64, "pack_length": 96, "batch_size": 3, "max_steps": 40, "evaluations": 2,
    "precision": "fp32",
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")

    def record(city: str, days: int) -> Record:
        turns = [("user", f"Qual o prazo para {city}?"), ("assistant", f"São {days} dias úteis.")]
        messages = [Message(role=role, content=content) for role, content in turns]
        return Record(id=content_id(messages), messages=messages, lang="pt")

    cities = ["Recife", "Manaus", "Belém", "Natal", "Cuiabá", "Palmas", "Maceió", "Goiânia"]
    write_jsonl(folder / "train.jsonl", [record(city, days) for days in (2, 3, 5) for city in cities])
    write_jsonl(folder / "validation.jsonl", [record(city, 4) for city in cities[:5]])
    write_json(folder / "base.json", BaseModelSummary(
        name="tiny", source="tiny", architecture="LlamaForCausalLM", parameters=139584, context_length=2048, vocabulary=1024, dtype="bf16",
        bytes=1, digest="0" * 64,
    ))  # fmt: skip
    return folder


def start(data: Path, out: Path, processes: int, *more: str, train: str = "train.jsonl", **overrides) -> subprocess.Popen:
    out.mkdir(exist_ok=True)
    command = [
        sys.executable, script.__file__, "--processes", str(processes), "--base", str(TINY), "--base-summary", str(data / "base.json"),
        "--train", str(data / train), "--validation", str(data / "validation.jsonl"), "--overrides", json.dumps(LONG | overrides),
        "--device", "cpu", "--threads", "1", "--adapter", str(out / "adapter"), "--summary", str(out / "finetune.json"), *more,
    ]  # fmt: skip
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=out, env=os.environ | {"OMP_NUM_THREADS": "1"}, **both)


def finished(process: subprocess.Popen, code: int = 0) -> str:
    output = process.communicate(timeout=300)[0]
    assert process.returncode == code, output
    return output


def stop_midway(process: subprocess.Popen, checkpoints: Path, number: signal.Signals, which: str = "launcher") -> str:
    """Send a signal after the fifth checkpoint; the training has to end with 143 and leave a checkpoint."""
    until = time.monotonic() + 240
    while not any(int(path.name.split("-")[0]) >= 5 for path in checkpoints.glob("*/0*-step-*") if "part" not in path.name):
        assert process.poll() is None and time.monotonic() < until, finished(process)
        time.sleep(0.02)
    workers = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert len(workers) == 2
    os.kill(process.pid if which == "launcher" else workers[1], number)
    output = finished(process, 143)
    assert "training was stopped after step" in output and "Traceback" not in output and "no checkpoint" not in output
    return output


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted")
    output = finished(start(data, out, 2))
    assert output.count("training on ") == 1  # one process tells
    return out


def summary_of(out: Path) -> FinetuneSummary:
    return read_summary(out / "finetune.json", FinetuneSummary)


@pytest.mark.rig
@pytest.mark.parametrize("number, which", [(signal.SIGTERM, "launcher"), (signal.SIGUSR1, "second process")])
def test_stopped_and_taken_up_by_two_again_is_the_same_to_the_last_bit(data, tmp_path, uninterrupted, number, which):
    where = tmp_path / "checkpoints"
    stop_midway(start(data, tmp_path / "out", 2, "--checkpoints", str(where), "--checkpoint-minutes", "0"), where, number, which)
    finished(start(data, tmp_path / "out", 2, "--checkpoints", str(where)))
    summary, wanted = summary_of(tmp_path / "out"), summary_of(uninterrupted)
    assert len(summary.resumed_at) == 1 and 5 <= summary.resumed_at[0] < 40 and summary.processes == 2
    assert summary.adapter_digest == wanted.adapter_digest and summary.curve == wanted.curve


@pytest.mark.rig
def test_stopped_with_two_processes_taken_up_by_one_and_three(data, tmp_path, uninterrupted):
    import shutil

    where = tmp_path / "checkpoints"
    stop_midway(start(data, tmp_path / "out", 2, "--checkpoints", str(where), "--checkpoint-minutes", "0"), where, signal.SIGUSR2)
    shutil.copytree(where, tmp_path / "copy")
    finished(start(data, tmp_path / "one", 1, "--checkpoints", str(where)))
    finished(start(data, tmp_path / "three", 3, "--checkpoints", str(tmp_path / "copy"), sharding="fsdp"))
    wanted = summary_of(uninterrupted)
    for name in ("one", "three"):
        summary = summary_of(tmp_path / name)
        assert len(summary.resumed_at) == 1 and summary.steps == wanted.steps and summary.tokens_seen == wanted.tokens_seen
        assert summary.validation_loss == pytest.approx(wanted.validation_loss, rel=1e-3)


@pytest.mark.rig
def test_bad_data_ends_all_processes_with_its_own_exit_code(data, tmp_path):
    (data / "none.jsonl").write_text("")
    output = finished(start(data, tmp_path, 2, train="none.jsonl"), BadInputError.exit_code)
    assert "no token to learn" in output and not (tmp_path / "finetune.json").exists()


@pytest.mark.rig
@pytest.mark.parametrize("action, code", [("sys.exit(0)", 0), ("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", 137)])
def test_what_one_process_ends_with_is_what_all_end_with(tmp_path, action, code):
    lines = ["import os, signal, sys, time", f"if os.environ['RANK'] == '1': {action}", f"time.sleep({60 if code else 0})"]
    (tmp_path / "one.py").write_text("\n".join(lines))
    call = f"import sys; from llamaflow.training.launcher import launch; sys.exit(launch({str(tmp_path / 'one.py')!r}, [], 2, 'cpu', bool))"
    before = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", call], cwd=Path(script.__file__).parent, timeout=120)
    assert ended.returncode == code and (not code or time.monotonic() - before < 60)  # the other one was not waited for


def test_the_cause_is_told_from_what_it_brings_about():
    assert _cause([(5, 143), (5, 143)]) == _cause([(5, -15), (5, -15)]) == 143  # all were told to stop
    assert _cause([(5, 2), (5, -15)]) == 2 and _cause([(5, 1), (5, -9)]) == 137
    assert _cause([(5, 1), (35, -9)]) == 1  # stuck in a sum, and so killed


def test_fewer_gpus_than_processes_is_bad_input():
    import torch

    with pytest.raises(BadInputError, match="fewer GPUs"):
        launch(script.__file__, [], torch.cuda.device_count() + 1, "cuda", done=lambda: True)


def test_four_bits_and_shards_do_not_go_together():
    with pytest.raises(ValueError, match="4-bit"):
        Recipe(quantization="nf4", sharding="fsdp")


@pytest.mark.parametrize("checkpointing", [False, True])
def test_memory_that_runs_out_in_a_common_pass_names_the_smaller_micro_batch(checkpointing):
    assert "--micro_batch_size 4" in out_of_memory_together(8, checkpointing).fix
    with pytest.raises(LlamaFlowError, match="one row"):
        out_of_memory_together(1, checkpointing)


def test_layers_over_devices_train_what_one_device_does():
    """Every layer under accelerate's hooks, as device_map places them on several GPUs; here all places are the CPU."""
    import torch
    from accelerate import dispatch_model

    from llamaflow.training.adapter import attach
    from llamaflow.training.attention import attend_by_segment
    from llamaflow.training.engine import Engine
    from llamaflow.training.kernels import fuse

    results = []
    for hooked in (False, True):
        torch.manual_seed(17)
        recipe = Recipe(lora_rank=4, learning_rate=1e-2, precision="fp32", batch_size=3, sharding="device_map" if hooked else "none")
        model = load_model(TINY, precision="fp32", device="cpu")
        if hooked:
            places = {"model.embed_tokens": "cpu", "model.layers.0": "cpu", "model.layers.1": "cpu", "model.norm": "cpu", "lm_head": "cpu"}
            model = dispatch_model(model, places | {"model.rotary_emb": "cpu"}, force_hooks=True)
            assert hasattr(model.model.layers[1], "_hf_hook")
        model = attach(model, recipe, "tiny")
        fuse(model)
        attend_by_segment(model.get_base_model())
        engine = Engine(model, recipe, rows(7), rows(5), 0, 17, "cpu", STEPS)
        results.append([engine.train_step(step).nats.item() for step in range(STEPS)] + [engine.validation_loss()])
    assert results[0] == results[1]


def test_a_map_that_leaves_layers_to_the_host_is_bad_input():
    model = load_model(TINY, precision="fp32", device="cpu", device_map=placement(Recipe(sharding="device_map"), False))
    require_on_accelerators(model, "cpu")
    model.hf_device_map = {"model.layers.0": 0, "model.layers.1": "cpu"}
    with pytest.raises(BadInputError, match="does not fit"):
        require_on_accelerators(model, "cuda:0")


if __name__ == "__main__":
    work(Path(sys.argv[1]))
