"""Answers only callers who name this machine itself, for ports that nobody else has a use for.

A web page can make a name of its own resolve to loopback; the Host header still says that name. It can also send to this
machine by its own name, without being asked first as long as it calls JSON plain text; a browser says so in Origin.
"""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def only(app: ASGIApp) -> ASGIApp:
    """Return `app` behind a check of who calls: foreign names of the host, and all that a web page sends, get status 403."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_of_this_machine(Headers(scope=scope)):
            await PlainTextResponse("This port is for this machine only.\n", 403)(scope, receive, send)
            return
        await app(scope, receive, send)

    return checked


def _is_of_this_machine(headers: Headers) -> bool:
    return _is_local(headers.getlist("host")) and not _is_of_a_page(headers)


def _is_of_a_page(headers: Headers) -> bool:
    # Somebody who types the address into a browser sends neither, or `none`.
    return "origin" in headers or headers.get("sec-fetch-site", "none") != "none"


def _is_local(hosts: list[str]) -> bool:
    if len(hosts) != 1:
        return False
    name, colon, port = hosts[0].lower().rpartition(":")
    if colon and port.isdecimal():
        return name in _NAMES
    return hosts[0].lower() in _NAMES
