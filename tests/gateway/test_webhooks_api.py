"""/api/v1/webhooks over the real application."""

from __future__ import annotations

import json

import pytest
from receivers import Receiver, dispatching, make_events, make_run, make_webhook
from served import eventually
from sqlalchemy import func, select, update
from standardwebhooks import Webhook as Verifier

from gateway.runs import events
from gateway.store.tables import Audit, Delivery, Key, Webhook

HOOKS = "/api/v1/webhooks"


@pytest.fixture
def settings(both_databases, make_settings):
    return make_settings(webhook_allowed_hosts=["127.0.0.1"], embedded_worker=False, **both_databases)


@pytest.fixture
def owner(as_key, gateway):
    """A client whose key may write runs; .key_id is its line."""
    client = as_key("runs:read", "runs:write", name="owner")
    with gateway.store.read() as session:
        client.key_id = session.scalar(select(Key.owner_id).where(Key.name == "owner"))
    return client


def audits(gateway) -> list[tuple[str, str, str]]:
    with gateway.store.read() as session:
        rows = session.scalars(select(Audit).where(Audit.action.like("webhooks.%")).order_by(Audit.number))
        return [(row.action, row.outcome, row.target) for row in rows]


def test_create_shows_the_secret_once_and_never_the_url(owner, gateway):
    made = owner.post(HOOKS, json={"url": "http://127.0.0.1:5678/hook?token=verysecret", "event_types": list(events.ENDED)})
    assert made.status_code == 201
    webhook = made.json()
    secret = webhook.pop("secret")
    Verifier(secret)
    assert webhook == {
        "webhook_id": webhook["webhook_id"], "kind": "webhook", "target": "127.0.0.1:5678", "event_types": list(events.ENDED),
        "run_id": None, "content_type": "application/cloudevents+json", "active": True,
        "created_at": webhook["created_at"], "pending": 0, "dead": 0,
        "paused_until": None,
    }  # fmt: skip
    assert owner.get(f"{HOOKS}/{webhook['webhook_id']}").json() == webhook
    assert owner.get(HOOKS).json() == {"webhooks": [webhook]}
    with gateway.store.read() as session:
        row = session.get_one(Webhook, webhook["webhook_id"])
        assert b"verysecret" not in row.url and secret.encode() not in row.secret
    eventually(lambda: ("webhooks.create", "done", webhook["webhook_id"]) in audits(gateway))


@pytest.mark.parametrize(
    "body",
    [
        {}, {"url": ""}, {"url": "ftp://example.com/"}, {"url": "http://10.0.0.1/"}, {"url": "http://2130706433/"}, {"url": "http://localhost/"},
        {"url": "http://169.254.169.254/"}, {"url": "http://nowhere.invalid/"}, {"url": "http://127.0.0.1/", "event_types": ["x"]},
        {"url": "http://127.0.0.1/", "extra": 1}, {"url": "http://127.0.0.1/", "content_type": "text/html"},
        {"url": "http://127.0.0.1/" + "a" * 3000},
        {"url": ["http://127.0.0.1/"]}, {"url": "http://127.0.0.1/", "kind": "resume"},
    ],
)  # fmt: skip
def test_what_is_refused(owner, gateway, body):
    refused = owner.post(HOOKS, json=body)
    assert refused.status_code == 422
    assert set(refused.json()) == {"msg", "status_code"}
    assert owner.get(HOOKS).json() == {"webhooks": []}
    eventually(lambda: [(action, outcome) for action, outcome, _ in audits(gateway)] == [("webhooks.create", "refused")])


def test_scopes_and_other_peoples_webhooks(owner, as_key, client, gateway):
    webhook_id = owner.post(HOOKS, json={"url": "http://127.0.0.1:5678/"}).json()["webhook_id"]
    one = f"{HOOKS}/{webhook_id}"
    calls = [("GET", one), ("DELETE", one), ("POST", f"{one}/test"), ("POST", f"{one}/rotate"), ("POST", f"{one}/replay")]
    reader, other, admin = as_key("runs:read"), as_key("runs:read", "runs:write"), as_key()
    for method, path in [("GET", HOOKS), ("POST", HOOKS), *calls]:
        assert client.request(method, path).status_code == 401
        if method != "GET":
            assert reader.request(method, path, json={"url": "http://127.0.0.1/"} if path == HOOKS else None).status_code == 403
    for method, path in calls:
        assert other.request(method, path).status_code == 404
        assert other.request(method, path.replace(webhook_id, "wh_none")).status_code == 404
    assert other.get(HOOKS).json() == {"webhooks": []}
    assert [webhook["webhook_id"] for webhook in admin.get(HOOKS).json()["webhooks"]] == [webhook_id]
    assert admin.get(one).status_code == 200
    theirs = make_run(gateway, owner.key_id)
    assert other.post(HOOKS, json={"url": "http://127.0.0.1/", "run_id": theirs}).status_code == 404
    assert owner.post(HOOKS, json={"url": "http://127.0.0.1/", "run_id": theirs}).status_code == 201


def test_a_key_has_a_bounded_number_of_webhooks(owner, gateway, monkeypatch):
    monkeypatch.setattr("gateway.webhooks.subscriptions.MAX_PER_KEY", 2)
    statuses = [owner.post(HOOKS, json={"url": "http://127.0.0.1/"}).status_code for _ in range(3)]
    assert statuses == [201, 201, 409]


def test_test_calls_at_once_and_tells_what_came_back(owner):
    answers = [200, 500]
    with Receiver(lambda call: answers.pop(0)) as receiver:
        made = owner.post(HOOKS, json={"url": receiver.url + "/hook"}).json()
        test = f"{HOOKS}/{made['webhook_id']}/test"
        assert owner.post(test).json() == {"delivered": True, "last_status": 200, "last_error": None}
        assert owner.post(test).json() == {"delivered": False, "last_status": 500, "last_error": "the target answered 500"}
        Verifier(made["secret"]).verify(receiver.calls[0].body, receiver.calls[0].headers)
        assert json.loads(receiver.calls[0].body)["type"] == "br.llamaflow.webhook.test"
    gone = owner.post(test).json()
    assert gone == {"delivered": False, "last_status": None, "last_error": "the connection was refused or the host is unreachable"}


def test_rotation_answers_a_new_secret_and_both_sign(owner, gateway):
    run_id = make_run(gateway, owner.key_id)
    with Receiver() as receiver:
        made = owner.post(HOOKS, json={"url": receiver.url}).json()
        rotated = owner.post(f"{HOOKS}/{made['webhook_id']}/rotate", json={"overlap_s": 3600}).json()
        assert rotated["secret"] != made["secret"] and rotated["overlap_s"] == 3600
        make_events(gateway, run_id)
        with dispatching(gateway):
            (call,) = eventually(lambda: receiver.calls)
        for secret in (made["secret"], rotated["secret"]):
            Verifier(secret).verify(call.body, call.headers)
        owner.post(f"{HOOKS}/{made['webhook_id']}/rotate", json={"overlap_s": 0})
        make_events(gateway, run_id)
        with dispatching(gateway):
            eventually(lambda: len(receiver.calls) == 2)
        assert receiver.calls[1].headers["webhook-signature"].count("v1,") == 1


def test_deliveries_dead_letters_and_replay(owner, as_key, gateway):
    run_id = make_run(gateway, owner.key_id)
    status = [410]
    with Receiver(lambda call: status[0]) as receiver:
        made = owner.post(HOOKS, json={"url": receiver.url}).json()
        one = f"{HOOKS}/{made['webhook_id']}"
        make_events(gateway, run_id, 4)
        with dispatching(gateway):
            eventually(lambda: owner.get(one).json()["dead"] == 4)
            assert owner.get(one).json()["active"] is False
            dead = owner.get(f"{HOOKS}/dead-letters").json()
            assert [letter["sequence"] for letter in dead["deliveries"]] == [4, 3, 2, 1] and dead["next_page_token"] == ""
            assert dead["deliveries"][3]["last_status"] == 410 and dead["deliveries"][3]["last_error"] == "the target answered 410"
            status[0] = 200
            chosen = dead["deliveries"][3]["delivery_id"]
            assert owner.post(f"{one}/replay", json={"deliveries": [chosen, 999_999]}).json() == {"replayed": 1, "next_after": None}
            eventually(lambda: owner.get(one).json()["dead"] == 3)
            assert owner.post(f"{one}/replay").json()["replayed"] == 3
            eventually(lambda: owner.get(one).json()["dead"] == 0 and owner.get(one).json()["pending"] == 0)
            assert [json.loads(call.body)["sequence"] for call in receiver.calls[1:]] == [1, 2, 3, 4]
            # everything behind a number, delivered before or not
            number = json.loads(receiver.calls[2].body)["number"]
            assert owner.post(f"{one}/replay", json={"after": number}).json() == {"replayed": 2, "next_after": None}
            eventually(lambda: len(receiver.calls) == 7)
            assert [json.loads(call.body)["sequence"] for call in receiver.calls[5:]] == [3, 4]
        assert owner.post(f"{one}/replay", json={"after": 1, "deliveries": [1]}).status_code == 422

    page = owner.get(f"{HOOKS}/deliveries", params={"page_size": 3}).json()
    assert [delivery["sequence"] for delivery in page["deliveries"]] == [4, 3, 2]
    rest = owner.get(f"{HOOKS}/deliveries", params={"page_size": 3, "page_token": page["next_page_token"]}).json()
    assert [delivery["sequence"] for delivery in rest["deliveries"]] == [1] and rest["next_page_token"] == ""

    def count(client, **filters) -> int:
        return len(client.get(f"{HOOKS}/deliveries", params=filters).json()["deliveries"])

    assert count(owner, status="delivered") == 4 and count(owner, status="dead") == 0
    assert count(owner, run_id=run_id, event_type=events.PROGRESS, webhook_id=made["webhook_id"]) == 4
    assert count(owner, run_id="other") == count(owner, event_type=events.LOST) == 0
    assert count(as_key("runs:read")) == 0 and count(as_key()) == 4
    assert owner.get(f"{HOOKS}/deliveries", params={"status": "x"}).status_code == 422
    assert owner.get(f"{HOOKS}/deliveries", params={"page_token": "'; drop"}).status_code == 422


def test_replay_from_a_position_respects_what_the_owner_may_read(owner, gateway, monkeypatch):
    monkeypatch.setattr("gateway.webhooks.replay.AT_ONCE", 3)
    mine, theirs = make_run(gateway, owner.key_id), make_run(gateway, "key_other")
    made = owner.post(HOOKS, json={"url": "http://127.0.0.1:8099/", "event_types": [events.PROGRESS]}).json()
    for _ in range(2):
        make_events(gateway, mine, 2)
        make_events(gateway, theirs, 2)
    make_events(gateway, mine, kind=events.STARTED)
    replay = f"{HOOKS}/{made['webhook_id']}/replay"
    assert owner.post(replay, json={"after": 0}).json() == {"replayed": 3, "next_after": 5}
    assert owner.post(replay, json={"after": 5}).json() == {"replayed": 1, "next_after": None}
    assert owner.post(replay, json={"after": 6}).json() == {"replayed": 0, "next_after": None}
    with gateway.store.read() as session:
        assert session.execute(select(Delivery.run_id, func.count()).group_by(Delivery.run_id)).all() == [(mine, 4)]


def test_a_resume_url_is_neither_tested_nor_called_twice(owner, gateway):
    run_id = make_run(gateway, owner.key_id)
    webhook_id = make_webhook(gateway, "http://127.0.0.1:8099/", owner.key_id, kind="resume", run_id=run_id, event_types=events.ENDED)
    one = f"{HOOKS}/{webhook_id}"
    assert owner.get(HOOKS, params={"run_id": run_id}).json()["webhooks"][0]["kind"] == "resume"
    assert owner.post(f"{one}/test").status_code == 409
    assert owner.post(f"{one}/rotate").status_code == 409
    assert owner.post(f"{one}/replay").json()["replayed"] == 0
    with gateway.store.write() as session:
        session.execute(update(Webhook).values(active=False))  # it has been called
    assert owner.post(f"{one}/replay").status_code == 409
    assert owner.post(f"{one}/replay", json={"after": 0}).status_code == 409


def test_delete_takes_the_deliveries_along(owner, gateway):
    run_id = make_run(gateway, owner.key_id)
    with Receiver(lambda call: 500) as receiver, dispatching(gateway):
        webhook_id = owner.post(HOOKS, json={"url": receiver.url}).json()["webhook_id"]
        make_events(gateway, run_id, 2)
        eventually(lambda: len(receiver.calls) >= 2)
        assert owner.delete(f"{HOOKS}/{webhook_id}").status_code == 204
        make_events(gateway, run_id)
        eventually(lambda: gateway.queue.backlog("webhooks") == 0)
    assert owner.get(f"{HOOKS}/{webhook_id}").status_code == 404
    assert owner.delete(f"{HOOKS}/{webhook_id}").status_code == 404
    assert owner.get(f"{HOOKS}/deliveries").json()["deliveries"] == []
    eventually(lambda: ("webhooks.delete", "done", webhook_id) in audits(gateway))
