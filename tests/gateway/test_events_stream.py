"""Events over a real server: followed, dropped, taken up again; none missed, none twice."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from lives import STUB, lead
from served import Served, eventually, served
from sqlalchemy import select, update

from gateway.context import Gateway, open_gateway
from gateway.runs.feed import head_after
from gateway.runs.slots import MOST
from gateway.runs.states import Trigger
from gateway.runs.transitions import lock, record
from gateway.settings import Settings
from gateway.store.tables import Event, now


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("events") / "home") as one:
        yield one


@pytest.fixture(scope="module")
def beside(server) -> Iterator[Gateway]:
    """Another process's share of the same gateway, as a worker has it."""
    opened = open_gateway(Settings(_env_file=None, home=server.home))
    yield opened
    opened.close()


def submitted(api: httpx.Client) -> str:
    return api.post("/api/v1/runs", json=STUB).json()["run_id"]


def happen(beside: Gateway, run_id: str, number: int) -> None:
    for index in range(number):
        with beside.store.write() as session:
            record(session, lock(session, run_id), "br.llamaflow.run.progress", {"n": index})


def read(api: httpx.Client, path: str, count: int | None = None, opened: Callable[[], None] = lambda: None, **options) -> list[dict]:
    """Events of a stream: so many, or all until it closes. The id of each is its number. opened: called when it has begun."""
    found = []
    headers = {"Accept": "text/event-stream"} | options.pop("headers", {})
    with api.stream("GET", path, headers=headers, **options) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        opened()
        number = None
        for line in answer.iter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("data: "):
                found.append(json.loads(line[6:]))
                assert found[-1]["number"] == number
                if len(found) == count:
                    break
    return found


def kinds(events: list[dict]) -> list[str]:
    return [event["type"].rpartition(".")[2] for event in events]


def test_a_stream_tells_what_was_and_what_comes(server, beside):
    with server.client() as api:
        run = submitted(api)
        later = threading.Timer(0.5, lead, (beside, run, Trigger.CLAIM, Trigger.LAUNCHED, Trigger.FINISHED))
        later.start()
        found = read(api, f"/api/v1/runs/{run}/events?until_end=true")
        later.join()
    assert kinds(found) == ["queued", "started", "completed"]
    assert [event["sequence"] for event in found] == [1, 2, 3]
    assert {event["subject"] for event in found} == {run}
    assert all(event["specversion"] == "1.0" and event["data"]["run_id"] == run for event in found)


def test_a_dropped_stream_goes_on_without_gap_or_repetition(server, beside):
    with server.client() as api:
        run = submitted(api)
        writer = threading.Thread(target=happen, args=(beside, run, 60))
        writer.start()
        found: list[dict] = []
        while len(found) < 61:
            last = {"Last-Event-ID": str(found[-1]["number"])} if found else {}
            # The header is newer than the URL that a browser keeps.
            found += read(api, f"/api/v1/runs/{run}/events?after=0", 7 if len(found) < 55 else 61 - len(found), headers=last)
        writer.join()
    assert [event["sequence"] for event in found] == list(range(1, 62))


def test_all_runs_of_the_caller_in_one_stream(server, beside):
    mine = server.make_key("runs:read", "runs:write")["key"]
    with server.client() as admin, server.client(mine) as api:
        yours, own = submitted(admin), submitted(api)
        happen(beside, yours, 3)
        happen(beside, own, 3)
        found = read(api, "/api/v1/events?after=0", 4)
        assert {event["subject"] for event in found} == {own}
        assert {event["subject"] for event in read(admin, f"/api/v1/events?after={found[0]['number'] - 2}", 8)} >= {yours, own}
        only = read(api, "/api/v1/events?after=0&type=br.llamaflow.run.queued", 1)
        assert kinds(only) == ["queued"]
        # Without a last event: only what is new.
        assert [event["data"]["n"] for event in read(api, "/api/v1/events", 1, lambda: happen(beside, own, 1))] == [0]
        listed = api.get("/api/v1/events?after=0&limit=2").json()
        assert kinds(listed["events"]) == ["queued", "progress"]
        assert len(api.get(f"/api/v1/events?after={listed['next_after']}").json()["events"]) == 3


def test_what_is_refused(server):
    key = server.make_key("datasets")["key"]
    with server.client() as api, server.client(key) as other, server.client("") as nobody:
        run = submitted(api)
        for path in (f"/api/v1/runs/{run}/events", "/api/v1/events"):
            headers = {"Accept": "text/event-stream"}
            assert nobody.get(path, headers=headers).status_code == 401
            assert other.get(path, headers=headers).status_code == 403
            assert api.get(path, headers=headers | {"Last-Event-ID": "x"}).status_code == 400
            assert api.get(f"{path}?type=none", headers=headers).status_code == 400
            assert api.get(f"{path}?after=-1", headers=headers).status_code == 422


def test_streams_of_a_key_are_counted(server):
    mine = server.make_key("runs:read", "runs:write")["key"]
    with server.client() as admin, server.client(mine) as api, contextlib.ExitStack() as held:
        run = submitted(api)
        path, headers = f"/api/v1/runs/{run}/events", {"Accept": "text/event-stream"}
        others = [held.enter_context(server.client(mine)) for _ in range(MOST)]
        streams = [held.enter_context(other.stream("GET", path, headers=headers)) for other in others]
        lines = [one.iter_lines() for one in streams]
        assert {next(one) for one in lines} == {"retry: 2000"}
        assert status_of(api, path) == status_of(api, f"/api/v1/runs/{run}/log/console?follow=true") == 429
        assert api.get(path).status_code == 200  # by pages
        assert len(read(admin, path, 1)) == 1
        streams[0].close()
        eventually(lambda: status_of(api, path) == 200)


def status_of(api: httpx.Client, path: str) -> int:
    """Of a stream, without waiting for its end."""
    with api.stream("GET", path, headers={"Accept": "text/event-stream"}) as answer:
        return answer.status_code


def test_a_restarted_gateway_ends_its_streams_and_they_go_on(tmp_path):
    home = tmp_path / "home"
    with served(home) as one:
        key = one.key
        with one.client() as api:
            run = submitted(api)
            with api.stream("GET", f"/api/v1/runs/{run}/events", headers={"Accept": "text/event-stream"}) as answer:
                lines = answer.iter_lines()
                number = next(line for line in lines if line.startswith("id: "))[4:]
                stopper = threading.Thread(target=one.stop)
                stopper.start()
                assert [line for line in lines if line.startswith("id")] == []  # ends by itself
            stopper.join(20)
    with served(home) as two, two.client(key) as api:
        api.post(f"/api/v1/runs/{run}/cancel")
        assert kinds(read(api, f"/api/v1/runs/{run}/events?until_end=true", headers={"Last-Event-ID": number})) == ["canceled"]


def _event(gateway: Gateway, run_id: str, number: int, time: dt.datetime) -> None:
    with gateway.store.write() as session:
        session.add(Event(number=number, id=f"e{number}", run_id=run_id, sequence=number, type="t", data={}, time=time))


def test_a_number_given_out_earlier_and_committed_later_is_not_missed(gateway, as_key):
    """On PostgreSQL event 7 may be there before event 6: until 6 is there, or will never be, nobody is told of 7."""
    run = submitted(as_key())  # event 1
    assert head_after(gateway.store, 0) == 1
    _event(gateway, run, 3, now())
    assert head_after(gateway.store, 1) == 1
    _event(gateway, run, 2, now())
    assert head_after(gateway.store, 1) == 3
    _event(gateway, run, 9, now())
    assert head_after(gateway.store, 3) == 3
    with gateway.store.write() as session:
        session.execute(update(Event).where(Event.number == 9).values(time=now() - dt.timedelta(minutes=1)))
    assert head_after(gateway.store, 3) == 9  # its predecessors were rolled back long ago
    assert head_after(gateway.store, None) == 9


@pytest.mark.rig
def test_streams_on_postgresql_under_concurrent_writers(postgres_database, make_settings):
    """Sixteen writers at once: each stream that follows the head tells every event once and in order."""
    settings = make_settings(database_url=postgres_database)
    gateway = open_gateway(settings)
    try:
        from gateway.runs.requests import RunRequest
        from gateway.runs.submission import submit

        runs = [submit(gateway, RunRequest(**STUB), key_id="k").id for _ in range(16)]
        threads = [threading.Thread(target=happen, args=(gateway, run, 20)) for run in runs]
        for thread in threads:
            thread.start()
        told: list[int] = []
        head: int = 0
        while len(told) < 16 * 21:
            new = head_after(gateway.store, head)
            with gateway.store.read() as session:
                told += session.execute(
                    select(Event.number).where(Event.number > head, Event.number <= new).order_by(Event.number)
                ).scalars()
            head = new
        for thread in threads:
            thread.join()
        assert told == sorted(set(told))
        with gateway.store.read() as session:
            assert sorted(session.execute(select(Event.number)).scalars()) == told
    finally:
        gateway.close()
