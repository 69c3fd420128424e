"""Carries out the supervisor's orders, which come through a pipe. What they are is in `domain.orders`."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from council.domain import orders

_log = logging.getLogger(__name__)

_BYTES_MAX = 4096


class Orders:
    """Carries out what comes through a pipe, in order, from when `follow` is called."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._rest = b""
        self._came: asyncio.Queue[orders.Order] = asyncio.Queue()
        self._following: asyncio.Task[None] | None = None

    def follow(self, carry_out: Callable[[orders.Order], Awaitable[None]], done: Callable[[], None]) -> None:
        """Carry out from the running loop what has come and what comes; `done` is called after each."""
        os.set_blocking(self._descriptor, False)
        asyncio.get_running_loop().add_reader(self._descriptor, self._readable)
        self._following = asyncio.create_task(self._follow(carry_out, done))

    def _readable(self) -> None:
        said = os.read(self._descriptor, _BYTES_MAX)
        if not said:
            # The supervisor is gone; that ends us in another way.
            asyncio.get_running_loop().remove_reader(self._descriptor)
            return
        *lines, self._rest = (self._rest + said).split(b"\n")
        for line in lines:
            order = orders.read(line)
            if order is not None:
                self._came.put_nowait(order)

    async def _follow(self, carry_out: Callable[[orders.Order], Awaitable[None]], done: Callable[[], None]) -> None:
        while True:
            order = await self._came.get()
            try:
                await carry_out(order)
            except Exception:  # noqa: BLE001 - the next order counts all the more
                _log.exception("an order was not carried out", extra={"order": order.word})
                continue
            done()
