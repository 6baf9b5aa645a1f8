"""`llamaflow serve` (HTTP, with a worker and a dispatcher beside it) and `llamaflow worker` (those two alone)."""

from __future__ import annotations

import contextlib
import gc
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import structlog
import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import DBAPIError

from . import logs
from .auth.lifecycle import first_admin_key
from .binding import refusal
from .context import Gateway, open_gateway
from .settings import Settings
from .store.outage import is_outage

BACKLOG = 4096
GRACE_S = 10  # for calls in progress; streams of events are cut after it, and their readers come back
RESTART_S = 2.0
DATABASE_S = 60.0
SWITCH_S = 0.0005  # Python's own 5 ms are what a database thread waits for the busy event loop at each of its steps

log = structlog.get_logger("gateway.serve")


def serve(argv: list[str]) -> int:
    """Until SIGTERM or SIGINT. 2: refused settings, with the reason on standard error."""
    settings = _settings(argv, "llamaflow serve")
    if settings is None:
        return 2
    if problem := refusal(settings):
        print(f"llamaflow serve: {problem}", file=sys.stderr)
        return 2
    with _opened(settings) as (gateway, stop):
        _print_first_key(gateway)
        _raise_file_limit()
        parts = [("dispatcher", _dispatcher)] + ([("worker", _worker)] if settings.embedded_worker else [])
        with _beside(gateway, stop, parts):
            _http(gateway, stop)
    return 0


def work(argv: list[str]) -> int:
    """Worker and dispatcher until SIGTERM or SIGINT; runs go on without it."""
    settings = _settings(argv, "llamaflow worker")
    if settings is None:
        return 2
    with _opened(settings) as (gateway, stop), _beside(gateway, stop, [("dispatcher", _dispatcher), ("worker", _worker)]):
        stop.wait()
    return 0


def _settings(argv: list[str], program: str) -> Settings | None:
    try:
        return Settings(_cli_parse_args=argv, _cli_prog_name=program, _cli_kebab_case=True)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)]
    except SettingsError as error:
        lines = [str(error)]
    print("\n".join(f"{program}: {line}" for line in lines), file=sys.stderr)
    return None


@contextlib.contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Gateway, threading.Event]]:
    logs.configure(settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())  # uvicorn puts its own over it, and raises the signal again when it is done
    gateway = _open_patiently(settings, stop)
    try:
        yield gateway, stop
    finally:
        gateway.close()


def _open_patiently(settings: Settings, stop: threading.Event) -> Gateway:
    """Services start in any order: a database that is not there yet is waited for. Raises SystemExit after a minute, or on a signal."""
    last = time.monotonic() + DATABASE_S
    while True:
        try:
            return open_gateway(settings)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            log.warning("the database cannot be opened", error=str(error.orig).strip())
        if stop.wait(RESTART_S) or time.monotonic() > last:
            raise SystemExit(1)


def _http(gateway: Gateway, stop: threading.Event) -> None:
    from .app import create_app
    from .protocol import audited, limited

    settings = gateway.settings
    app = create_app(gateway)
    app.state.stop = stop
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, http=limited(audited(app.state)), ws="none", log_config=None, access_log=False,
        proxy_headers=False, server_header=False, backlog=BACKLOG, timeout_keep_alive=75, timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=settings.tls_certificate, ssl_keyfile=settings.tls_key,
    )  # fmt: skip
    sys.setswitchinterval(SWITCH_S)
    # What was imported stays: without this each full collection walks through all of it, and every caller waits meanwhile.
    gc.collect()
    gc.freeze()
    if not stop.is_set():
        _Server(config, stop).run()


class _Server(uvicorn.Server):
    """Tells the rest of the process of the signal at once: streams end by themselves, the worker lets go, while calls are finished."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event):
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stop.set()
        super().handle_exit(sig, frame)


def _print_first_key(gateway: Gateway) -> None:
    """On standard output, which is not the log."""
    key = first_admin_key(gateway.store)
    if key:
        print(f"First admin key, shown this once: {key}", flush=True)


def _raise_file_limit() -> None:
    """Thousands of open connections: as many files as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _worker(gateway: Gateway, stop: threading.Event) -> None:
    from .worker.worker import Worker

    Worker(gateway).run(stop)


def _dispatcher(gateway: Gateway, stop: threading.Event) -> None:
    from .webhooks.dispatcher import Dispatcher

    Dispatcher(gateway).run(stop)


Part = Callable[[Gateway, threading.Event], None]


@contextlib.contextmanager
def _beside(gateway: Gateway, stop: threading.Event, parts: list[tuple[str, Part]]) -> Iterator[None]:
    """Each part in a thread of its own; one that fails starts again. At the end they are told to stop and waited for."""
    threads = [threading.Thread(target=_kept_up, args=(name, part, gateway, stop), name=name, daemon=True) for name, part in parts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(GRACE_S)


def _kept_up(name: str, part: Part, gateway: Gateway, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            part(gateway, stop)
        except Exception:
            log.exception("part failed, starts again", part=name)
        stop.wait(RESTART_S)
