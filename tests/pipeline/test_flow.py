"""The whole flow for real on a tiny model: killed, resumed, edited; what comes out and what must not."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from llamaflow.records import read_records
from llamaflow.summaries import EvaluateSummary, FinetuneSummary, GateSummary, PrepareSummary, RegisterSummary, SplitSummary, read_summary

from .conftest import ROOT, SAMPLE, Nextflow, Run

STEPS = {
    *("PREFLIGHT", "FETCH_BASE", "PREPARE", "ANONYMIZE", "SPLIT"),
    *("FINETUNE", "EVALUATE", "COMPARE", "GATE", "ADJUST", "REGISTER", "REPORT"),
}


def test_stub_run_reaches_a_verdict(nextflow: Nextflow, tmp_path):
    run = nextflow.run(tmp_path, "-profile", "test", "-stub")
    assert run.code == 0, run.output
    assert run.submitted == STEPS
    assert "verdict  accepted" in run.output
    assert json.loads((tmp_path / "results/summaries/gate.json").read_text())["verdict"] == "accepted"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project that may be edited."""
    copy = tmp_path_factory.mktemp("project") / "llamaflow"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", ".tools", "work", "results", ".nextflow*", "__pycache__"))
    (copy / ".venv").symlink_to(ROOT / ".venv")
    return copy


@pytest.fixture(scope="module")
def resumed(nextflow: Nextflow, project: Path, tmp_path_factory) -> Run:
    """A real run whose launcher is killed while it trains, and which -resume brings to its end."""
    folder = tmp_path_factory.mktemp("run")
    first = nextflow.start(folder, "-profile", "test", project=project)
    lines = []
    for line in first.stdout:
        lines.append(line)
        if "FINETUNE" in line:
            time.sleep(3)
            first.kill()
    assert first.wait() != 0 and any("FINETUNE" in line for line in lines), "".join(lines)
    run = nextflow.run(folder, "-profile", "test", "-resume", project=project)
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="module")
def results(resumed: Run) -> Path:
    return resumed.folder / "results"


def test_resume_after_a_kill_runs_only_what_was_lost(resumed: Run):
    done = {"PREFLIGHT", "FETCH_BASE", "PREPARE", "ANONYMIZE", "SPLIT"}
    assert done <= resumed.cached
    assert not done & resumed.submitted
    assert "FINETUNE" in resumed.submitted


def test_funnel_adds_up(results: Path):
    prepare = read_summary(results / "summaries/prepare.json", PrepareSummary)
    split = read_summary(results / "summaries/split.json", SplitSummary)
    shards = [json.loads(path.read_text()) for path in results.glob("summaries/anonymize-*.json")]
    assert prepare.records_in == prepare.kept + prepare.rejected + prepare.exact_duplicates + prepare.near_duplicates
    assert prepare.exact_duplicates >= 12 and prepare.near_duplicates >= 10 and prepare.rejected >= 5
    assert len(shards) == prepare.shards == 2
    assert sum(shard["records"] + shard["quarantined"] for shard in shards) == prepare.kept
    assert split.train + split.validation + split.test + split.removed == sum(shard["records"] for shard in shards)


def test_no_personal_text_leaves_the_anonymize_boundary(resumed: Run, results: Path):
    """Every planted identifier, searched in all that was published and in every work folder behind ANONYMIZE.

    Names and IPv4 are left to the tests of single records: one person's surrogate may be another's original there.
    """
    planted = {
        span["text"] for line in (SAMPLE / "truth.jsonl").read_text("utf-8").splitlines() for span in json.loads(line).get("spans", [])
        if span["type"] not in ("PERSON", "IP_ADDRESS") and len(span["text"]) >= 7
    }  # fmt: skip
    assert len(planted) > 300
    private = {
        path.parent
        for path in (resumed.folder / "work").rglob(".command.sh")
        if path.read_text().splitlines()[1].startswith(("prepare.py", "mkdir pseudonymized", "preflight.py"))
    }
    files = [
        path for path in (resumed.folder / "work").rglob("*") if path.is_file() and not any(folder in path.parents for folder in private)
    ]
    files += [path for path in results.rglob("*") if path.is_file()] + list(resumed.folder.glob(".nextflow.log*"))
    texts = {path: path.read_bytes() for path in files if path.suffix != ".safetensors"}
    assert any(path.name == "train.jsonl" for path in texts)
    found = {(path.name, len(text)) for path, content in texts.items() for text in planted if text.encode() in content}
    assert not found


def test_adapter_loads_with_peft_and_beats_the_base(results: Path):
    from peft import AutoPeftModelForCausalLM

    register = read_summary(results / "summaries/register.json", RegisterSummary)
    base, candidate = (read_summary(results / f"summaries/evaluate-{name}.json", EvaluateSummary) for name in ("base", "candidate"))
    assert candidate.metrics["perplexity"].value < base.metrics["perplexity"].value
    assert candidate.data_digest == base.data_digest
    assert register.version == "v1.0.0" and register.kind == "fine-tuned"
    model = AutoPeftModelForCausalLM.from_pretrained(register.path)
    finetune = read_summary(results / "summaries/finetune.json", FinetuneSummary)
    assert sum(p.numel() for name, p in model.named_parameters() if "lora_" in name) == finetune.trainable_parameters
    assert finetune.validation_loss < finetune.validation_loss_start


def test_what_a_user_looks_at_is_there(resumed: Run, results: Path):
    gate = read_summary(results / "summaries/gate.json", GateSummary)
    assert gate.verdict == "accepted" and gate.reason in resumed.output.replace("\n", " ") or gate.rules
    html = (results / "report/report.html").read_text("utf-8")
    assert gate.verdict.upper() in html.upper() and "<svg" in html
    assert (results / "report/summary.txt").read_text("utf-8").splitlines()[0] in resumed.output
    assert str(results / "report/report.html") in resumed.output
    assert list((results / "mlruns").rglob("metrics/validation_loss"))
    assert sum(1 for _ in read_records(results / "data/train.jsonl")) > 300


@pytest.mark.parametrize(
    ("edited", "rerun"),
    [
        ("docs/usage.md", set()),
        ("README.md", set()),
        ("bin/llamaflow/reporting/style.css", {"REPORT"}),
        ("bin/report.py", {"REPORT"}),
        ("bin/llamaflow/registry.py", {"COMPARE", "GATE", "ADJUST", "REGISTER", "REPORT"}),
        ("bin/llamaflow/gate_rules.py", {"PREFLIGHT", "GATE", "ADJUST", "REGISTER", "REPORT"}),
    ],
)
def test_resume_after_an_edit_reruns_exactly_what_depends_on_it(
    nextflow: Nextflow, project: Path, resumed: Run, edited: str, rerun: set[str]
):
    path = project / edited
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as stream:
        stream.write("\n/* edited */\n" if path.suffix == ".css" else "\n# edited\n")
    again = nextflow.run(resumed.folder, "-profile", "test", "-resume", project=project)
    assert again.code == 0, again.output
    assert again.submitted == rerun
    assert again.cached | again.submitted == STEPS
