"""The queue on Redis (7 or newer): one stream with consumer groups, and PUBLISH for listeners to channels, as n8n's Redis Trigger is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .base import MAX_LENGTH, Message, QueueDown

STREAM = "llamaflow:events"
CHANNEL = "llamaflow.events."  # + last word of the type: llamaflow.events.completed; PSUBSCRIBE llamaflow.events.* hears all
LAST = "llamaflow:last:"  # + run id: the last sequence that went into the stream
LEADER = "llamaflow:leader:"
TIMEOUT_S = 5
REMEMBER_S = 30 * 86400  # last sequences
CONSUMER_GONE_MS = 3_600_000  # a consumer that is idle for so long and holds nothing is forgotten

# Appends what is new, atomically: relays may race, repeat themselves and lag behind, each run still stands in the stream in order and once.
PUBLISH = """
local new = 0
for i = 5, #ARGV, 4 do
    local run, sequence, channel, body = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3]
    local key = ARGV[2] .. run
    local last = tonumber(redis.call('GET', key) or '0')
    if ARGV[1] == '1' or sequence > last then
        redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'event', body)
        redis.call('PUBLISH', channel, body)
        redis.call('SET', key, math.max(sequence, last), 'EX', ARGV[4])
        new = new + 1
    end
end
return new
"""
# Takes the lead or keeps it.
LEAD = """
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class RedisQueue:
    """One client (a pool of connections) for all threads of the process. It connects at first use and again after each failure."""

    def __init__(self, url: str, max_length: int = MAX_LENGTH, stream: str = STREAM):
        # One silent retry: the first command after Redis was restarted finds a dead connection in the pool.
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            health_check_interval=30,
            retry=Retry(NoBackoff(), 1),
            protocol=2,
        )
        self._max_length = max_length
        self._stream = stream
        self._publish = self._client.register_script(PUBLISH)
        self._lead = self._client.register_script(LEAD)

    def publish(self, events: Sequence[dict[str, Any]], *, again: bool = False) -> int:
        if not events:
            return 0
        arguments: list[Any] = ["1" if again else "0", LAST, self._max_length, REMEMBER_S]
        for event in events:
            body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
            arguments += [event["subject"], event["sequence"], CHANNEL + event["type"].rpartition(".")[2], body]
        with _errors():
            return self._publish(keys=[self._stream], args=arguments)

    def read(self, group: str, consumer: str, count: int = 100, block_s: float = 1.0) -> list[Message]:
        block_ms = max(1, int(min(block_s, TIMEOUT_S - 1) * 1000))  # 0 would be for ever, and the socket's time limit must not strike first

        def read() -> Any:
            return self._client.xreadgroup(group, consumer, {self._stream: ">"}, count=count, block=block_ms)

        return [message for _, entries in self._in_group(group, read) or () for message in _messages(entries)]

    def ack(self, group: str, positions: Sequence[str]) -> None:
        if positions:
            with _errors():
                self._client.xack(self._stream, group, *positions)

    def take_over(self, group: str, consumer: str, idle_s: float, count: int = 100) -> list[Message]:
        self._forget_consumers(group, consumer)
        taken: list[Message] = []
        start = "0-0"
        while len(taken) < count:
            found = partial(self._client.xautoclaim, self._stream, group, consumer, int(idle_s * 1000), start, count - len(taken))
            next_start, entries = self._in_group(group, found)[:2]
            taken += _messages(entries)
            start = next_start.decode()
            if start == "0-0":
                break
        return taken

    def _forget_consumers(self, group: str, me: str) -> None:
        """Each start of a process leaves a name in the group."""
        for consumer in self._in_group(group, lambda: self._client.xinfo_consumers(self._stream, group)):
            name = consumer["name"].decode()
            if name != me and consumer["pending"] == 0 and consumer["idle"] > CONSUMER_GONE_MS:
                self._in_group(group, partial(self._client.xgroup_delconsumer, self._stream, group, name))

    def backlog(self, group: str) -> int:
        pending = self._in_group(group, lambda: self._client.xpending(self._stream, group))["pending"]
        groups = self._in_group(group, lambda: self._client.xinfo_groups(self._stream))
        read_to = next(info["last-delivered-id"].decode() for info in groups if info["name"].decode() == group)
        # Not XINFO's lag, which Redis does not always know. 1 stands for any number.
        unread = self._in_group(group, lambda: self._client.xrange(self._stream, f"({read_to}", "+", count=1))
        return pending + len(unread)

    def replay(self, after: str = "0-0", count: int = 100) -> list[Message]:
        with _errors():
            return _messages(self._client.xrange(self._stream, f"({after}", "+", count=count))

    def lead(self, task: str, member: str, seconds: float) -> bool:
        with _errors():
            return bool(self._lead(keys=[LEADER + task], args=[member, int(seconds * 1000)]))

    def ping(self) -> None:
        with _errors():
            self._client.ping()

    def close(self) -> None:
        self._client.close()

    def _in_group(self, group: str, command: Callable[[], Any]) -> Any:
        """The answer of a command that needs the group, which is made where it is missing: at first use, or when Redis lost its data."""
        with _errors():
            try:
                return command()
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error) and "no such key" not in str(error):
                    raise
            try:
                self._client.xgroup_create(self._stream, group, id="0", mkstream=True)
            except redis.ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
            return command()


def _messages(entries: Sequence[tuple[bytes, dict[bytes, bytes] | None]]) -> list[Message]:
    return [Message(position.decode(), json.loads(fields[b"event"])) for position, fields in entries if fields]


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except redis.ResponseError:
        raise  # a mistake of ours, unless Redis is still reading its data (BusyLoadingError is a ConnectionError)
    except (redis.RedisError, OSError) as error:
        raise QueueDown(f"Redis does not answer: {type(error).__name__}") from error
