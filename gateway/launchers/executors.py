"""Jobs of a cluster's scheduler that a killed Nextflow left running: nobody else would cancel them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

import structlog

from ..progress.tracker import Tracker
from ..settings import Settings
from ..store.tables import Run
from .base import LauncherError

# As Nextflow names its executors; the command takes any number of job ids.
COMMANDS = {"slurm": "scancel", "sge": "qdel", "pbs": "qdel", "pbspro": "qdel", "lsf": "bkill"}
TIMEOUT_S = 30
log = structlog.get_logger("gateway.launchers")


def cancel_tasks(settings: Settings, run: Run, tracker: Tracker, environment: Mapping[str, str]) -> None:
    """What a killed Nextflow of this run left on clusters. Never raises: the run goes on, and the log says what is left."""
    cancel_jobs(tracker.jobs_left, environment)
    if "k8s" in (run.engine_parameters.get("profile") or "").split(",") and (session := tracker.session_id or run.session_id):
        from .kubernetes import KubernetesLauncher

        try:
            namespace = run.workflow_params.get("k8s_namespace") or settings.kubernetes_namespace
            KubernetesLauncher.of(settings).cancel_tasks(session, namespace)
        except LauncherError as problem:
            log.warning("tasks are left", run_id=run.id, problem=str(problem))


def cancel_jobs(jobs: Mapping[str, list[str]], environment: Mapping[str, str]) -> None:
    """Ask the schedulers to end these jobs, by executor. One that is over already, or a scheduler that is away, is only logged."""
    for executor, ids in jobs.items():
        command = COMMANDS.get(executor)
        if command is None or shutil.which(command, path=environment.get("PATH")) is None:
            log.warning("jobs are left", executor=executor, jobs=len(ids))
            continue
        try:
            done = subprocess.run([command, *ids], env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
            log.info("jobs canceled", executor=executor, jobs=len(ids), exit_code=done.returncode)
        except (OSError, subprocess.TimeoutExpired) as problem:
            log.warning("jobs could not be canceled", executor=executor, jobs=len(ids), problem=type(problem).__name__)
