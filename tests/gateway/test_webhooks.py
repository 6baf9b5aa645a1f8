"""Deliveries to real receivers: signed, in order per run, at least once, whatever the target answers."""

from __future__ import annotations

import datetime as dt
import json
import random
import threading
from collections import defaultdict

import pytest
from receivers import (
    Receiver,
    all_are,
    bodies,
    deliveries,
    dispatching,
    make_events,
    make_many_events,
    make_owner,
    make_run,
    make_webhook,
    outbox,
    statuses,
)
from served import eventually
from sqlalchemy import update
from standardwebhooks import Webhook as Verifier

from gateway.runs import events
from gateway.store.tables import Delivery, Key, Webhook, now
from gateway.webhooks import outcomes
from gateway.webhooks.subscriptions import secret_of


@pytest.fixture
def settings(both_databases, make_settings):
    return make_settings(webhook_private=True, **both_databases)


def test_an_event_arrives_as_a_signed_cloudevent(gateway):
    make_owner(gateway)
    run_id = make_run(gateway)
    with Receiver() as receiver, dispatching(gateway):
        webhook_id = make_webhook(gateway, receiver.url + "/hook?to=n8n")
        (event_id,) = make_events(gateway, run_id, kind=events.COMPLETED, outputs={"verdict": "accepted", "reason": "não piorou"})
        eventually(all_are(gateway, "delivered", 1))
    (call,) = receiver.calls
    assert call.path == "/hook?to=n8n"
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert call.headers["host"] == f"127.0.0.1:{receiver.port}"
    body = json.loads(call.body)
    time_ = dt.datetime.fromisoformat(body.pop("time"))
    assert time_.tzinfo is not None
    assert body == {
        "specversion": "1.0", "id": event_id, "source": "http://127.0.0.1:8000", "type": "br.llamaflow.run.completed", "subject": run_id,
        "datacontenttype": "application/json", "sequence": 1, "number": 1,
        "data": {"run_id": run_id, "state": "RUNNING", "outputs": {"verdict": "accepted", "reason": "não piorou"}},
    }  # fmt: skip
    with gateway.store.read() as session:
        secret = secret_of(gateway, session.get_one(Webhook, webhook_id))
    assert call.headers["webhook-id"] == event_id
    Verifier(secret).verify(call.body, call.headers)


def test_subscriptions_by_type_and_run_and_what_the_owner_may_read(gateway):
    make_owner(gateway, "key_a")
    make_owner(gateway, "key_b")
    make_owner(gateway, "key_admin", scopes=("admin",))
    make_owner(gateway, "key_blind", scopes=("datasets",))
    make_owner(gateway, "key_revoked", revoked_at=now())
    make_owner(gateway, "key_expired", expires_at=now() - dt.timedelta(seconds=1))
    mine, other, theirs = make_run(gateway, "key_a"), make_run(gateway, "key_a"), make_run(gateway, "key_b")
    with Receiver() as receiver:
        make_webhook(gateway, receiver.url + "/all-of-a", "key_a")
        make_webhook(gateway, receiver.url + "/one-run", "key_a", run_id=mine)
        make_webhook(gateway, receiver.url + "/ended", "key_a", event_types=events.ENDED)
        make_webhook(gateway, receiver.url + "/admin", "key_admin")
        for name in ("blind", "revoked", "expired"):
            make_webhook(gateway, f"{receiver.url}/{name}", f"key_{name}")
        for run_id in (mine, other, theirs):
            make_events(gateway, run_id, kind=events.STARTED)
            make_events(gateway, run_id, kind=events.COMPLETED)
        with dispatching(gateway):
            eventually(all_are(gateway, "delivered", 4 + 2 + 2 + 6))
    got = defaultdict(list)
    for call, body in zip(receiver.calls, bodies(receiver), strict=True):
        got[call.path].append((body["subject"], body["type"].rpartition(".")[2]))
    assert sorted(got["/all-of-a"]) == sorted((run, kind) for run in (mine, other) for kind in ("started", "completed"))
    assert got["/one-run"] == [(mine, "started"), (mine, "completed")]
    assert sorted(got["/ended"]) == sorted([(mine, "completed"), (other, "completed")])
    assert len(got["/admin"]) == 6
    assert set(got) == {"/all-of-a", "/one-run", "/ended", "/admin"}


def test_a_rotated_keys_webhooks_go_on_by_its_successor(gateway):
    make_owner(gateway, "key_first", revoked_at=now())
    with gateway.store.write() as session:
        session.add(Key(id="key_second", name="x", prefix="p2", hash="h2", scopes=["runs:read"], owner_id="key_first"))
    run_id = make_run(gateway, "key_first")
    with Receiver() as receiver, dispatching(gateway):
        make_webhook(gateway, receiver.url, "key_first")
        make_events(gateway, run_id)
        eventually(all_are(gateway, "delivered", 1))


def test_each_run_in_order_and_nothing_lost_through_a_target_that_fails(gateway):
    make_owner(gateway)
    runs = [make_run(gateway) for _ in range(8)]
    chance, good = random.Random(5), []

    def answer(call):
        if chance.random() < 0.3:
            return chance.choice([500, 503, 429, 404])
        good.append(json.loads(call.body))
        return 200

    with Receiver(answer) as receiver:
        make_webhook(gateway, receiver.url)
        ids = make_many_events(gateway, runs, 12)
        with dispatching(gateway), dispatching(gateway):  # two share the work
            eventually(lambda: set(statuses(gateway)) == {"delivered"}, 120)
    assert {body["id"] for body in good} == set(ids)
    by_run = defaultdict(list)
    for body in good:
        by_run[body["subject"]].append(body["sequence"])
    assert all(sequences == sorted(sequences) for sequences in by_run.values())
    assert len(receiver.calls) > len(ids)
    assert {delivery.last_error for delivery in deliveries(gateway)} == {None}


def test_a_later_event_waits_until_the_earlier_is_delivered(gateway):
    make_owner(gateway)
    run_id, other = make_run(gateway), make_run(gateway)
    down = threading.Event()
    down.set()
    with Receiver(lambda call: 500 if down.is_set() and json.loads(call.body)["subject"] == run_id else 200) as receiver:
        make_webhook(gateway, receiver.url)
        make_events(gateway, run_id, 3)
        with dispatching(gateway):
            eventually(lambda: len(receiver.calls) >= 3)
            make_events(gateway, other, 2)
            eventually(lambda: statuses(gateway, run_id=other) == ["delivered"] * 2)
            assert statuses(gateway, run_id=run_id) == ["pending"] * 3
            assert {body["sequence"] for body in bodies(receiver) if body["subject"] == run_id} == {1}
            down.clear()
            eventually(all_are(gateway, "delivered", 5))


def test_a_dead_delivery_lets_the_next_ones_go(gateway):
    """A resume URL's 401; and a webhook's event that was tried for a day."""
    make_owner(gateway)
    run_id = make_run(gateway)
    with Receiver(lambda call: 500 if json.loads(call.body)["sequence"] == 1 else 200) as receiver:
        make_webhook(gateway, receiver.url)
        make_events(gateway, run_id, 2)
        with dispatching(gateway):
            eventually(lambda: len(receiver.calls) >= 2)
            with gateway.store.write() as session:
                session.execute(update(Delivery).where(Delivery.event_number == 1).values(created_at=now() - dt.timedelta(hours=25)))
            eventually(lambda: statuses(gateway) == ["dead", "delivered"])
    dead = deliveries(gateway, status="dead")[0]
    assert dead.last_error == "the target answered 500" and dead.ended_at is not None and dead.attempts >= 2


@pytest.mark.parametrize("style", ["seconds", "date"])
def test_retry_after_is_honoured(gateway, style):
    """By the run's later events, too: they wait and do not bring the first one forward."""
    make_owner(gateway)
    run_id, other = make_run(gateway), make_run(gateway)
    value = "3600" if style == "seconds" else (now() + dt.timedelta(seconds=3601)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with Receiver(lambda call: (503, {"retry-after": value}, b"")) as receiver, dispatching(gateway):
        make_webhook(gateway, receiver.url)
        make_events(gateway, run_id, 3)
        (delivery,) = eventually(lambda: [one for one in deliveries(gateway) if one.attempts])
        make_events(gateway, run_id)
        make_events(gateway, other)
        eventually(lambda: [one for one in deliveries(gateway, run_id=other) if one.attempts])
    assert [body["subject"] for body in bodies(receiver)] == [run_id, other]
    assert delivery.status == "pending" and dt.timedelta(seconds=3590) < delivery.next_at - delivery.created_at < dt.timedelta(seconds=3700)


def test_a_redirect_is_a_failure_and_is_not_followed(gateway):
    make_owner(gateway)
    run_id = make_run(gateway)
    with Receiver() as elsewhere, Receiver(lambda call: (307, {"location": elsewhere.url, "retry-after": "600"}, b"")) as receiver:
        make_webhook(gateway, receiver.url)
        make_events(gateway, run_id)
        with dispatching(gateway):
            (delivery,) = eventually(lambda: [one for one in deliveries(gateway) if one.attempts])
    assert (delivery.status, delivery.last_status, elsewhere.calls) == ("pending", 307, [])


def test_410_ends_the_subscription(gateway):
    make_owner(gateway)
    run_id, other = make_run(gateway), make_run(gateway)
    with Receiver(lambda call: 410) as receiver:
        webhook_id = make_webhook(gateway, receiver.url)
        make_events(gateway, run_id, 3)
        with dispatching(gateway):
            eventually(all_are(gateway, "dead", 3))
            make_events(gateway, other)
            eventually(lambda: gateway.queue.backlog("webhooks") == 0 and not outbox(gateway))
    assert len(receiver.calls) == 1 and len(deliveries(gateway)) == 3
    assert [one.last_error for one in deliveries(gateway)] == ["the target answered 410", outcomes.UNWANTED, outcomes.UNWANTED]
    with gateway.store.read() as session:
        assert session.get_one(Webhook, webhook_id).active is False
