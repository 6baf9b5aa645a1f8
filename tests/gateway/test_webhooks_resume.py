"""n8n's resume URLs, answered as n8n answers them."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
from receivers import Receiver, all_are, deliveries, dispatching, make_events, make_run, outbox, resume, statuses
from served import eventually, free_port

from gateway.runs import events
from gateway.store.tables import Webhook


@pytest.fixture
def settings(both_databases, make_settings):
    return make_settings(webhook_private=True, **both_databases)


def test_a_resume_url_is_called_once_when_the_run_has_ended(gateway):
    run_id = make_run(gateway)
    with Receiver() as n8n, dispatching(gateway):
        webhook_id = resume(gateway, run_id, n8n.url + "/webhook-waiting/17?signature=abc")
        make_events(gateway, run_id, kind=events.STARTED)
        make_events(gateway, run_id, kind=events.FAILED)
        make_events(gateway, run_id, kind=events.RESUMED)
        make_events(gateway, run_id, kind=events.COMPLETED)
        eventually(lambda: len(deliveries(gateway)) in (1, 2) and not set(statuses(gateway)) - {"delivered", "dead"})
        eventually(lambda: not outbox(gateway))
    (call,) = n8n.calls
    assert call.path == "/webhook-waiting/17?signature=abc"
    assert call.headers["content-type"] == "application/json" and "webhook-signature" not in call.headers
    assert json.loads(call.body)["type"] == events.FAILED
    with gateway.store.read() as session:
        assert session.get_one(Webhook, webhook_id).active is False


def test_n8ns_answers(gateway):
    """By path: what n8n says, one after the other; the last one again and again."""
    running = (409, {}, b'{"message":"The execution \\"1\\" is running already."}')
    finished = (409, {}, b'{"message":"The execution \\"1\\" has finished already."}')
    gone = (404, {}, b'{"message":"The execution \\"1\\" does not exist."}')
    script = {"/early": [running, running, 200], "/twice": [finished], "/forged": [401], "/gone": [gone], "/broken": [500, 200]}
    asked = defaultdict(int)

    def answer(call):
        asked[call.path] += 1
        return script[call.path][min(asked[call.path], len(script[call.path])) - 1]

    with Receiver(answer) as n8n:
        webhooks = {}
        for path in script:
            run_id = make_run(gateway)
            webhooks[path] = resume(gateway, run_id, n8n.url + path)
            make_events(gateway, run_id, kind=events.COMPLETED)
        with dispatching(gateway):
            eventually(lambda: len(deliveries(gateway)) == 5 and "pending" not in statuses(gateway), 60)
    ended = {path: deliveries(gateway, webhook_id=webhook_id)[0] for path, webhook_id in webhooks.items()}
    assert {path: one.status for path, one in ended.items()} == {
        "/early": "delivered", "/twice": "delivered", "/forged": "dead", "/gone": "dead", "/broken": "delivered",
    }  # fmt: skip
    assert dict(asked) == {"/early": 3, "/twice": 1, "/forged": 1, "/gone": 1, "/broken": 2}


def test_n8n_may_be_down_for_a_while(gateway):
    run_id, port = make_run(gateway), free_port()
    resume(gateway, run_id, f"http://127.0.0.1:{port}/waiting")
    make_events(gateway, run_id, kind=events.COMPLETED)
    with dispatching(gateway):
        refused = eventually(lambda: [one for one in deliveries(gateway) if one.attempts >= 3])[0]
        assert refused.last_error == "the connection was refused or the host is unreachable"
        with Receiver(port=port) as n8n:
            eventually(all_are(gateway, "delivered", 1))
            assert len(n8n.calls) == 1
