"""Errors of the API: always JSON {msg, status_code}, never what the caller sent (it may be personal or secret)."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from .runs.problems import Refused
from .runs.states import IllegalTransition
from .runs.transitions import RunMoved


class ErrorBody(BaseModel):
    """Every answer of 400 and above."""

    msg: str
    status_code: int
    problems: list[str] | None = None  # one by one, where a submission has several


class ApiError(Exception):
    """An answer other than success: a message that tells a person what to do, and the status."""

    def __init__(self, status_code: int, msg: str, headers: Mapping[str, str] | None = None):
        super().__init__(msg)
        self.status_code, self.msg, self.headers = status_code, msg, dict(headers or {})


def error_response(status_code: int, msg: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"msg": msg, "status_code": status_code}, status_code, headers=dict(headers or {}))


async def _api_error(_request: Request, error: ApiError) -> JSONResponse:
    return error_response(error.status_code, error.msg, error.headers)


async def _refused(_request: Request, error: Refused) -> JSONResponse:
    return JSONResponse({"msg": error.msg, "status_code": error.status_code, "problems": error.problems}, error.status_code)


async def _http_error(_request: Request, error: HTTPException) -> JSONResponse:
    return error_response(error.status_code, str(error.detail), error.headers)


async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    return error_response(422, "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in error.errors()[:10]))


async def _conflict(_request: Request, error: Exception) -> JSONResponse:
    return error_response(409, str(error) if isinstance(error, IllegalTransition) else "the run has just changed: read it again")


def _place(location: tuple) -> str:
    return ".".join(str(part) for part in location if part != "body")[:120] or "body"


def install(app: FastAPI) -> None:
    """Whatever is raised in a handler becomes an answer; the unexpected is middleware/observe.py's."""
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(IllegalTransition, _conflict)
    app.add_exception_handler(RunMoved, _conflict)


# For `responses=` of routers: what OpenAPI says of errors.
ERRORS = {code: {"model": ErrorBody} for code in (400, 401, 403, 404, 409, 413, 422, 429, 503)}
