"""The one table from error code to HTTP status, and errors in the shape of OpenAI or Anthropic."""

import time
import types
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from council.domain import errors
from council.gateway import limits
from council.gateway.wire import messages

# Code to status and OpenAI's `type`. A code without a row is 500.
_TABLE: dict[str, tuple[int, str]] = {
    "invalid_request": (400, "invalid_request_error"),
    "malformed_body": (400, "invalid_request_error"),
    "unsupported_parameter": (400, "invalid_request_error"),
    "context_length_exceeded": (400, "invalid_request_error"),
    "invalid_api_key": (401, "authentication_error"),
    "forbidden": (403, "permission_error"),
    "not_found": (404, "invalid_request_error"),
    "model_not_found": (404, "invalid_request_error"),
    "method_not_allowed": (405, "invalid_request_error"),
    "request_timeout": (408, "invalid_request_error"),
    "conflict": (409, "invalid_request_error"),
    "body_too_large": (413, "invalid_request_error"),
    "rate_limit_exceeded": (429, "rate_limit_error"),
    "budget_exceeded": (402, "insufficient_quota"),
    "not_spent": (402, "insufficient_quota"),
    "provider_error": (502, "server_error"),
    "overloaded": (503, "overloaded_error"),
    "shed": (503, "overloaded_error"),
    "unavailable": (503, "server_error"),
    "model_unavailable": (503, "server_error"),
    "records_unavailable": (503, "server_error"),
    "store_unavailable": (503, "server_error"),
    "compute_unavailable": (503, "server_error"),
    "recall_unavailable": (503, "server_error"),
    "watcher_unavailable": (503, "server_error"),
    "patchctl_unavailable": (503, "server_error"),
    "not_running": (503, "server_error"),
    "sandbox_unavailable": (503, "server_error"),
    "sandbox_stopped": (503, "server_error"),
    "compute_limit": (422, "invalid_request_error"),
    "patch_refused": (422, "invalid_request_error"),
}
_INTERNAL = (500, "server_error")
_NOTHING: Mapping[str, str] = types.MappingProxyType({})


def status_of(error: errors.CouncilError) -> int:
    """Return the HTTP status of an error."""
    return _TABLE.get(error.code, _INTERNAL)[0]


def body_of(error: errors.CouncilError, request_id: str) -> dict[str, Any]:
    """Return the error in OpenAI's shape, with the request id beside it. Never carries `detail`."""
    status, kind = _TABLE.get(error.code, _INTERNAL)
    message = "Internal error." if status == 500 else error.message
    inner = {"message": message, "type": kind, "param": error.parameter, "code": error.code}
    return {"error": {**inner, "request_id": request_id}}


def response_of(
    error: errors.CouncilError,
    request_id: str,
    path: str,
    status: int | None = None,
    told: Mapping[str, str] = _NOTHING,
) -> Response:
    """Return the HTTP response that tells a client about an error; `status` where it is not the table's.

    On Anthropic's path it has Anthropic's shape, everywhere else OpenAI's. `told` are headers about the caller's limit.
    """
    headers = dict(told)
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, errors.RateLimitedError) and error.limit:
        headers |= limits.told(path, error.limit, 0, error.full_after_s, time.time())
    if isinstance(error, errors.UnauthenticatedError):
        headers["www-authenticate"] = "Bearer"
    status = status or status_of(error)
    body = body_of(error, request_id)
    content = orjson.dumps(messages.error_body(body, status) if path == limits.MESSAGES else body)
    return Response(content, status, headers, media_type="application/json")
