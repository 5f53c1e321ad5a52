"""Errors as the API answers them: `{"error": {"message", "field"?, "hint"?}}`."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from host_agent.query.errors import BadQuery, QueryTimeout, TooLarge

logger = logging.getLogger(__name__)


def error_response(
    status: int, message: str, field: str | None = None, hint: str | None = None
) -> JSONResponse:
    error = {"message": message, "field": field, "hint": hint}
    return JSONResponse({"error": {name: text for name, text in error.items() if text}}, status)


async def on_bad_query(_: Request, error: Exception) -> Response:
    assert isinstance(error, BadQuery)
    return error_response(400, error.message, error.field, error.hint)


async def on_timeout(_: Request, error: Exception) -> Response:
    assert isinstance(error, QueryTimeout)
    return error_response(
        503, str(error), hint="narrow it: a shorter time range (since=15m), a service, or a lower limit"
    )


async def on_too_large(_: Request, error: Exception) -> Response:
    assert isinstance(error, TooLarge)
    return error_response(
        413, str(error), hint="read the store's Parquet files with DuckDB, see docs/store.md"
    )


async def on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    hints = {404: "GET /api/v1 lists what there is", 405: "the API only answers GET"}
    message = {404: f"there is nothing at {request.url.path}", 405: f"{request.method} is not possible here"}
    return error_response(
        error.status_code, message.get(error.status_code, error.detail), hint=hints.get(error.status_code)
    )


async def on_failure(request: Request, error: Exception) -> Response:
    logger.error("GET %s failed", request.url.path, exc_info=error)
    return error_response(500, "the agent failed to answer; its log says why")
