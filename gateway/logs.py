"""Logs: one JSON object a line on standard error, with the request's and the run's id, and without anything that opens a door."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# A second line of defence: the code logs no secret, but a library's exception may quote a URL or a header.
_SECRETS = (
    (re.compile(r"\b(lf_[0-9a-zA-Z]{1,16})_[A-Za-z0-9_\-]+"), r"\1_***"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=_\-]+"), "whsec_***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}"), r"\1 ***"),
    (re.compile(r"(?i)([?&;](?:signature|token|secret|password|key|api_key|apikey|x-amz-[a-z-]+)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s]+@"), r"\1***@"),  # to the last @: passwords may hold one
)


_SUSPECT = re.compile(r"(?i)lf_|whsec_|bearer|basic|[?&;][\w-]+=|://[^/\s:@]*:")  # nearly no text is: the rest costs nothing then


def redact(text: str) -> str:
    """The text without keys, tokens, signatures and passwords."""
    if not _SUSPECT.search(text):
        return text
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value) if len(value) > 8 else value
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(one) for one in value]
    return value


def _redacted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        event[key] = _clean(value)
    return event


def configure(level: str = "INFO") -> None:
    """For a process of its own (serve, worker). What libraries log by `logging` comes out in the same form."""
    # Bound by structlog.contextvars: request_id in a call, run_id where a worker looks after a run.
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    end = [_redacted, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=shared + end,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    names = [structlog.stdlib.add_logger_name, *shared]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=names, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("httpx", "httpcore", "alembic", "uvicorn.access"):
        logging.getLogger(name).setLevel("WARNING")  # httpx logs whole URLs, resume signatures among them
