"""What callers send, by real HTTP: paths, parameters, targets and bodies that would do more than they should. Refused, and audited."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest
from served import Served, eventually, served

GOOD = {"workflow_params": {}, "engine_parameters": {"profile": "test", "stub": True}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("security") / "home") as one:
        yield one


@pytest.fixture(scope="module")
def admin(server):
    with server.client() as client:
        yield client


TRAVERSALS = [
    "..", ".", "%2e%2e", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "....//....//etc/passwd",
    "..%5c..%5cetc%5cpasswd", "%252e%252e%252fetc%252fpasswd", "%00", "x%00.html", "%2fetc%2fpasswd", "~", "%c0%ae%c0%ae%2fetc", "x" * 2000,
    "%F0%9F%98%80", "*", "'%20OR%201=1--",
]  # fmt: skip
PLACES = [
    "/api/v1/runs/{}",
    "/api/v1/runs/{}/status",
    "/api/v1/runs/{}/log",
    "/api/v1/runs/{}/log/console",
    "/api/v1/runs/{}/files/report",
    "/api/v1/runs/{}/summaries",
    "/api/v1/runs/{}/events",
    "/ga4gh/wes/v1/runs/{}",
    "/ga4gh/wes/v1/runs/{}/status",
    "/ga4gh/wes/v1/runs/{}/tasks/1",
    "/api/v1/models/{}",
    "/api/v1/datasets/{}",
    "/api/v1/webhooks/{}",
    "/static/{}",
    "/runs/{}",
]


def raw_get(server: Served, path: str) -> tuple[int, bytes]:
    """The path as it is: httpx would tidy it up."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", "x")
    connection.putheader("X-API-Key", server.key)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize("place", PLACES)
def test_ids_that_are_paths_lead_nowhere(server, place):
    for one in TRAVERSALS:
        path = place.format(one)
        if path.rstrip("/").endswith(("/runs/.", "/runs/..", "/static/.")):
            continue  # the list itself, after normalisation
        status, body = raw_get(server, path)
        assert status in (307, 400, 404, 422), (path, status, body[:200])
        assert b"root:" not in body and b"Traceback" not in body
    path = place.format("..%2f..%2f..%2fetc%2fpasswd")
    assert eventually(
        lambda: [row for row in server.audit(outcome="refused") if "etc/passwd" in row["target"] and row["action"].startswith("GET")]
    ), path


@pytest.fixture(scope="module")
def run_id(admin):
    answer = admin.post("/api/v1/runs", json=GOOD)
    assert answer.status_code == 201, answer.text
    return answer.json()["run_id"]


@pytest.mark.parametrize("name", [*TRAVERSALS, "secret.key", "gateway.db"])
def test_logs_and_files_are_those_of_the_run(server, run_id, name):
    for path in (f"/api/v1/runs/{run_id}/log/{name}", f"/api/v1/runs/{run_id}/files/{name}", f"/api/v1/runs/{run_id}/log?stream={name}"):
        if not path.endswith(("/.", "/..")):
            status, body = raw_get(server, path)
            assert status in (307, 400, 404, 422), (path, status)
            assert b"root:" not in body and b"SQLite" not in body


def test_symbolic_links_out_of_a_run_are_not_followed(server, admin, run_id, tmp_path):
    """A task of the pipeline could make one; the gateway's key file must not come out as a log."""
    folder = next(server.home.rglob(run_id))
    secret = tmp_path / "outside.txt"
    secret.write_text("not for the caller")
    for name in ("console.log", ".nextflow.log"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(secret)
    for stream in ("console", "nextflow"):
        assert b"not for the caller" not in raw_get(server, f"/api/v1/runs/{run_id}/log?stream={stream}")[1]
        assert b"not for the caller" not in raw_get(server, f"/api/v1/runs/{run_id}/log/{stream}")[1]
    report = folder / "results" / "report"
    report.mkdir(parents=True, exist_ok=True)
    for name in ("report.html", "index.html"):
        (report / name).symlink_to(secret)
    assert b"not for the caller" not in raw_get(server, f"/api/v1/runs/{run_id}/files/report")[1]


@pytest.mark.parametrize(
    "name",
    ["../evil.jsonl", "..%2fevil.jsonl", "/etc/cron.d/evil.jsonl", "a/b.jsonl", "..", ".", "evil.jsonl\x00.txt", ".ssh.jsonl", "-rf.jsonl"],
)
def test_uploads_stay_in_their_folder(server, admin, name):
    answer = admin.post(
        "/api/v1/datasets", params={"name": name}, content=b'{"a": 1}\n', headers={"Content-Type": "application/octet-stream"}
    )
    assert answer.status_code in (201, 400, 415, 422), answer.text
    if answer.status_code == 201:
        assert "/" not in answer.json()["name"] and not answer.json()["name"].startswith((".", "-"))
    written = {path.relative_to(server.home).parts[0] for path in server.home.rglob("*.jsonl*")}
    assert written <= {"datasets", "uploads", "data"}
    assert list(server.home.parent.glob("*.jsonl*")) == [] and not Path("/etc/cron.d/evil.jsonl").exists()


INJECTIONS = [
    ("unknown parameter", {"workflow_params": {"x": "'; rm -rf / #"}}),
    ("option as a name", {"workflow_params": {"-c": "evil.config"}}),
    ("option with the value", {"workflow_params": {"-c evil.config": ""}}),
    ("long option as a name", {"workflow_params": {"--input": "x"}}),
    ("weblog", {"workflow_params": {"-with-weblog": "http://evil.example/"}}),
    ("weblog as engine parameter", {"engine_parameters": {"-with-weblog": "http://evil.example/"}}),
    ("config as engine parameter", {"engine_parameters": {"config": "evil.config"}}),
    ("-c as engine parameter", {"engine_parameters": {"profile": "test", "-c": "evil.config"}}),
    ("resume of another's session", {"engine_parameters": {"profile": "test", "resume": "7d2a"}}),
    ("work dir", {"engine_parameters": {"profile": "test", "work-dir": "/etc"}}),
    ("profile with an option", {"engine_parameters": {"profile": "test -c evil.config"}}),
    ("profile with a line end", {"engine_parameters": {"profile": "test\n-c evil.config"}}),
    ("profile that is an option", {"engine_parameters": {"profile": "-with-weblog"}}),
    ("profile with a command", {"engine_parameters": {"profile": "test;id"}}),
    ("profile with a substitution", {"engine_parameters": {"profile": "$(id)"}}),
    ("unknown profile", {"engine_parameters": {"profile": "test,evil"}}),
    ("profile of another type", {"engine_parameters": {"profile": ["test"]}}),
    ("stub of another type", {"engine_parameters": {"stub": "-c evil.config"}}),
    ("another workflow", {"workflow_url": "https://evil.example/pipeline"}),
    ("workflow that is an option", {"workflow_url": "-c evil.config"}),
    ("workflow by path", {"workflow_url": "../../evil/main.nf"}),
    ("workflow with the name inside", {"workflow_url": "llamaflow -c evil.config"}),
    ("command in a number", {"workflow_params": {"seed": "1; id"}}),
    ("command in a choice", {"workflow_params": {"mode": "train; id"}}),
    ("input outside", {"workflow_params": {"input": "/etc/passwd"}}),
    ("input by traversal", {"workflow_params": {"input": "../../../etc/passwd"}}),
    ("input from the web", {"workflow_params": {"input": "http://169.254.169.254/latest/meta-data/"}}),
    ("input by file URL", {"workflow_params": {"input": "file:///etc/passwd"}}),
    ("input from a bucket nobody allowed", {"workflow_params": {"input": "s3://evil/x.jsonl"}}),
    ("input with a glob", {"workflow_params": {"input": "/etc/*"}}),
    ("the gateway's own key", {"workflow_params": {"input": "secret.key"}}),
    ("another's output folder", {"workflow_params": {"outdir": "/tmp/evil"}}),
    ("the registry", {"workflow_params": {"registry": "/tmp/evil"}}),
    ("cluster options", {"workflow_params": {"slurm_options": "--wrap=id"}}),
    ("container", {"workflow_params": {"container_cpu": "evil/image"}}),
    ("recipe by path", {"workflow_params": {"recipe": "../../../../etc/passwd"}}),
    ("gate by path", {"workflow_params": {"gate": "/etc/passwd"}}),
    ("policy by path", {"workflow_params": {"anonymize_policy": "../../nextflow.config"}}),
    ("tracking elsewhere", {"workflow_params": {"tracking_uri": "http://evil.example/"}}),
    ("model by path", {"workflow_params": {"base_model": "/etc"}}),
    ("nul", {"workflow_params": {"input": "x\x00y"}}),
    ("a nested parameter", {"workflow_params": {"seed": {"$gt": 1}}}),
    ("prototype", {"__proto__": {"admin": True}}),
    ("owner", {"key_id": "first-admin"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body"), INJECTIONS, ids=[what for what, _ in INJECTIONS])
def test_parameters_that_would_do_more_than_parametrise_are_refused(server, admin, what, body):
    before = admin.get("/api/v1/runs").json()["runs"]
    request_id = f"inject-{INJECTIONS.index((what, body))}"
    request = {"workflow_params": {}, "engine_parameters": {"profile": "test"}} | body
    answer = admin.post("/api/v1/runs", json=request, headers={"X-Request-Id": request_id})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["status_code"] == answer.status_code
    assert "evil.example" not in answer.text  # what was sent does not come back
    assert admin.get("/api/v1/runs").json()["runs"] == before
    (row,) = eventually(lambda: [row for row in server.audit(action="runs.submit") if row["request_id"] == request_id])
    assert (row["outcome"], row["status_code"]) == ("refused", answer.status_code)


@pytest.mark.parametrize(("what", "body"), INJECTIONS, ids=[what for what, _ in INJECTIONS])
def test_the_same_by_wes(server, admin, what, body):
    request = {"workflow_url": "llamaflow", "workflow_type": "NFL", "workflow_type_version": "24.10", "workflow_params": {},
               "workflow_engine_parameters": {"profile": "test"}}  # fmt: skip
    for name, value in body.items():
        request["workflow_engine_parameters" if name == "engine_parameters" else name] = value
    answer = admin.post("/ga4gh/wes/v1/runs", json=request)
    assert answer.status_code in (400, 422), answer.text
    assert "evil.example" not in answer.text


TARGETS = [
    "http://127.0.0.1:9/",
    "http://localhost:9/",
    "http://[::1]:9/",
    "http://0.0.0.0/",
    "http://0/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00::1]/",
    "http://[fe80::1]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "ftp://example.com/",
    "dict://127.0.0.1/",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "http://",
    "//evil.example/",
    "http://user:secretpass@127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://example.com@127.0.0.1/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://1.1.1.1:22/",
    "http://1.1.1.1:6379/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127.0.0.1\r\nX: y/",
    "http://localhost./",
    "http://LOCALHOST/",
]


@pytest.mark.parametrize("url", TARGETS)
def test_webhooks_to_where_nobody_may_call_are_refused(server, admin, url):
    request_id = f"ssrf-{TARGETS.index(url)}"
    answer = admin.post("/api/v1/webhooks", json={"url": url}, headers={"X-Request-Id": request_id})
    assert answer.status_code in (400, 422), answer.text
    assert "secretpass" not in answer.text
    (row,) = eventually(
        lambda: [row for row in server.audit(action="webhooks.create", outcome="refused") if row["request_id"] == request_id]
    )
    assert row["status_code"] == answer.status_code
    assert "secretpass" not in str(row)


@pytest.mark.parametrize("url", TARGETS)
def test_resume_urls_to_where_nobody_may_call_are_refused(server, admin, url):
    before = admin.get("/api/v1/runs").json()["runs"]
    answer = admin.post("/api/v1/runs", json={**GOOD, "resume_url": url})
    assert answer.status_code in (400, 422), answer.text
    assert admin.get("/api/v1/runs").json()["runs"] == before


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"workflow_params": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "application/json"),
        (b"\xff\xfe\x00", "application/json"),
        (b"null", "application/json"),
        (b"", "application/json"),
        (b'{"workflow_params": {"seed": 1e999}}', "application/json"),
        (b'{"workflow_params": {"seed": ' + b"9" * 5000 + b"}}", "application/json"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>", "application/xml"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/runs", "/ga4gh/wes/v1/runs", "/api/v1/keys", "/api/v1/webhooks", "/api/v1/estimate"])
def test_bodies_that_are_none_are_refused_without_an_error_of_ours(admin, path, body, kind):
    answer = admin.post(path, content=body, headers={"Content-Type": kind})
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()) >= {"msg", "status_code"}


def test_nothing_went_wrong_inside(server):
    """Whatever the attacks above were: none of them met a bug."""
    assert [line for line in server.log_lines() if line["level"] in ("error", "critical")] == []
