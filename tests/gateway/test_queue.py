"""The queue, in the process and on a real Redis: the same tests for both."""

from __future__ import annotations

import json
import threading
import time

import pytest
import redis
from served import eventually, free_port

from gateway.queue import MemoryQueue, QueueDown, open_queue
from gateway.queue.redis_streams import RedisQueue


@pytest.fixture
def clean_redis(redis_url: str) -> str:
    redis.Redis.from_url(redis_url).flushall()
    return redis_url


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.rig)])
def new_queue(request: pytest.FixtureRequest):
    """new_queue(max_length) -> an empty queue."""
    opened = []

    def make(max_length: int = 100_000):
        queue = MemoryQueue(max_length) if request.param == "memory" else RedisQueue(request.getfixturevalue("clean_redis"), max_length)
        opened.append(queue)
        return queue

    yield make
    for queue in opened:
        queue.close()


def event(sequence: int, run: str = "run-1") -> dict:
    return {"id": f"{run}-{sequence}", "type": "br.llamaflow.run.progress", "subject": run, "sequence": sequence, "data": {"ação": "não"}}


def ids(messages) -> list[str]:
    return [message.event["id"] for message in messages]


def test_a_group_gets_each_message_once_and_in_order(new_queue):
    queue = new_queue()
    assert queue.publish([event(n) for n in range(1, 6)]) == 5
    first = queue.read("g", "a", count=3, block_s=0)
    second = queue.read("g", "b", count=3, block_s=0)
    assert ids(first) + ids(second) == [f"run-1-{n}" for n in range(1, 6)]
    assert first[0].event == event(1)
    assert queue.read("g", "a", block_s=0) == []


def test_each_group_gets_everything(new_queue):
    queue = new_queue()
    queue.publish([event(1), event(2)])
    assert ids(queue.read("g", "a", block_s=0)) == ids(queue.read("h", "a", block_s=0)) == ["run-1-1", "run-1-2"]


def test_what_was_published_before_is_left_out_unless_forced(new_queue):
    queue = new_queue()
    queue.publish([event(1), event(2)])
    assert queue.publish([event(1), event(2), event(3), event(1, "run-2")]) == 2
    assert queue.publish([event(2)], again=True) == 1
    assert queue.publish([event(3)]) == 0  # an old one that was forced does not turn the clock back
    assert ids(queue.read("g", "a", block_s=0)) == ["run-1-1", "run-1-2", "run-1-3", "run-2-1", "run-1-2"]


def test_unacked_messages_are_taken_over_and_acked_ones_are_not(new_queue):
    queue = new_queue()
    queue.publish([event(n) for n in range(1, 5)])
    got = queue.read("g", "died", block_s=0)
    queue.ack("g", [got[1].position])
    assert queue.take_over("g", "heir", idle_s=60) == []
    assert ids(queue.take_over("g", "heir", idle_s=0, count=2)) == ["run-1-1", "run-1-3"]
    assert ids(queue.take_over("g", "heir", idle_s=0)) == ["run-1-1", "run-1-3", "run-1-4"]
    assert queue.read("g", "heir", block_s=0) == []


def test_backlog_is_exact_at_zero(new_queue):
    queue = new_queue()
    assert queue.backlog("g") == 0
    queue.publish([event(1), event(2)])
    assert queue.backlog("g") > 0
    got = queue.read("g", "a", block_s=0)
    assert queue.backlog("g") == 2
    queue.ack("g", [message.position for message in got])
    assert queue.backlog("g") == 0


def test_replay_from_a_position(new_queue):
    queue = new_queue()
    queue.publish([event(n) for n in range(1, 6)])
    everything = queue.replay()
    assert ids(everything) == [f"run-1-{n}" for n in range(1, 6)]
    assert ids(queue.replay(everything[2].position, count=1)) == ["run-1-4"]
    assert queue.replay(everything[4].position) == []


def test_the_length_is_bounded_and_the_oldest_go_first(new_queue):
    queue = new_queue(max_length=100)
    for start in range(1, 1001, 100):
        queue.publish([event(n) for n in range(start, start + 100)])
    kept = ids(queue.replay(count=2000))
    assert 100 <= len(kept) <= 300  # Redis trims whole nodes of its stream
    assert kept == [f"run-1-{n}" for n in range(1001 - len(kept), 1001)]


def test_trimmed_pending_messages_are_no_stumbling_block(new_queue):
    queue = new_queue(max_length=10)
    queue.publish([event(1)])
    queue.read("g", "died", block_s=0)
    queue.publish([event(n) for n in range(2, 1000)])
    assert "run-1-1" not in ids(queue.take_over("g", "heir", idle_s=0))
    assert ids(queue.read("g", "heir", count=2000, block_s=0))[-1] == "run-1-999"


def test_a_reader_that_waits_is_woken(new_queue):
    queue = new_queue()
    queue.read("g", "a", block_s=0)
    got = []
    reader = threading.Thread(target=lambda: got.extend(queue.read("g", "a", block_s=4)))
    reader.start()
    time.sleep(0.1)
    queue.publish([event(1)])
    reader.join(20)
    assert ids(got) == ["run-1-1"]


def test_consumers_in_threads_share_without_loss(new_queue):
    queue = new_queue()
    got: list[str] = []

    def consume(name: str) -> None:
        while len(got) < 500:
            messages = queue.read("g", name, count=7, block_s=0.05)
            got.extend(ids(messages))
            queue.ack("g", [message.position for message in messages])

    threads = [threading.Thread(target=consume, args=(f"c{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for n in range(1, 501):
        queue.publish([event(n)])
    for thread in threads:
        thread.join(30)
    assert sorted(got) == sorted(f"run-1-{n}" for n in range(1, 501))


def test_without_a_redis_the_queue_lives_in_the_process(make_settings):
    queue = open_queue(make_settings())
    assert isinstance(queue, MemoryQueue)
    assert queue.lead("relay", "anyone", 1)
    queue.ping()


def test_a_redis_that_is_away_is_said_and_does_not_hinder_the_start(make_settings):
    queue = open_queue(make_settings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    for call in (queue.ping, lambda: queue.publish([event(1)]), lambda: queue.read("g", "a"), lambda: queue.backlog("g")):
        with pytest.raises(QueueDown):
            call()


@pytest.mark.rig
def test_channels_hear_each_event_once(clean_redis):
    """As n8n's Redis Trigger listens."""
    queue = RedisQueue(clean_redis)
    listener = redis.Redis.from_url(clean_redis).pubsub()
    listener.psubscribe("llamaflow.events.*")
    eventually(lambda: listener.get_message(timeout=1))
    queue.publish([event(1), event(2)])
    queue.publish([event(2)])  # a relay that repeats itself
    heard = [eventually(lambda: listener.get_message(timeout=1)) for _ in range(2)]
    assert [json.loads(message["data"])["id"] for message in heard] == ["run-1-1", "run-1-2"]
    assert heard[0]["channel"] == b"llamaflow.events.progress"
    assert listener.get_message(timeout=0.2) is None
    listener.close()
    queue.close()


@pytest.mark.rig
def test_one_relay_leads_and_another_follows_when_it_is_gone(clean_redis):
    queue = RedisQueue(clean_redis)
    assert queue.lead("relay", "a", 0.5)
    assert queue.lead("relay", "a", 0.5)
    assert not queue.lead("relay", "b", 0.5)
    eventually(lambda: queue.lead("relay", "b", 5))
    assert not queue.lead("relay", "a", 0.5)
    queue.close()


@pytest.mark.rig
def test_a_redis_that_lost_its_data_is_used_as_a_new_one(clean_redis):
    queue = RedisQueue(clean_redis)
    queue.publish([event(1)])
    queue.read("g", "a", block_s=0)
    redis.Redis.from_url(clean_redis).flushall()
    assert queue.backlog("g") == 0
    assert queue.take_over("g", "a", 0) == []
    assert queue.publish([event(1)]) == 1
    assert ids(queue.read("g", "a", block_s=0)) == ["run-1-1"]
    queue.close()
