"""Public data sets, as users have them, through SmolLM2 to a verdict and a report, each with a few steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamaflow.summaries import EvaluateSummary, GateSummary, PrepareSummary, read_summary

from .conftest import ROOT, Nextflow

pytestmark = pytest.mark.rig
DATA = ROOT.parent / "shared/data/instruct"


@pytest.mark.parametrize(
    ("name", "form", "least"),
    [("alpaca-en-999.json", "alpaca", 950), ("sharegpt-500.json", "sharegpt", 300), ("faquad-train.json", "squad", 700)],
)
def test_public_data_reaches_a_verdict_and_a_report(nextflow: Nextflow, tmp_path: Path, name: str, form: str, least: int):
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not there")
    # The ShareGPT sample is small and answers from a few templates: at the default most of it would leave the training set.
    threshold, share = ("0.85", "0.05") if form == "sharegpt" else ("0.7", "0.02")
    results = tmp_path / "results"
    run = nextflow.run(
        tmp_path, "--input", str(DATA / name), "--outdir", str(results), "--recipe", "demo",
        "--max_steps", "2", "--max_length", "512",
        "--gate", "smoke", "--max_test_examples", "16", "--max_generated", "4", "--max_new_tokens", "24", "--validation_share", share,
        # A record's split follows from its pseudonymized text: without a fixed key it is another one in each run.
        "--split_group_threshold", threshold, "--anonymize_key_file", str(ROOT / "tests/data/demo.key"),
        "--tracking_uri", "none", "--suites", "none", "--leak_test", "false", "--max_rounds", "1",
    )  # fmt: skip
    assert run.code == 0, run.output[-2500:]
    print(run.output[run.output.find("LlamaFlow ·") :])
    summaries = results / "summaries"
    prepare = read_summary(summaries / "prepare.json", PrepareSummary)
    assert prepare.files[0].name == name and prepare.files[0].format.endswith(form) and prepare.files[0].detected and prepare.kept >= least
    gate = read_summary(summaries / "gate.json", GateSummary)
    assert gate.verdict in ("accepted", "rejected")
    scores = read_summary(summaries / "evaluate-candidate.json", EvaluateSummary)
    assert scores.examples == 16 and scores.generated == 4
    assert gate.verdict in (results / "report/report.html").read_text("utf-8").lower()
