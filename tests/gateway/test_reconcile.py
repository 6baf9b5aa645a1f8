"""kill -9 of worker, wrapper, Nextflow, alone and together; leases; several workers. Each ends with the same result, each run once."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select, update
from worker_cases import (  # noqa: F401
    HERE,
    QUICK,
    add_run,
    cancel,
    event_types,
    executed,
    kill,
    kill_all_of,
    let_go,
    nextflow_of,
    nothing_left_behind,
    processes_of,
    start_worker,
    the_run,
    wait_for,
    wait_for_state,
    working,
)

from gateway.context import open_gateway
from gateway.launchers.base import Launch, LauncherError, declare_void
from gateway.launchers.local import LocalLauncher
from gateway.runs.states import FINAL, State, Trigger
from gateway.runs.transitions import lock, move
from gateway.store.tables import Event, Outbox, Run, now
from gateway.store.tables import Worker as WorkerRow
from gateway.worker.claims import Claims, LeaseLost
from gateway.worker.worker import Worker

PREPARE, TUNE, GATE = "LLAMAFLOW:PREPARE (test)", "LLAMAFLOW:ROUNDS:ROUND_1:FINETUNE (test)", "LLAMAFLOW:ROUNDS:ROUND_1:GATE (test)"
STEPS = [["task", PREPARE, 0, 0], ["task", TUNE, 0.2, 0], ["task", GATE, 0, 0]]
HELD = [["task", PREPARE, 0, 0], ["task", TUNE, "held", 0], ["task", GATE, 0, 0]]  # in the middle until let_go


@pytest.fixture
def settings(make_settings):
    return make_settings(**QUICK)


def started(gateway, run_id):
    return wait_for(lambda: TUNE in executed(gateway, run_id) and the_run(gateway, run_id).state == State.RUNNING, "the second task")


def test_a_worker_that_is_killed_is_followed_by_another(gateway):
    run_id = add_run(gateway, HELD)
    first = start_worker(gateway)
    started(gateway, run_id)
    kill(first)
    assert nextflow_of(run_id).is_running()
    dead, second = the_run(gateway, run_id).claimed_by, start_worker(gateway)
    wait_for(lambda: the_run(gateway, run_id).claimed_by not in (dead, None), "the second worker")
    let_go(gateway, run_id)
    run = wait_for_state(gateway, run_id, *FINAL)
    second.terminate()
    second.wait(30)
    assert (run.state, run.launches, run.losses) == (State.COMPLETE, 1, 0)
    assert event_types(gateway, run_id) == ["started", "completed"]
    assert executed(gateway, run_id) == [PREPARE, TUNE, GATE]


def test_an_end_that_nobody_saw_is_found(gateway):
    """Both ways: a run that succeeded and one that failed while no worker was there."""
    good, bad = add_run(gateway, HELD), add_run(gateway, [*HELD[:2], ["exit", 2]])
    first = start_worker(gateway)
    started(gateway, good), started(gateway, bad)
    kill(first)
    let_go(gateway, good), let_go(gateway, bad)
    wait_for(lambda: not processes_of(good) and not processes_of(bad), "the launchers' ends")
    with working(gateway):
        assert wait_for_state(gateway, good, *FINAL).state == State.COMPLETE
        run = wait_for_state(gateway, bad, *FINAL)
    assert (run.state, run.exit_code, run.launches) == (State.EXECUTOR_ERROR, 2, 1)
    assert the_run(gateway, good).progress["GATE"]["done"] == 1


@pytest.mark.parametrize("victim", ["nextflow", "wrapper", "both"])
def test_a_launcher_that_is_killed_is_resumed(gateway, victim):
    run_id = add_run(gateway, HELD)
    with working(gateway):
        started(gateway, run_id)
        nextflow = nextflow_of(run_id)  # looked up before the wrapper's end may have the next one started
        if victim in ("wrapper", "both"):
            os.kill(the_run(gateway, run_id).launcher["pid"], signal.SIGKILL)
        if victim in ("nextflow", "both"):
            with contextlib.suppress(psutil.NoSuchProcess):  # the worker may have been faster
                nextflow.kill()
        wait_for(lambda: "lost" in event_types(gateway, run_id), "the loss")
        let_go(gateway, run_id)
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches, run.losses) == (State.COMPLETE, 2, 1)
    assert event_types(gateway, run_id) == ["started", "lost", "started", "completed"]
    assert executed(gateway, run_id) == [PREPARE, TUNE, TUNE, GATE]  # what was finished is cached
    assert run.progress["PREPARE"]["cached"] == 1 and not processes_of(run_id)


def test_tasks_that_a_killed_nextflow_left_end_before_it_starts_again(gateway):
    """Two trainings in one folder at a time would destroy each other."""
    run_id = add_run(gateway, HELD)
    with working(gateway):
        started(gateway, run_id)
        task = wait_for(lambda: [p for p in processes_of(run_id) if p.name() == "sleep"], "the task")[0]
        nextflow_of(run_id).kill()
        wait_for(lambda: "lost" in event_types(gateway, run_id), "the loss")
        assert not task.is_running() or task.status() == psutil.STATUS_ZOMBIE
        let_go(gateway, run_id)
        assert wait_for_state(gateway, run_id, *FINAL).state == State.COMPLETE


def test_a_task_that_still_writes_its_checkpoint_is_waited_for(gateway):
    """Nextflow that is told to stop does not wait for its tasks; the next launch does."""
    run_id = add_run(gateway, [["lingering", TUNE]])
    with working(gateway):
        wait_for(lambda: executed(gateway, run_id) and the_run(gateway, run_id).state == State.RUNNING, "the task")
        nextflow_of(run_id).terminate()
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches) == (State.COMPLETE, 2)
    assert executed(gateway, run_id) == [TUNE, "its checkpoint", TUNE]


def test_worker_and_launcher_killed_together(gateway):
    run_id = add_run(gateway, HELD)
    first = start_worker(gateway)
    started(gateway, run_id)
    kill(first)
    kill_all_of(run_id)
    let_go(gateway, run_id)
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches, run.losses) == (State.COMPLETE, 2, 1)
    assert executed(gateway, run_id) == [PREPARE, TUNE, TUNE, GATE]


def test_a_cancelation_that_its_worker_did_not_live_to_see(gateway):
    run_id = add_run(gateway, HELD)
    first = start_worker(gateway)
    started(gateway, run_id)
    kill(first)
    cancel(gateway, run_id)
    with working(gateway):
        assert wait_for_state(gateway, run_id, *FINAL).state == State.CANCELED
    assert not processes_of(run_id)


def claims_of(gateway, name: str) -> Claims:
    claims = Claims(gateway.store, gateway.settings, name, os.uname().nodename)
    claims.register()
    return claims


def expire(gateway, run_id: str) -> None:
    with gateway.store.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(claimed_until=now() - dt.timedelta(seconds=1)))


def test_a_claim_whose_worker_died_before_the_launch_is_given_back(gateway):
    run_id = add_run(gateway, STEPS)
    before = the_run(gateway, run_id).queued_at
    claims_of(gateway, "dead").take({})
    assert the_run(gateway, run_id).state == State.INITIALIZING
    expire(gateway, run_id)
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.losses, run.queued_at) == (State.COMPLETE, 0, before)
    assert executed(gateway, run_id) == [PREPARE, TUNE, GATE]


def test_a_launch_whose_worker_died_before_it_could_note_it_is_adopted(gateway):
    run_id = add_run(gateway, STEPS)
    (run,) = claims_of(gateway, "dead").take({})
    from gateway.worker.supervisor import Supervisor

    supervisor = Supervisor(gateway.settings, LocalLauncher(), claims_of(gateway, "dead"), run)
    supervisor._note_launch = lambda: None  # the moment of its death
    supervisor.begin(run)
    wait_for(lambda: executed(gateway, run_id), "the launch")
    expire(gateway, run_id)
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches) == (State.COMPLETE, 1)
    assert executed(gateway, run_id) == [PREPARE, TUNE, GATE]


def test_a_worker_that_slept_through_its_lease_cannot_start_its_launch_any_more(gateway):
    """The fence: the launch that another worker declared void does nothing, not even to the files."""
    run_id = add_run(gateway, STEPS)
    folder = Path(the_run(gateway, run_id).folder)
    assert declare_void(folder, 1)
    sleeper = LocalLauncher()
    handle = sleeper.start(Launch(run_id, folder, 1, ["touch", str(folder / "ran")], dict(os.environ)))
    wait_for(lambda: sleeper.look(handle, folder, 1).phase == "gone", "the wrapper's end")
    assert not (folder / "ran").exists() and not (folder / "console.log").exists()


def test_a_worker_that_lost_its_lease_writes_nothing(gateway):
    run_id = add_run(gateway)
    first, second = claims_of(gateway, "first"), claims_of(gateway, "second")
    assert [run.id for run in first.take({})] == [run_id] and second.take({}) == []
    assert second.adopt() == []  # it is alive
    expire(gateway, run_id)
    assert [run.id for run in second.adopt()] == [run_id]
    version = the_run(gateway, run_id).version
    with pytest.raises(LeaseLost), first.guard(run_id) as (session, run):
        move(session, run, Trigger.LAUNCHED)
    first.renew()
    run = the_run(gateway, run_id)
    assert (run.claimed_by, run.version, run.state) == ("second", version, State.INITIALIZING)


def test_an_expired_lease_that_nobody_took_is_still_ours(gateway):
    run_id = add_run(gateway)
    first, second = claims_of(gateway, "first"), claims_of(gateway, "second")
    first.take({})
    expire(gateway, run_id)
    first.renew()
    assert second.adopt() == [] and list(first.held()) == [run_id]


def test_leases_are_renewed_between_slow_looks(make_settings):
    """A cluster that answers slowly makes a round long: longer than a lease, with many runs."""
    opened = open_gateway(make_settings(**QUICK | {"lease_s": 0.001}))
    for _ in range(3):
        add_run(opened, STEPS)
    worker = Worker(opened)
    worker.tick()
    renewed = []
    worker.claims.renew = lambda: renewed.append(1)
    worker.tick()
    assert len(renewed) >= 4
    opened.close()


def test_a_dead_worker_on_this_machine_is_not_waited_for(gateway):
    """Its process is gone: no need to wait for the end of its lease."""
    run_id = add_run(gateway)
    dead = claims_of(gateway, "dead")
    dead.take({})
    child = psutil.Popen(["true"])
    child.wait()
    with gateway.store.write() as session:
        session.execute(update(WorkerRow).where(WorkerRow.id == "dead").values(pid=child.pid))
    assert [run.id for run in claims_of(gateway, "next").adopt()] == [run_id]


def test_a_process_of_another_machine_is_left_to_its_workers(gateway):
    run_id = add_run(gateway)
    here = claims_of(gateway, "here")
    here.take({})
    with gateway.store.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(launcher={"kind": "local", "host": "there", "launch": 1}))
        session.add(WorkerRow(id="there-1", host="there", pid=1, limits={}))
    expire(gateway, run_id)
    other = claims_of(gateway, "other")
    assert other.adopt() == []
    with gateway.store.write() as session:
        session.execute(update(WorkerRow).where(WorkerRow.id == "there-1").values(beat_at=now() - dt.timedelta(seconds=10)))
    assert [run.id for run in other.adopt()] == [run_id]  # nobody there is left to do it


def test_a_request_whose_answer_was_lost_is_not_made_twice(gateway, monkeypatch):
    """start() fails although the launch began: it is adopted, not started again."""
    run_id = add_run(gateway, STEPS)
    real = LocalLauncher.start

    def start(self, launch):
        real(self, launch)
        wait_for(lambda: (launch.folder / f"launches/{launch.number}/started").exists(), "the launch")
        raise LauncherError("the answer was lost")

    monkeypatch.setattr(LocalLauncher, "start", start)
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches) == (State.COMPLETE, 1) and executed(gateway, run_id) == [PREPARE, TUNE, GATE]


def drain(gateway, count: int, workers: int, kills: int, timeout_s: float) -> None:
    """Queue runs, start workers, kill some of them on the way; then every run is COMPLETE and was started once."""
    runs = [add_run(gateway, key_id=f"key-{number % 7}", priority=number % 3) for number in range(count)]
    going = [start_worker(gateway) for _ in range(workers)]

    def finished() -> int:
        with gateway.store.read() as session:
            return session.execute(select(func.count()).where(Run.state == State.COMPLETE)).scalar()

    try:
        for number in range(1, kills + 1):
            wait_for(lambda least=count * number // (kills + 2): finished() >= least, f"kill {number}", timeout_s)
            kill(going.pop())
        wait_for(lambda: finished() == count, "all runs", timeout_s)
    finally:
        for process in going:
            process.terminate()
        for process in going:
            process.wait(30)
    with gateway.store.read() as session:
        rows = list(session.execute(select(Run)).scalars())
        completed = dict(
            session.execute(select(Event.run_id, func.count()).where(Event.type.like("%.completed")).group_by(Event.run_id)).all()
        )
        assert (
            session.execute(select(func.count()).select_from(Outbox)).scalar()
            == session.execute(select(func.count()).select_from(Event)).scalar()
        )
    assert {run.id for run in rows} == set(runs) and all(run.state == State.COMPLETE and run.losses == 0 for run in rows)
    starts = [(Path(run.folder) / "executed.txt").read_text().splitlines() for run in rows]
    assert all(len(lines) == 1 for lines in starts)
    assert set(completed.values()) == {1} and len(completed) == count


TINY = QUICK | {"nextflow": str(HERE / "tiny_nextflow"), "poll_s": 0.02, "max_runs": 8}


def test_killed_workers_lose_no_run_and_start_none_twice(make_settings):
    opened = open_gateway(make_settings(**TINY))
    drain(opened, count=60, workers=3, kills=1, timeout_s=120)
    opened.close()


@pytest.mark.rig
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_thousand_runs_are_drained_by_four_workers_of_which_two_are_killed(database, make_settings, request):
    url = {"database_url": request.getfixturevalue("postgres_database")} if database == "postgres" else {}
    opened = open_gateway(make_settings(**TINY, **url))
    began = time.monotonic()
    drain(opened, count=1000, workers=4, kills=2, timeout_s=1400)
    print(f"{database}: 1000 runs in {time.monotonic() - began:.0f} s")
    opened.close()


def test_many_claims_at_once_are_given_out_once(gateway):
    runs = {add_run(gateway) for _ in range(40)}
    claimed: list[str] = []

    def claim(name: str) -> None:
        claims = claims_of(gateway, name)
        for _ in range(5):
            claimed.extend(run.id for run in claims.take({}))

    threads = [threading.Thread(target=claim, args=(f"worker-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 40 and set(claimed) == runs


def test_the_lock_of_the_run_is_held_by_the_guard(gateway):
    """What a caller asks for meanwhile comes after it, not in the middle."""
    run_id = add_run(gateway)
    claims = claims_of(gateway, "worker")
    claims.take({})
    order = []

    def ask() -> None:
        with gateway.store.write() as session:
            move(session, lock(session, run_id), Trigger.CANCEL)
        order.append("canceled")

    with claims.guard(run_id) as (session, run):
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.1)
        move(session, run, Trigger.LAUNCHED)
        order.append("launched")
    thread.join()
    assert order == ["launched", "canceled"] and event_types(gateway, run_id) == ["started", "canceling"]
