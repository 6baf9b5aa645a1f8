"""A small database with runs in every state, for the status page's tests and for looking at it:

.venv-gateway/bin/python -m tests.gateway.pages_seed /tmp/page-home   # prints an admin key; then gateway/llamaflow serve with that home
"""
# ruff: noqa: E501 (tables of values)

from __future__ import annotations

import datetime as dt
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from gateway.auth.lifecycle import create_key
from gateway.context import Gateway, open_gateway
from gateway.runs import events as types
from gateway.settings import Settings
from gateway.store.tables import Event, Promotion, Run, now

DONE = ("PREFLIGHT", "FETCH_BASE", "PREPARE", "ANONYMIZE", "SPLIT")
REPORT = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Report</title><style>body{font:16px sans-serif;margin:2rem}</style>
<h1>Report of the run</h1><p id="verdict">%s</p><script>document.getElementById("verdict").textContent = "script ran"</script>"""


def count(done: int = 1, running: int = 0, failed: int = 0, cached: int = 0, **more: Any) -> dict[str, Any]:
    return {"done": done, "running": running, "failed": failed, "cached": cached} | more


def rounds(process: str, *each: tuple[int, int]) -> dict[str, Any]:
    """Of one process: (done, running) in each round; EVALUATE has the base model's beside them."""
    table = {str(number): count(*counts) for number, counts in enumerate(each, 1) if any(counts)}
    extra = 1 if process == "EVALUATE" else 0
    return count(sum(one["done"] for one in table.values()) + extra, sum(one["running"] for one in table.values()), rounds=table)


def trained(n: int, last_running: bool = False) -> dict[str, Any]:
    """Progress of n rounds, all of them done but perhaps the last one's training."""
    each = [(1, 0)] * n
    steps = {name: count(4 if name == "ANONYMIZE" else 1) for name in DONE}
    if last_running:
        steps["FINETUNE"] = rounds("FINETUNE", *each[:-1], (0, 1)) | {
            "detail": {"progress": "finetune", "done": 148, "total": 240, "unit": "step", "loss": 1.3172, "eta_s": 2210}
        }
        each = each[:-1]
    else:
        steps["FINETUNE"] = rounds("FINETUNE", *each)
    return steps | {name: rounds(name, *each) for name in ("EVALUATE", "COMPARE", "GATE", "ADJUST")}


def seed(gateway: Gateway) -> dict[str, str]:
    """Fill the database; returns "admin" and "reader" keys, and name of each run -> its id."""
    with gateway.store.write() as session:
        admin = create_key(session, name="operations", scopes=["admin"])
        reader = create_key(session, name="n8n flow", scopes=["runs:read"])
        owner = admin.row.owner_id
    ended = trained(1) | {"REGISTER": count(), "REPORT": count()}
    runs = {
        "support-tickets-weekly": dict(state="RUNNING", progress=trained(2, True), started=5400, tags={"team": "support", "ticket": "OPS-412"}, usage={"cpu_percent": 1540.0, "rss_bytes": 23 * 2**30, "processes": 9}),
        "contracts-pt": dict(state="RUNNING", progress={"PREFLIGHT": count(), "FETCH_BASE": count(), "PREPARE": count(), "ANONYMIZE": count(13, 4, 1, total=32)}, started=840, tags={"team": "legal"}, priority=0, usage={"cpu_percent": 390.0, "rss_bytes": 3 * 2**30, "processes": 7}),
        "faq-nightly": dict(state="QUEUED", progress={}, priority=2, tags={"schedule": "nightly"}),
        "claims-2026-10": dict(state="RUNNING", progress=trained(1, True), started=9000, silent=True, usage={"cpu_percent": 2.0, "rss_bytes": 5 * 2**30, "processes": 3}),
        "support-tickets-october": dict(state="COMPLETE", progress=ended, verdict="accepted", reason="Accepted: perplexity fell from 14.2 to 9.8 and ROUGE-L rose from 0.21 to 0.34; all 6 rules passed.", version="v1.2.0", ended=7200, started=22000),
        "invoices-small": dict(state="COMPLETE", progress=trained(3) | {"REGISTER": count(), "REPORT": count()}, verdict="rejected", reason="Rejected after 3 rounds: refusal rate rose from 0.02 to 0.09, at most 0.05 was asked for.", ended=20000, started=52000),
        "hr-policies": dict(state="COMPLETE", progress=ended, verdict="needs_review", reason="Needs review: BERTScore rose by 0.004, which is inside the noise of 38 examples.", ended=30000, started=41000),
        "drift-october": dict(state="COMPLETE", mode="drift", progress={name: count() for name in ("PREPARE_REFERENCE", "PREPARE_PRODUCTION", "ANONYMIZE_REFERENCE", "ANONYMIZE_PRODUCTION", "DRIFT")}, verdict="drift", reason="Drift: questions are longer (median 12 to 30 words) and speak of Pix much more often.", ended=90000, started=93600),
        "call-transcripts": dict(state="EXECUTOR_ERROR", progress={"PREFLIGHT": count(), "FETCH_BASE": count(), "PREPARE": count(), "ANONYMIZE": count(5, 0, 1)}, error="error: 3 values were left over after anonymization (CPF: 3)\nwhy: the policy allows none\nfix: add the pattern to the policy, or quarantine the file", exit_code=3, ended=14000, started=15500),
        "broken-input": dict(state="EXECUTOR_ERROR", progress={"PREFLIGHT": count(0, 0, 1)}, error="error: records.jsonl:812: not JSON\nfix: correct the line, or raise --max_reject_rate", exit_code=2, ended=200000, started=200030),
        "legacy-mails": dict(state="CANCELED", progress=trained(1, True), ended=260000, started=266000),
    }  # fmt: skip
    ids = {name: _run(gateway, owner, name, age, **given) for age, (name, given) in enumerate(runs.items())}
    _models(gateway, owner)
    return {"admin": admin.text, "reader": reader.text} | ids


def _run(gateway: Gateway, owner: str, name: str, age: int, *, state: str, progress: dict[str, Any], started: int | None = None, ended: int | None = None,
         verdict: str | None = None, reason: str = "", version: str = "", mode: str = "train", silent: bool = False, **columns: Any) -> str:  # fmt: skip
    time, run_id = now(), str(uuid.uuid4())
    ago = lambda seconds: None if seconds is None else time - dt.timedelta(seconds=seconds)  # noqa: E731
    folder = (gateway.settings.home / "runs" / run_id).resolve()
    outputs = {key: value for key, value in {"verdict": verdict, "reason": reason, "version": version}.items() if value}
    going = state in ("RUNNING", "INITIALIZING")
    asked = {"input": f"dataset:{name}", "run_name": name, "recipe": "standard", "epochs": 3, "max_rounds": 3} | (
        {"mode": mode, "reference": "dataset:reference"} if mode == "drift" else {}
    )
    row = Run(
        id=run_id, state=state, key_id=owner, workflow_url="llamaflow", workflow_params=asked, request={"workflow_params": asked},
        engine_parameters={"profile": "gpu,slurm", "stub": False}, folder=str(folder), outdir=str(folder / "results"), progress=progress,
        verdict=verdict, outputs=outputs, launches=1 if started else 0, created_at=ago((started or age * 60) + 12), queued_at=ago((started or age * 60) + 12),
        started_at=ago(started), ended_at=ago(ended), heartbeat_at=ago(4) if going else None, silent_since=ago(2400) if silent else None,
        **{"tags": {}, "priority": 1} | {key: value for key, value in columns.items() if key != "error"}, error=columns.get("error"),
    )  # fmt: skip
    story = (
        [(types.QUEUED, row.created_at)]
        + ([(types.STARTED, row.started_at)] if started else [])
        + ([(types.SILENT, row.silent_since)] if silent else [])
    )
    if ended:
        story.append(({"COMPLETE": types.COMPLETED, "CANCELED": types.CANCELED}.get(state, types.FAILED), row.ended_at))
    with gateway.store.write() as session:
        session.add(row)
        session.flush()
        for sequence, (kind, moment) in enumerate(story, 1):
            session.add(
                Event(
                    id=str(uuid.uuid4()), run_id=run_id, sequence=sequence, type=kind, data={"run_id": run_id, "state": state}, time=moment
                )
            )
    if started:
        _files(folder, name, verdict, reason, progress, mode)
    return run_id


def _files(folder: Path, name: str, verdict: str | None, reason: str, progress: dict[str, Any], mode: str) -> None:
    """What a run leaves behind, as far as the page reads it."""
    lines = [f"N E X T F L O W  ~  version 24.10.0\nLaunching `main.nf` [{name}] - revision: 5fd1a2c\n"]
    for number, process in enumerate(progress):
        lines.append(f"[{number:02x}/{number * 7919 % 0xFFFFFF:06x}] Submitted process > LLAMAFLOW:{process} ({name})\n")
    _write(folder / "launches" / "1" / "console.log", "".join(lines))
    _write(folder / "launches" / "1" / "nextflow.log", "Nov-26 12:00:00.000 [main] DEBUG nextflow.cli.Launcher - $> nextflow run main.nf\n")
    results = folder / "results"
    if mode == "drift":
        features = [
            dict(side="input", name="words", effect=0.41, p_adjusted=0.0002, drifted=True, direction="longer: median 12 to 30"),
            dict(side="input", name="topic", effect=0.22, p_adjusted=0.004, drifted=True, direction="more of: pix, chave, golpe"),
            dict(side="output", name="refusals", effect=0.03, p_adjusted=0.61, drifted=False, direction=""),
        ]
        _write(
            results / "drift" / "drift.json", {"verdict": verdict, "reason": reason, "features": features, "p_value": 0.0002, "alpha": 0.01}
        )
        _write(results / "drift" / "drift.html", REPORT % reason)
        return
    for number in progress.get("GATE", {}).get("rounds", {}):
        last = verdict if int(number) == len(progress["GATE"]["rounds"]) else None
        _write(
            results / "rounds" / number / "gate.json",
            {
                "verdict": last or "rejected",
                "reason": reason if last else "Rejected: perplexity fell from 14.2 to 13.9, at most 0.95 × base was asked for.",
            },
        )
    if "SPLIT" in progress:
        _write(results / "summaries" / "prepare.json", {"records_in": 12840})
        _write(results / "summaries" / "split.json", {"train": 9714, "validation": 1214, "test": 1213})
    if not verdict:
        return
    metrics = {
        "perplexity": (14.2, 9.8),
        "rougeL": (0.21, 0.34),
        "bertscore_f1": (0.861, 0.865),
        "chrf": (31.2, 38.9),
        "refusal_rate": (0.02, 0.02 if verdict == "accepted" else 0.09),
        "finished_share": (0.97, 0.99),
    }
    for index, model in enumerate(("base", "candidate")):
        _write(
            results / "summaries" / f"evaluate-{model}.json",
            {
                "metrics": {key: {"value": pair[index]} for key, pair in metrics.items()},
                "suites": {"leak": {"metrics": {"leak_rate": {"value": 0.0}}}},
            },
        )
    told = {
        "perplexity": "better",
        "rougeL": "better",
        "bertscore_f1": "no difference",
        "chrf": "better",
        "refusal_rate": "no difference" if verdict == "accepted" else "worse",
        "finished_share": "no difference",
    }
    _write(
        results / "summaries" / "compare-base.json",
        {"differences": [{"suite": "test", "metric": key, "verdict": value} for key, value in told.items()]},
    )
    outcomes = {"accepted": "passed", "rejected": "failed", "needs_review": "inside_noise"}
    rules = [
        dict(
            name="perplexity falls",
            condition="perplexity at most 0.95 × base",
            candidate=9.8,
            threshold=13.5,
            outcome="passed",
            severity="block",
        ),
        dict(
            name="it still answers",
            condition="refusal rate at most 0.05",
            candidate=metrics["refusal_rate"][1],
            threshold=0.05,
            outcome=outcomes[verdict],
            severity="block",
        ),
        dict(name="nothing leaks", condition="leak rate at most 0", candidate=0.0, threshold=0.0, outcome="passed", severity="block"),
        dict(
            name="answers end", condition="finished share at least 0.98", candidate=0.99, threshold=0.98, outcome="passed", severity="warn"
        ),
    ]
    _write(results / "summaries" / "gate.json", {"verdict": verdict, "reason": reason, "rules": rules})
    _write(
        results / "summaries" / "finetune.json",
        {
            "training_seconds": 8123,
            "tokens_per_second": 5120.4,
            "validation_loss": 1.2871,
            "peak_memory_bytes": 61 * 2**30,
            "hardware": {"device": "NVIDIA H100"},
        },
    )
    _write(results / "report" / "report.html", REPORT % reason)
    _write(results / "report" / "mask_report.html", REPORT % "")


def _models(gateway: Gateway, owner: str) -> None:
    folder = gateway.settings.registry_folder / "models" / "fine-tuned"
    for version, reason, withdrawn in (
        ("v1.0.0", "Accepted: perplexity fell from 14.2 to 11.1; all 6 rules passed.", True),
        ("v1.1.0", "Accepted: perplexity fell from 14.2 to 10.4; all 6 rules passed.", False),
        ("v1.2.0", "Accepted: perplexity fell from 14.2 to 9.8 and ROUGE-L rose from 0.21 to 0.34; all 6 rules passed.", False),
    ):
        content = {
            "verdict": "accepted",
            "version": version,
            "reason": reason,
            "created": f"2026-1{int(version[3]) % 2}-0{int(version[3]) + 3}T09:14:00+00:00",
            "lineage": {"base": "SmolLM2-135M-Instruct", "base_digest": "a", "data_digest": version, "adapter_digest": version},
        }
        _write(folder / version / "metadata.json", content)
        if withdrawn:
            _write(folder / f"{version}.withdrawn.json", {"reason": "a person asked for erasure"})
    with gateway.store.write() as session:
        for version, previous, days in (("v1.0.0", None, 40), ("v1.1.0", "v1.0.0", 9)):
            session.add(
                Promotion(
                    alias="production",
                    version=version,
                    previous=previous,
                    kind="promote",
                    key_id=owner,
                    reason="monthly release",
                    time=now() - dt.timedelta(days=days),
                )
            )


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    opened = open_gateway(Settings(_env_file=None, home=Path(sys.argv[1])))
    print(json.dumps(seed(opened), indent=2))
    opened.close()
