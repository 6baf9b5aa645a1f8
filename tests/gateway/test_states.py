"""The table of states, and the one place where runs move."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.runs import events
from gateway.runs.states import ACTIVE, FINAL, TRANSITIONS, WAITING, IllegalTransition, State, Trigger, after
from gateway.runs.transitions import RunMoved, lock, move, record
from gateway.store.tables import Event, Outbox, Run


def test_every_state_is_of_one_kind_and_of_wes():
    assert set(State) == FINAL | ACTIVE | WAITING
    assert not FINAL & ACTIVE and not FINAL & WAITING and not ACTIVE & WAITING
    wes = {
        "UNKNOWN",
        "QUEUED",
        "INITIALIZING",
        "RUNNING",
        "PAUSED",
        "COMPLETE",
        "EXECUTOR_ERROR",
        "SYSTEM_ERROR",
        "CANCELED",
        "CANCELING",
        "PREEMPTED",
    }
    assert {state.value for state in State} <= wes


def test_only_a_caller_s_resume_leaves_a_final_state():
    assert {trigger for state, trigger in TRANSITIONS if state in FINAL} == {Trigger.RESUME}
    assert (State.COMPLETE, Trigger.RESUME) not in TRANSITIONS


def test_every_state_is_reached_and_left():
    reached, todo = set(), [State.QUEUED]
    while todo:
        state = todo.pop()
        if state not in reached:
            reached.add(state)
            todo += [target for (origin, _), target in TRANSITIONS.items() if origin == state]
    assert reached == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.COMPLETE}


def test_from_every_state_that_is_not_over_an_end_is_reached_without_a_caller():
    """No run can be stuck: whatever happens to its launcher, workers bring it to an end."""
    ending = set(FINAL)
    while True:
        more = {
            state
            for (state, trigger), target in TRANSITIONS.items()
            if target in ending and trigger not in (Trigger.CANCEL, Trigger.RESUME)
        }
        if more <= ending:
            break
        ending |= more
    assert ending == set(State)


@pytest.fixture
def run_id(gateway) -> str:
    with gateway.store.write() as session:
        session.add(Run(id="r1", state=State.QUEUED, key_id="k", workflow_url="llamaflow", folder="", outdir=""))
    return "r1"


def moved(gateway, run_id: str, *triggers: Trigger) -> None:
    for trigger in triggers:
        with gateway.store.write() as session:
            move(session, lock(session, run_id), trigger)


def told(gateway) -> list[Event]:
    with gateway.store.read() as session:
        return list(session.scalars(select(Event).order_by(Event.number)))


@given(st.lists(st.sampled_from(Trigger), max_size=25))
def test_any_sequence_of_triggers_keeps_to_the_table(triggers):
    state = State.QUEUED
    for trigger in triggers:
        if (state, trigger) in TRANSITIONS:
            state = after(state, trigger)
        else:
            with pytest.raises(IllegalTransition):
                after(state, trigger)


def test_each_event_has_its_outbox_row_and_no_hole(gateway, run_id):
    moved(gateway, run_id, Trigger.CLAIM, Trigger.LAUNCHED, Trigger.LOST, Trigger.CLAIM, Trigger.LAUNCHED, Trigger.FINISHED)
    seen = told(gateway)
    assert [event.type for event in seen] == [events.STARTED, events.LOST, events.STARTED, events.COMPLETED]
    assert [event.sequence for event in seen] == [1, 2, 3, 4]
    with gateway.store.read() as session:
        assert set(session.scalars(select(Outbox.event_number))) == {event.number for event in seen}
        run = session.get_one(Run, run_id)
    assert (run.state, run.version) == ("COMPLETE", 6)
    assert run.ended_at is not None and run.claimed_by is None


def test_nothing_remains_of_a_transaction_that_failed(gateway, run_id):
    with pytest.raises(ZeroDivisionError), gateway.store.write() as session:
        move(session, lock(session, run_id), Trigger.CANCEL)
        raise ZeroDivisionError
    assert told(gateway) == []
    with gateway.store.read() as session:
        assert session.get_one(Run, run_id).state == "QUEUED"
        assert session.scalars(select(Outbox)).all() == []


def test_run_that_another_moved_is_refused(gateway, run_id):
    with gateway.store.read() as session:
        stale = session.get_one(Run, run_id)
    moved(gateway, run_id, Trigger.CLAIM)
    with pytest.raises(RunMoved), gateway.store.write() as session:
        move(session, stale, Trigger.CLAIM)
    assert told(gateway) == []


def test_canceled_before_it_ran_says_canceled_at_once(gateway, run_id):
    moved(gateway, run_id, Trigger.CANCEL)
    assert [event.type for event in told(gateway)] == [events.CANCELED]


def test_cancel_of_a_running_one_takes_two_steps_and_a_resume_starts_clean(gateway, run_id):
    moved(gateway, run_id, Trigger.CLAIM, Trigger.LAUNCHED, Trigger.CANCEL, Trigger.STOPPED, Trigger.RESUME)
    assert [event.type for event in told(gateway)] == [events.STARTED, events.CANCELING, events.CANCELED, events.RESUMED]
    with gateway.store.read() as session:
        run = session.get_one(Run, run_id)
    assert (run.state, run.cancel_requested_at, run.ended_at, run.losses) == ("QUEUED", None, None, 0)


def race(count: int, work) -> None:
    barrier = threading.Barrier(count)

    def one(number):
        barrier.wait()
        work(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check_races(gateway, run_id: str) -> None:
    won = []

    def claim(number):
        try:
            with gateway.store.write() as session:
                move(session, lock(session, run_id), Trigger.CLAIM, claimed_by=str(number))
            won.append(str(number))
        except (IllegalTransition, RunMoved):
            pass

    def progress(number):
        with gateway.store.write() as session:
            record(session, lock(session, run_id), events.PROGRESS, {"number": number})

    race(8, claim)
    with gateway.store.read() as session:
        assert [session.get_one(Run, run_id).claimed_by] == won
    race(8, progress)
    assert [event.sequence for event in told(gateway)] == list(range(1, 9))


def test_one_of_many_claims_wins_and_events_have_no_hole(gateway, run_id):
    check_races(gateway, run_id)


@pytest.mark.rig
def test_the_same_on_postgresql(make_settings, postgres_database):
    from gateway.context import open_gateway

    gateway = open_gateway(make_settings(database_url=postgres_database))
    try:
        with gateway.store.write() as session:
            session.add(Run(id="r1", state=State.QUEUED, key_id="k", workflow_url="llamaflow", folder="", outdir=""))
        check_races(gateway, "r1")
    finally:
        gateway.close()
