"""A thread beside the application: writes the counts of uses, rotates keys that are due."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from ..context import Gateway
from ..models import promotions
from .audit import AuditLog
from .rotation import rotate_due
from .usage import Uses

EVERY_S = 1.0
ROTATION_EVERY = 10  # ticks

log = structlog.get_logger("gateway.housekeeping")


class Housekeeping:
    """start() and stop(); stop() writes the last counts."""

    def __init__(self, gateway: Gateway, uses: Uses, audit_log: AuditLog):
        self._gateway, self._uses, self._audit = gateway, uses, audit_log
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._try(self._uses.write)

    def _run(self) -> None:
        tick = 0
        self._try(self._publish)
        while not self._stop.wait(EVERY_S):
            self._try(self._uses.write)
            if tick % ROTATION_EVERY == 0:
                self._try(self._rotate)
            tick += 1

    def _publish(self) -> None:
        """A crash between a promotion's file and its row is mended at the start."""
        promotions.publish(self._gateway)

    def _rotate(self) -> None:
        for key_id in rotate_due(self._gateway.store, self._gateway.settings.home / "keys", self._audit):
            log.info("key rotated", key_id=key_id)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # the database is away for a moment: the next tick does it
            log.warning("housekeeping failed", work=work.__name__, error=type(error).__name__)
