"""A port of a service that serves something else first: health and metrics beside a Unix socket.

What is asked over the Unix socket is `harness.serve`'s. The port moves to that of the live generation and is given up as the
supervisor orders, while the Unix socket stays as it is: nobody but the services of one generation knows it.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import uvicorn

from council.domain import orders
from council.services import draining, local_hosts

_GRACE_S = 1.0


class SecondPort:
    """Serves an application to callers of this machine. `successor` is the socket to serve in its place once live, or None."""

    def __init__(
        self,
        application: Callable[..., Any],
        own: socket.socket,
        successor: socket.socket | None,
        drain_s: float = _GRACE_S,
    ) -> None:
        self._own = own
        self._successor = successor
        self._server = _Server(_config(application, max(drain_s, _GRACE_S)), lambda: None, 0.0)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve for as long as this is entered, and as long again as running requests take, within the drain."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._own]))
        try:
            yield
        finally:
            self._server.should_exit = True
            await serving

    async def obey(self, order: orders.Order) -> None:
        """Carry out what an order says of the port."""
        if order.word == orders.LEAVE:
            self._server.step_back()
        elif order.word == orders.LIVE and self._successor is not None:
            successor, self._successor = self._successor, None
            await self._server.move_to(successor)


class _Server(draining.DrainingServer):
    """Ends when it is told to; signals are the other server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(application: Callable[..., Any], drain_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        local_hosts.only(application),
        http=draining.DrainingProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        log_config=None,
        log_level="warning",
        # Annotated int by uvicorn, which gives it to asyncio.wait_for.
        timeout_graceful_shutdown=drain_s,  # type: ignore[arg-type]
    )
