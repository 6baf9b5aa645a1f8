"""The real executable against a real gateway: one JSON line, exit codes, one run however often a submit is repeated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_cases import LLAMAFLOW, Cli, advance, losing_answers
from served import Served, free_port, served
from sqlalchemy import func, select

from gateway.cli.exits import code_of
from gateway.context import Gateway
from gateway.runs.states import Trigger
from gateway.store.tables import Run

TEST = ("--profile", "test", "--stub")
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("cli") / "home") as one:
        yield one


@pytest.fixture
def cli(server: Served) -> Cli:
    return Cli(server.url, server.key)


def runs_of(store: Gateway) -> int:
    with store.store.read() as session:
        return session.scalar(select(func.count()).select_from(Run))


def test_submit_tells_the_run_and_ends_at_once(cli: Cli, store: Gateway):
    told = cli.answer("submit", *TEST, "-p", "epochs=2", "-p", "run_name=weekly", "--tag", "team=support", "--priority", "batch")
    assert told["state"] == "QUEUED" and told["tags"] == {"team": "support"} and told["priority"] == "batch"
    with store.store.read() as session:
        run = session.get(Run, told["run_id"])
    assert run.request["workflow_params"] == {"epochs": 2, "run_name": "weekly"}
    assert run.engine_parameters == {"profile": "test", "stub": True} and run.idempotency_key == told["idempotency_key"]


def test_the_same_idempotency_key_starts_one_run(cli: Cli, store: Gateway):
    before = runs_of(store)
    first, second = (cli.answer("submit", *TEST, "--idempotency-key", "execution-17") for _ in range(2))
    assert first["run_id"] == second["run_id"] and runs_of(store) == before + 1
    cli.answer("submit", *TEST, "-p", "epochs=9", "--idempotency-key", "execution-17", code=2)


def test_a_lost_answer_does_not_start_a_second_run(server: Served, store: Gateway):
    before = runs_of(store)
    with losing_answers(server.port, lost=2) as (url, calls):
        told = Cli(url, server.key).answer("submit", *TEST)
    assert len(calls) == 3 and runs_of(store) == before + 1
    with store.store.read() as session:
        assert session.get(Run, told["run_id"]).idempotency_key == told["idempotency_key"]


def test_a_key_is_not_made_twice_when_the_answer_is_lost(server: Served):
    with losing_answers(server.port) as (url, calls):
        told = Cli(url, server.key).answer("keys", "create", "--name", "once", "--scope", "runs:read", code=5)
    assert len(calls) == 1 and "no gateway" in told["error"]["msg"]


def test_submit_waits_for_a_gateway_that_is_starting(tmp_path):
    home, port = tmp_path / "home", free_port()
    with served(home, port=port) as one:  # for the key
        key = one.key
    waiting = Cli(f"http://127.0.0.1:{port}", key).start("submit", *TEST, "--retry-for", "60")
    with served(home, port=port):
        output, errors = waiting.communicate(timeout=60)
    assert waiting.returncode == 0 and json.loads(output)["state"] == "QUEUED", errors


def test_a_request_file_and_what_goes_over_it(cli: Cli, store: Gateway, tmp_path):
    request = {
        "workflow_params": {"epochs": 1, "run_name": "file"},
        "engine_parameters": {"profile": "test"},
        "tags": {"a": "1"},
        "priority": "batch",
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    (tmp_path / "params.yaml").write_text("epochs: 4\nseed: 3\n")
    given = ("--params-file", str(tmp_path / "params.yaml"), "-p", "seed=5", "--tag", "b=x=y", "--stub")
    told = cli.answer("submit", "--request", str(tmp_path / "request.json"), *given)
    piped = cli.answer("submit", "--request", "-", input=json.dumps(request))
    with store.store.read() as session:
        run, other = session.get(Run, told["run_id"]), session.get(Run, piped["run_id"])
    assert run.request["workflow_params"] == {"epochs": 4, "run_name": "file", "seed": 5}
    assert run.tags == {"a": "1", "b": "x=y"} and run.priority == 2 and run.engine_parameters == {"profile": "test", "stub": True}
    assert other.request["workflow_params"] == request["workflow_params"]


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["status", UNKNOWN], 2, "no such run"),
        (["status", ".."], 2, "missing"),
        (["status", "../keys"], 2, ""),
        (["submit", "-p", "epochs"], 2, "NAME=VALUE"),
        (["submit", "--profile", "test", "-p", "epocs=3"], 2, "epochs"),
        (["submit", "--params-file", "/nowhere.json"], 2, "/nowhere.json"),
        (["nonsense"], 2, "nonsense"),
        (["wait"], 2, "run"),
        ([], 2, "COMMAND"),
    ],
)
def test_bad_input_is_a_json_line_too(cli: Cli, argv, code, said):
    told = cli.answer(*argv, code=code)
    assert said in told["error"]["msg"]


def test_refused_keys(server: Served):
    assert Cli(server.url, "lf_nobody_secret").answer("status", UNKNOWN, code=4)["error"]["status_code"] == 401
    reader = server.make_key("runs:read")["key"]
    assert Cli(server.url, reader).answer("submit", *TEST, code=4)["error"]["status_code"] == 403
    assert "LLAMAFLOW_API_KEY" in Cli(server.url, "").answer("status", code=4)["error"]["msg"]


def test_the_key_from_a_file(server: Served, tmp_path):
    (tmp_path / "key").write_text(server.key + "\n")
    assert Cli(server.url, "", LLAMAFLOW_API_KEY_FILE=str(tmp_path / "key")).answer("keys", "me")["scopes"] == ["admin"]
    assert "nothing" in Cli(server.url, "", LLAMAFLOW_API_KEY_FILE=str(tmp_path / "nothing")).answer("keys", "me", code=4)["error"]["msg"]


def test_no_gateway(server: Served):
    told = Cli(f"http://127.0.0.1:{free_port()}", server.key).answer("status", "--retry-for", "0.3", code=5)
    assert "no gateway at" in told["error"]["msg"] and server.key not in json.dumps(told)
    assert "http" in Cli("gateway:8000", server.key).answer("status", code=2)["error"]["msg"]


@pytest.mark.parametrize(
    ("url", "key", "argv", "code"),
    [
        ("http://[", "k", ["status"], 2),
        ("http://", "k", ["status"], 2),
        ("http://127.0.0.1:99999", "k", ["status"], 2),
        ("http://127.0.0.1:1", "clé", ["status"], 4),
        ("http://127.0.0.1:1", "two\nlines", ["status"], 4),
        ("http://127.0.0.1:1", "k", ["submit", "--idempotency-key", "execução"], 2),
        ("http://127.0.0.1:1", "k", ["status", "--retry-for", "-1"], 2),
        ("http://127.0.0.1:1", "k", ["status", "--retry-for", "nan"], 2),
    ],
)
def test_what_cannot_be_sent_is_told_at_once(url, key, argv, code):
    told = Cli(url, key).answer(*argv, code=code)
    assert told["error"]["msg"] and key not in told["error"]["msg"].split()


def test_tls_by_an_authority_of_ones_own(tmp_path):
    certificate, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", *subject]
    subprocess.run([*made, "-keyout", private, "-out", certificate], check=True, capture_output=True)
    with served(tmp_path / "home", tls_certificate=certificate, tls_key=private) as one:
        assert Cli(one.url, one.key, SSL_CERT_FILE=str(certificate)).answer("keys", "me")["scopes"] == ["admin"]
        told = Cli(one.url, one.key).answer("keys", "me", "--retry-for", "600", code=5)
    assert "SSL_CERT_FILE" in told["error"]["msg"]
    assert "SSL_CERT_FILE" in Cli("https://127.0.0.1:1", "k", SSL_CERT_FILE="/nowhere.pem").answer("status", code=2)["error"]["msg"]


def test_a_bug_is_a_line_too(cli: Cli, tmp_path):
    """Something else answers there: JSON, but not ours."""
    with losing_answers(1, lost=0, answer=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}") as (
        url,
        _calls,
    ):
        assert "KeyError" in Cli(url, "k").answer("status", code=1)["error"]["msg"]
    with losing_answers(1, lost=0, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>") as (url, _calls):
        assert "no JSON" in Cli(url, "k").answer("status", code=1)["error"]["msg"]


def test_always_zero_keeps_the_line_for_n8n(cli: Cli, server: Served):
    done = cli.run("status", UNKNOWN, "--always-zero")
    assert done.returncode == 0 and json.loads(done.stdout)["exit"] == 2
    done = Cli(server.url, server.key, LLAMAFLOW_ALWAYS_ZERO="1").run("nonsense")
    assert done.returncode == 0 and json.loads(done.stdout)["ok"] is False


def test_status_of_one_and_of_many(cli: Cli):
    run_id = cli.answer("submit", *TEST, "--tag", "only=here")["run_id"]
    assert cli.answer("status", run_id)["run_id"] == run_id
    assert [run["run_id"] for run in cli.answer("status", "--tag", "only=here", "--state", "QUEUED")["runs"]] == [run_id]
    assert cli.answer("status", "--tag", "only=there")["runs"] == []


def test_cancel_resume_retry(cli: Cli, store: Gateway):
    run_id = cli.answer("submit", *TEST)["run_id"]
    assert cli.answer("cancel", run_id)["state"] == "CANCELED"
    assert cli.answer("cancel", run_id)["state"] == "CANCELED"
    assert cli.answer("resume", run_id)["state"] == "QUEUED"
    assert cli.answer("resume", run_id)["state"] == "QUEUED"  # it is where it should be, whoever brought it there
    advance(store, run_id, Trigger.CLAIM, Trigger.LAUNCHED, Trigger.FINISHED)
    assert cli.answer("resume", run_id, code=2)["error"]["status_code"] == 409
    again = cli.answer("retry", run_id)
    assert again["run_id"] != run_id and again["state"] == "QUEUED"


def test_keys(cli: Cli, server: Served):
    made = cli.answer("keys", "create", "--name", "n8n", "--scope", "runs:read", "--scope", "runs:write", "--days", "30")
    assert made["key"].startswith("lf_") and made["scopes"] == ["runs:read", "runs:write"] and made["expires_at"]
    assert made["key"] not in json.dumps(cli.answer("keys", "list"))
    following = Cli(server.url, made["key"]).answer("keys", "rotate", made["key_id"])
    cli.answer("keys", "revoke", made["key_id"])
    cli.answer("keys", "revoke", following["key_id"])
    assert Cli(server.url, following["key"]).answer("keys", "me", code=4)["error"]["status_code"] == 401


@pytest.mark.parametrize(
    ("run", "code"),
    [
        ({"state": "COMPLETE", "verdict": "accepted"}, 0),
        ({"state": "COMPLETE", "verdict": "no_drift"}, 0),
        ({"state": "COMPLETE", "verdict": None}, 0),
        ({"state": "COMPLETE", "verdict": "rejected"}, 10),
        ({"state": "COMPLETE", "verdict": "needs_review"}, 11),
        ({"state": "COMPLETE", "verdict": "drift"}, 12),
        ({"state": "EXECUTOR_ERROR", "exit_code": 3}, 3),
        ({"state": "EXECUTOR_ERROR", "exit_code": 2}, 20),
        ({"state": "SYSTEM_ERROR", "exit_code": None}, 21),
        ({"state": "CANCELED", "exit_code": 143}, 22),
        ({"state": "RUNNING"}, 30),
    ],
)
def test_what_a_run_came_to_as_a_code(run, code):
    assert code_of(run) == code


def test_the_script_by_a_link_and_without_its_environment(server: Served, tmp_path):
    (tmp_path / "llamaflow").symlink_to(LLAMAFLOW)
    done = subprocess.run([tmp_path / "llamaflow", "--help"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0 and "submit" in done.stdout


def test_only_what_is_needed_is_imported(cli: Cli):
    """What makes it start fast: neither the gateway's own code nor httpx's command line is loaded."""
    program = (
        "import sys; from gateway.cli.main import main; main(['status', '--url', 'http://127.0.0.1:1', '--retry-for', '0']);"
        "print([name for name in ('fastapi', 'sqlalchemy', 'pydantic', 'rich', 'click', 'yaml') if name in sys.modules])"
    )
    python = os.path.join(os.path.dirname(LLAMAFLOW), "..", ".venv-gateway", "bin", "python")
    done = subprocess.run(
        [python, "-c", program], env=cli.env | {"PYTHONPATH": os.path.dirname(LLAMAFLOW) + "/.."}, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_the_script_finds_what_make_setup_left(tmp_path):
    for folder in ("gateway", ".venv/bin", ".tools/bin"):
        (tmp_path / folder).mkdir(parents=True)
    script, python = tmp_path / "gateway/llamaflow", tmp_path / "python"
    shutil.copy(LLAMAFLOW, script)
    python.write_text("#!/bin/sh\necho $PATH\n")
    python.chmod(0o755)
    told = subprocess.run(
        [script, "serve"], env={"PATH": os.environ["PATH"], "LLAMAFLOW_PYTHON": str(python)}, capture_output=True, text=True
    )
    first, *_, last = told.stdout.strip().split(":")
    assert Path(first).resolve() == tmp_path / ".venv/bin" and Path(last).resolve() == tmp_path / ".tools/bin"
