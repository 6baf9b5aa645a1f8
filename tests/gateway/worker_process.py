"""A worker alone in a process of its own, settings from the environment, for tests that kill it: python worker_process.py [WORKER_ID]."""

import signal
import sys
import threading

from gateway import logs
from gateway.context import open_gateway
from gateway.settings import Settings
from gateway.worker.worker import Worker

if __name__ == "__main__":
    logs.configure()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    gateway = open_gateway(Settings(_env_file=None))
    Worker(gateway, *sys.argv[1:]).run(stop)
    gateway.close()
