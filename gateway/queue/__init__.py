"""Status updates for everyone who listens: Redis Streams where a Redis is set, else a queue in the process with the same semantics.

The database stays the truth: events lie in its table for good, and an outbox row says that an event still has to be passed on.
"""

from __future__ import annotations

from ..settings import Settings
from .base import Message, Queue, QueueDown
from .memory import MemoryQueue

__all__ = ["MemoryQueue", "Message", "Queue", "QueueDown", "open_queue"]


def open_queue(settings: Settings) -> Queue:
    """The queue that the settings name. It does not connect yet: a Redis that is down delays updates and fails nothing."""
    if not settings.redis_url:
        return MemoryQueue()
    from .redis_streams import RedisQueue

    return RedisQueue(settings.redis_url.get_secret_value())
