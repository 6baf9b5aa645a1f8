"""A real n8n drives a real (stub-sized) run to its verdict, whoever is killed in the middle; the flow gets the result exactly once."""

from __future__ import annotations

import sqlite3

import pytest

pytest.importorskip("psycopg", reason="needs the gateway's environment")
from tests.deploy.n8n_stack import until  # noqa: E402

pytestmark = [pytest.mark.rig, pytest.mark.timeout(600)]
PATIENCE_S = 240  # on a busy machine; some 15 s on an idle one
VICTIMS = {
    "nobody": (),
    "gateway": ("gateway",),
    "worker": ("worker",),
    "launcher": ("nextflow",),
    "n8n": ("n8n",),
    "all-at-once": ("n8n", "gateway", "worker", "nextflow"),
}
ONCE = ["Training asked for", "Settings", "Request", "Submit", "By webhook?", "Answer", "Accepted?", "Wait for the result", "Read the run",
        "Ended?", "Verdict", "Promote", "Tell: promoted"]  # fmt: skip


def in_the_middle(stack, run_id):
    run = stack.api(f"/runs/{run_id}")
    return run["state"] == "RUNNING" and run["progress"].get("FINETUNE", {}).get("running", 0) > 0


def deliveries(stack, run_id):
    """(status, attempts) of what the gateway had to bring to the flow, as its database has it."""
    with sqlite3.connect(f"file:{stack.home / 'gateway.db'}?mode=ro", uri=True) as database:
        return database.execute(
            "SELECT d.status, d.attempts FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE w.kind = 'resume' AND d.run_id = ?",
            (run_id,),
        ).fetchall()


@pytest.fixture
def hold(stack):
    """Runs stay at FINETUNE until this file is taken away."""
    stack.hold.touch()
    yield stack.hold
    stack.hold.unlink(missing_ok=True)


@pytest.mark.parametrize("victims", VICTIMS.values(), ids=VICTIMS)
def test_a_run_comes_to_its_verdict_and_the_flow_hears_it_once(stack, hold, victims):
    before, promoted = stack.executions.last(), stack.api("/models")["history"]
    answer = stack.ask("train", {"params": {"run_name": "accepted"}})
    assert answer.status_code == 201, answer.text
    run_id = answer.json()["run_id"]
    until(lambda: in_the_middle(stack, run_id), PATIENCE_S, "the run is at FINETUNE")
    assert [one.status for one in stack.executions.of("llamaflow-train", before)] == ["waiting"]

    for name in victims:
        stack.kill(name)
    for name in reversed(victims):
        if name == "n8n":  # it comes back when the gateway has met a closed door
            hold.unlink()
            until(lambda: any(attempts for _status, attempts in deliveries(stack, run_id)), PATIENCE_S, "the gateway calls")
        stack.start(name)
    hold.unlink(missing_ok=True)

    run = until(lambda: (now := stack.api(f"/runs/{run_id}"))["state"] == "COMPLETE" and now, PATIENCE_S, "the run ends")
    assert run["verdict"] == "accepted" and run["launches"] == (2 if "nextflow" in victims else 1)
    until(lambda: stack.executions.of("llamaflow-train", before)[0].status not in ("waiting", "running"), PATIENCE_S, "the flow ends")

    # one execution, one resume, each node once
    (execution,) = stack.executions.of("llamaflow-train", before)
    assert execution.status == "success", execution.error
    assert run["tags"]["n8n"] == f"llamaflow-train/{execution.id}"
    assert execution.counts == dict.fromkeys(ONCE, 1)
    # what woke it is the gateway's event about this run
    event = execution.output("Wait for the result")["body"]
    assert (event["type"], event["subject"], event["data"]["state"]) == ("br.llamaflow.run.completed", run_id, "COMPLETE")
    assert execution.output("Read the run")["outputs"]["verdict"] == "accepted"
    # one message to people
    assert [message["title"] for message in stack.mailbox.about(run_id) if message["level"] == "info"] == ["Model v0.0.0 is in production"]
    # and in the gateway: one run of this execution, one delivery, at most one promotion (none where the version was in production before)
    ((status, attempts),) = deliveries(stack, run_id)
    assert status == "delivered" and attempts >= (2 if "n8n" in victims else 1)
    models = stack.api("/models")
    assert models["aliases"]["production"] == "v0.0.0" and len(models["history"]) - len(promoted) <= 1
    if victims == ("nextflow",):  # the watchdog looks every few seconds here and speaks once
        alarms = [message["text"] for message in stack.mailbox.about(run_id) if message["level"] == "error"]
        assert len(alarms) == 1 and "launcher was lost" in alarms[0]
