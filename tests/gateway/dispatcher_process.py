"""A dispatcher in a process of its own, for tests that kill it: settings from the environment, ends at SIGTERM."""

from __future__ import annotations

import signal
import threading

from gateway.context import open_gateway
from gateway.settings import Settings
from gateway.webhooks.dispatcher import Dispatcher

if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    gateway = open_gateway(Settings(_env_file=None))
    print("ready", flush=True)
    Dispatcher(gateway).run(stop)
    gateway.close()
