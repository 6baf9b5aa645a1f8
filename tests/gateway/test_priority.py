"""Who is next: priority, ageing, fairness between keys, resources; the pure choice and the same in the database."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete
from worker_cases import add_run

from gateway.context import open_gateway
from gateway.runs.states import State, Trigger
from gateway.store.tables import Run, now
from gateway.worker.claims import Claims
from gateway.worker.endings import End, backoff_s, describe, trigger_of
from gateway.worker.priority import FEW, FIRST, Candidate, choose, fits, waiting

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOUR = 3600.0


def one(id: str, *, key="k", rank=1, active=0, minute=0, **resources) -> Candidate:
    return Candidate(id, 0, key, rank, active, T0 + dt.timedelta(minutes=minute), resources)


def first(*candidates, free=None, limits=None, taken=None) -> str | None:
    found = choose(candidates, free or {"runs": 1}, limits or {"runs": 1}, taken or {})
    return found and found.id


def test_priority_then_fairness_then_age():
    assert first(one("normal", rank=1), one("interactive", rank=0, minute=9, active=5)) == "interactive"
    assert first(one("busy", key="a", active=2), one("idle", key="b", active=1, minute=9)) == "idle"
    assert first(one("late", minute=2), one("early", minute=1)) == "early"
    assert first() is None


def test_what_was_taken_a_moment_ago_counts_for_fairness():
    candidates = one("a", key="a"), one("b", key="b", minute=9)
    assert first(*candidates) == "a" and first(*candidates, taken={"a": 1}) == "b"


def test_a_run_that_does_not_fit_is_passed_by_unless_it_is_overdue():
    small, big = one("small", minute=9, runs=1), one("big", runs=1, gpus=2)
    free, limits = {"runs": 1, "gpus": 1}, {"runs": 2, "gpus": 2}
    assert first(big, small, free=free, limits=limits) == "small"
    overdue = one("big", rank=FIRST, runs=1, gpus=2)
    assert first(overdue, small, free=free, limits=limits) is None  # waited for
    hopeless = one("huge", rank=FIRST, runs=1, gpus=8)
    assert first(hopeless, small, free=free, limits=limits) == "small"  # for another worker


def test_units_that_a_worker_does_not_count_do_not_matter():
    assert fits({"gpus": 8}, {"runs": 1}) and not fits({"gpus": 8}, {"runs": 1, "gpus": 4}) and not fits({}, {"runs": 0})


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1, 2), st.integers(0, 3), st.integers(0, 50)), min_size=1, max_size=20))
def test_whatever_waits_is_drained_once_and_by_rank(entries):
    left = [
        one(str(number), key=key, rank=rank, active=active, minute=minute) for number, (key, rank, active, minute) in enumerate(entries)
    ]
    order, taken = [], Counter()
    while found := choose(left, {"runs": 1}, {"runs": 1}, taken):
        left.remove(found)
        taken[found.key_id] += 1
        order.append(found)
    assert not left and [candidate.rank for candidate in order] == sorted(candidate.rank for candidate in order)


def ranked(gateway, ageing_s=HOUR) -> list[str]:
    with gateway.store.read() as session:
        return [candidate.id for candidate in waiting(session, now(), ageing_s)]


def ago(hours: float) -> dt.datetime:
    return now() - dt.timedelta(hours=hours)


def test_the_query_ranks_by_priority_and_age(gateway):
    batch, normal, quick = (add_run(gateway, priority=number) for number in (2, 1, 0))
    assert ranked(gateway) == [quick, normal, batch]
    old_normal, old_batch = add_run(gateway, priority=1, queued_at=ago(1.5)), add_run(gateway, priority=2, queued_at=ago(1.5))
    assert ranked(gateway) == [old_normal, quick, old_batch, normal, batch]
    older_batch, overdue = add_run(gateway, priority=2, queued_at=ago(2.5)), add_run(gateway, priority=2, queued_at=ago(4.5))
    assert ranked(gateway) == [overdue, older_batch, old_normal, quick, old_batch, normal, batch]


def test_an_overdue_batch_run_comes_before_fresh_ones_of_idle_keys(gateway):
    """Nobody's stream of interactive runs keeps it waiting for ever."""
    overdue = add_run(gateway, key_id="busy", priority=2, queued_at=ago(4.5))
    for _ in range(3):
        add_run(gateway, key_id="busy", state=State.RUNNING.value)
    fresh = [add_run(gateway, key_id=f"idle-{number}", priority=0) for number in range(3)]
    assert ranked(gateway)[0] == overdue and set(ranked(gateway)[1:]) == set(fresh)


def test_the_key_with_the_fewest_active_runs_is_first(gateway):
    add_run(gateway, key_id="busy", state=State.RUNNING.value)
    busy, idle = add_run(gateway, key_id="busy", queued_at=ago(0.5)), add_run(gateway, key_id="idle")
    assert ranked(gateway) == [idle, busy]


def test_a_lost_run_waits_for_its_time_and_is_then_first(gateway):
    waits = add_run(gateway, losses=1, not_before=now() + dt.timedelta(minutes=1))
    lost, preempted = add_run(gateway, losses=1, not_before=ago(0.1)), add_run(gateway, state=State.PREEMPTED.value, queued_at=ago(0.1))
    quick = add_run(gateway, priority=0)
    assert ranked(gateway) == [preempted, lost, quick] and waits not in ranked(gateway)


def test_a_run_behind_many_that_do_not_fit_is_found(make_settings):
    opened = open_gateway(make_settings(max_gpus=1))
    for _ in range(FEW + 5):
        add_run(opened, resources={"runs": 1, "gpus": 8}, queued_at=ago(0.1))
    small = add_run(opened, resources={"runs": 1})
    assert [run.id for run in Claims(opened.store, opened.settings, "worker", "host").take({})] == [small]
    opened.close()


@pytest.mark.rig
def test_postgresql_ranks_alike(make_settings, postgres_database):
    opened = open_gateway(make_settings(database_url=postgres_database))
    test_the_query_ranks_by_priority_and_age(opened)
    with opened.store.write() as session:
        session.execute(delete(Run))
    test_an_overdue_batch_run_comes_before_fresh_ones_of_idle_keys(opened)
    opened.close()


@pytest.mark.parametrize(
    ("end", "state", "losses", "expected"),
    [
        (End(0, True), State.RUNNING, 0, Trigger.FINISHED),
        (End(0, True), State.CANCELING, 0, Trigger.FINISHED),
        (End(2, True), State.RUNNING, 0, Trigger.FAILED),
        (End(3, True), State.RUNNING, 9, Trigger.FAILED),
        (End(1), State.RUNNING, 0, Trigger.FAILED),
        (End(143, True), State.RUNNING, 0, Trigger.FAILED),
        (End(143), State.RUNNING, 0, Trigger.PREEMPT),
        (End(130), State.RUNNING, 2, Trigger.PREEMPT),
        (End(1, True, "SIGTERM"), State.RUNNING, 0, Trigger.PREEMPT),
        (End(143), State.RUNNING, 3, Trigger.GIVE_UP),
        (End(137), State.RUNNING, 0, Trigger.LOST),
        (End(134), State.RUNNING, 0, Trigger.LOST),
        (End(None), State.RUNNING, 2, Trigger.LOST),
        (End(None), State.RUNNING, 3, Trigger.GIVE_UP),
        (End(None, False, "SIGTERM"), State.RUNNING, 0, Trigger.LOST),
        (End(None), State.INITIALIZING, 0, Trigger.LOST),
        (End(143), State.INITIALIZING, 0, Trigger.LOST),
        (End(143), State.CANCELING, 9, Trigger.STOPPED),
        (End(None), State.CANCELING, 0, Trigger.STOPPED),
    ],
)
def test_what_an_end_means(end, state, losses, expected):
    assert trigger_of(end, state, losses, max_losses=3) == expected


def test_words_and_times_of_a_loss():
    assert "signal 9 (for want of memory?)" in describe(End(137)) and "SIGTERM" in describe(End(1, True, "SIGTERM"))
    assert "without an exit code" in describe(End(None)) and "exit code 143" in describe(End(143))
    assert [backoff_s(losses, 5) for losses in (1, 2, 3, 9)] == [5, 10, 20, 300]
