"""Answers only callers who name this machine itself, for ports that nobody else has a use for.

A web page can make a name of its own resolve to loopback; the Host header still says that name.
"""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def only(app: ASGIApp) -> ASGIApp:
    """Return `app` behind a check of the Host header: foreign names get status 403."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_local(Headers(scope=scope).getlist("host")):
            await PlainTextResponse("This port is for this machine only.\n", 403)(scope, receive, send)
            return
        await app(scope, receive, send)

    return checked


def _is_local(hosts: list[str]) -> bool:
    if len(hosts) != 1:
        return False
    name, colon, port = hosts[0].lower().rpartition(":")
    if colon and port.isdecimal():
        return name in _NAMES
    return hosts[0].lower() in _NAMES
