"""Dispatchers that stop or die, claims, dead letters that nobody sent, rows that go, and what the log says."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from receivers import Receiver, all_are, bodies, deliveries, dispatching, make_events, make_owner, make_run, make_webhook, resume
from served import eventually
from sqlalchemy import select, update

from gateway.context import open_gateway
from gateway.runs import events, transitions
from gateway.store.tables import Delivery, Key, Outbox, now
from gateway.webhooks import claims, dispatcher, housekeeping


@pytest.fixture
def settings(both_databases, make_settings):
    return make_settings(webhook_private=True, **both_databases)


def test_what_a_dead_dispatcher_had_claimed_comes_back(gateway):
    make_owner(gateway)
    run_id = make_run(gateway)
    with Receiver() as receiver:
        make_webhook(gateway, receiver.url)
        make_events(gateway, run_id, 2)
        with dispatching(gateway):
            eventually(all_are(gateway, "delivered", 2))
        with gateway.store.write() as session:  # as if it had died between its calls and its commit
            session.execute(update(Delivery).values(status="pending", ended_at=None, claimed_until=now() + dt.timedelta(seconds=1)))
        with dispatching(gateway):
            eventually(all_are(gateway, "delivered", 2))
    assert [body["sequence"] for body in bodies(receiver)] == [1, 2, 1, 2]


def test_a_stopped_dispatcher_gives_back_what_it_has_not_sent(make_settings):
    gateway = open_gateway(make_settings(webhook_private=True, webhook_timeout_s=300))
    make_owner(gateway)
    run_id = make_run(gateway)

    async def never(call):
        await asyncio.sleep(600)

    with Receiver(never) as receiver:
        make_webhook(gateway, receiver.url)
        make_events(gateway, run_id, 3)
        with dispatching(gateway):
            eventually(lambda: receiver.calls)
    assert [(one.status, one.attempts, one.claimed_until) for one in deliveries(gateway)] == [("pending", 0, None)] * 3
    gateway.close()


def test_what_was_never_sent_is_given_up_in_the_end_and_old_rows_go(gateway):
    make_owner(gateway)
    run_id = make_run(gateway)
    webhook_id = make_webhook(gateway, "http://127.0.0.1:8099/")
    resume_id = resume(gateway, run_id, "http://127.0.0.1:8099/resume")
    numbers = {}
    with gateway.store.write() as session:
        run = transitions.lock(session, run_id)
        time_ = now()
        for name, owner, status, age in (
            ("late", webhook_id, "pending", dt.timedelta(hours=26)), ("young", webhook_id, "pending", dt.timedelta(hours=24)),
            ("resume", resume_id, "pending", dt.timedelta(hours=26)), ("late resume", resume_id, "pending", dt.timedelta(days=8)),
            ("old", webhook_id, "delivered", dt.timedelta(days=31)), ("recent", webhook_id, "delivered", dt.timedelta(days=29)),
            ("dead", webhook_id, "dead", dt.timedelta(days=90)),
        ):  # fmt: skip
            event = transitions.record(session, run, events.PROGRESS)
            ended = None if status == "pending" else time_ - age
            row = Delivery(
                webhook_id=owner,
                event_number=event.number,
                run_id=run_id,
                status=status,
                attempts=0,
                created_at=time_ - age,
                ended_at=ended,
            )
            session.add(row)
            session.flush()
            numbers[name] = row.number
    with gateway.store.write() as session:
        assert housekeeping.tidy(session, gateway.settings) == (2, 1)
    left = {one.number: one.status for one in deliveries(gateway)}
    assert {name: left.get(number) for name, number in numbers.items()} == {
        "late": "dead", "young": "pending", "resume": "pending", "late resume": "dead", "old": None, "recent": "delivered", "dead": "dead",
    }  # fmt: skip
    assert deliveries(gateway, number=numbers["late"])[0].last_error == housekeeping.TOO_LATE


def test_what_waits_for_a_revoked_key_is_not_sent(gateway):
    for owner in ("key_gone", "key_stays"):
        make_owner(gateway, owner)
        run_id = make_run(gateway, owner)
        webhook_id = make_webhook(gateway, "http://127.0.0.1:8099/", owner)
        make_events(gateway, run_id, 2)
        with gateway.store.write() as session:
            for number in session.scalars(select(Outbox.event_number).where(Outbox.run_id == run_id)).all():
                session.add(Delivery(webhook_id=webhook_id, event_number=number, run_id=run_id))
    with gateway.store.write() as session:
        session.execute(update(Key).where(Key.id == "key_gone").values(revoked_at=now()))
        assert housekeeping.tidy(session, gateway.settings) == (2, 0)
    assert [(one.status, one.last_error) for one in deliveries(gateway)] == [("dead", housekeeping.NO_KEY)] * 2 + [("pending", None)] * 2


def test_a_call_longer_than_a_lease_is_not_made_twice(gateway, monkeypatch):
    monkeypatch.setattr(claims, "LEASE_S", 1.0)
    monkeypatch.setattr(dispatcher, "RENEW_S", 0.2)
    make_owner(gateway)
    run_id = make_run(gateway)

    async def slow(call):
        await asyncio.sleep(4)
        return 200

    with Receiver(slow) as receiver, dispatching(gateway), dispatching(gateway):
        make_webhook(gateway, receiver.url)
        make_events(gateway, run_id)
        eventually(all_are(gateway, "delivered", 1))
        assert len(receiver.calls) == 1


def test_no_url_and_no_secret_in_the_log(gateway, capsys, caplog):
    make_owner(gateway)
    run_id = make_run(gateway)
    with Receiver(lambda call: (500, {}, b"CPF 123.456.789-09")) as receiver, dispatching(gateway):
        make_webhook(gateway, receiver.url + "/path-token?signature=verysecret")
        make_events(gateway, run_id, outputs={"note": "Maria"})
        eventually(lambda: [one for one in deliveries(gateway) if one.attempts])
    output = "".join(capsys.readouterr()) + caplog.text
    assert "webhook_failed" in output
    for secret in ("path-token", "verysecret", "whsec_", "123.456", "Maria"):
        assert secret not in output
