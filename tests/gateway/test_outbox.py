"""From the outbox to rows of deliveries: nothing lost, each once, each run in order, whoever dies or races. SQLite and PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

import pytest
from receivers import make_events, make_many_events, make_owner, make_run, make_webhook
from served import eventually
from sqlalchemy import event as hooks
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from gateway.context import open_gateway
from gateway.queue import MemoryQueue, relay
from gateway.queue.relay import GROUP, Relay
from gateway.runs import transitions
from gateway.store.tables import Delivery, Outbox
from gateway.webhooks.fanout import fan_out
from gateway.webhooks.subscriptions import Webhook as WebhookRow
from gateway.webhooks.subscriptions import delete_webhook

URL = "http://127.0.0.1:8099/"


@pytest.fixture
def gateway(both_databases, make_settings):
    opened = open_gateway(make_settings(webhook_private=True, **both_databases))
    yield opened
    opened.close()


def outbox(gateway) -> list[int]:
    with gateway.store.read() as session:
        return list(session.scalars(select(Outbox.event_number).order_by(Outbox.event_number)))


def rows(gateway) -> dict[str, list[int]]:
    """run -> events of its deliveries, in the order in which the rows arose."""
    found = defaultdict(list)
    with gateway.store.read() as session:
        for run_id, number in session.execute(select(Delivery.run_id, Delivery.event_number).order_by(Delivery.number)):
            found[run_id].append(number)
    return found


def published(queue) -> list[tuple[str, int]]:
    return [(message.event["subject"], message.event["sequence"]) for message in queue.replay(count=100_000)]


def fan_out_all(gateway, queue, consumer: str = "c", count: int = 100) -> None:
    while messages := queue.read(GROUP, consumer, count, block_s=0):
        with gateway.store.write() as session:
            fan_out(session, [message.event for message in messages])
        queue.ack(GROUP, [message.position for message in messages])


def test_an_event_that_is_rolled_back_never_was(gateway):
    make_owner(gateway)
    run_id = make_run(gateway)
    with pytest.raises(RuntimeError), gateway.store.write() as session:
        transitions.record(session, transitions.lock(session, run_id), "br.llamaflow.run.progress")
        raise RuntimeError
    assert Relay(gateway.settings, gateway.store, gateway.queue).step() == 0


def test_the_outbox_empties_with_the_deliveries_not_with_publishing(gateway):
    make_owner(gateway)
    make_webhook(gateway, URL)
    run_id = make_run(gateway)
    make_events(gateway, run_id, 3)
    one = Relay(gateway.settings, gateway.store, gateway.queue)
    assert one.step() == 3 and one.step() == 0
    assert len(outbox(gateway)) == 3 and rows(gateway) == {}
    fan_out_all(gateway, gateway.queue)
    assert outbox(gateway) == [] and rows(gateway) == {run_id: [1, 2, 3]}


def test_a_process_that_dies_after_publishing_loses_nothing(gateway):
    """Without Redis its queue dies with it: the next process publishes from the outbox again."""
    make_owner(gateway)
    make_webhook(gateway, URL)
    run_id = make_run(gateway)
    make_events(gateway, run_id, 3)
    Relay(gateway.settings, gateway.store, MemoryQueue()).step()
    second = MemoryQueue()
    Relay(gateway.settings, gateway.store, second).step()
    fan_out_all(gateway, second)
    assert rows(gateway) == {run_id: [1, 2, 3]}


def test_a_consumer_that_dies_before_its_commit_loses_nothing_and_one_after_it_doubles_nothing(gateway):
    make_owner(gateway)
    make_webhook(gateway, URL)
    run_id = make_run(gateway)
    make_events(gateway, run_id, 4)
    queue = gateway.queue
    Relay(gateway.settings, gateway.store, queue).step()
    before_commit = queue.read(GROUP, "died", 2, block_s=0)
    with pytest.raises(RuntimeError), gateway.store.write() as session:
        fan_out(session, [message.event for message in before_commit])
        raise RuntimeError
    after_commit = queue.read(GROUP, "died", 2, block_s=0)
    with gateway.store.write() as session:
        fan_out(session, [message.event for message in after_commit])
    taken = queue.take_over(GROUP, "heir", idle_s=0)
    assert len(taken) == 4
    with gateway.store.write() as session:
        assert fan_out(session, [message.event for message in taken]) == 0
    assert rows(gateway) == {run_id: [1, 2, 3, 4]} and outbox(gateway) == []


def test_a_consumer_that_is_ahead_takes_the_runs_earlier_events_along(gateway):
    """Another one holds them, or died with them: the run's rows still arise in order."""
    make_owner(gateway)
    make_webhook(gateway, URL)
    first, second = make_run(gateway), make_run(gateway)
    make_many_events(gateway, [first, second], 3)
    Relay(gateway.settings, gateway.store, gateway.queue).step()
    gateway.queue.read(GROUP, "slow", 3, block_s=0)  # holds first/1, second/1, first/2
    ahead = gateway.queue.read(GROUP, "quick", 1, block_s=0)  # second/2
    with gateway.store.write() as session:
        fan_out(session, [message.event for message in ahead])
    assert rows(gateway) == {second: [2, 4]}
    assert outbox(gateway) == [1, 3, 5, 6]


def test_relays_and_consumers_that_race(gateway):
    """Three relays on one queue, three consumers, a writer: each event once, each run in order."""
    make_owner(gateway)
    make_webhook(gateway, URL)
    runs = [make_run(gateway) for _ in range(5)]
    queue, done = gateway.queue, threading.Event()
    failures: list[BaseException] = []

    def again_and_again(step):
        def loop():
            while not done.is_set():
                try:
                    step()
                except OperationalError:
                    raise
                except BaseException as error:
                    failures.append(error)
                    return

        return threading.Thread(target=loop)

    relays = [Relay(gateway.settings, gateway.store, queue) for _ in range(3)]
    threads = [again_and_again(one.step) for one in relays]
    threads += [again_and_again(lambda name=name: (fan_out_all(gateway, queue, name, 7), time.sleep(0.002))) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for _ in range(20):
        for run_id in runs:
            make_events(gateway, run_id, 2)
    eventually(lambda: not outbox(gateway) or failures, 60)
    done.set()
    for thread in threads:
        thread.join(30)
    assert failures == []
    found = rows(gateway)
    assert {run_id: len(numbers) for run_id, numbers in found.items()} == dict.fromkeys(runs, 40)
    assert all(numbers == sorted(numbers) for numbers in found.values())
    by_run = defaultdict(list)
    for run_id, sequence in published(queue):
        by_run[run_id].append(sequence)
    assert by_run == dict.fromkeys(runs, list(range(1, 41)))


def test_a_transaction_that_commits_late_is_not_skipped(gateway):
    """PostgreSQL gives out numbers before it commits: a lower one may appear after a higher one was published."""
    if gateway.store.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: numbers appear in order")
    make_owner(gateway)
    make_webhook(gateway, URL)
    early, late = make_run(gateway), make_run(gateway)
    one = Relay(gateway.settings, gateway.store, gateway.queue)
    with gateway.store.write() as slow:
        transitions.record(slow, transitions.lock(slow, late), "br.llamaflow.run.progress")
        make_events(gateway, early, 2)
        one.step()
        fan_out_all(gateway, gateway.queue)
        assert rows(gateway) == {early: [2, 3]}
    one.step()
    fan_out_all(gateway, gateway.queue)
    assert rows(gateway) == {early: [2, 3], late: [1]} and outbox(gateway) == []


def test_a_queue_that_lost_events_gets_them_again(gateway, monkeypatch):
    monkeypatch.setattr(relay, "STUCK_S", 0.05)
    make_owner(gateway)
    make_webhook(gateway, URL)
    run_id = make_run(gateway)
    make_events(gateway, run_id, 3)
    one = Relay(gateway.settings, gateway.store, gateway.queue)
    one.step()
    lost = gateway.queue.read(GROUP, "c", block_s=0)
    gateway.queue.ack(GROUP, [message.position for message in lost])  # as if they had never been there
    time.sleep(0.1)
    one.step()
    fan_out_all(gateway, gateway.queue)
    assert rows(gateway) == {run_id: [1, 2, 3]} and outbox(gateway) == []


def test_a_busy_group_is_not_given_the_same_again(gateway, monkeypatch):
    monkeypatch.setattr(relay, "STUCK_S", 0.05)
    make_owner(gateway)
    run_id = make_run(gateway)
    make_events(gateway, run_id, 3)
    one = Relay(gateway.settings, gateway.store, gateway.queue)
    one.step()
    gateway.queue.read(GROUP, "busy", block_s=0)
    time.sleep(0.1)
    one.step()
    assert published(gateway.queue) == [(run_id, 1), (run_id, 2), (run_id, 3)]


def test_a_slow_consumer_holds_up_the_relay_not_the_queues_bound(gateway, monkeypatch):
    monkeypatch.setattr(relay, "WINDOW", 20)
    make_owner(gateway)
    make_webhook(gateway, URL)
    run_id = make_run(gateway)
    make_many_events(gateway, [run_id], 50)
    one = Relay(gateway.settings, gateway.store, gateway.queue)
    assert [one.step() for _ in range(3)] == [20, 0, 0]
    for _ in range(4):
        fan_out_all(gateway, gateway.queue)
        one.step()
    assert rows(gateway) == {run_id: list(range(1, 51))}


def test_a_webhook_deleted_while_its_deliveries_are_written_is_no_stumbling_block(gateway):
    make_owner(gateway)
    webhook_id = make_webhook(gateway, URL)
    run_id = make_run(gateway)
    make_events(gateway, run_id, 2)
    Relay(gateway.settings, gateway.store, gateway.queue).step()
    messages = gateway.queue.read(GROUP, "c", block_s=0)
    inserting, finished = threading.Event(), threading.Event()

    @hooks.listens_for(gateway.store.engine, "before_cursor_execute")
    def pause(connection, cursor, statement, *_):
        if statement.startswith("INSERT INTO deliveries"):
            inserting.set()
            finished.wait(0.3)  # the deletion has its chance

    def write():
        with gateway.store.write() as session:
            fan_out(session, [message.event for message in messages])

    def remove():
        inserting.wait(10)
        with gateway.store.write() as session:
            delete_webhook(session, session.scalar(select(WebhookRow).where(WebhookRow.id == webhook_id).with_for_update()))
        finished.set()

    threads = [threading.Thread(target=write), threading.Thread(target=remove)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert finished.is_set() and outbox(gateway) == [] and rows(gateway) == {}
