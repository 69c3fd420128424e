"""What routes share that read a body of their own: the body in time, work that ends when its caller leaves, and how it ended
where the status does not say.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import orjson
import pydantic
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from council.domain import errors
from council.gateway.wire import fields

# nginx's number for it; nobody is there to read it but the log.
CLIENT_GONE = 499
_LOOK_AFTER_S = 0.05
# Where in an exchange's state the error is that ended it.
_FAILURE = "failure"
_CAUSES_MAX = 8

_T = TypeVar("_T")
_Form = TypeVar("_Form", bound=pydantic.BaseModel)


async def body(request: Request, timeout_s: float, bytes_max: int) -> bytes:
    """Return the body. Raises InvalidRequestError: too slow, too large, or cut short."""
    raw = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            more = True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise errors.InvalidRequestError("The connection closed before the body was whole.")
                raw += message.get("body", b"")
                more = message.get("more_body", False)
                if len(raw) > bytes_max:
                    raise errors.BodyTooLargeError(f"The body is over the limit of {bytes_max} bytes. Send less.")
    except TimeoutError:
        raise errors.RequestTimeoutError(
            f"The body did not arrive within {timeout_s:g} s. Send it faster, or raise `gateway.body_timeout_s`."
        ) from None
    return bytes(raw)


async def json_body(request: Request, timeout_s: float, bytes_max: int) -> Any:
    """Return the body as parsed JSON. Raises InvalidRequestError, as `body` does or because it is no JSON."""
    raw = await body(request, timeout_s, bytes_max)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise errors.MalformedBodyError(f"The body is not valid JSON in UTF-8: {error}. Send a JSON object.") from error


async def form(request: Request, timeout_s: float, bytes_max: int, model: type[_Form]) -> _Form:
    """Return the body as a form. Raises InvalidRequestError, as `json_body` does or naming the first field that is wrong."""
    found = await json_body(request, timeout_s, bytes_max)
    try:
        return model.model_validate(found)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise errors.InvalidRequestError(
            f"`{place}`: {fields.worded(first)}. Correct it and send again.", parameter=place
        ) from error


def documented(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that `form` reads, each form in it where it is used."""
    schema = model.model_json_schema()
    named = schema.pop("$defs", {})

    def whole(part: Any) -> Any:
        if isinstance(part, list):
            return [whole(one) for one in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return whole(named[part["$ref"].rpartition("/")[2]])
        return {key: whole(value) for key, value in part.items()}

    return {"requestBody": {"required": True, "content": {"application/json": {"schema": whole(schema)}}}}


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, _T]) -> _T | None:
    """Return the result of `work`; None if the caller left first, and then `work` was cancelled."""
    worker = asyncio.current_task()
    assert worker is not None, "a coroutine runs in a task"
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        worker.cancel()

    watching: asyncio.Future[None] | None = None

    def begin() -> None:
        nonlocal watching
        watching = asyncio.ensure_future(watch())

    # Most work is done before it would pay to look whether anybody still waits for it.
    timer = asyncio.get_running_loop().call_later(_LOOK_AFTER_S, begin)
    try:
        return await work
    except asyncio.CancelledError:
        # Ours, unless somebody else wants this task to end as well.
        if gone and worker.uncancel() == 0:
            return None
        raise
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()


def note_failure(scope: Scope, error: errors.CouncilError) -> None:
    """Note what an exchange ended in, for whoever counts: a stream that breaks has told 200 long before."""
    scope["state"][_FAILURE] = error


def failure_code(scope: Scope, status_of: Callable[[errors.CouncilError], int]) -> str:
    """Return the code of the error of ours or a part's that an exchange ended in; empty where there was none."""
    failure = scope["state"].get(_FAILURE)
    return failure.code if failure is not None and status_of(failure) >= _SERVER_ERROR else ""


def is_shed(scope: Scope) -> bool:
    """Return whether an override refused an exchange, which then says nothing of how those end that are let in."""
    return isinstance(scope["state"].get(_FAILURE), errors.ShedError)


def outcome(scope: Scope, status: int, status_of: Callable[[errors.CouncilError], int]) -> str:
    """Return how an exchange ended: `ok`, `error` or `timeout`.

    What the caller did wrong is ok, and so is one who left. A timeout is where a part did not answer Council in time.
    """
    failure = scope["state"].get(_FAILURE)
    if failure is not None:
        status = max(status, status_of(failure))
    if status < _SERVER_ERROR:
        return "ok"
    return "timeout" if status == _GATEWAY_TIMEOUT or _took_too_long(failure) else "error"


_SERVER_ERROR = 500
_GATEWAY_TIMEOUT = 504


def _took_too_long(error: BaseException | None) -> bool:
    """Return whether an error comes of a clock that ran out: back ends chain what their driver raised."""
    for _ in range(_CAUSES_MAX):
        if error is None or isinstance(error, TimeoutError):
            break
        error = error.__cause__
    return isinstance(error, TimeoutError)


def json_response(content: Any, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """Return `content` as a JSON response."""
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
