"""REGISTER and the registry: versions, nothing twice, nothing half-written, digests that are true."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import register
from llamaflow.errors import run_step
from llamaflow.files import sha256_file, write_json
from llamaflow.registry import Registry
from llamaflow.summaries import (
    BaseModelSummary,
    EvaluateSummary,
    FinetuneSummary,
    GateSummary,
    Hardware,
    MetricValue,
    RegisterSummary,
    SplitSummary,
    read_summary,
)  # fmt: skip
from llamaflow.tracking import Tracker

CPU = Hardware(device="test", device_type="cpu", cpu_cores=1, memory_bytes=1)


def make_run(
    folder: Path,
    *,
    adapter: bytes = b"adapter",
    base: str = "b1" * 32,
    data: str = "d1" * 32,
    verdict: str = "accepted",
    uri: str = "",
    run_id: str = "",
) -> list[str]:
    """What the steps before REGISTER leave behind, and the command line without --registry and --summary."""
    (folder / "adapter").mkdir(parents=True)
    (folder / "adapter" / "adapter_model.safetensors").write_bytes(adapter)
    os.chmod(folder / "adapter" / "adapter_model.safetensors", 0o600)  # as safetensors writes it
    write_json(folder / "adapter" / "adapter_config.json", {"r": 4, "base_model_name_or_path": "/work/ab/base"})
    (folder / "base").mkdir()
    (folder / "base" / "model.safetensors").write_bytes(base.encode())
    (folder / "base" / "config.json").write_text("{}")
    write_json(folder / "base.json", BaseModelSummary(
        name="tiny llama/é", source="x", architecture="LlamaForCausalLM", parameters=9, context_length=9, vocabulary=9, dtype="bf16", bytes=9,  # noqa: E501
        license="apache-2.0", digest=base,
    ))  # fmt: skip
    write_json(folder / "split.json", SplitSummary(train=80, validation=10, test=10, duplicates_removed=0, languages={}, data_digest=data))
    write_json(folder / "finetune.json", FinetuneSummary(
        method="lora", recipe={"lora_rank": 4}, seed=1, base="tiny llama", base_digest=base, data_digest=data,
        adapter_digest=sha256_file(folder / "adapter" / "adapter_model.safetensors"), trainable_parameters=1, total_parameters=9, examples=80,  # noqa: E501
        examples_truncated=0, examples_dropped=0, steps=1, best_step=1, epochs=1, tokens_seen=1, supervised_tokens=1, tokens_per_second=1,
        packing_efficiency=1, train_loss=1, validation_loss_start=2, validation_loss=1, precision="fp32", peak_memory_bytes=1, stopped="epochs",  # noqa: E501
        curve=[], hardware=CPU, versions={}, tracking_uri=uri, tracking_run_id=run_id,
    ))  # fmt: skip
    for model, number in (("base", 30.5), ("candidate", 8.25)):
        metrics = {"perplexity": MetricValue(value=number, higher_is_better=False)}
        summary = EvaluateSummary(
            model=model, data_digest=data, examples=1, generated=1, scored_tokens=1, metrics=metrics, samples=[], hardware=CPU
        )
        write_json(folder / f"{model}-scores.json", summary)
    write_json(folder / "gate.json", GateSummary(verdict=verdict, reason="Perplexity fell.", gate="default", gate_sha256="g", rules=[]))
    names = {
        "adapter": "adapter",
        "base": "base",
        "base-summary": "base.json",
        "split": "split.json",
        "finetune": "finetune.json",
        "gate": "gate.json",
    }
    command = [part for option, name in names.items() for part in (f"--{option}", str(folder / name))]
    return [*command, "--evaluate", str(folder / "base-scores.json"), str(folder / "candidate-scores.json")]


def run(folder: Path, registry: Path, command: list[str]) -> RegisterSummary:
    """Run the script as its own task would: in its own folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        register.main([*command, "--registry", str(registry), "--summary", str(folder / "register.json")])
    finally:
        os.chdir(before)
    assert not (folder / "entry").exists()
    return read_summary(folder / "register.json", RegisterSummary)


def registered(tmp_path: Path, name: str, **what: object) -> RegisterSummary:
    folder = tmp_path / "tasks" / name
    return run(folder, tmp_path / "registry", make_run(folder, **what))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_versions_follow_what_changed(tmp_path: Path) -> None:
    steps = [
        ({"adapter": b"1"}, "v1.0.0"),
        ({"adapter": b"2"}, "v1.0.1"),
        ({"adapter": b"3", "data": "d2" * 32}, "v1.1.0"),
        ({"adapter": b"4", "data": "d2" * 32}, "v1.1.1"),
        ({"adapter": b"5", "data": "d2" * 32, "base": "b2" * 32}, "v2.0.0"),
        ({"adapter": b"6", "data": "d1" * 32, "base": "b2" * 32}, "v2.1.0"),
    ]
    for number, (what, version) in enumerate(steps):
        summary = registered(tmp_path, str(number), **what)
        assert (summary.version, summary.created, summary.kind) == (version, True, "fine-tuned")
        assert Path(summary.path).name == version


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_versions_only_ever_grow(tmp_path_factory, runs: list[tuple[int, int]]) -> None:
    folder = tmp_path_factory.mktemp("grow")
    (folder / "adapter").mkdir()
    registry, got = Registry(folder / "registry"), []
    for number, (base, data) in enumerate(runs):
        lineage = {"base_digest": str(base), "data_digest": str(data), "adapter_digest": str(number)}
        _, version, new = registry.add_adapter(folder / "adapter", {"lineage": lineage}, True)
        got.append(tuple(map(int, version[1:].split("."))))
        assert new
    assert got == sorted(set(got))
    assert [numbers for numbers, _ in registry.versions()] == got  # by number, not by letter: v1.0.10 comes after v1.0.9


def test_tenth_patch_comes_after_the_ninth(tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    registry = Registry(tmp_path)
    for number in range(12):
        lineage = {"base_digest": "b", "data_digest": "d", "adapter_digest": str(number)}
        version = registry.add_adapter(tmp_path / "adapter", {"lineage": lineage}, True)[1]
    assert version == "v1.0.11"


@pytest.mark.parametrize("verdict", ["accepted", "rejected", "needs_review"])
def test_the_same_adapter_twice_changes_nothing(tmp_path: Path, verdict: str) -> None:
    first = registered(tmp_path, "1", verdict=verdict)
    before = tree(tmp_path / "registry")
    second = registered(tmp_path, "2", verdict=verdict)
    assert (first.created, second.created) == (True, False)
    assert (first.path, first.version, first.base_path) == (second.path, second.version, second.base_path)
    assert tree(tmp_path / "registry") == before


def test_an_older_adapter_keeps_its_version(tmp_path: Path) -> None:
    first = registered(tmp_path, "1", adapter=b"1")
    registered(tmp_path, "2", adapter=b"2")
    again = registered(tmp_path, "3", adapter=b"1")
    assert (again.version, again.created, again.path) == (first.version, False, first.path)


@pytest.mark.parametrize("verdict", ["rejected", "needs_review"])
def test_what_is_not_accepted_is_an_experiment_and_takes_no_version(tmp_path: Path, verdict: str) -> None:
    summary = registered(tmp_path, "1", verdict=verdict)
    assert (summary.kind, summary.version, summary.verdict) == ("experiment", "", verdict)
    assert Path(summary.path).parent == tmp_path / "registry" / "models" / "experiments" / "lora-adapters"
    assert json.loads((Path(summary.path) / "metadata.json").read_text("utf-8"))["verdict"] == verdict
    assert registered(tmp_path, "2", adapter=b"other").version == "v1.0.0"


def test_metadata_is_true_and_the_entry_stands_alone(tmp_path: Path) -> None:
    summary = registered(tmp_path, "1")
    for folder in (Path(summary.path), Path(summary.base_path)):
        files = json.loads((folder / "metadata.json").read_text("utf-8"))["files"]
        assert set(files) == {path.name for path in folder.iterdir()} - {"metadata.json"}
        assert files == {name: sha256_file(folder / name) for name in files}
    metadata = json.loads((Path(summary.path) / "metadata.json").read_text("utf-8"))
    assert metadata["version"] == "v1.0.0" and metadata["recipe"] == {"lora_rank": 4} and metadata["validation_loss"] == 1
    assert metadata["lineage"]["adapter_digest"] == metadata["files"]["adapter_model.safetensors"]
    assert metadata["metrics"]["candidate"]["perplexity"]["value"] == 8.25
    assert metadata["records"] == {"train": 80, "validation": 10, "test": 10}
    config = json.loads((Path(summary.path) / "adapter_config.json").read_text("utf-8"))
    assert config == {"r": 4, "base_model_name_or_path": summary.base_path}
    card = (Path(summary.path) / "README.md").read_text("utf-8")
    assert "**accepted**" in card and "Perplexity fell." in card and "| perplexity | 30.5 | 8.25 |" in card
    original = json.loads((tmp_path / "tasks" / "1" / "adapter" / "adapter_config.json").read_text("utf-8"))
    assert original["base_model_name_or_path"] == "/work/ab/base"  # the task's input stays as it was


def test_colleagues_can_read_every_entry(tmp_path: Path) -> None:
    registered(tmp_path, "1")
    for path in (tmp_path / "registry").rglob("*"):
        wanted = 0o755 if path.is_dir() else 0o444
        assert stat.S_IMODE(path.stat().st_mode) & wanted == wanted, path


def test_a_base_is_stored_once_under_a_safe_name(tmp_path: Path) -> None:
    bases = {registered(tmp_path, str(number), adapter=str(number).encode()).base_path for number in range(3)}
    assert len(bases) == 1
    folder = tmp_path / "registry" / "models" / "base"
    assert [str(path) for path in folder.iterdir()] == list(bases)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", Path(bases.pop()).name)
    other = registered(tmp_path, "other", adapter=b"x", base="b2" * 32)
    assert len(list(folder.iterdir())) == 2 and Path(other.base_path).exists()


def test_an_adapter_that_is_not_the_evaluated_one_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    command = make_run(tmp_path / "task")
    with (tmp_path / "task" / "adapter" / "adapter_model.safetensors").open("ab") as stream:
        stream.write(b"x")
    assert run_step(lambda: run(tmp_path / "task", tmp_path / "registry", command)) == 2
    assert "not the one that was evaluated" in capsys.readouterr().err
    assert not (tmp_path / "registry").exists()
    assert not (tmp_path / "task" / "register.json").exists()


@pytest.mark.parametrize("blocked", ["registry", "registry/models", "registry/models/fine-tuned"])
def test_a_registry_that_cannot_be_made_is_told_without_a_trace(tmp_path: Path, blocked: str, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / blocked).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / blocked).write_text("a file")
    command = make_run(tmp_path / "task")
    assert run_step(lambda: run(tmp_path / "task", tmp_path / "registry", command)) == 2
    told = capsys.readouterr().err
    assert "the registry cannot be written" in told and str(tmp_path / "registry") in told and "Traceback" not in told


def test_a_crash_while_filling_leaves_no_version(tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    for name in "abc":
        (tmp_path / "adapter" / name).write_text(name)
    registry = Registry(tmp_path)
    lineage = {"base_digest": "b", "data_digest": "d", "adapter_digest": "a"}
    with pytest.raises(TypeError):  # metadata are written last: files were there already
        registry.add_adapter(tmp_path / "adapter", {"lineage": lineage, "broken": object()}, True)
    assert list(registry.fine_tuned.iterdir()) == []
    (tmp_path / "adapter" / "d").symlink_to(tmp_path / "adapter" / "a")
    assert registry.add_adapter(tmp_path / "adapter", {"lineage": lineage}, True)[1:] == ("v1.0.0", True)
    assert not (registry.fine_tuned / "v1.0.0" / "d").is_symlink()


def killed_while_filling(root: Path) -> None:
    registry = Registry(root)
    registry._place(lambda part: ((part / "half").write_text("x"), os._exit(9)), registry.fine_tuned / "v1.0.0")


def test_a_killed_run_leaves_no_version_and_is_not_in_the_way(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=killed_while_filling, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    registry = Registry(tmp_path)
    assert registry.versions() == []
    (tmp_path / "adapter").mkdir()
    lineage = {"base_digest": "b", "data_digest": "d", "adapter_digest": "a"}
    assert registry.add_adapter(tmp_path / "adapter", {"lineage": lineage}, True)[1:] == ("v1.0.0", True)


def add_many(root: Path, adapter: Path, digests: list[str], barrier, results) -> None:
    registry = Registry(root)
    for digest in digests:
        barrier.wait()
        lineage = {"base_digest": "b", "data_digest": "d", "adapter_digest": digest}
        results.put((digest, *registry.add_adapter(adapter, {"lineage": lineage}, True)[1:]))


@pytest.mark.parametrize("same", [False, True], ids=["different adapters", "the same adapter"])
def test_runs_at_the_same_time(tmp_path: Path, same: bool) -> None:
    (tmp_path / "adapter").mkdir()
    for number in range(5):
        (tmp_path / "adapter" / str(number)).write_bytes(os.urandom(50_000))
    context, rounds, workers = multiprocessing.get_context("spawn"), 12, 3
    barrier, results = context.Barrier(workers), context.Queue()
    digests = [[f"a{number}" if same else f"a{number}-{worker}" for number in range(rounds)] for worker in range(workers)]
    processes = [context.Process(target=add_many, args=(tmp_path / "r", tmp_path / "adapter", mine, barrier, results)) for mine in digests]
    for process in processes:
        process.start()
    told = [results.get(timeout=60) for _ in range(rounds * workers)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    registry = Registry(tmp_path / "r")
    stored = {f"v{'.'.join(map(str, numbers))}": metadata["lineage"]["adapter_digest"] for numbers, metadata in registry.versions()}
    assert len(stored) == len(set(stored.values())) == len({digest for mine in digests for digest in mine})
    assert all(stored[version] == digest for digest, version, _ in told)
    assert sum(new for *_, new in told) == len(stored)
    assert {path.name for path in registry.fine_tuned.iterdir()} == set(stored)  # no half-written folder beside them


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("mlruns"))


@pytest.mark.parametrize("verdict", ["accepted", "rejected"])
def test_the_training_run_in_mlflow_gets_verdict_and_scores(tmp_path: Path, store: str, verdict: str) -> None:
    with Tracker(store, run_name="training") as tracker:
        tracker.params({"lora_rank": 4})
        tracker.metrics({"train_loss": 1.5, "missing": None}, step=1)
    summary = registered(tmp_path, "1", verdict=verdict, uri=store, run_id=tracker.run_id)

    import mlflow

    found = mlflow.MlflowClient(tracking_uri=store).get_run(tracker.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"lora_rank": "4"}
    assert found.data.metrics == {"train_loss": 1.5, "base.perplexity": 30.5, "candidate.perplexity": 8.25}
    assert found.data.tags["verdict"] == verdict
    assert found.data.tags["version"] == summary.version and found.data.tags["registry_path"] == summary.path


def test_tracking_tells_a_failed_run_and_does_nothing_without_an_address(store: str) -> None:
    with pytest.raises(ZeroDivisionError), Tracker(store) as tracker:
        raise ZeroDivisionError

    import mlflow

    assert mlflow.MlflowClient(tracking_uri=store).get_run(tracker.run_id).info.status == "FAILED"
    for nothing in (Tracker(""), Tracker(store, run_id="")):
        with nothing as off:
            off.params({"a": 1})
            off.metrics({"a": 1.0})
            off.tags({"a": "b"})
        assert not off.run_id
