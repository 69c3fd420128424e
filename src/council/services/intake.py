"""Bodies that anybody may send, as they come in: in a bounded memory, and so that none that is slow keeps another out.

Each body counts by the bytes that have arrived, from its first until it is answered. Where there is no room for more, the one
that has been on its way the longest gives way: that of an honest sender on this machine is whole in a moment, and who sends
slowly waits for that longest time himself. A place among those that are worked on is taken only by a body that is whole.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

import pydantic
from starlette.requests import Request
from starlette.types import Message

from council.domain import errors
from council.gateway import exchange

_Form = TypeVar("_Form", bound=pydantic.BaseModel)


@dataclass(frozen=True, slots=True)
class Room:
    """How much is taken in: of one body, of all together, how many arrive at once, and how many are worked on at once."""

    body_bytes_max: int
    body_s: float = 10.0
    bytes_max: int = 64 * 1024 * 1024
    arriving_max: int = 256
    places: int = 32


@dataclass(slots=True, eq=False)
class _Body:
    """What has arrived of one; `limit` ends its reader."""

    limit: asyncio.Timeout
    size_bytes: int = 0


class Intake:
    """Use it from one event loop."""

    def __init__(self, room: Room) -> None:
        self._room = room
        # In the order in which they began.
        self._arriving: list[_Body] = []
        self._held_bytes = 0
        self._at_work = 0

    @contextlib.asynccontextmanager
    async def taken(self, request: Request, model: type[_Form]) -> AsyncIterator[_Form]:
        """Give the body as a form; it counts until the block ends.

        Raises RequestTimeoutError for one that is too slow, OverloadedError where there is no room, and InvalidRequestError as
        `exchange.form` does.
        """
        body = _Body(asyncio.timeout(None))
        try:
            form = await self._whole(request, body, model)
            if self._at_work >= self._room.places:
                raise _full()
            self._at_work += 1
            try:
                yield form
            finally:
                self._at_work -= 1
        finally:
            self._held_bytes -= body.size_bytes

    async def _whole(self, request: Request, body: _Body, model: type[_Form]) -> _Form:
        async def receive() -> Message:
            message = await request.receive()
            arrived = len(message.get("body", b""))
            body.size_bytes += arrived
            self._held_bytes += arrived
            self._make_room()
            return message

        try:
            async with body.limit:
                self._arriving.append(body)
                self._make_room()
                counted = Request(request.scope, receive)
                return await exchange.form(counted, self._room.body_s, self._room.body_bytes_max, model)
        except TimeoutError:
            raise errors.RequestTimeoutError(
                "The body came so slowly that it had to make room for others. Send it again, all at once."
            ) from None
        except errors.RequestTimeoutError:
            raise errors.RequestTimeoutError(
                f"The body did not arrive within {self._room.body_s:g} s. Send it again, all at once."
            ) from None
        finally:
            with contextlib.suppress(ValueError):
                self._arriving.remove(body)

    def _make_room(self) -> None:
        """Have the oldest of those that arrive give way until the others have room; what is worked on stays."""
        while self._arriving and (
            self._held_bytes > self._room.bytes_max or len(self._arriving) > self._room.arriving_max
        ):
            if len(self._arriving) == 1:
                # It alone asks for more than what is worked on leaves.
                raise _full()
            oldest = self._arriving.pop(0)
            # It ends in the next turn of the loop, and counts no more.
            self._held_bytes -= oldest.size_bytes
            oldest.size_bytes = 0
            oldest.limit.reschedule(asyncio.get_running_loop().time())


def _full() -> errors.OverloadedError:
    return errors.OverloadedError("Too many patches come in at once. Try again in a second.", retry_after_s=1)
