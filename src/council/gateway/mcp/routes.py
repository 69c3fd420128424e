"""POST /mcp: one message in, one reply out. Nothing is kept between requests but which calls run now."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from council.domain import access, errors, memory_wire
from council.gateway import exchange, limits, memory, parts
from council.gateway.mcp import protocol, tools
from council.kit import ids

_log = logging.getLogger(__name__)

PATH = "/mcp"
_MEMORY_HEADER = "x-council-memory"
_SESSION_CHARS_MAX = 128
_NOT_RENDERED = "Internal error."

_Key = tuple[str, str, int | str]


class McpRoutes:
    """The handler for /mcp. Every message is admitted as a question is: by token, rights and rate."""

    def __init__(self, made: parts.Parts):
        self._parts = made
        self._running: dict[_Key, asyncio.Future[Any]] = {}

    def routes(self) -> list[Route]:
        """Return Starlette routes; none where the settings switch the protocol off."""
        return [Route(PATH, self.message, methods=["POST"])] if self._parts.config.gateway.mcp else []

    async def message(self, request: Request) -> Response:
        """Answer one message."""
        principal = self._parts.doorkeeper.admit(request, access.Right.CHAT)
        admission = await self._parts.limiter.admit(principal)
        headers = limits.tell(request, admission)
        settings = self._parts.config.gateway
        raw = await exchange.body(request, settings.body_timeout_s, settings.body_bytes_max)
        identifier: int | str | None = None
        version: str | None = None
        try:
            asked = protocol.read(raw)
            identifier = asked.id
            version = protocol.version_of(asked, request.headers.items())
            if identifier is None:
                self._note(request, principal, asked)
                return Response(status_code=202, headers=headers)
            call = _call(request, principal, admission)
            result = await self._answer(request, call, asked, version)
        except protocol.ProtocolError as error:
            status = protocol.status_of(error, version)
            return Response(protocol.failure(identifier, error), status, headers, media_type="application/json")
        if result is None:
            return Response(status_code=exchange.CLIENT_GONE)
        if asked.method == "initialize":
            # It tells this client's calls from others of the same token, and nothing more: no state hangs on it.
            headers[protocol.SESSION_HEADER] = ids.secret("")
        return Response(protocol.reply(asked, version, result), headers=headers, media_type="application/json")

    async def _answer(
        self, request: Request, call: tools.Call, asked: protocol.Message, version: str
    ) -> Mapping[str, Any] | None:
        """Return a result; None where nobody waits for it any more. Raises ProtocolError."""
        stateless = version in protocol.STATELESS
        match asked.method:
            case "initialize" if not stateless:
                return protocol.greeting(asked)
            case "ping" if not stateless:
                return {}
            case "server/discover" if stateless:
                return protocol.discovery()
            case "tools/list":
                if asked.params.get("cursor") is not None:
                    raise protocol.ProtocolError(protocol.INVALID_PARAMS, "The list has one page. Leave `cursor` out.")
                return {"tools": [tool.form() for tool in tools.TOOLS.values() if tool.offered(call)]}
            case "tools/call":
                return await self._called(request, call, asked)
            case _:
                raise protocol.ProtocolError(
                    protocol.METHOD_NOT_FOUND, f"There is no method {asked.method[:100]!r} here. This server has tools."
                )

    async def _called(self, request: Request, call: tools.Call, asked: protocol.Message) -> Mapping[str, Any] | None:
        tool = tools.TOOLS.get(asked.name)
        if tool is None:
            known = ", ".join(tools.TOOLS)
            raise protocol.ProtocolError(
                protocol.INVALID_PARAMS, f"There is no tool {asked.name[:100]!r}. There are: {known}."
            )
        arguments = asked.params.get("arguments")
        if arguments is not None and not isinstance(arguments, dict):
            raise protocol.ProtocolError(protocol.INVALID_PARAMS, "`arguments` must be an object. Correct it.")
        work = asyncio.ensure_future(tool.call(self._parts, call, arguments or {}))
        key = _key(request, call.principal, asked.id)
        if key is not None:
            self._running[key] = work
        try:
            outcome = await exchange.unless_gone(request.receive, _awaited(work))
        except errors.CouncilError as error:
            exchange.note_failure(request.scope, error)
            return _failed(error)
        finally:
            if key is not None and self._running.get(key) is work:
                del self._running[key]
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        if outcome is None:
            return None
        return {
            "content": [{"type": "text", "text": outcome.text}],
            "structuredContent": dict(outcome.content),
            "isError": False,
        }

    def _note(self, request: Request, principal: access.Principal, notice: protocol.Message) -> None:
        """Take a notification. Only one asks for something: a call that is to end."""
        target = notice.params.get("requestId")
        if notice.method == "notifications/cancelled" and isinstance(target, int | str):
            key = _key(request, principal, target)
            work = self._running.get(key) if key is not None else None
            if work is not None:
                work.cancel()


async def _awaited(work: "asyncio.Future[tools.Outcome]") -> tools.Outcome:
    """Return what a call gives. Raises ProtocolError where the client cancelled it, as nobody else can."""
    await asyncio.wait({work})
    if work.cancelled():
        raise protocol.ProtocolError(protocol.CANCELLED, "The call was cancelled.")
    return work.result()


def _failed(error: errors.CouncilError) -> dict[str, Any]:
    """Return a tool's failure as a result, since the model that called is to read what to do next."""
    if error.detail:
        _log.warning("a tool failed", extra={"code": error.code, "detail": error.detail})
    message = _NOT_RENDERED if error.code == errors.CouncilError.code else error.message
    return {"content": [{"type": "text", "text": f"{error.code}: {message}"}], "isError": True}


def _call(request: Request, principal: access.Principal, admission: limits.Admission) -> tools.Call:
    said = request.headers.get(_MEMORY_HEADER)
    wanted = principal.memory if said is None else said.lower() == "true"
    if wanted:
        memory.owner(principal)
    session = memory_wire.session_of(request.headers.get(memory.SESSION_HEADER, ""))
    return tools.Call(principal, admission, request.state.request_id, wanted, session)


def _key(request: Request, principal: access.Principal, identifier: int | str | None) -> _Key | None:
    """Return by what a call can be cancelled; nothing where the ids of several clients could be mixed up."""
    assert identifier is not None, "a notification runs nothing"
    session = request.headers.get(protocol.SESSION_HEADER, "")[:_SESSION_CHARS_MAX]
    return (principal.token_id, session, identifier) if session else None
