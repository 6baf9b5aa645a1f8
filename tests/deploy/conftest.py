"""One real n8n with gateway and worker for all tests of a session; see n8n_stack.py."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.deploy.n8n_stack import Stack

REPO = Path(__file__).resolve().parents[2]
EXPERIMENT = "0123456789abcdef"

# `llamaflow keys` needs a key itself: the first one is made beside the server, as `llamaflow serve` does.
MAKE_KEY = """
import sys
from gateway.auth.lifecycle import create_key
from gateway.context import open_gateway
from gateway.settings import Settings
gateway = open_gateway(Settings(_env_file=None))
with gateway.store.write() as session:
    print(create_key(session, name="n8n", scopes=["runs:read", "runs:write", "models:promote"]).text)
gateway.close()
"""


def lay_flows(target: Path, folder: Path) -> None:
    """deploy/n8n's flows with what a user sets in them: stub runs, a drift check of the sample, a watchdog that looks more often."""
    target.mkdir()
    sample = str(folder / "project" / "tests" / "data" / "sample" / "conversations.jsonl")
    settings = {
        "engine_parameters": '={{ { profile: "test", stub: true, compare_production: false } }}',
        "drift_params": "={{ " + json.dumps({"input": sample, "reference": sample, "run_name": "drift"}) + " }}",
        "train_params": "={{ {} }}",
    }
    for path in (REPO / "deploy" / "n8n" / "flows").glob("*.json"):
        flow = json.loads(path.read_text("utf-8"))
        for node in flow["nodes"]:
            if node["name"] == "Settings":
                for row in node["parameters"]["assignments"]["assignments"]:
                    row["value"] = settings.get(row["name"], row["value"])
            if node["name"] == "Every five minutes":
                node["parameters"]["rule"]["interval"] = [{"field": "seconds", "secondsInterval": 7}]
        (target / path.name).write_text(json.dumps(flow), "utf-8")


def lay_registry(registry: Path) -> None:
    """The version that a stub run says it registered, and the adapter that waits for a person."""
    lineage = {"base": "tiny", "base_digest": "b", "data_digest": "d"}
    for place, verdict, digest in (
        ("fine-tuned/v0.0.0", "accepted", "a" * 64),
        (f"experiments/lora-adapters/{EXPERIMENT}", "needs_review", "e" * 64),
    ):
        folder = registry / "models" / place
        folder.mkdir(parents=True)
        metadata = {"verdict": verdict, "version": "v0.0.0", "lineage": lineage | {"adapter_digest": digest}}
        (folder / "metadata.json").write_text(json.dumps(metadata), "utf-8")
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/nowhere"}), "utf-8")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All of it, up. Skips where the host cannot run it."""
    from tests.deploy.n8n_stack import Skipped, Stack, lay_project

    nextflow = subprocess.run([REPO / "tests" / "rigs" / "nextflow" / "up"], capture_output=True, text=True, timeout=600)
    if nextflow.returncode:
        pytest.skip(nextflow.stderr.strip())
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="llamaflow-n8n-"))
    folder.chmod(0o711)  # PostgreSQL's user has to get through
    lay_project(folder / "project", folder / "hold")
    lay_registry(folder / "home" / "registry")
    lay_flows(folder / "flows", folder)
    (folder / "bin").mkdir()
    (folder / "bin" / "llamaflow").symlink_to(REPO / "gateway" / "llamaflow")
    made = Stack(folder, folder / "flows", nextflow.stdout.strip())
    key = subprocess.run(
        [sys.executable, "-c", MAKE_KEY], env=made.gateway_environment(), capture_output=True, text=True, check=True, cwd=folder
    )
    (folder / "key").write_text(key.stdout.strip())
    (folder / "key").chmod(0o600)
    try:
        made.start_gateway()
        made.start_worker()
        made.start_n8n()
        yield made
    except Skipped as why:
        pytest.skip(str(why))
    finally:
        print(made.last_words())
        made.down()
        subprocess.run(["rm", "-rf", str(folder)], check=False)
