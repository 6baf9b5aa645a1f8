"""/api/v1/runs: from the request to the result."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import threading
from pathlib import Path

import pytest
from lives import STUB, folder_of, launch, lead, publish
from served import at_once
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from gateway.runs import logs, outputs, submission
from gateway.runs.attachments import Attachment
from gateway.runs.requests import RunRequest
from gateway.runs.states import State, Trigger
from gateway.store.tables import Event, Outbox, Run, Webhook, now

RUNNING = (Trigger.CLAIM, Trigger.LAUNCHED)


def submitted(client, **changes) -> str:
    answer = client.post("/api/v1/runs", json=STUB | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["run_id"]


def test_a_run_is_queued_with_its_event_and_parameters(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    answer = api.post("/api/v1/runs", json=STUB | {"workflow_params": {"epochs": 2}, "tags": {"team": "ação"}, "priority": "batch"})
    run = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/runs/{run['run_id']}"
    assert (run["state"], run["priority"], run["tags"], run["params"]) == ("QUEUED", "batch", {"team": "ação"}, {"epochs": 2})
    with gateway.store.read() as session:
        row = session.get(Run, run["run_id"])
        assert row.workflow_params == {"epochs": 2, "outdir": row.outdir, "registry": str(gateway.settings.registry_folder)}
        assert Path(row.outdir) == Path(row.folder) / "results"
        assert (row.priority, row.resources, row.engine_parameters) == (2, {"runs": 1, "gpus": 0}, {"profile": "test", "stub": True})
        event = session.execute(select(Event).where(Event.run_id == row.id)).scalar_one()
        assert (event.type, event.sequence, event.data["priority"]) == ("br.llamaflow.run.queued", 1, "batch")
        assert session.scalar(select(func.count()).select_from(Outbox)) == 1
    assert oct(Path(row.folder).stat().st_mode)[-3:] == "700"
    assert api.get(f"/api/v1/runs/{row.id}").json() == run


def test_what_is_refused_leaves_nothing(as_key, gateway):
    api = as_key()
    answer = api.post("/api/v1/runs", json={"workflow_params": {"outdir": "/tmp"}, "engine_parameters": {"profil": "x"}, "priority": "now"})
    assert answer.status_code == 400
    body = answer.json()
    assert body["status_code"] == 400
    assert body["msg"] == "; ".join(body["problems"])
    assert len(body["problems"]) == 4  # profil, priority, outdir, and no input without a profile
    with gateway.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0
    assert not (gateway.settings.home / "runs").exists()


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"x"', '{"workflow_params": [1]}', '{"tags": {"a": 1}}', '{"tags": {"a": "\\u0000"}}',
     '{"workflow_params": {"epochs": 1e999}}', '{"workflow_params": {"epochs": NaN}}', "[" * 3000],
)  # fmt: skip
def test_bodies_that_are_no_request(as_key, body):
    answer = as_key().post("/api/v1/runs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["status_code"] == 400


def test_an_idempotency_key_gives_one_run(as_key):
    api = as_key("runs:write", "runs:read")
    first = api.post("/api/v1/runs", json=STUB, headers={"Idempotency-Key": '"abc"'})
    again = api.post("/api/v1/runs", json=STUB, headers={"Idempotency-Key": "abc"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["run_id"] == first.json()["run_id"]
    other = api.post("/api/v1/runs", json=STUB | {"priority": "batch"}, headers={"Idempotency-Key": "abc"})
    assert other.status_code == 422
    # Another caller's keys are its own.
    assert as_key("runs:write").post("/api/v1/runs", json=STUB, headers={"Idempotency-Key": "abc"}).status_code == 201
    assert api.post("/api/v1/runs", json=STUB, headers={"Idempotency-Key": "x" * 201}).status_code == 400
    assert api.post("/api/v1/runs", json=STUB, headers={"Idempotency-Key": "é".encode()}).status_code == 400


def test_an_idempotency_key_holds_in_a_race(gateway):
    found = at_once(8, lambda: submission.submit_once(gateway, RunRequest(**STUB), key_id="k", idempotency_key="same"))
    assert len({run.id for run, _ in found}) == 1
    assert sum(new for _, new in found) == 1
    assert len(list((gateway.settings.home / "runs").iterdir())) == 1


def test_a_lost_answer_of_the_commit_loses_no_file(gateway, monkeypatch):
    """The database may have kept the run although its connection broke: the caller asks again with its key and gets that very run."""
    write = gateway.store.write
    asked = {"key_id": "k", "idempotency_key": "i", "attachments": [Attachment("a.txt", io.BytesIO(b"x"))]}

    @contextlib.contextmanager
    def breaking():
        with write() as session:
            yield session
        raise OperationalError("commit", {}, Exception("server closed the connection"))

    with monkeypatch.context() as patched, pytest.raises(OperationalError):
        patched.setattr(gateway.store, "write", breaking)
        submission.submit_once(gateway, RunRequest(**STUB), **asked)
    run, new = submission.submit_once(gateway, RunRequest(**STUB), **asked | {"attachments": [Attachment("a.txt", io.BytesIO(b"x"))]})
    assert not new
    assert (Path(run.folder) / "attachments" / "a.txt").read_bytes() == b"x"


def test_a_resume_url_is_kept_sealed(as_key, gateway, make_settings):
    url = "http://192.0.2.1/webhook-waiting/1?signature=secret-one"
    refused = as_key().post("/api/v1/runs", json=STUB | {"resume_url": url})
    assert refused.status_code == 400
    assert "secret-one" not in refused.text
    object.__setattr__(gateway, "settings", gateway.settings.model_copy(update={"webhook_allowed_hosts": ["192.0.2.1"]}))
    run = as_key().post("/api/v1/runs", json=STUB | {"resume_url": url})
    assert run.status_code == 201
    assert "secret-one" not in run.text
    with gateway.store.read() as session:
        hook = session.execute(select(Webhook)).scalar_one()
        assert (hook.kind, hook.run_id) == ("resume", run.json()["run_id"])
        assert gateway.secrets.open(hook.url) == url
        assert "secret-one" not in json.dumps(session.get(Run, hook.run_id).request)


def test_quota(as_key):
    api = as_key("runs:write", "runs:read", max_waiting=2)
    for _ in range(2):
        last = submitted(api)
    assert api.post("/api/v1/runs", json=STUB).status_code == 429
    api.post(f"/api/v1/runs/{last}/cancel")
    assert api.post("/api/v1/runs", json=STUB).status_code == 201
    assert api.post(f"/api/v1/runs/{last}/resume").status_code == 429


def test_callers_see_their_own_runs(as_key):
    mine, yours, admin = as_key("runs:read", "runs:write"), as_key("runs:read", "runs:write"), as_key()
    run = submitted(mine)
    paths = (
        "",
        "/status",
        "/progress",
        "/heartbeat",
        "/log",
        "/log/console",
        "/tasks",
        "/estimate",
        "/summaries",
        "/events",
        "/files/report",
    )
    for path in paths:
        assert yours.get(f"/api/v1/runs/{run}{path}").status_code == 404, path
        assert admin.get(f"/api/v1/runs/{run}{path}").status_code == (404 if path == "/files/report" else 200), path
    for action in ("cancel", "resume", "retry"):
        assert yours.post(f"/api/v1/runs/{run}/{action}").status_code == 404
        assert as_key("runs:read").post(f"/api/v1/runs/{run}/{action}").status_code == 403
    assert yours.get("/api/v1/runs").json()["runs"] == []
    assert [one["run_id"] for one in admin.get("/api/v1/runs").json()["runs"]] == [run]


@pytest.mark.parametrize("run_id", ["x", "%2e%2e", "..%2f..%2fetc", "a" * 37, "a" * 101, "a" * 3000, "%00", "'; drop table runs; --", "é"])
def test_ids_that_are_none(as_key, run_id):
    api = as_key()
    for path in ("", "/status", "/log", "/log/console", "/files/report", "/events"):
        answer = api.get(f"/api/v1/runs/{run_id}{path}")
        assert answer.status_code == 404, path
        assert answer.json()["status_code"] == 404


def test_lists_by_pages_and_filters(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    ids = [submitted(api, tags={"n": str(number % 2), "d.o-t": "x"}) for number in range(7)]
    lead(gateway, ids[0], *RUNNING, Trigger.FINISHED, verdict="rejected")
    found, token = [], ""
    while True:
        page = api.get("/api/v1/runs", params={"page_size": 3, "page_token": token}).json()
        found += [run["run_id"] for run in page["runs"]]
        token = page["next_page_token"]
        if not token:
            break
        submitted(as_key("runs:write"))  # what comes meanwhile shifts nothing
    assert found == ids[::-1]

    def ask(query: str) -> set[int]:
        return {ids.index(run["run_id"]) for run in api.get(f"/api/v1/runs?{query}").json()["runs"]}

    assert ask("state=COMPLETE") == {0}
    assert ask("state=COMPLETE&state=QUEUED") == set(range(7))
    assert ask("verdict=rejected") == {0}
    assert ask("tag=n:1") == {1, 3, 5}
    assert ask("tag=n:1&tag=d.o-t:x") == {1, 3, 5}
    assert ask("tag=d.o-t:y") == set()
    assert ask("silent=true") == set()
    assert ask("silent=false") == set(range(7))
    for query in ("tag=x", "page_token=x", "page_token=W10", "page_token=WzEsMl0", "page_token=WyJ4IiwieCJd"):
        assert api.get(f"/api/v1/runs?{query}").status_code == 400, query
    for query in ("state=NONE", "page_size=0", "page_size=x", "page_size=-1", "page_size=99999999999999999999"):
        assert api.get(f"/api/v1/runs?{query}").status_code == 422, query


def test_cancel_resume_and_retry(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    run = submitted(api, workflow_params={"epochs": 1, "seed": 5})
    assert api.post(f"/api/v1/runs/{run}/resume").status_code == 409
    assert api.post(f"/api/v1/runs/{run}/retry").status_code == 409
    assert api.post(f"/api/v1/runs/{run}/cancel").json()["state"] == "CANCELED"
    assert api.post(f"/api/v1/runs/{run}/cancel").json()["state"] == "CANCELED"
    assert api.post(f"/api/v1/runs/{run}/resume").json()["state"] == "QUEUED"
    lead(gateway, run, *RUNNING)
    assert api.post(f"/api/v1/runs/{run}/cancel").json()["state"] == "CANCELING"
    assert api.post(f"/api/v1/runs/{run}/cancel").json()["state"] == "CANCELING"
    lead(gateway, run, Trigger.STOPPED)
    again = api.post(f"/api/v1/runs/{run}/retry", json={"workflow_params": {"epochs": 3, "seed": None}}, headers={"Idempotency-Key": "r"})
    assert again.status_code == 201
    assert (again.json()["params"], again.json()["retry_of"], again.json()["state"]) == ({"epochs": 3}, run, "QUEUED")
    assert (
        api.post(
            f"/api/v1/runs/{run}/retry", json={"workflow_params": {"epochs": 3, "seed": None}}, headers={"Idempotency-Key": "r"}
        ).status_code
        == 200
    )
    assert api.post(f"/api/v1/runs/{run}/retry", json={"workflow_params": {"epoch": 3}}).status_code == 400
    kinds = [event["type"].rpartition(".")[2] for event in api.get(f"/api/v1/runs/{run}/events").json()["events"]]
    assert kinds == ["queued", "canceled", "resumed", "started", "canceling", "canceled"]


def test_status_is_the_run_as_it_is_now(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    run = submitted(api)
    lead(gateway, run, *RUNNING, progress={"PREPARE": {"done": 1, "running": 0, "failed": 0}}, heartbeat_at=None)
    status = api.get(f"/api/v1/runs/{run}/status").json()
    assert (status["state"], status["progress"]["PREPARE"]["done"]) == ("RUNNING", 1)
    lead(gateway, run, Trigger.FAILED, exit_code=2, error='bad "input"\nünicode')
    status = api.get(f"/api/v1/runs/{run}/status").json()
    whole = api.get(f"/api/v1/runs/{run}").json()
    assert {name: whole[name] for name in status} == status
    assert (status["state"], status["error"]) == ("EXECUTOR_ERROR", 'bad "input"\nünicode')


def test_outputs_come_from_the_summaries(as_key, gateway):
    run = submitted(as_key())
    registered = {"path": "/r/models/experiments/lora-adapters/0123456789abcdef", "version": ""}
    scores = {"metrics": {"perplexity": {"value": 9.5}, "odd": 1}}
    finetuned = {"peak_memory_bytes": 123, "training_seconds": 4.5}
    gate = {"verdict": "rejected", "reason": "Worse."}
    outdir = publish(gateway, run, gate=gate, register=registered, finetune=finetuned, evaluate_candidate=scores)
    (outdir / "summaries" / "split.json").write_text("{broken")
    (outdir / "report").mkdir()
    (outdir / "report" / "report.html").write_text("<p>hello")
    found = outputs.read_outputs(outdir)
    assert found == {
        "verdict": "rejected", "reason": "Worse.", "registered": "0123456789abcdef", "files": ["report"],
        "numbers": {"peak_memory_bytes": 123, "training_seconds": 4.5, "candidate.perplexity": 9.5},
    }  # fmt: skip
    assert outputs.read_outputs(outdir / "none") == {}


def test_summaries_that_no_database_could_hold(tmp_path):
    (tmp_path / "summaries").mkdir()
    gate = '{"verdict": "rejected", "reason": "a\\u0000b\\ud800"}'
    (tmp_path / "summaries" / "gate.json").write_text(gate)
    (tmp_path / "summaries" / "finetune.json").write_text('{"training_seconds": NaN, "peak_memory_bytes": 1e999, "tokens_per_second": 2}')
    found = outputs.read_outputs(tmp_path)
    assert found == {"verdict": "rejected", "reason": "a\ufffdb\ufffd", "numbers": {"tokens_per_second": 2}}
    (tmp_path / "summaries" / "gate.json").write_text("[" * 100_000)
    assert "verdict" not in outputs.read_outputs(tmp_path)


def test_a_rejected_model_is_complete(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    run = submitted(api)
    outdir = publish(gateway, run, gate={"verdict": "rejected", "reason": "Worse."})
    (outdir / "report").mkdir()
    (outdir / "report" / "report.html").write_text("<p>hello")
    found = outputs.read_outputs(outdir)
    lead(gateway, run, *RUNNING, Trigger.FINISHED, exit_code=0, outputs=found, verdict=found["verdict"])
    view = api.get(f"/api/v1/runs/{run}").json()
    assert (view["state"], view["verdict"], view["outputs"]["verdict"], view["percent"]) == ("COMPLETE", "rejected", "rejected", 100)
    page = api.get(view["links"]["report"])
    assert page.text == "<p>hello"
    assert "sandbox" in page.headers["content-security-policy"]
    assert api.get(f"/api/v1/runs/{run}/files/mask_report").status_code == 404
    assert api.get(f"/api/v1/runs/{run}/files/..%2f..%2fparams.json").status_code in (404, 422)
    assert api.get(f"/api/v1/runs/{run}/summaries").json() == {"gate": {"verdict": "rejected", "reason": "Worse."}}


def test_a_report_that_is_a_link_elsewhere_is_not_shown(as_key, gateway, tmp_path):
    api = as_key()
    run = submitted(api)
    (tmp_path / "secret").write_text("secret")
    outdir = publish(gateway, run)
    (outdir / "report").mkdir()
    (outdir / "report" / "report.html").symlink_to(tmp_path / "secret")
    assert api.get(f"/api/v1/runs/{run}/files/report").status_code == 404


def test_logs_by_pieces(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    run = submitted(api)
    assert api.get(f"/api/v1/runs/{run}/log").json() == {"text": "", "offset": 0, "next_offset": 0, "size": 0, "launch": 0, "ended": False}
    folder = launch(gateway, run, 1, "one\ntwo\nthré")
    piece = api.get(f"/api/v1/runs/{run}/log?tail=2").json()
    assert (piece["text"], piece["offset"], piece["next_offset"], piece["launch"]) == ("two\nthré", 4, 13, 1)
    with (folder / "console.log").open("ab") as file:
        file.write("é\n".encode()[:1])  # half a character
    assert api.get(f"/api/v1/runs/{run}/log?offset=13").json()["text"] == ""
    with (folder / "console.log").open("ab") as file:
        file.write("é\n".encode()[1:])
    assert api.get(f"/api/v1/runs/{run}/log?offset=13").json()["text"] == "é\n"
    launch(gateway, run, 2, "again\n")
    assert api.get(f"/api/v1/runs/{run}/log").json()["text"] == "again\n"
    assert api.get(f"/api/v1/runs/{run}/log?launch=1&tail=1").json()["text"] == "thréé\n"
    assert api.get(f"/api/v1/runs/{run}/log?stream=nextflow").json()["text"].startswith("Nov-26")
    assert api.get(f"/api/v1/runs/{run}/log/console?tail=1").text == "again\n"
    for query in ("stream=../../secret.key", "launch=..", "offset=-1", "tail=100000", "offset=x"):
        assert api.get(f"/api/v1/runs/{run}/log?{query}").status_code == 422, query
    assert api.get(f"/api/v1/runs/{run}/log/..%2fsecret.key").status_code in (404, 422)


def test_a_log_that_is_a_link_is_not_shown(as_key, gateway):
    api = as_key()
    run = submitted(api)
    folder = launch(gateway, run)
    (folder / "console.log").unlink()
    (folder / "console.log").symlink_to(gateway.settings.home.resolve() / "secret.key")
    assert api.get(f"/api/v1/runs/{run}/log").json()["text"] == ""
    (folder / "console.log").unlink()
    (folder / "console.log").mkdir()
    assert api.get(f"/api/v1/runs/{run}/log").json()["text"] == ""


def test_pieces_are_bounded_and_whole(gateway, as_key, monkeypatch):
    monkeypatch.setattr(logs, "LARGEST", 1000)
    run = submitted(as_key())
    text = "".join(f"línea {number}\n" for number in range(500))
    launch(gateway, run, 1, text)
    folder, offset, found = folder_of(gateway, run), 0, ""
    while piece := logs.read(folder, "console", offset).text:
        assert len(piece.encode()) <= 1000
        found, offset = found + piece, offset + len(piece.encode())
    assert found == text
    last = logs.tail(folder, "console", 10_000)
    assert text.endswith(last.text)
    assert last.text.startswith("línea")


def test_a_followed_log_ends_with_the_run_and_goes_over_to_a_new_launch(as_key, gateway, monkeypatch):
    api = as_key("runs:read", "runs:write")
    run = submitted(api)
    lead(gateway, run, *RUNNING)
    launch(gateway, run, 1, "one\n")
    begun, first = threading.Event(), logs.tail

    def tail(*what) -> logs.Piece:
        piece = first(*what)
        begun.set()
        return piece

    def live() -> None:
        begun.wait()
        launch(gateway, run, 2, "two\n")
        with (folder_of(gateway, run) / "launches" / "2" / "console.log").open("a") as file:
            file.write("three\n")
        lead(gateway, run, Trigger.FINISHED)

    monkeypatch.setattr(logs, "tail", tail)
    later = threading.Thread(target=live, daemon=True)
    later.start()
    assert api.get(f"/api/v1/runs/{run}/log/console?follow=true").text == "one\ntwo\nthree\n"
    later.join()


def test_tasks_of_all_launches(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    run = submitted(api)
    launch(gateway, run, 1, tasks=[{}, {"status": "FAILED", "exit": 1, "peak_rss": "-"}])
    launch(gateway, run, 2, tasks=[{"status": "CACHED"}, {"hash": "cd/000009"}])
    with (folder_of(gateway, run) / "launches" / "2" / "trace.txt").open("a") as file:
        file.write("half a row")
    found = api.get(f"/api/v1/runs/{run}/tasks").json()["tasks"]
    assert [(one["id"], one["status"], one["launch"]) for one in found] == [
        ("ab-000001", "COMPLETED", 1),
        ("ab-000002", "FAILED", 1),
        ("cd-000009", "COMPLETED", 2),
    ]
    assert (found[0]["process"], found[0]["seconds"], found[0]["memory"], found[1]["memory"]) == ("PREPARE", 4.0, 1048576, None)
    first = api.get(f"/api/v1/runs/{run}/tasks?page_size=2").json()
    assert len(first["tasks"]) == 2
    rest = api.get(f"/api/v1/runs/{run}/tasks", params={"page_size": 2, "page_token": first["next_page_token"]}).json()
    assert ([one["id"] for one in rest["tasks"]], rest["next_page_token"]) == (["cd-000009"], "")


def test_estimates_are_honest(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    real = {"engine_parameters": {"profile": "test"}}
    asked = api.post("/api/v1/estimate", json=real).json()
    assert (asked["basis"], asked["seconds"], asked["memory_gib"]) == ("unknown", None, None)
    for seconds, params in ((100, {}), (300, {}), (9000, {"epochs": 50})):
        run = submitted(api, **real, workflow_params=params)
        begun = now() - dt.timedelta(seconds=seconds)
        lead(gateway, run, Trigger.CLAIM, Trigger.LAUNCHED, started_at=begun, launches=1)
        lead(gateway, run, Trigger.FINISHED, outputs={"numbers": {"peak_memory_bytes": 2**31}})
    asked = api.post("/api/v1/estimate", json=real).json()
    assert (asked["basis"], asked["runs"], asked["memory_gib"]) == ("same_work", 2, 2.0)
    assert 95 < asked["seconds"]["low"] < 105 < 195 < asked["seconds"]["likely"] < 205 < 295 < asked["seconds"]["high"] < 305
    assert api.post("/api/v1/estimate", json={**real, "workflow_params": {"epochs": 7}}).json()["basis"] == "same_base"
    # A stub run, another base model: nothing is known of these.
    assert api.post("/api/v1/estimate", json=STUB).json()["basis"] == "unknown"
    assert api.post("/api/v1/estimate", json={**real, "workflow_params": {"base_model": "o/n"}}).json()["basis"] == "unknown"
    run = submitted(api, **real)
    lead(gateway, run, Trigger.CLAIM, Trigger.LAUNCHED, started_at=now() - dt.timedelta(seconds=50))
    mine = api.get(f"/api/v1/runs/{run}/estimate").json()
    assert mine["elapsed_s"] >= 50
    assert 130 < mine["remaining_s"] <= 155
    assert api.post("/api/v1/estimate", json={"workflow_params": {"x": 1}}).status_code == 400


def test_preflight_speaks_where_nothing_else_does(as_key, gateway):
    api = as_key()
    run = submitted(api)
    publish(gateway, run, preflight={"estimates": {"training_minutes": 2.0, "evaluation_minutes": 1.0, "training_memory_gib": 3.456}})
    found = api.get(f"/api/v1/runs/{run}/estimate").json()
    assert (found["basis"], found["seconds"], found["memory_gib"]) == ("preflight", {"low": 180, "likely": None, "high": None}, 3.46)
    assert found["preflight"]["training_minutes"] == 2.0
    # A run that is at work longer than that takes at least as long as it did already.
    lead(gateway, run, Trigger.CLAIM, Trigger.LAUNCHED, started_at=now() - dt.timedelta(seconds=500))
    found = api.get(f"/api/v1/runs/{run}/estimate").json()
    assert 500 <= found["elapsed_s"] == found["seconds"]["low"]
    assert found["remaining_s"] is None
    lead(gateway, run, Trigger.FINISHED)
    assert api.get(f"/api/v1/runs/{run}/estimate").json()["remaining_s"] == 0


def test_every_state_has_a_view(as_key, gateway):
    """Nothing in a view depends on what a run has come to."""
    api = as_key()
    ids = [submitted(api) for _ in State]
    with gateway.store.write() as session:
        for run_id, state in zip(ids, State, strict=True):
            session.get(Run, run_id).state = state.value
    for run_id, state in zip(ids, State, strict=True):
        for path in ("", "/status", "/progress", "/heartbeat", "/log", "/estimate"):
            assert api.get(f"/api/v1/runs/{run_id}{path}").status_code == 200
        assert api.get(f"/api/v1/runs/{run_id}").json()["state"] == state
