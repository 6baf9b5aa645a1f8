"""Rounds: a run that fails for a known reason is adjusted and passes, in one `nextflow run`, and tells how."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from llamaflow.summaries import AdjustSummary, GateSummary, RegisterSummary, read_summary

from .conftest import ROOT, SAMPLE, Nextflow, Run

TINY = ROOT / "tests/data/tiny-llama"
# What a two-layer model can show in a minute: that it expects the answers of the sample better than before.
GATE = """
name: rounds
rules:
  - {name: perplexity falls, metric: perplexity, compare: base, at_most_ratio: 0.9, message: nothing was learnt}
"""
FAST = ("-profile", "test", "--suites", "none", "--leak_test", "false", "--input", str(SAMPLE / "conversations.jsonl"))


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """The tiny Llama after some seconds of training on the sample's questions: a model that a bad recipe can spoil."""
    import torch

    from llamaflow.chat import encode
    from llamaflow.models import load_model, load_tokenizer
    from llamaflow.records import Message

    torch.manual_seed(0)
    tokenizer, model = load_tokenizer(TINY), load_model(TINY, precision="fp32", device="cpu").train()
    with (SAMPLE / "faq.csv").open(encoding="utf-8", newline="") as stream:
        pairs = [row[:2] for row in list(csv.reader(stream))[1:] if len(row) > 1 and row[0] and row[1]]
    turns = [[Message(role="user", content=asked), Message(role="assistant", content=answer)] for asked, answer in pairs]
    ids = [token for one in turns for token in encode(tokenizer, one, 512).input_ids]
    rows = torch.tensor(ids[: len(ids) // 128 * 128]).view(-1, 128)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _epoch in range(12):
        for batch in rows[torch.randperm(len(rows))].split(16):
            optimizer.zero_grad()
            model(input_ids=batch, labels=batch).loss.backward()
            optimizer.step()
    folder = tmp_path_factory.mktemp("base") / "tiny"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def start(nextflow: Nextflow, base: Path, folder: Path, *options: str) -> Run:
    """Results go to ``folder``; all are launched from the folder above, so that -resume finds what the runs have in common."""
    folder.mkdir(exist_ok=True)
    if not (gate := folder.parent / "gate.yaml").exists():  # written anew it would be another input to Nextflow
        gate.write_text(GATE)
    given = ("--base_model", str(base), "--gate", str(gate), "--outdir", str(folder / "results"))
    run = nextflow.run(folder.parent, *FAST, *given, *options)
    return Run(run.code, run.output, folder)


@pytest.fixture(scope="module")
def launch(tmp_path_factory) -> Path:
    """The folder that all runs are launched from."""
    return tmp_path_factory.mktemp("rounds")


def story_of(run: Run) -> AdjustSummary:
    return read_summary(run.folder / "results/summaries/adjust.json", AdjustSummary)


@pytest.fixture(scope="module")
def too_fast(nextflow: Nextflow, base: Path, launch: Path) -> Run:
    """A learning rate a hundred times too high."""
    return start(nextflow, base, launch / "fast", "--learning_rate", "0.5", "--max_steps", "16", "-resume")


@pytest.fixture(scope="module")
def too_short(nextflow: Nextflow, base: Path, launch: Path) -> Run:
    """One step of training."""
    return start(nextflow, base, launch / "short", "--max_steps", "1", "-resume")


@pytest.mark.parametrize(
    ("name", "diagnosis", "changed"), [("too_fast", "unstable", "learning_rate"), ("too_short", "undertrained", "max_steps")]
)
def test_a_known_fault_is_adjusted_and_the_second_round_passes(request, name: str, diagnosis: str, changed: str):
    run: Run = request.getfixturevalue(name)
    assert run.code == 0, run.output
    story = story_of(run)
    assert [one.verdict for one in story.rounds] == ["rejected", "accepted"], run.output
    assert story.rounds[0].diagnosis[0] == diagnosis and story.rounds[0].findings
    assert changed in {change.name for change in story.rounds[0].changes}
    assert (story.chosen, story.stopped, story.next) == (2, "accepted", False)

    results = run.folder / "results"
    assert read_summary(results / "summaries/gate.json", GateSummary).verdict == "accepted"
    assert read_summary(results / "summaries/register.json", RegisterSummary).version == "v1.0.0"
    recipe = yaml.safe_load((results / "rounds/1/next.yaml").read_text())
    assert recipe == json.loads((results / "summaries/finetune.json").read_text())["recipe"]
    assert json.loads((results / "rounds/1/gate.json").read_text())["verdict"] == "rejected"
    html = (results / "report/report.html").read_text("utf-8")
    assert all(str(change.after) in html for change in story.rounds[0].changes if change.name == changed)


def test_rounds_share_everything_before_them(too_fast: Run):
    once = ("PREPARE", "ANONYMIZE", "SPLIT", "FETCH_BASE")
    lines = [line for line in too_fast.output.splitlines() if "ubmitted process" in line]
    assert all(sum(f":{step} " in f"{line} " for line in lines) <= 2 for step in once)
    assert sum(":FINETUNE " in f"{line} " for line in lines) == 2
    assert sum("(base)" in line and ":EVALUATE" in line for line in lines) == 1


def test_resume_repeats_no_round(nextflow: Nextflow, base: Path, too_fast: Run):
    again = start(nextflow, base, too_fast.folder, "--learning_rate", "0.5", "--max_steps", "16", "-resume")
    assert again.code == 0, again.output
    assert not again.submitted


def test_a_second_run_is_compared_with_the_model_in_production(nextflow: Nextflow, base: Path, too_short: Run):
    again = start(nextflow, base, too_short.folder, "--max_steps", "12", "--seed", "18")  # with -resume it were the first run still
    assert again.code == 0, again.output
    results = again.folder / "results"
    assert json.loads((results / "summaries/evaluate-production.json").read_text())["name"] == "v1.0.0"
    assert {path.name for path in (results / "summaries").glob("compare-*.json")} == {"compare-base.json", "compare-production.json"}
    # The split differs with the seed, so nothing of the first run's scores is reused; a third run on the same data reuses the base's.
    third = start(nextflow, base, again.folder, "--max_steps", "12", "--seed", "18", "--learning_rate", "0.004")
    assert third.code == 0, third.output
    assert json.loads((results / "summaries/evaluate-base.json").read_text())["cached"] is True


def test_one_round_when_one_is_allowed(nextflow: Nextflow, base: Path, launch: Path):
    run = start(nextflow, base, launch / "one", "--max_steps", "1", "--max_rounds", "1", "-resume")
    assert run.code == 0, run.output
    story = story_of(run)
    assert (len(story.rounds), story.stopped, story.rounds[0].verdict) == (1, "rounds_used_up", "rejected")
    assert not (run.folder / "results/rounds/2").exists()
    register = read_summary(run.folder / "results/summaries/register.json", RegisterSummary)
    assert register.kind == "experiment" and not register.version
