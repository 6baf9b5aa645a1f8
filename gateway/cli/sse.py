"""Server-Sent Events out of lines: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass
class ServerSentEvent:
    """id: "" where the event has none of its own."""

    id: str = ""
    event: str = "message"
    data: str = ""


def parse(lines: Iterable[str]) -> Iterator[ServerSentEvent]:
    """Whole events only: one that the connection broke off is dropped and comes again after a reconnect."""
    event, data = ServerSentEvent(), []
    for line in lines:
        if not line:
            if data:
                event.data = "\n".join(data)
                yield event
            event, data = ServerSentEvent(), []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "id":
            event.id = value
        elif name == "event":
            event.event = value
