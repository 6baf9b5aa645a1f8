"""Commands that stay: wait, logs -f, events -f, watch; also across a restart of the gateway."""

from __future__ import annotations

import json
import os
import pty
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_cases import LLAMAFLOW, Cli, advance
from served import Served, eventually, free_port, served

from gateway.context import Gateway, open_gateway
from gateway.runs.states import Trigger
from gateway.settings import Settings

BEGIN = (Trigger.CLAIM, Trigger.LAUNCHED)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("follow") / "home") as one:
        yield one


@pytest.fixture
def cli(server: Served) -> Cli:
    return Cli(server.url, server.key)


@pytest.fixture
def run_id(cli: Cli) -> str:
    return cli.answer("submit", "--profile", "test", "--stub")["run_id"]


def test_wait_ends_with_the_verdict(cli: Cli, store: Gateway, run_id: str):
    waiting = cli.start("wait", run_id, "--interval", "0.1")
    advance(store, run_id, *BEGIN)
    with pytest.raises(Exception, match="timed out"):
        waiting.wait(1)
    advance(store, run_id, Trigger.FINISHED, verdict="rejected", outputs={"verdict": "rejected", "reason": "worse"})
    output, errors = waiting.communicate(timeout=30)
    assert waiting.returncode == 10, errors
    told = json.loads(output)
    assert told["ok"] is False and told["exit"] == 10 and told["outputs"]["reason"] == "worse"


def test_wait_gives_up_at_its_timeout(cli: Cli, run_id: str):
    assert cli.answer("wait", run_id, "--timeout", "0.3", "--interval", "0.1", code=30)["state"] == "QUEUED"


def test_wait_and_events_outlive_the_gateway(tmp_path: Path):
    home, port = tmp_path / "home", free_port()
    with served(home, port=port) as one:
        cli = Cli(one.url, one.key)
        run_id = cli.answer("submit", "--profile", "test", "--stub")["run_id"]
        waiting = cli.start("wait", run_id, "--interval", "0.1")
        following = cli.start("events", run_id, "-f")
        first = json.loads(following.stdout.readline())
        one.process.kill()
        one.process.wait()
    opened = open_gateway(Settings(_env_file=None, home=home))
    advance(opened, run_id, *BEGIN)
    opened.close()
    with served(home, port=port):
        opened = open_gateway(Settings(_env_file=None, home=home))
        second = json.loads(following.stdout.readline())
        advance(opened, run_id, Trigger.FAILED, exit_code=3, error="error: leaks")
        opened.close()
        rest, _ = following.communicate(timeout=60)
        output, errors = waiting.communicate(timeout=60)
    assert waiting.returncode == 3 and json.loads(output)["error"] == "error: leaks", errors
    told = [first, second, *map(json.loads, rest.splitlines())]
    assert [one["type"].rpartition(".")[2] for one in told] == ["queued", "started", "failed"]
    assert [one["sequence"] for one in told] == [1, 2, 3] and following.returncode == 0


def test_watch_says_that_the_gateway_is_away(tmp_path: Path):
    home, port = tmp_path / "home", free_port()
    with served(home, port=port) as one:
        cli = Cli(one.url, one.key)
        run_id = cli.answer("submit", "--profile", "test", "--stub")["run_id"]
        watching = cli.start("watch", run_id, "--interval", "0.1")
        assert "QUEUED" in watching.stdout.readline()
        one.process.kill()
        one.process.wait()
        assert "trying on" in watching.stdout.readline()
    with served(home, port=port):
        cli.answer("cancel", run_id)
        rest, errors = watching.communicate(timeout=30)
    assert "CANCELED" in rest and watching.returncode == 22, errors


def test_events_go_on_at_their_cursor(cli: Cli, store: Gateway, run_id: str, tmp_path: Path):
    cursor = str(tmp_path / "cursor")
    first = cli.run("events", run_id, "--cursor", cursor).stdout.splitlines()
    advance(store, run_id, *BEGIN)
    second = cli.run("events", run_id, "--cursor", cursor).stdout.splitlines()
    assert [json.loads(line)["sequence"] for line in first + second] == [1, 2]
    assert cli.run("events", run_id, "--cursor", cursor).stdout == ""
    whole = cli.run("events", run_id).stdout.splitlines()
    assert whole == first + second
    numbers = [json.loads(line)["number"] for line in cli.run("events", "--after", str(json.loads(first[0])["number"])).stdout.splitlines()]
    assert numbers == sorted(numbers) and numbers[0] > json.loads(first[0])["number"]


def test_events_of_more_than_a_page(cli: Cli, store: Gateway, run_id: str):
    advance(store, run_id, *BEGIN)
    for _ in range(300):
        advance(store, run_id, Trigger.LOST, *BEGIN)
    told = [json.loads(line) for line in cli.run("events", run_id).stdout.splitlines()]
    assert [one["sequence"] for one in told] == list(range(1, 603))


def test_events_of_an_unknown_run_are_not_waited_for(cli: Cli):
    assert cli.answer("events", "nothing", "-f", code=2)["error"]["status_code"] == 404


def test_logs_follow_into_the_next_launch(cli: Cli, store: Gateway, server: Served, run_id: str):
    folder = server.home.resolve() / "runs" / run_id / "launches"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "console.log").write_text("one\nação\n")
    (folder / "1" / "nextflow.log").write_text("DEBUG\n")
    advance(store, run_id, *BEGIN)
    assert cli.run("logs", run_id).stdout == "one\nação\n"
    assert cli.run("logs", run_id, "--tail", "1").stdout == "ação\n"
    assert cli.run("logs", run_id, "--stream", "nextflow").stdout == "DEBUG\n"
    assert cli.answer("logs", run_id, "--json")["text"] == "one\nação\n"
    following = cli.start("logs", run_id, "-f")
    assert [following.stdout.readline(), following.stdout.readline()] == ["one\n", "ação\n"]
    with (folder / "1" / "console.log").open("a") as log:
        log.write("two\n")
    assert following.stdout.readline() == "two\n"
    (folder / "2").mkdir()
    (folder / "2" / "console.log").write_text("a longer log of the second launch\n")
    assert following.stdout.readline() == "a longer log of the second launch\n"
    advance(store, run_id, Trigger.FINISHED)
    output, errors = following.communicate(timeout=30)
    assert (output, following.returncode) == ("", 0), errors


def test_watch_prints_what_changes_where_there_is_no_terminal(cli: Cli, store: Gateway, run_id: str):
    watching = cli.start("watch", run_id, "--interval", "0.1")
    assert watching.stdout.readline().split() == [run_id, "QUEUED"]
    progress = {"PREPARE": {"done": 1, "running": 0, "failed": 0}, "ANONYMIZE": {"done": 1, "running": 2, "failed": 0, "total": 5}}
    advance(store, run_id, *BEGIN, progress=progress)
    line = eventually(lambda: (text := watching.stdout.readline()) and "RUNNING" in text and text)
    assert "ANONYMIZE" in line and "2/6 tasks" in line
    advance(store, run_id, Trigger.FINISHED, verdict="needs_review")
    output, errors = watching.communicate(timeout=30)
    assert "COMPLETE  needs_review" in output and watching.returncode == 11, errors


def test_watch_on_a_terminal_is_a_table(cli: Cli, store: Gateway, run_id: str):
    detail = {"done": 12, "total": 24, "unit": "step", "loss": 1.93}
    advance(store, run_id, *BEGIN, progress={"FINETUNE": {"done": 0, "running": 1, "failed": 0, "detail": detail}})
    child, terminal = pty.fork()
    if child == 0:
        os.execve(LLAMAFLOW, ["llamaflow", "watch", run_id, "--interval", "0.1"], cli.env | {"TERM": "xterm", "COLUMNS": "120"})
    shown = ""
    until = time.monotonic() + 30
    while "12/24 step, loss 1.93" not in shown and time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 65536).decode("utf-8", "replace")
    assert "FINETUNE" in shown and "12/24 step, loss 1.93" in shown and "RUNNING" in shown
    advance(store, run_id, Trigger.FINISHED, verdict="accepted")
    while True:
        try:
            shown += os.read(terminal, 65536).decode("utf-8", "replace")
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and "accepted" in shown
