"""The queue of a gateway without Redis: lives in the process. It need not outlive it, since outbox rows stay until they are passed on."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from .base import MAX_LENGTH, Message

RUNS_KNOWN = 10_000  # whose last sequence is remembered


class _Group:
    def __init__(self) -> None:
        self.read_to = 0  # number of the last message handed out
        self.pending: OrderedDict[int, tuple[str, float]] = OrderedDict()  # number -> consumer, since when


class MemoryQueue:
    """Thread-safe; messages are numbered from 1 and their position is "<number>-0", which sorts and reads like one of Redis."""

    def __init__(self, max_length: int = MAX_LENGTH):
        self._max_length = max_length
        self._numbers: list[int] = []
        self._events: dict[int, dict[str, Any]] = {}
        self._last = 0
        self._sequences: OrderedDict[str, int] = OrderedDict()
        self._groups: dict[str, _Group] = {}
        self._changed = threading.Condition()

    def publish(self, events: Sequence[dict[str, Any]], *, again: bool = False) -> int:
        with self._changed:
            new = 0
            for event in events:
                run, sequence = event["subject"], event["sequence"]
                if not again and sequence <= self._sequences.get(run, 0):
                    continue
                self._sequences[run] = max(sequence, self._sequences.pop(run, 0))
                self._last += 1
                self._numbers.append(self._last)
                self._events[self._last] = event
                new += 1
            while len(self._sequences) > RUNS_KNOWN:
                self._sequences.popitem(last=False)
            self._trim()
            self._changed.notify_all()
            return new

    def _trim(self) -> None:
        surplus = len(self._numbers) - self._max_length
        if surplus > 0:
            for number in self._numbers[:surplus]:
                del self._events[number]
            del self._numbers[:surplus]

    def _after(self, number: int, count: int) -> list[int]:
        start = bisect_right(self._numbers, number)
        return self._numbers[start : start + count]

    def read(self, group: str, consumer: str, count: int = 100, block_s: float = 1.0) -> list[Message]:
        until = time.monotonic() + block_s
        with self._changed:
            members = self._groups.setdefault(group, _Group())
            while not (numbers := self._after(members.read_to, count)):
                left = until - time.monotonic()
                if left <= 0:
                    return []
                self._changed.wait(left)
            members.read_to = numbers[-1]
            since = time.monotonic()
            members.pending.update((number, (consumer, since)) for number in numbers)
            return [self._message(number) for number in numbers]

    def _message(self, number: int) -> Message:
        return Message(f"{number}-0", self._events[number])

    def ack(self, group: str, positions: Sequence[str]) -> None:
        with self._changed:
            pending = self._groups.setdefault(group, _Group()).pending
            for position in positions:
                pending.pop(_number(position), None)

    def take_over(self, group: str, consumer: str, idle_s: float, count: int = 100) -> list[Message]:
        now = time.monotonic()
        with self._changed:
            pending = self._groups.setdefault(group, _Group()).pending
            for number in [number for number in pending if number not in self._events]:
                del pending[number]  # trimmed meanwhile, as Redis does it
            idle = [number for number, (_, since) in pending.items() if now - since >= idle_s][:count]
            pending.update((number, (consumer, now)) for number in idle)
            return [self._message(number) for number in idle]

    def backlog(self, group: str) -> int:
        with self._changed:
            members = self._groups.setdefault(group, _Group())
            return len(self._numbers) - bisect_right(self._numbers, members.read_to) + len(members.pending)

    def replay(self, after: str = "0-0", count: int = 100) -> list[Message]:
        with self._changed:
            return [self._message(number) for number in self._after(_number(after), count)]

    def lead(self, task: str, member: str, seconds: float) -> bool:
        return True  # each process has a queue of its own, to be fed by its own relay

    def ping(self) -> None:
        pass

    def close(self) -> None:
        pass


def _number(position: str) -> int:
    return int(position.partition("-")[0])
