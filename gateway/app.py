"""The HTTP application: middleware, routers, and the small threads that write counts and the audit."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from . import __version__, errors, openapi
from .auth.audit import AuditLog
from .auth.housekeeping import Housekeeping
from .auth.keyring import Keyring
from .auth.rates import Rates
from .auth.usage import Uses
from .context import Gateway
from .middleware.authenticate import Authenticate
from .middleware.bodies import Bodies
from .middleware.metrics import Metrics
from .middleware.observe import Observe
from .middleware.proxies import Proxies
from .routes import audit, datasets, events, health, keys, models, pages, runs, webhooks, wes

# Those that are asked most are tried first.
ROUTES = (wes, runs, events, health, keys, audit, models, datasets, webhooks, pages)


def create_app(gateway: Gateway) -> FastAPI:
    """The application on an open gateway; closing that is its maker's affair."""
    keyring, uses, audit_log, metrics = Keyring(gateway.store), Uses(gateway.store), AuditLog(gateway.store), Metrics(gateway.store)

    failures = Rates()  # of wrong keys by address

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        audit_log.start()
        housekeeping = Housekeeping(gateway, uses, audit_log)
        housekeeping.start()
        try:
            yield
        finally:
            housekeeping.stop()
            audit_log.stop()

    app = FastAPI(
        title="LlamaFlow gateway", version=__version__, lifespan=lifespan, summary="Runs of hours that nobody loses sight of",
        docs_url=None, redoc_url=None, telemetry={"tracing": False, "metrics": False, "logs": False},  # it would export what callers sent
    )  # fmt: skip
    app.state.stop = threading.Event()  # set when the process is to end; serve.py puts its own here
    app.state.failures = failures
    app.state.gateway, app.state.keyring, app.state.audit, app.state.metrics = gateway, keyring, audit_log, metrics
    errors.install(app)
    # The last one added is the outermost.
    app.add_middleware(Authenticate, gateway=gateway, keyring=keyring, uses=uses, failures=failures)
    app.add_middleware(Bodies, settings=gateway.settings)
    app.add_middleware(Observe, audit_log=audit_log, metrics=metrics)
    app.add_middleware(Proxies, settings=gateway.settings)
    for module in ROUTES:
        app.include_router(module.router)
    openapi.publish(app)
    return app
