"""Independent WES clients against a real gateway that runs the real pipeline by real Nextflow (-stub-run).

Two from PyPI, each in a virtual environment of its own: a client that openapi-python-client generates from the specification, and
wes-client of wes-service, the reference implementation. wes-client 5.0 sends no credentials when it submits, and submits nothing but
CWL, WDL and Python: everything but submitting is done by it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import ROOT, Served, eventually, served
from wes_spec import specification

RIGS = Path(__file__).parents[1] / "rigs"
pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]


def installed(folder: Path, *packages: str) -> Path:
    """bin of a new virtual environment with these packages; skips where they cannot be had."""
    uv = shutil.which("uv") or ROOT / ".tools/uv/bin/uv"  # as `make setup` finds it
    try:
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True, timeout=120)
        done = subprocess.run(
            [uv, "pip", "install", "-q", *packages],
            env=os.environ | {"VIRTUAL_ENV": str(folder)},
            capture_output=True,
            text=True,
            timeout=300,
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no virtual environment: {type(error).__name__}")
    if done.returncode:
        pytest.skip(f"{packages} cannot be installed: {done.stderr[-200:]}")
    return folder / "bin"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    nextflow = subprocess.run([RIGS / "nextflow" / "up"], capture_output=True, text=True, timeout=600)
    if nextflow.returncode:
        pytest.skip(nextflow.stderr.strip())
    home = tmp_path_factory.mktemp("clients") / "home"
    with served(home, embedded_worker=True, poll_s=0.2, nextflow=nextflow.stdout.strip()) as one:
        yield one


GENERATED = """
import json, sys, time
from wes.client import AuthenticatedClient
from wes.api.service_info import get_service_info
from wes.api.workflow_runs import cancel_run, get_run_log, get_run_status, get_task, list_runs, list_tasks, run_workflow
from wes.models.run_workflow_body import RunWorkflowBody
from wes.types import File
import io

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url + "/ga4gh/wes/v1", token=key, raise_on_unexpected_status=True, httpx_args={"trust_env": False})
info = get_service_info.sync(client=client)
told = {"wes": info.supported_wes_versions}

def submit(engine):
    body = RunWorkflowBody(
        workflow_url="llamaflow", workflow_type="NFL", workflow_type_version="DSL2", workflow_params='{"public_values": "values.txt"}',
        workflow_engine_parameters=json.dumps(engine), tags='{"client": "generated"}',
        workflow_attachment=[File(payload=io.BytesIO(b"555-0100"), file_name="values.txt", mime_type="text/plain")],
    )
    return run_workflow.sync(client=client, body=body).run_id

def follow(run_id, states):
    seen = []
    while not seen or seen[-1] not in states:
        state = get_run_status.sync(run_id, client=client).state.value
        if not seen or seen[-1] != state:
            seen.append(state)
        time.sleep(0.1)
    return seen

ends = ("COMPLETE", "EXECUTOR_ERROR", "SYSTEM_ERROR", "CANCELED")
first = submit({"profile": "test", "stub": "true"})
told["first"] = follow(first, ends)
log = get_run_log.sync(first, client=client)
told["outputs"] = log.outputs.to_dict()
told["exit_code"] = log.run_log.exit_code
tasks, token = [], ""
while True:
    page = list_tasks.sync(first, client=client, page_size=3, page_token=token)
    tasks += page.task_logs
    token = page.next_page_token
    if not token:
        break
told["tasks"] = [task.name for task in tasks]
told["same"] = get_task.sync(first, tasks[0].id, client=client).to_dict() == tasks[0].to_dict()
second = submit({"profile": "test", "stub": "true"})
begun = follow(second, ("RUNNING", *ends))
cancel_run.sync(second, client=client)
told["second"] = begun + follow(second, ends)
told["listed"] = [run.run_id for run in list_runs.sync(client=client, page_size=2).runs] == [second, first]
print(json.dumps(told))
"""


def test_a_client_generated_from_the_specification(server, tmp_path):
    bin = installed(tmp_path / "v", "openapi-python-client>=0.26")
    (tmp_path / "spec.json").write_text(json.dumps(specification(server.url)))
    generate = [bin / "openapi-python-client", "generate", "--path", "spec.json", "--meta", "none", "--output-path", "wes"]
    subprocess.run(generate, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    script = tmp_path / "drive.py"
    script.write_text(GENERATED)
    done = subprocess.run([bin / "python", script, server.url, server.key], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:] + server.log.read_text()[-2000:]
    told = json.loads(done.stdout)
    assert told["wes"] == ["1.1.0"]
    assert told["first"][-1] == "COMPLETE"
    assert (told["outputs"]["verdict"], told["exit_code"]) == ("accepted", 0)
    assert {name.split()[0].rpartition(":")[2] for name in told["tasks"]} >= {
        "PREFLIGHT",
        "PREPARE",
        "FINETUNE",
        "GATE",
        "REGISTER",
        "REPORT",
    }
    assert told["same"]
    assert told["second"][-1] == "CANCELED"
    assert told["listed"]


def test_the_reference_implementations_client(server, tmp_path):
    bin = installed(tmp_path / "v", "wes-service==5.0")

    def client(*arguments: str) -> str:
        host = server.url.removeprefix("http://")
        options = ["--host", host, "--proto", "http", "--auth", f"Bearer {server.key}"]
        done = subprocess.run([bin / "wes-client", *options, *arguments], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    assert json.loads(client("--info"))["supported_wes_versions"] == ["1.1.0"]
    with server.client() as api:
        body = {"engine_parameters": {"profile": "test", "stub": True}, "tags": {"client": "wes-service"}}
        run = api.post("/api/v1/runs", json=body).json()["run_id"]
        assert run in {one["run_id"] for one in json.loads(client("--list"))["runs"]}
        eventually(lambda: json.loads(client("--get", run))["state"] == "RUNNING", 120, 0.2)
        # Canceled before Nextflow has said a word, a run has an empty log.
        log = f"/api/v1/runs/{run}/log/nextflow"
        eventually(lambda: (got := api.get(log)).status_code == 200 and "nextflow" in got.text.lower(), 120, 0.1)
        script = (
            "import json, sys; from wes_client.util import WESClient\n"
            "client = WESClient({'auth': {'Authorization': 'Bearer ' + sys.argv[2]}, 'proto': 'http', 'host': sys.argv[1]})\n"
            "print(json.dumps([client.cancel(sys.argv[3]), client.get_run_status(sys.argv[3])]))"
        )
        arguments = [bin / "python", "-c", script, server.url.removeprefix("http://"), server.key, run]
        canceled, status = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=60).stdout)
        assert canceled == {"run_id": run}
        assert status["state"] in ("CANCELING", "CANCELED")
        eventually(lambda: json.loads(client("--get", run))["state"] == "CANCELED", 120, 0.2)
        assert "nextflow" in client("--log", run).lower()
