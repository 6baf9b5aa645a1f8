"""Is the database away, or is it a bug of ours? The first is waited for or answered 503, the second is not."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# SQLite calls a missing table an OperationalError, too.
_SQLITE = ("locked", "busy", "unable to open", "disk i/o error", "disk is full")


def is_outage(error: BaseException) -> bool:
    """True: trying again later may help."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if type(error.orig).__module__.startswith("sqlite3"):
        return any(sign in str(error.orig).lower() for sign in _SQLITE)
    return isinstance(error, (OperationalError, InterfaceError))
