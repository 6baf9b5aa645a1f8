"""How Nextflow is started for a run: an argument list, two files and an environment. Never a shell, and no caller's word is an option."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..progress.trace import FIELDS
from ..settings import Settings
from ..store.tables import Run

PROFILES = re.compile(r"[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*")
# What Nextflow, Java, Slurm and Kubernetes need of the worker's environment; all else (database, keys, secrets) stays here.
PASSED = frozenset(
    (
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR",
        "JAVA_HOME", "JAVA_CMD", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "SSL_CERT_FILE", "SSL_CERT_DIR", "CONTAINERS_CONF",
        "SLURM_CONF", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
    )
)  # fmt: skip
PASSED_PREFIXES = ("LC_", "NXF_")


class Unlaunchable(Exception):
    """This run cannot be started as it is; the message is for people."""


def nextflow_command(settings: Settings, run: Run) -> list[str]:
    """The command of launch ``run.launches``: with -resume when Nextflow knows the run's session. Raises Unlaunchable."""
    folder = Path(run.folder).resolve()
    own = folder / "launches" / str(run.launches)
    command = [nextflow_program(settings), "-log", str(own / "nextflow.log")]
    command += ["run", str(settings.project.resolve()), "-ansi-log", "false", "-c", str(own / "run.config")]
    command += ["-params-file", str(folder / "params.json"), "-work-dir", str(folder / "work")]
    if profile := run.engine_parameters.get("profile"):
        if not PROFILES.fullmatch(profile):
            raise Unlaunchable("the profile is no list of names")
        command += ["-profile", profile]
    if run.engine_parameters.get("stub"):
        command.append("-stub")
    if run.session_id and known_session(folder, run.session_id):
        command += ["-resume", run.session_id]
    return command


def nextflow_program(settings: Settings) -> str:
    """A path is made absolute, for the run has a folder of its own; a name is left to PATH. In pods only they know what is there."""
    name = settings.nextflow
    if "/" in name:
        name = str(Path(name).resolve())
    if settings.launcher == "local" and shutil.which(name) is None:
        raise Unlaunchable(f"{settings.nextflow} cannot be run: set LLAMAFLOW_NEXTFLOW to the command that starts Nextflow")
    return name


def known_session(folder: Path, session_id: str) -> bool:
    """Nextflow refuses to resume a session that its history does not have."""
    try:
        return session_id in (folder / ".nextflow" / "history").read_text("utf-8", "replace")
    except OSError:
        return False


def params_text(run: Run) -> str:
    """params.json: what was checked and completed at submission, as it is."""
    return json.dumps(run.workflow_params, ensure_ascii=False, indent=1)


def config_text(run: Run) -> str:
    """run.config: ids for the tasks' environment on every executor, and a trace that programs can read."""
    return f"""env {{
    LLAMAFLOW_RUN_ID = '{_word(run.id)}'
    LLAMAFLOW_REQUEST_ID = '{_word(run.request_id)}'
}}
trace {{
    enabled = true
    overwrite = true
    raw = true
    file = 'launches/{run.launches}/trace.txt'
    fields = '{FIELDS}'
}}
"""


def child_environment(settings: Settings, run: Run, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of Nextflow and with it of local tasks: what is listed above or in the setting, and the ids of run and request."""
    names = PASSED | set(settings.pass_environment)
    kept = {name: value for name, value in environment.items() if name in names or name.startswith(PASSED_PREFIXES)}
    ids = {"LLAMAFLOW_RUN_ID": run.id, "LLAMAFLOW_REQUEST_ID": _word(run.request_id), "LLAMAFLOW_LAUNCH": str(run.launches)}
    return kept | {"NXF_ANSI_LOG": "false"} | ids


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:64]
