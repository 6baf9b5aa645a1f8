"""What a queue does: an ordered log of events, bounded in length, read by groups of consumers, each with its pending messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

MAX_LENGTH = 100_000  # messages kept for replay; the oldest go first


class QueueDown(ConnectionError):
    """The queue cannot be reached now; nothing is lost, try again."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event in the queue. position: where it stands, for replay and ack; event: the CloudEvent."""

    position: str
    event: dict[str, Any]


class Queue(Protocol):
    """All methods raise QueueDown when the queue cannot be reached."""

    def publish(self, events: Sequence[dict[str, Any]], *, again: bool = False) -> int:
        """Append CloudEvents in this order and tell channel listeners; how many were new.

        An event of a run that is no further than the run's last one was published before and is left out, unless ``again`` is set.
        """
        ...

    def read(self, group: str, consumer: str, count: int = 100, block_s: float = 1.0) -> list[Message]:
        """Messages that nobody in the group has got yet; pending for ``consumer`` until acked. A new group starts at the oldest."""
        ...

    def ack(self, group: str, positions: Sequence[str]) -> None:
        """Done with these."""
        ...

    def take_over(self, group: str, consumer: str, idle_s: float, count: int = 100) -> list[Message]:
        """Messages pending for ``idle_s`` seconds or longer (their consumer died, perhaps), now pending for ``consumer``."""
        ...

    def backlog(self, group: str) -> int:
        """Messages that the group has not read or not acked; exact at 0."""
        ...

    def replay(self, after: str = "0-0", count: int = 100) -> list[Message]:
        """Messages behind a position, read without a group. What is older than the queue remembers lies in the table of events."""
        ...

    def lead(self, task: str, member: str, seconds: float) -> bool:
        """Whether ``member`` is the one that does ``task`` for the next seconds: spares double work, promises nothing."""
        ...

    def ping(self) -> None:
        """Nothing, where it can be reached."""
        ...

    def close(self) -> None: ...
