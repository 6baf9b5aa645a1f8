"""The circuit breaker of a target: opens after failures in a row, lets one try, closes; shared by all dispatchers."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivers import Receiver, dispatching, make_events, make_many_events, make_owner, make_run, make_webhook
from served import eventually
from sqlalchemy import select, update

from gateway.store.tables import Breaker, Delivery, now
from gateway.webhooks import breaker, claims

TARGET = "n8n.example:443"


@pytest.fixture
def settings(make_settings):
    return make_settings(webhook_private=True, breaker_failures=3, breaker_open_s=3600)


def row(gateway, target: str = TARGET) -> Breaker | None:
    with gateway.store.read() as session:
        return session.scalar(select(Breaker).where(Breaker.target == target))


def note(gateway, *results: bool) -> set[str]:
    with gateway.store.write() as session:
        return breaker.note(session, gateway.settings, {TARGET: list(results)})


def end_pause(gateway) -> None:
    with gateway.store.write() as session:
        session.execute(update(Breaker).values(open_until=now() - dt.timedelta(seconds=1)))


@given(st.integers(0, 5), st.lists(st.booleans(), min_size=1), st.integers(1, 6))
def test_failures_in_a_row(before, results, limit):
    failures, opens = breaker.after(before, results, limit)
    tail = next((place for place, failed in enumerate(reversed(results)) if not failed), None)
    assert failures == (len(results) + before if tail is None else tail)
    assert opens == (results[-1] and failures >= limit)


def test_opens_at_the_limit_and_closes_with_a_success(gateway):
    assert note(gateway, False) == set() and row(gateway) is None  # nothing to remember of a target that is well
    assert note(gateway, True, True, False, True, True) == set()
    assert row(gateway).open_until is None
    assert note(gateway, True) == {TARGET}
    assert row(gateway).open_until > now() + dt.timedelta(seconds=3500)
    assert note(gateway, False) == set()
    assert (row(gateway).failures, row(gateway).open_until) == (0, None)


def test_half_open_lets_one_dispatcher_try(gateway):
    note(gateway, True, True, True)
    with gateway.store.write() as session:
        assert breaker.states(session) == ({TARGET}, set())
        assert not breaker.take_probe(session, gateway.settings, TARGET)
    end_pause(gateway)
    with gateway.store.write() as session:
        assert breaker.states(session) == (set(), {TARGET})
        assert breaker.take_probe(session, gateway.settings, TARGET)
        assert not breaker.take_probe(session, gateway.settings, TARGET)
        assert breaker.states(session) == ({TARGET}, set())
    assert note(gateway, True) == {TARGET}  # the try failed: it is left alone again


def test_an_open_target_is_left_alone_then_tried_with_one_then_gets_all(gateway):
    make_owner(gateway)
    runs = [make_run(gateway) for _ in range(4)]
    broken = [True]
    with Receiver(lambda call: 500 if broken[0] else 200) as receiver, Receiver() as other:
        failing = make_webhook(gateway, receiver.url)
        make_webhook(gateway, other.url)
        with dispatching(gateway):
            make_many_events(gateway, runs, 2)
            eventually(lambda: (one := row(gateway, f"127.0.0.1:{receiver.port}")) and one.open_until)
            calls = len(receiver.calls)
            make_events(gateway, runs[0], 5)
            eventually(lambda: len(other.calls) == 13)  # the others' deliveries go on
            assert len(receiver.calls) <= calls + 4  # what was under way when it opened
            eventually(lambda: not under_way(gateway))
            calls = len(receiver.calls)
            end_pause(gateway)
            eventually(lambda: len(receiver.calls) == calls + 1)
            eventually(lambda: row(gateway, f"127.0.0.1:{receiver.port}").open_until > now())
            eventually(lambda: not under_way(gateway))
            assert len(receiver.calls) == calls + 1  # one try, which failed
            broken[0] = False
            with gateway.store.write() as session:
                session.execute(update(Delivery).where(Delivery.status == "pending").values(next_at=now()))
            end_pause(gateway)
            eventually(lambda: delivered(gateway, failing) == 13)
    good = [json.loads(call.body) for call in receiver.calls[calls + 1 :]]
    for run_id in runs:
        sequences = [body["sequence"] for body in good if body["subject"] == run_id]
        assert sequences == sorted(sequences)


def under_way(gateway) -> int:
    with gateway.store.read() as session:
        return len(session.scalars(select(Delivery).where(Delivery.claimed_until != None, Delivery.status == "pending")).all())  # noqa: E711


def delivered(gateway, webhook_id: str) -> int:
    with gateway.store.read() as session:
        return len(session.scalars(select(Delivery).where(Delivery.webhook_id == webhook_id, Delivery.status == "delivered")).all())


def test_claims_leave_an_open_target_out_and_give_a_half_open_one_a_single_delivery(gateway):
    make_owner(gateway)
    run_id, second = make_run(gateway), make_run(gateway)
    webhook_id = make_webhook(gateway, f"https://{TARGET}/")
    for one in (run_id, second):
        make_events(gateway, one, 3)
    with gateway.store.write() as session:
        for number in range(1, 7):
            run = run_id if number < 4 else second
            session.add(Delivery(webhook_id=webhook_id, event_number=number, run_id=run, status="pending", attempts=0))
    note(gateway, True, True, True)

    def claim() -> list[int]:
        with gateway.store.write() as session:
            return [len(lane) for lane in claims.claim(session, gateway.settings, 10, {}, 4).values()]

    assert claim() == []
    end_pause(gateway)
    assert claim() == [1]
    assert claim() == []
    note(gateway, False)
    with gateway.store.write() as session:
        session.execute(update(Delivery).values(claimed_until=None))
    assert sorted(claim()) == [3, 3]
    assert claim() == []
