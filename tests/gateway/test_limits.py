"""How often, how many, how large, how slowly: rates, quotas, bodies, heads."""

from __future__ import annotations

import http.client
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import eventually, served

from gateway.auth.quota import within_quota
from gateway.auth.rates import BURST_S, Rates
from gateway.errors import ApiError
from gateway.store.tables import Run


def test_a_burst_then_the_steady_rate():
    rates = Rates()
    at_once = sum(rates.take("a", 60, now=100.0) == 0 for _ in range(100))
    assert at_once == BURST_S  # one a second, ten seconds' worth
    assert rates.take("a", 60, now=100.0) == pytest.approx(1)
    assert rates.take("b", 60, now=100.0) == 0
    assert rates.take("a", 60, now=101.0) == 0
    assert rates.take("a", 60, now=101.0) > 0


@given(st.integers(1, 100_000), st.lists(st.floats(0, 5), max_size=200))
def test_no_pattern_of_calls_gets_more_than_its_rate(per_minute, pauses):
    rates, now, passed = Rates(), 0.0, 0
    for pause in pauses:
        now += pause
        passed += rates.take("a", per_minute, now=now) == 0
    assert passed <= (now + max(BURST_S, 60 / per_minute)) * per_minute / 60 + 1


def test_waiting_as_told_is_enough():
    rates = Rates()
    while not (wait := rates.take("a", 90, now=0.0)):
        pass
    assert rates.take("a", 90, now=wait) == 0


def test_key_that_calls_too_often_is_told_when_to_come_back(as_key, client):
    caller = as_key("runs:read", rate_per_minute=30)
    answers = [caller.get("/api/v1/keys/me") for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert answers[-1].json() == {"msg": "too many calls: slow down", "status_code": 429}
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 3
    assert as_key("runs:read").get("/api/v1/keys/me").status_code == 200  # others do not feel it
    assert client.get("/healthz").status_code == 200


def test_rotating_does_not_give_a_fresh_rate(as_key):
    caller = as_key("runs:read", rate_per_minute=30)
    key_id = caller.get("/api/v1/keys/me").json()["key_id"]
    caller.headers["Authorization"] = "Bearer " + caller.post(f"/api/v1/keys/{key_id}/rotate").json()["key"]
    assert [caller.get("/api/v1/keys/me").status_code for _ in range(4)] == [200] * 3 + [429]


def test_guessing_is_slowed_and_good_keys_pass(client, make_key):
    guesses = [client.get("/api/v1/keys/me", headers={"X-API-Key": f"lf_{number:010x}_guess"}).status_code for number in range(30)]
    assert set(guesses) == {401, 429}
    assert client.get("/api/v1/keys/me", headers={"X-API-Key": make_key("runs:read")}).status_code == 200


def add_run(session, owner: str, state: str, number: int) -> None:
    session.add(Run(id=f"{owner}-{number}", state=state, key_id=owner, workflow_url="llamaflow", folder="", outdir=""))


def test_quota_counts_runs_that_are_not_over(gateway, make_key, make_settings):
    settings = make_settings(max_waiting=3)
    with gateway.store.write() as session:
        for number, state in enumerate(("QUEUED", "RUNNING", "COMPLETE", "CANCELED", "EXECUTOR_ERROR")):
            add_run(session, "me", state, number)
        add_run(session, "other", "QUEUED", 0)
        within_quota(session, settings, "me")
        add_run(session, "me", "PREEMPTED", 9)
        session.flush()
        with pytest.raises(ApiError, match="3 runs waiting or active, of 3") as refused:
            within_quota(session, settings, "me")
        assert refused.value.status_code == 429
        within_quota(session, settings, "other")


def test_a_key_s_own_quota_counts_before_the_setting(gateway, as_key, settings):
    me = as_key("runs:write", max_waiting=0).get("/api/v1/keys/me").json()
    with gateway.store.write() as session, pytest.raises(ApiError):
        within_quota(session, settings, me["owner_id"])


def test_quota_is_kept_by_submissions_at_once(gateway, make_settings, as_key):
    settings = make_settings(max_waiting=5)
    owner = as_key("runs:write").get("/api/v1/keys/me").json()["owner_id"]
    barrier = threading.Barrier(8)

    def submit(number):
        barrier.wait()
        try:
            with gateway.store.write() as session:
                within_quota(session, settings, owner)
                add_run(session, owner, "QUEUED", number)
        except ApiError:
            pass

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with gateway.store.read() as session:
        assert session.query(Run).count() == 5


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("limits") / "home", max_body_bytes=1000, max_upload_bytes=200_000, body_timeout_s=1) as one:
        yield one


def exchange(server, sent: list[bytes], pause: float = 0.0, seconds: float = 30) -> bytes:
    """What the server answers to these bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        for piece in sent:
            try:
                connection.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def head(server, method: str = "POST", path: str = "/api/v1/keys", **headers: str) -> bytes:
    given = {"Host": "x", "Authorization": f"Bearer {server.key}", "Content-Type": "application/json", **headers}
    return (
        f"{method} {path} HTTP/1.1\r\n".encode()
        + b"".join(f"{name.replace('_', '-')}: {value}\r\n".encode() for name, value in given.items())
        + b"\r\n"
    )


def last_refusal(server, status: int) -> dict:
    return eventually(lambda: [row for row in server.audit(outcome="refused") if row["status_code"] == status])[0]


def test_body_that_says_it_is_too_large_is_not_read(server):
    answer = exchange(server, [head(server, Content_Length="1001")])
    assert answer.startswith(b"HTTP/1.1 413 ") and b"at most 1000 bytes" in answer
    assert last_refusal(server, 413)["key_id"] is None


def test_large_body_s_sender_sees_the_answer(server):
    """Not a connection reset: what was sent is read and thrown away."""
    answer = exchange(server, [head(server, Content_Length="300000"), b"x" * 300_000])
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_chunked_body_is_cut_at_the_limit(server):
    chunk = b"200\r\n" + b" " * 512 + b"\r\n"
    answer = exchange(server, [head(server, Transfer_Encoding="chunked"), chunk, chunk, chunk])
    assert answer.startswith(b"HTTP/1.1 413 ") and answer.count(b"HTTP/1.1") == 1


def test_body_within_the_limit_is_taken(server):
    body = b'{"name": "small", "scopes": ["runs:read"]}'
    answer = exchange(server, [head(server, Content_Length=str(len(body)), Connection="close"), body])
    assert answer.startswith(b"HTTP/1.1 201 ")


def test_slow_body_is_refused(server):
    answer = exchange(server, [head(server, Content_Length="100"), b"{", b'"'], pause=0.2)
    assert answer.startswith(b"HTTP/1.1 408 ") and b"too slowly" in answer
    assert last_refusal(server, 408)["key_id"] == "first-admin"


def test_dripping_body_is_refused_too(server):
    """A byte now and then does not buy time."""
    started = time.monotonic()
    answer = exchange(server, [head(server, Content_Length="100")] + [b" "] * 60, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 20


def test_without_a_key_no_body_is_read(server):
    answer = exchange(server, [head(server, Content_Length="999", Authorization="Bearer nothing", X_Request_Id="stranger")])
    assert answer.startswith(b"HTTP/1.1 401 ")
    # The limit of time runs out while the refused body is waited for: nobody's error.
    eventually(lambda: [line for line in server.log_lines() if line.get("request_id") == "stranger" and line["event"] == "request"])
    assert [line for line in server.log_lines() if line["level"] == "error"] == []


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 40, "10, 10"])
def test_odd_lengths_are_refused(server, length):
    answer = exchange(server, [head(server, Content_Length=length) + b"{}"])
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))


def test_both_lengths_are_refused(server):
    """Request smuggling: a proxy and the gateway must not disagree about where a body ends."""
    answer = exchange(server, [head(server, Content_Length="5", Transfer_Encoding="chunked"), b"0\r\n\r\n"])
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_long_head_is_refused(server):
    answer = exchange(server, [b"GET /healthz HTTP/1.1\r\nHost: x\r\n", *[b"X-A: " + b"a" * 8000 + b"\r\n"] * 12])
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert last_refusal(server, 431)["action"] == "connection"


def test_idle_keep_alive_connections_are_kept(server):
    """Many clients that wait between their polls."""
    connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(300)]
    for connection in connections:
        connection.connect()
    sockets = [connection.sock for connection in connections]
    for _round in range(2):
        for connection in connections:
            connection.request("GET", "/healthz")
        assert {connection.getresponse().read() for connection in connections} == {b'{"status":"ok"}'}
    assert sockets == [connection.sock for connection in connections]  # none had to connect again
    for connection in connections:
        connection.close()


def test_guessing_at_the_login_is_slowed_too(client):
    """The form takes keys as well; both ways share one count."""
    form = {"headers": {"Origin": "http://127.0.0.1:8000"}, "follow_redirects": False}
    answers = [client.post("/login", data={"key": f"lf_{number:010x}_guess"}, **form).status_code for number in range(30)]
    assert 429 in answers and 200 not in answers and 303 not in answers
    assert client.get("/api/v1/keys/me", headers={"X-API-Key": "lf_0123456789_guess"}).status_code == 429


PATHS = ["/api/v1/runs", "/api/v1/keys", "/api/v1/datasets?name=a.jsonl", "/ga4gh/wes/v1/runs"]


@pytest.mark.parametrize("path", PATHS)
def test_caller_who_hangs_up_in_the_middle_is_no_error_of_ours(server, path):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head(server, path=path, Content_Length="100", X_Request_Id=f"gone{PATHS.index(path)}") + b'{"a"')
    line = eventually(lambda: [line for line in server.log_lines() if line.get("request_id") == f"gone{PATHS.index(path)}"])[-1]
    assert line["event"] == "request" and line["status"] in (400, 499), line
    assert [line for line in server.log_lines() if line["level"] == "error"] == []
