"""/api/chat/stream: events of turns over a WebSocket, the same as over server-sent events, several turns at once.

A browser says where its page is from, and each message of one that is signed in carries what only our pages were told: a
WebSocket has no headers of a script's own, and other sites may open one.
"""

import asyncio
import contextlib
from typing import Annotated, Any

import orjson
import pydantic
from starlette.websockets import WebSocket, WebSocketDisconnect

from council.domain import errors, logins
from council.gateway import errors as http_errors
from council.gateway import guests
from council.gateway.chat import forms, routes

_FOLLOWED_MAX = 8
_MESSAGE_CHARS_MAX = 4096
_Id = Annotated[str, pydantic.Field(min_length=1, max_length=forms.ID_CHARS_MAX)]


class _Asked(pydantic.BaseModel):
    """What a client sends: which turn to follow, or to stop."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    follow: _Id | None = None
    after: Annotated[str, pydantic.Field(max_length=40)] = ""
    stop: _Id | None = None
    csrf: Annotated[str, pydantic.Field(max_length=100)] = ""


class Channel:
    """One connection."""

    def __init__(self, desk: routes.Desk, socket: WebSocket):
        self._desk = desk
        self._socket = socket
        self._following: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until the client leaves, or may not stay. Raises ForbiddenError, UnauthenticatedError before it is open."""
        guest = guests.guest_of(self._socket)
        if guest is not None and not guests.is_own(self._socket.headers, self._socket.scope):
            raise errors.ForbiddenError("Only this site's own pages may open a stream. Load the page again.")
        await self._desk.user(self._socket)
        await self._socket.accept()
        try:
            with contextlib.suppress(WebSocketDisconnect):
                while True:
                    await self._heard(await self._socket.receive_text(), guest)
        finally:
            tasks = list(self._following.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _heard(self, text: str, guest: guests.Guest | None) -> None:
        turn = ""
        try:
            asked = _read(text)
            turn = asked.follow or asked.stop or ""
            if guest is not None and not logins.is_csrf(guest.secret, asked.csrf):
                raise errors.ForbiddenError("`csrf` must be as GET /api/me gives it. Load the page again.")
            principal = await self._desk.user(self._socket)
            message = await self._desk.turn(principal, turn)
            if asked.stop is not None:
                await self._desk.turns.stop(principal.user_id, message)
                return
            self._make_room(turn)
            following = self._follow(principal.user_id, message, asked.after)
            self._following[turn] = asyncio.create_task(following)
        except errors.CouncilError as error:
            await self._fail(turn, error)

    def _make_room(self, turn: str) -> None:
        """End following the same turn from another place. Raises OverloadedError."""
        self._following = {name: task for name, task in self._following.items() if not task.done()}
        if (before := self._following.pop(turn, None)) is not None:
            before.cancel()
        if len(self._following) >= _FOLLOWED_MAX:
            raise errors.OverloadedError(f"{_FOLLOWED_MAX} turns are followed on this connection. Wait for one to end.")

    async def _follow(self, user_id: str, message: Any, after: str) -> None:
        try:
            async for event in self._desk.turns.follow(user_id, message, after):
                if not routes.is_welcome(self._socket, self._desk):
                    await self._socket.close(1008)
                    return
                if event.name:
                    told = {"turn": message.id, "event": event.name, "id": event.id, "data": orjson.loads(event.data)}
                    await self._send(told)
        except errors.CouncilError as error:
            await self._fail(message.id, error)
        except (WebSocketDisconnect, RuntimeError):
            # The client has left; whoever reads from it learns the same.
            return

    async def _fail(self, turn: str, error: errors.CouncilError) -> None:
        inner = http_errors.body_of(error, self._socket.scope["state"]["request_id"])["error"]
        told = {name: inner[name] for name in ("code", "message", "request_id")}
        await self._send({"turn": turn, "event": "error", "id": "", "data": told})

    async def _send(self, told: dict[str, Any]) -> None:
        await self._socket.send_text(orjson.dumps(told).decode())


def _read(text: str) -> _Asked:
    if len(text) > _MESSAGE_CHARS_MAX:
        raise errors.BodyTooLargeError(f"A message may have {_MESSAGE_CHARS_MAX} characters. Send less.")
    try:
        asked = _Asked.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise errors.MalformedBodyError(
            'Send `{"follow": "TURN", "after": "ID"}` or `{"stop": "TURN"}` as JSON.'
        ) from error
    if (asked.follow is None) == (asked.stop is None):
        raise errors.InvalidRequestError("Send `follow` or `stop`, one of them, with the id of a turn.")
    return asked
