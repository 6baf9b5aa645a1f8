"""GA4GH WES 1.1.0: every answer against its specification, and what clients of it rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lives import STUB, folder_of, launch, lead
from wes_spec import problems

from gateway.runs.states import State, Trigger
from gateway.store.tables import Run

WES = "/ga4gh/wes/v1"
FORM = {
    "workflow_url": "llamaflow", "workflow_type": "NFL", "workflow_type_version": "DSL2", "workflow_params": "{}",
    "workflow_engine_parameters": json.dumps({"profile": "test", "stub": "true"}),
}  # fmt: skip
BODY = {
    "workflow_url": "llamaflow", "workflow_type": "nextflow", "workflow_type_version": "DSL2", "workflow_params": {"epochs": 2},
    "workflow_engine_parameters": {"profile": "test", "stub": "true", "priority": "batch"}, "tags": {"who": "me"},
}  # fmt: skip


def submitted(api, **changes) -> str:
    answer = api.post(f"{WES}/runs", files=[("workflow_url", (None, "llamaflow"))], data=FORM | changes)
    assert answer.status_code == 200, answer.text
    assert problems("RunId", answer.json()) == []
    return answer.json()["run_id"]


def test_service_info(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    submitted(api)
    info = api.get(f"{WES}/service-info").json()
    assert problems("ServiceInfo", info) == []
    assert info["type"] == {"group": "org.ga4gh", "artifact": "wes", "version": "1.1.0"}
    assert info["system_state_counts"]["QUEUED"] == 1
    assert as_key("runs:read").get(f"{WES}/service-info").json()["system_state_counts"]["QUEUED"] == 0
    assert "NFL" in info["workflow_type_versions"]
    assert info["workflow_engine_versions"] == {"nextflow": {"workflow_engine_version": [">=24.10.0"]}}


def test_a_form_and_json_make_the_same_run(as_key, gateway):
    api = as_key()
    first = submitted(api, workflow_params='{"epochs": 2}', tags='{"who": "me"}',
                      workflow_engine_parameters=json.dumps(BODY["workflow_engine_parameters"]))  # fmt: skip
    second = api.post(f"{WES}/runs", json=BODY).json()["run_id"]
    urlencoded = api.post(f"{WES}/runs", data=FORM).json()["run_id"]
    with gateway.store.read() as session:
        rows = [session.get(Run, one) for one in (first, second, urlencoded)]
    for row in rows[:2]:
        assert (row.priority, row.tags, row.engine_parameters) == (2, {"who": "me"}, {"profile": "test", "stub": True})
        assert row.workflow_params["epochs"] == 2
    assert rows[2].engine_parameters == {"profile": "test", "stub": True}


def test_a_run_log(as_key, gateway):
    api = as_key("runs:read", "runs:write")
    run = api.post(f"{WES}/runs", json=BODY).json()["run_id"]
    log = api.get(f"{WES}/runs/{run}").json()
    assert problems("RunLog", log) == []
    assert log["request"] == BODY
    assert (log["state"], log["task_logs"], log["outputs"]) == ("QUEUED", [], {})
    assert "stdout" not in log["run_log"]
    launch(gateway, run, 1, "hello\n", tasks=[{}, {"exit": "-", "start": "-", "submit": "-", "complete": "-"}])
    done = {"launches": 1, "exit_code": 0, "outputs": {"verdict": "rejected"}, "verdict": "rejected"}
    lead(gateway, run, Trigger.CLAIM, Trigger.LAUNCHED, Trigger.FINISHED, **done)
    log = api.get(f"{WES}/runs/{run}").json()
    assert problems("RunLog", log) == []
    assert (log["state"], log["outputs"], log["run_log"]["exit_code"]) == ("COMPLETE", {"verdict": "rejected"}, 0)
    assert log["run_log"]["end_time"].endswith("Z")
    assert [one["id"] for one in log["task_logs"]] == ["ab-000001", "ab-000002"]
    # URLs in it answer with the same credentials.
    base = gateway.settings.url
    assert api.get(log["run_log"]["stdout"].removeprefix(base)).text == "hello\n"
    assert api.get(log["run_log"]["stderr"].removeprefix(base)).status_code == 200
    listed = api.get(log["task_logs_url"].removeprefix(base)).json()
    assert problems("TaskListResponse", listed) == []
    assert listed["task_logs"] == log["task_logs"]
    one = api.get(f"{WES}/runs/{run}/tasks/ab-000001").json()
    assert problems("TaskLog", one) == []
    assert one == log["task_logs"][0]
    assert one["start_time"] == "2026-09-21T14:13:21Z"
    for task in ("ab-000009", "x", "..", "%2e%2e"):
        assert api.get(f"{WES}/runs/{run}/tasks/{task}").status_code in (404, 200 if task == ".." else 404)


def test_tasks_by_pages(as_key, gateway):
    api = as_key()
    run = submitted(api)
    launch(gateway, run, 1, tasks=[{} for _ in range(5)])
    found, token = [], ""
    while True:
        page = api.get(f"{WES}/runs/{run}/tasks", params={"page_size": 2, "page_token": token}).json()
        assert problems("TaskListResponse", page) == []
        found += [one["id"] for one in page["task_logs"]]
        token = page["next_page_token"]
        if not token:
            break
    assert found == [f"ab-{number:06}" for number in range(1, 6)]
    # The specification has no 400 here.
    for size in ("0", "-1", "x", "9" * 30):
        assert len(api.get(f"{WES}/runs/{run}/tasks?page_size={size}").json()["task_logs"]) == 5
    for token in ("x", "W10", "x" * 3000):
        assert api.get(f"{WES}/runs/{run}/tasks?page_token={token}").status_code == 404


@pytest.mark.parametrize("state", State)
def test_every_state_is_told_as_the_specification_says(as_key, gateway, state):
    api = as_key()
    run = submitted(api)
    with gateway.store.write() as session:
        session.get(Run, run).state = state.value
    assert api.get(f"{WES}/runs/{run}/status").json() == {"run_id": run, "state": state.value}
    for path, name in (
        ("/runs", "RunListResponse"),
        (f"/runs/{run}", "RunLog"),
        (f"/runs/{run}/status", "RunStatus"),
        ("/service-info", "ServiceInfo"),
    ):
        assert problems(name, api.get(f"{WES}{path}").json()) == []


def test_runs_by_pages(as_key):
    api = as_key("runs:read", "runs:write")
    made = [submitted(api) for _ in range(5)]
    found, token = [], ""
    while True:
        page = api.get(f"{WES}/runs", params={"page_size": 2, "page_token": token}).json()
        assert problems("RunListResponse", page) == []
        found += [one["run_id"] for one in page["runs"]]
        token = page["next_page_token"]
        if not token:
            break
    assert found == made[::-1]
    for query in ("page_size=0", "page_size=-5", "page_size=x", "page_size=1e3", "page_token=x", "page_size=٣"):
        answer = api.get(f"{WES}/runs?{query}")
        assert answer.status_code == 400, query
        assert problems("ErrorResponse", answer.json()) == []
    assert api.get(f"{WES}/runs?page_size=999999999999999").status_code == 200


def test_cancel(as_key, gateway):
    api = as_key()
    run = submitted(api)
    for _ in range(2):
        answer = api.post(f"{WES}/runs/{run}/cancel")
        assert (answer.status_code, answer.json()) == (200, {"run_id": run})
    assert api.get(f"{WES}/runs/{run}/status").json()["state"] == "CANCELED"
    assert api.post(f"{WES}/runs/none/cancel").status_code == 404


def test_the_same_run_is_seen_by_both_apis(as_key):
    api = as_key()
    run = api.post("/api/v1/runs", json=STUB | {"workflow_params": {"epochs": 1}, "tags": {"a": "b"}}).json()["run_id"]
    log = api.get(f"{WES}/runs/{run}").json()
    assert problems("RunLog", log) == []
    assert (log["request"]["workflow_params"], log["request"]["tags"]) == ({"epochs": 1}, {"a": "b"})
    assert log["request"]["workflow_engine_parameters"]["stub"] == "true"


def test_attachments_are_inputs(as_key, gateway):
    api = as_key()
    files = [("workflow_attachment", ("data/my records.jsonl", b'{"a": 1}\n')), ("workflow_attachment", ("gate.yaml", b"rules: []\n"))]
    form = FORM | {
        "workflow_params": json.dumps({"input": "data/my records.jsonl", "gate": "gate.yaml"}),
        "workflow_engine_parameters": "{}",
    }
    answer = api.post(f"{WES}/runs", data=form, files=files)
    assert answer.status_code == 200, answer.text
    run = answer.json()["run_id"]
    with gateway.store.read() as session:
        params = session.get(Run, run).workflow_params
    assert Path(params["input"]).read_bytes() == b'{"a": 1}\n'
    assert Path(params["gate"]).read_bytes() == b"rules: []\n"
    assert Path(params["input"]).is_relative_to(folder_of(gateway, run) / "attachments")
    assert api.get(f"{WES}/runs/{run}").json()["request"]["workflow_params"]["input"] == "data/my records.jsonl"


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a/../../x", "..\\..\\x"])
def test_attachments_cannot_lead_out(as_key, gateway, name):
    answer = as_key().post(f"{WES}/runs", data=FORM, files=[("workflow_attachment", (name, b"x"))])
    assert answer.status_code == 400
    assert not (gateway.settings.home / "runs").exists()


def test_an_idempotency_key_counts_attachments(as_key):
    api = as_key()
    headers = {"Idempotency-Key": "k"}

    def send(content: bytes):
        return api.post(f"{WES}/runs", data=FORM, files=[("workflow_attachment", ("a.txt", content))], headers=headers)

    first = send(b"x")
    assert send(b"x").json() == first.json()
    assert send(b"y").status_code == 422


def test_all_problems_at_once(as_key):
    body = {
        "workflow_url": "https://evil.example/main.nf", "workflow_type": "CWL", "workflow_engine": "cromwell",
        "workflow_engine_version": "1", "workflow_engine_parameters": {"-c": "evil.config", "stub": "maybe", "profile": "evil"},
        "workflow_params": {"inptu": "x"},
    }  # fmt: skip
    answer = as_key().post(f"{WES}/runs", json=body)
    assert answer.status_code == 400
    assert problems("ErrorResponse", answer.json()) == []
    text = answer.json()["msg"]
    told = (
        "workflow_url may not", "workflow_type has to be", "workflow_type_version is missing", "workflow_engine has to be",
        "workflow_engine_version has", "unknown engine parameter", "stub has to be true or false", "profile evil",
        "unknown parameter inptu", "missing parameter input",
    )  # fmt: skip
    assert [one for one in told if one not in text] == []
    assert "evil.example" not in text


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", None), (b"x", "text/plain"), (b"{", "application/json"), (b"[]", "application/json"), (b"\xff", "application/json"),
        (b"x", "multipart/form-data"), (b"x", "multipart/form-data; boundary=y"), (b"--y\r\n\r\n", "multipart/form-data; boundary=y"),
        (b'{"workflow_params": {"a": [[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]}}', "application/json"),
        (b'{"workflow_engine_parameters": 1, "tags": [], "workflow_params": "x", "workflow_url": 5}', "application/json"),
        (b"workflow_params=%7B&tags=NaN", "application/x-www-form-urlencoded"),
        (b"a=1&" * 100, "application/x-www-form-urlencoded"),
    ],
)  # fmt: skip
def test_bodies_that_are_no_request(as_key, content, kind):
    answer = as_key().post(f"{WES}/runs", content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 400, answer.text
    assert problems("ErrorResponse", answer.json()) == []


def test_errors_are_the_specifications(as_key, client):
    for api, status in ((client, 401), (as_key("datasets"), 403)):
        for method, path in (
            ("get", "/runs"),
            ("get", "/service-info"),
            ("get", "/runs/x"),
            ("get", "/runs/x/status"),
            ("post", "/runs/x/cancel"),
        ):
            answer = getattr(api, method)(f"{WES}{path}")
            assert (answer.status_code, answer.json()["status_code"]) == (status, status)
            assert problems("ErrorResponse", answer.json()) == []
    for path in ("/runs/x", "/runs/x/status", "/runs/x/tasks", "/runs/x/tasks/y", f"/runs/{'x' * 3000}/status", f"/runs/{'x' * 3000}"):
        assert as_key().get(f"{WES}{path}").status_code == 404


def test_a_resume_url_is_not_told_again(as_key, gateway):
    object.__setattr__(gateway, "settings", gateway.settings.model_copy(update={"webhook_allowed_hosts": ["192.0.2.1"]}))
    body = BODY | {"workflow_engine_parameters": {"profile": "test", "resume_url": "http://192.0.2.1/?signature=secret-one"}}
    api = as_key()
    run = api.post(f"{WES}/runs", json=body).json()["run_id"]
    assert "secret-one" not in api.get(f"{WES}/runs/{run}").text
    assert "secret-one" not in api.get(f"/api/v1/runs/{run}").text
