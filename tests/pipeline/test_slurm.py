"""A real one-node Slurm: the flow to its verdict, the GPU really requested from the scheduler."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import ROOT, Nextflow

pytestmark = pytest.mark.rig


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """Environment of a running rig; skipped with the rig's own line where the host cannot run it."""
    folder = tempfile.mkdtemp(prefix="lf-slurm-", dir="/tmp")  # a short path: it holds Unix sockets
    up = subprocess.run([ROOT / "tests/rigs/slurm/up", folder], capture_output=True, text=True)
    if up.returncode == 77:
        pytest.skip(up.stderr.strip())
    assert up.returncode == 0, up.stderr
    yield os.environ | dict(re.findall(r"export (\w+)='?([^'\n]+)'?", up.stdout))
    subprocess.run([ROOT / "tests/rigs/slurm/down", folder], check=True)
    shutil.rmtree(folder, ignore_errors=True)


def test_slurm_gpu_run_reaches_a_verdict(nextflow: Nextflow, slurm: dict[str, str], tmp_path: Path):
    (tmp_path / "rig.config").write_text(
        # A scheduler on this host answers at once; the profile's waits are for real clusters.
        "executor { pollInterval = '1 sec'; queueStatInterval = '2 sec'; exitReadTimeout = '20 sec'; submitRateLimit = '20/1sec' }\n"
    )
    run = Nextflow(nextflow.launcher, slurm).run(
        tmp_path, "-profile", "slurm,gpu,test", "-c", "rig.config", "--slurm_queue", "cpu", "--slurm_gpu_queue", "gpu"
    )
    assert run.code == 0, run.output
    assert "ACCEPTED" in run.output

    # What the scheduler itself says of the jobs that ran a model, and of the others.
    jobs = subprocess.run(["scontrol", "show", "job", "-o"], env=slurm, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {"PREFLIGHT", "FINETUNE", "EVALUATE_(base)", "EVALUATE_(candidate_1)", "REPORT"} <= {
        re.sub(r"_\((?!base|candidate).*", "", name) for name in names(jobs)
    }, names(jobs)
    for job in jobs:
        name = re.search(r"JobName=nf-LLAMAFLOW_(?:ROUNDS_ROUND_\d_)?(\S+)", job)[1]
        model = name.startswith(("FINETUNE", "EVALUATE"))
        assert ("Partition=gpu" in job) == model, job
        assert ("gres/gpu" in job or "gres:gpu:1" in job) == model, job

    # And what the task saw: Slurm hands out the device by this variable.
    script = next(
        path for path in (tmp_path / "work").rglob(".command.run") if "--gres=gpu:1" in path.read_text() and "FINETUNE" in path.read_text()
    )
    assert "#SBATCH -p gpu" in script.read_text()


def names(jobs: list[str]) -> set[str]:
    """Job names without Nextflow's prefix."""
    return {re.search(r"JobName=nf-LLAMAFLOW_(?:ROUNDS_ROUND_\d_)?(\S+)", job)[1] for job in jobs}
