"""What every part of the gateway works on: settings, database, secrets and queue, opened once for a process."""

from __future__ import annotations

from dataclasses import dataclass

from .queue import Queue, open_queue
from .secrets import SecretBox
from .settings import Settings
from .store.database import Store, connect
from .store.migrate import migrate


@dataclass(frozen=True)
class Gateway:
    """One process's share of the gateway; safe to use from several threads."""

    settings: Settings
    store: Store
    secrets: SecretBox
    queue: Queue

    def close(self) -> None:
        self.queue.close()
        self.store.close()


def open_gateway(settings: Settings) -> Gateway:
    """Open everything; the database is brought to the newest schema first. Raises what the database or the queue raises."""
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = connect(settings)
    migrate(engine)
    return Gateway(settings, Store(engine), SecretBox.of(settings), open_queue(settings))
