"""The contestants of the fine-tuning benchmark on a tiny model: all see the same tokens, and what is not there is said to be so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.finetune import contest, gpu, memory, run
from benchmarks.finetune.contest import OURS, Contestant, train
from benchmarks.finetune.peak import MatmulPeak
from llamaflow.errors import LlamaFlowError
from llamaflow.estimate import Workload
from llamaflow.files import write_json
from llamaflow.models import load_model
from llamaflow.summaries import BaseModelSummary, read_summary

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """What the benchmark keeps between runs, with the tiny model for the real one."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "base").symlink_to(TINY)
    summary = BaseModelSummary(
        name="tiny", source="tiny", architecture="LlamaForCausalLM", parameters=139584, context_length=2048, vocabulary=1024, dtype="bf16",
        bytes=1, digest="0" * 64,
    )  # fmt: skip
    write_json(folder / "base.json", summary)
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    """A folder with conversations in the public set's form."""
    folder = tmp_path_factory.mktemp("rows")
    rows = [{"instruction": f"Count to {n}", "input": "", "output": "and one more " * (20 + n % 40)} for n in range(160)]
    (folder / "alpaca-en-999.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture
def job(cache, rows, tmp_path) -> dict:
    from benchmarks.finetune import data
    from llamaflow.models import load_tokenizer

    files = data.write(rows / "alpaca-en-999.json", tmp_path, load_tokenizer(TINY), 5000, 1024)
    return {
        "base": str(cache / "base"), "base_summary": str(cache / "base.json"), "train": str(files.train),
        "validation": str(files.validation), "epochs": files.epochs, "rank": 4, "alpha": 8,
        "learning_rate": 1e-3, "max_length": 1024, "pack_length": 1024, "rows_per_step": 1, "seed": 17,
        "budget": files.budget,
    }  # fmt: skip


def command(cache: Path, rows: Path, *more: str) -> list[str]:
    return ["--cache", str(cache), "--data", str(rows), "--tokens", "5000", *more]


@pytest.mark.parametrize("name", ["llamaflow", "trl-default", "trl-tuned", "peft-loop"])
def test_every_contestant_sees_the_same_tokens_and_leaves_an_adapter(name, job, tmp_path):
    one = run.CONTESTANTS[name]
    if not one.python.exists():
        pytest.skip(f"{one.python} does not exist: make bench-finetune installs it")
    done = train(one, job, tmp_path / "run")
    assert done.tokens == job["budget"] and 0 < done.timed_tokens < done.tokens and done.steps >= 2
    assert done.tokens_per_second > 0 and done.peak_bytes > 10**8 and done.versions["torch"]
    model = load_model(TINY, done.adapter)
    assert any("lora_B" in key and parameter.any() for key, parameter in model.named_parameters())


@pytest.mark.skipif(not contest.LLAMAFACTORY.exists(), reason="LLaMA-Factory is not installed: make bench-finetune installs it")
def test_llamafactory_trains_on_the_same_conversations(job, tmp_path):
    done = train(run.CONTESTANTS["llamafactory"], job, tmp_path / "run")
    # Its template writes a system turn that the tiny model's does not; no token of an answer is lost.
    assert done.tokens >= job["budget"] and load_model(TINY, done.adapter)


def test_a_contestant_that_fails_is_named_with_the_end_of_its_log(job, tmp_path):
    with pytest.raises(LlamaFlowError, match="broken failed(.|\n)*lora_rank"):
        train(Contestant("broken", OURS, "llamaflow_runner.py", {"lora_rank": 0}), job, tmp_path / "run")


def test_absent_peers_are_named_and_the_rest_is_measured(cache, rows, capsys, monkeypatch):
    for name in ("trl-tuned", "llamafactory"):
        monkeypatch.setitem(run.CONTESTANTS, name, run.CONTESTANTS[name]._replace(python=Path("no-python")))
    run.main(command(cache, rows, "--only", "llamaflow", "trl-tuned", "llamafactory"))
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(run.REQUIRED) <= set(figures) and set(figures["not_measured"]) == {"trl-tuned", "llamafactory"}
    assert figures["vs_trl_tuned"] is figures["vs_llamafactory"] is figures["trl_val_loss"] is None
    assert figures["share_of_peak"] > 0 and figures["val_loss"] <= figures["base_val_loss"] and figures["peak_memory_gb"] > 0.1
    assert figures["gpu"] == "not measured" or figures["gpu"]


def test_memory_is_measured_beside_what_was_predicted(job, tmp_path, monkeypatch):
    monkeypatch.setitem(memory.COMMON, "pack_length", 1024)
    for name in ("gradient checkpointing", "QLoRA (nf4)"):  # "both" is both
        monkeypatch.delitem(memory.VARIANTS, name)
    figures = memory.measure(job, tmp_path)
    assert list(figures) == ["plain", "both"]
    assert all(one["measured_gib"] > 0.1 and one["predicted_gib"] > 0 for one in figures.values())


def test_a_share_of_the_peak_does_not_depend_on_how_much_of_the_data_was_timed():
    peak, work = MatmulPeak("cpu"), Workload(tokens=1000, supervised=700, pairs=50_000)
    peak.best = 1e12
    one = contest.Run("one", Path(), 3, 1000, 500, 2.0, 0.0, 1, {}, {})
    twice = one._replace(timed_tokens=1000, seconds=4.0)
    share = peak.share(one, TINY, work, 8)
    assert share == pytest.approx(peak.share(twice, TINY, work, 8))
    assert 0 < share < peak.share(one, TINY, work, 64)


def test_random_weights_have_the_shape_asked_for_and_can_be_trained(job, tmp_path):
    shape = gpu.SHAPES["llama-3-8b"] | {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 1,
        "head_dim": 2,
        "vocab_size": 2048,
    }
    base = gpu.random_base("small", shape, TINY, tmp_path / "small", "cpu")
    assert load_model(base.folder).config.vocab_size == 2048
    assert read_summary(base.summary, BaseModelSummary).parameters == 2 * 2048 * 64 + 64 * (2 * 64 + 2 * 16 + 3 * 96) + 3 * 64
    done = train(gpu.contestants()[0], job | {"base": str(base.folder), "base_summary": str(base.summary)}, tmp_path / "run")
    assert done.tokens == job["budget"]
