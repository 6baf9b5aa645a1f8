"""--mode drift for real: verdict, exit code, what is cached, and that nothing raw reaches the comparison."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from llamaflow.files import open_stream
from llamaflow.summaries import DriftSummary, read_summary

from .conftest import SAMPLE, Nextflow, Run

SIDES = {"PREPARE_REFERENCE", "PREPARE_PRODUCTION", "ANONYMIZE_REFERENCE", "ANONYMIZE_PRODUCTION", "DRIFT"}
QUICK = ("-profile", "test", "--drift_permutations", "199", "--drift_embedded", "50")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Raw conversations of the sample: two halves of the Portuguese ones, and the English ones."""
    folder = tmp_path_factory.mktemp("windows")
    lines = (SAMPLE / "conversations.jsonl").read_text("utf-8").splitlines(keepends=True)
    truth = [json.loads(line) for line in (SAMPLE / "truth.jsonl").read_text("utf-8").splitlines()]
    good = [one for one in truth if one["file"] == "conversations.jsonl" and not one.get("planted")]
    portuguese = [lines[one["line"] - 1] for one in good if one["lang"] == "pt"]
    random.Random(1).shuffle(portuguese)
    english = [lines[one["line"] - 1] for one in good if one["lang"] == "en"]
    texts = {"half": portuguese[::2], "other_half": portuguese[1::2], "english": english, "few": portuguese[:20]}
    for name, text in texts.items():
        (folder / f"{name}.jsonl").write_text("".join(text), "utf-8")
    return {name: folder / f"{name}.jsonl" for name in texts}


def drift(nextflow: Nextflow, folder: Path, production: Path, reference: Path | None, *options: str) -> Run:
    against = ("--reference", str(reference)) if reference else ()
    return nextflow.run(folder, "--mode", "drift", "--input", str(production), *against, *QUICK, *options)


@pytest.fixture(scope="module")
def switched(nextflow: Nextflow, files: dict[str, Path], tmp_path_factory) -> Run:
    """Portuguese reference, English production, with an exit code asked for."""
    return drift(nextflow, tmp_path_factory.mktemp("run"), files["english"], files["half"], "--drift_exit_code", "10")


def test_stub_run_writes_a_verdict(nextflow: Nextflow, files: dict[str, Path], tmp_path: Path):
    run = drift(nextflow, tmp_path, files["half"], files["other_half"], "-stub", "--drift_exit_code", "10")
    assert run.code == 0, run.output
    assert run.submitted == SIDES
    assert json.loads((tmp_path / "results/drift/drift.json").read_text())["verdict"] == "no_drift"


def test_a_language_switch_ends_with_the_code_that_was_asked_for_and_a_sentence(switched: Run):
    assert switched.code == 10, switched.output
    assert switched.submitted == SIDES
    found = read_summary(switched.folder / "results/drift/drift.json", DriftSummary)
    assert found.verdict == found.input == found.output == "drift"
    assert {one.name for one in found.features if one.drifted} >= {"language", "wording", "meaning"}
    closing = (switched.folder / "results/drift/summary.txt").read_text("utf-8")
    assert closing in switched.output and "Production has moved away" in closing
    assert "drift.html" in closing
    assert not (switched.folder / "results/summaries").exists()  # a training's results in the same folder stay as they are


def test_halves_of_one_language_are_no_drift_and_the_reference_comes_from_the_cache(nextflow: Nextflow, files, switched: Run):
    run = drift(nextflow, switched.folder, files["other_half"], files["half"], "-resume", "--drift_exit_code", "10")
    assert run.code == 0, run.output
    assert run.cached == {"PREPARE_REFERENCE", "ANONYMIZE_REFERENCE"}
    found = read_summary(switched.folder / "results/drift/drift.json", DriftSummary)
    assert found.verdict == "no_drift" and found.p_value > 0.01
    assert found.production.compared == found.production.read - found.production.duplicates - found.production.held_back > 90


def test_a_pseudonymized_reference_is_as_good_as_a_raw_one(nextflow: Nextflow, files: dict[str, Path], switched: Run, tmp_path: Path):
    """As data/train.jsonl of a training: other names stand in it than in the window, and that is no drift."""
    shard = next(path for path in (switched.folder / "work").rglob("pseudonymized/*.zst") if "REFERENCE" in task_of(path.parents[1]))
    run = drift(nextflow, tmp_path, files["other_half"], shard)
    assert run.code == 0, run.output
    found = read_summary(tmp_path / "results/drift/drift.json", DriftSummary)
    assert found.verdict == "no_drift" and found.reference.compared > 90


def task_of(folder: Path) -> str:
    """The line of a work folder that names its task."""
    return (folder / ".command.run").read_text("utf-8").split("\n", 3)[2]


def content_of(path: Path) -> bytes:
    with open_stream(path, "rb") as stream:
        return stream.read()


def test_nothing_raw_is_seen_by_the_comparison_or_published(switched: Run):
    planted = {
        span["text"] for line in (SAMPLE / "truth.jsonl").read_text("utf-8").splitlines() for span in json.loads(line).get("spans", [])
        if span["type"] not in ("PERSON", "IP_ADDRESS") and len(span["text"]) >= 7
    }  # fmt: skip
    folders = [path.parent for path in (switched.folder / "work").rglob(".command.run")]
    compared = [folder for folder in folders if "DRIFT:DRIFT" in task_of(folder)]
    work = [path for folder in compared for path in folder.rglob("*") if path.is_file()]
    published = [path for path in (switched.folder / "results").rglob("*") if path.is_file()]
    assert sum(path.suffix == ".zst" for path in work) >= 2 and len(published) > 8
    for path in [*work, *published, *switched.folder.glob(".nextflow.log*")]:
        content = content_of(path)
        assert not [len(text) for text in planted if text.encode() in content], path
    texts = [content_of(path).decode() for path in work if path.suffix == ".zst"]
    assert all('"role":"assistant"' in text for text in texts)


def test_without_a_reference_nothing_begins(nextflow: Nextflow, files: dict[str, Path], tmp_path: Path):
    run = drift(nextflow, tmp_path, files["half"], None)
    assert run.code == 2 and not run.submitted
    assert "--mode drift needs --reference" in run.output


def test_too_few_records_are_told_with_the_way_out(nextflow: Nextflow, files: dict[str, Path], tmp_path: Path):
    run = drift(nextflow, tmp_path, files["few"], files["half"])
    assert run.code == 2, run.output
    assert "too few records for a comparison: 20 distinct records" in run.output and "--drift_min_records" in run.output
    assert not (tmp_path / "results/drift/drift.json").exists()
