"""A search in the flow: trials share one preparation, go on from their states, and the winner equals a training never stopped."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from llamaflow.recipe import load_recipe
from llamaflow.summaries import FinetuneSummary, SearchSummary, read_summary

from .conftest import ROOT, Nextflow, Run

DATA = {"PREFLIGHT", "FETCH_BASE", "PREPARE", "ANONYMIZE", "SPLIT"}
SEARCH = {"PLAN_SEARCH", "TRIAL", "SELECT_TRIALS"}
TRAINED = {"FINETUNE", "EVALUATE", "COMPARE", "GATE", "ADJUST", "REGISTER", "REPORT"}


def test_a_search_can_be_added_to_a_finished_run_and_taken_away(nextflow: Nextflow, tmp_path):
    plain = nextflow.run(tmp_path, "-profile", "test", "-stub")
    assert plain.code == 0 and not plain.submitted & SEARCH, plain.output
    added = nextflow.run(tmp_path, "-profile", "test", "-stub", "-resume", "--search", "smoke")
    assert added.code == 0 and added.cached >= DATA and added.submitted == SEARCH | TRAINED, added.output
    again = nextflow.run(tmp_path, "-profile", "test", "-stub", "-resume", "--search", "smoke")
    assert again.code == 0 and not again.submitted, again.output
    other = tmp_path / "other.yaml"
    other.write_text((ROOT / "conf/search/smoke.yaml").read_text() + "# edited\n")
    edited = nextflow.run(tmp_path, "-profile", "test", "-stub", "-resume", "--search", str(other))
    assert edited.code == 0 and not edited.submitted & DATA and edited.submitted >= SEARCH, edited.output


@pytest.mark.parametrize(("status", "attempts"), [(1, 1), (137, 4)])
def test_a_trial_that_fails_is_out_and_the_search_goes_on(nextflow: Nextflow, tmp_path, status, attempts):
    config = tmp_path / "failing.config"
    config.write_text(f"process {{ withName: 'TRIAL' {{ beforeScript = {{ meta.trial == 'trial-01' ? 'exit {status}' : '' }} }} }}\n")
    run = nextflow.run(tmp_path, "-profile", "test", "-stub", "-c", str(config), "--search", "smoke")
    assert run.code == 0 and "verdict  accepted" in run.output, run.output
    assert len(re.findall(r"ubmitted process > .*TRIAL \(test-trial-01\)", run.output)) == attempts
    assert json.loads((tmp_path / "results/summaries/search.json").read_text())["winner"] == "trial-00"
    assert not (tmp_path / "results/search/rung-2.json").exists()  # of three one failed, one was left behind: no second rung


def test_a_search_is_checked_before_anything_long(nextflow: Nextflow, tmp_path):
    (tmp_path / "my search.yaml").write_text("recipes: [default, mine.yaml]\n")
    missing = nextflow.run(tmp_path, "-profile", "test", "--search", str(tmp_path / "my search.yaml"))
    assert missing.code == 2 and "mine.yaml, which is neither in conf/recipes nor a file" in missing.output and not missing.submitted
    unknown = nextflow.run(tmp_path, "-profile", "test", "--search", "smal")
    assert unknown.code == 2 and "--search smal is neither in conf/search nor a file" in unknown.output and not unknown.submitted
    (tmp_path / "my search.yaml").write_text("recipes: [default, smoke]\ngrid:\n  lora_rnk: [1, 2]\n")
    wrong = nextflow.run(tmp_path, "-profile", "test", "--max_length", "512", "--search", str(tmp_path / "my search.yaml"))
    assert wrong.code == 2, wrong.output
    assert "my search.yaml:3" in wrong.output and "did you mean lora_rank?" in wrong.output
    assert "TRIAL" not in wrong.submitted


@pytest.fixture(scope="module")
def searched(nextflow: Nextflow, tmp_path_factory) -> Run:
    """Four trials, two rungs, for real."""
    run = nextflow.run(tmp_path_factory.mktemp("search"), "-profile", "test", "--search", "smoke")
    assert run.code == 0, run.output
    return run


@pytest.fixture(scope="module")
def search(searched: Run) -> SearchSummary:
    return read_summary(searched.folder / "results/summaries/search.json", SearchSummary)


def rung(run: Run, trial: str, number: int) -> FinetuneSummary:
    return read_summary(run.folder / f"results/search/{trial}/rung-{number}/finetune.json", FinetuneSummary)


def tasks(run: Run, process: str) -> int:
    return sum(f"{process} (" in line for line in run.output.splitlines() if "Submitted process" in line)


def test_the_better_half_goes_on_from_its_state(searched: Run, search: SearchSummary):
    assert [tasks(searched, name) for name in ("PREPARE", "SPLIT", "RUNG_1:TRIAL", "RUNG_2:TRIAL", "ROUND_1:FINETUNE")] == [1, 1, 4, 2, 1]
    assert [len(trial.losses) for trial in search.trials].count(2) == 2 and search.compared == 2
    first = {trial.id: trial.losses[0] for trial in search.trials}
    assert len(set(first.values())) == 4, "equal losses: nothing was measured at the rung"
    went_on = {trial.id for trial in search.trials if len(trial.losses) == 2}
    assert went_on == set(sorted(first, key=first.get)[:2])
    assert search.winner == min(went_on, key=lambda trial: next(t.losses[1] for t in search.trials if t.id == trial))
    for trial in went_on:
        earlier, later = rung(searched, trial, 1), rung(searched, trial, 2)
        assert (earlier.steps, later.steps, earlier.stopped, later.stopped) == (2, 4, "rung", "rung")
        assert later.tokens_seen > earlier.tokens_seen and later.train_loss != earlier.train_loss


def test_the_winner_equals_a_training_that_was_never_stopped(searched: Run, search: SearchSummary, tmp_path):
    won = read_summary(searched.folder / "results/summaries/finetune.json", FinetuneSummary)
    trial = next(trial for trial in search.trials if trial.id == search.winner)
    assert won.curve[0].validation_loss == rung(searched, trial.id, 1).curve[0].validation_loss
    assert won.recipe == load_recipe(searched.folder / f"results/search/trials/{trial.id}.yaml").model_dump()
    assert (won.seed, won.steps, won.stopped) == (trial.seed, 8, "max_steps")
    # The task of FINETUNE once more, in its own folder, less the state that it went on from.
    scripts = [path for path in (searched.folder / "work").glob("*/*/.command.sh") if "finetune.py" in path.read_text()]
    (task,) = [path.parent for path in scripts if "--stop-at" not in path.read_text()]
    for path in task.iterdir():
        if path.is_symlink() and path.name != "earlier":
            (tmp_path / path.name).symlink_to(path.resolve())
    command = re.sub(r"--(tracking-uri|checkpoints|state-in) '[^']*'", "", (task / ".command.sh").read_text())
    environment = os.environ | {"PATH": f"{ROOT}/bin:{ROOT}/.venv/bin:{os.environ['PATH']}"}
    run = subprocess.run(["bash", "-euc", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    whole = read_summary(tmp_path / "finetune.json", FinetuneSummary)
    assert whole.adapter_digest == won.adapter_digest
    for field in ("steps", "best_step", "tokens_seen", "supervised_tokens", "validation_loss", "train_loss", "validation_loss_start"):
        assert getattr(whole, field) == getattr(won, field), field


def test_trials_lie_side_by_side_in_mlflow(searched: Run, search: SearchSummary):
    runs = [path.parent for path in (searched.folder / "results/mlruns").rglob("tags") if (path / "trial").exists()]
    assert len(runs) == 4
    said = {(folder / "tags/trial").read_text(): folder for folder in runs}
    assert set(said) == {trial.id for trial in search.trials}
    for trial in search.trials:
        folder = said[trial.id]
        assert (folder / "tags/search").read_text() == "smoke"
        assert (folder / "params/lora_rank").read_text() == str(trial.values["lora_rank"])
        assert (folder / "params/seed").read_text() == str(trial.seed)
        reached = "final" if trial.id == search.winner else str(len(trial.losses))
        assert (folder / "tags/rung").read_text() == reached
    won = read_summary(searched.folder / "results/summaries/finetune.json", FinetuneSummary)
    assert won.tracking_run_id == said[search.winner].name


def test_report_and_resume(nextflow: Nextflow, searched: Run, search: SearchSummary):
    html = (searched.folder / "results/report/report.html").read_text("utf-8")
    assert all(trial.id in html for trial in search.trials) and 'id="search"' in html
    again = nextflow.run(searched.folder, "-profile", "test", "-resume", "--search", "smoke")
    assert again.code == 0 and not again.submitted, again.output


def test_published_trials_are_recipes_that_a_user_can_run(searched: Run):
    files = sorted(Path(searched.folder / "results/search/trials").iterdir())
    assert [load_recipe(file).lora_rank for file in files] == [2, 2, 4, 4]
