"""Lives of runs without a worker: the same transitions that a worker makes, and the files that Nextflow and the pipeline leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.context import Gateway
from gateway.progress.trace import FIELDS
from gateway.runs.states import Trigger
from gateway.runs.transitions import lock, move
from gateway.store.tables import Run

STUB = {"engine_parameters": {"profile": "test", "stub": True}}


def lead(gateway: Gateway, run_id: str, *triggers: Trigger, **columns: Any) -> None:
    """Move a run along; columns go with the last step."""
    with gateway.store.write() as session:
        for number, trigger in enumerate(triggers, 1):
            move(session, lock(session, run_id), trigger, None, **(columns if number == len(triggers) else {}))


def folder_of(gateway: Gateway, run_id: str) -> Path:
    with gateway.store.read() as session:
        return Path(session.get(Run, run_id).folder)


def launch(gateway: Gateway, run_id: str, number: int = 1, console: str = "", tasks: list[dict[str, Any]] | None = None) -> Path:
    """Files of a launch; tasks: columns of the trace that differ from a good task's."""
    folder = folder_of(gateway, run_id) / "launches" / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "console.log").write_text(console)
    (folder / "nextflow.log").write_text("Nov-26 15:00:00.000 [main] DEBUG nextflow.cli.Launcher - started\n")
    rows = [FIELDS.replace(",", "\t")]
    for index, given in enumerate(tasks or [], 1):
        row = {
            "task_id": index, "hash": f"ab/{index:06}", "native_id": index, "process": "LLAMAFLOW:PREPARE", "status": "COMPLETED",
            "exit": 0, "name": "LLAMAFLOW:PREPARE (test)", "attempt": 1, "submit": 1790000000000, "start": 1790000001000,
            "complete": 1790000005000, "duration": 5000, "realtime": 4000, "%cpu": "99.0", "peak_rss": 1048576, "workdir": "/w/ab/000001",
        } | given  # fmt: skip
        rows.append("\t".join(str(row[name]) for name in FIELDS.split(",")))
    (folder / "trace.txt").write_text("\n".join(rows) + "\n")
    return folder


def publish(gateway: Gateway, run_id: str, **summaries: dict[str, Any]) -> Path:
    """Summaries of steps, by name (evaluate_candidate for evaluate-candidate)."""
    outdir = folder_of(gateway, run_id) / "results"
    (outdir / "summaries").mkdir(parents=True, exist_ok=True)
    for step, content in summaries.items():
        (outdir / "summaries" / f"{step.replace('_', '-') if step.startswith(('evaluate', 'compare')) else step}.json").write_text(
            json.dumps(content)
        )
    return outdir
