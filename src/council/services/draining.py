"""uvicorn with a stop that no client notices when another process serves the same listening socket.

As it comes, uvicorn closes every connection without a running request the moment it stops. That breaks requests whose
bytes are already under way on a kept connection, and those on connections accepted an instant ago, before their first
byte: HTTP/1.1 gives a client no way to tell such a request from one that was processed, so it may not send it again.
It also ends the connection right after a stream whose head had promised to keep it, just when a client sends its next
request. Here instead:

- a running request whose head is not out yet answers `Connection: close`;
- a connection that is idle, new, or at the end of a stream that promised to keep it stays for `linger_s`; a request that
  comes meanwhile is answered with `Connection: close`;
- before an idle connection is closed, its socket is asked once more whether bytes are waiting.

What remains is a client that breaks an idleness of at least `linger_s` in the same few microseconds in which we close.
nginx solves it in the same way (`keepalive_min_timeout`).
"""

import asyncio
import contextlib
import json
import select
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import uvicorn
from uvicorn import server as uvicorn_server
from uvicorn.protocols.http import httptools_impl

# Longer than the idle time after which common clients drop a connection themselves, so that they close first.
KEEP_ALIVE_S = 75

# A client may take this long to send a request's head, and its head may be this large; uvicorn itself bounds neither.
HEAD_S = 15.0
HEAD_BYTES_MAX = 64 * 1024

_DRAIN_LEAST_S = 0.1

# Seconds are what the date of an answer has.
_TICK_S = 1.0

# How soon to look again at a connection that had bytes waiting when it was about to be closed.
_LOOK_AGAIN_S = 0.05


def made(
    app: Callable[..., Any],
    on_started: Callable[[], None],
    *,
    drain_s: float,
    linger_s: float,
    on_drain: Callable[[], None],
    options: Mapping[str, Any],
) -> "DrainingServer":
    """Return what serves until a signal, then drains, once it is run. See `harness.serve`."""
    # At zero uvicorn would report a timeout although nothing runs.
    drain_s = max(drain_s, _DRAIN_LEAST_S)
    choices: dict[str, Any] = {
        "loop": "uvloop",
        "http": DrainingProtocol,
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "log_config": None,
        "log_level": "warning",
        "timeout_keep_alive": KEEP_ALIVE_S,
        # Annotated int by uvicorn, which gives it to asyncio.wait_for.
        "timeout_graceful_shutdown": drain_s,
    }
    config = uvicorn.Config(app, **{**choices, **options})
    return DrainingServer(config, on_started, min(linger_s, drain_s / 2), on_drain)


class DrainState(uvicorn_server.ServerState):
    """What all connections of one server share."""

    def __init__(self, linger_s: float):
        super().__init__()
        self.linger_s = linger_s
        self.draining = False


class DrainingServer(uvicorn.Server):
    """Reports when it serves, exits 0 on a signal, and marks the state as draining before connections are told."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_started: Callable[[], None],
        linger_s: float,
        on_drain: Callable[[], None] = lambda: None,
    ):
        self._ending = asyncio.Event()
        super().__init__(config)
        self._on_drain = on_drain
        self.drain_state = DrainState(linger_s)
        self.server_state = self.drain_state
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then report."""
        await super().startup(sockets=sockets)
        self._on_started()

    @property
    def should_exit(self) -> bool:
        """Whether it is to end."""
        return self._ending.is_set()

    @should_exit.setter
    def should_exit(self, ends: bool) -> None:
        if ends:
            self._ending.set()

    async def main_loop(self) -> None:
        """Turn each second, and at once when it is to end: uvicorn's own looks ten times a second whether it is."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._ending.wait()

    async def move_to(self, sock: socket.socket) -> None:
        """Serve this listening socket from now on, and accept no more on those served so far; who is connected stays."""
        config, earlier = self.config, self.servers

        def protocol() -> asyncio.Protocol:
            return DrainingProtocol(config=config, server_state=self.drain_state, app_state=self.lifespan.state)

        loop = asyncio.get_running_loop()
        self.servers = [await loop.create_server(protocol, sock=sock, ssl=config.ssl, backlog=config.backlog)]
        for server in earlier:
            server.close()

    def step_back(self) -> None:
        """Accept no more, and let go of who is connected as in a drain; stay. Idempotent."""
        self.drain_state.draining = True
        for server in self.servers:
            server.close()
        for connection in list(self.drain_state.connections):
            connection.shutdown()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain; connections accepted but not yet known to the server see the mark when they are made."""
        self.drain_state.draining = True
        self._on_drain()
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain on SIGTERM and SIGINT. uvicorn's own version raises the signal again at the end, so exits non-zero."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


class DrainingProtocol(httptools_impl.HttpToolsProtocol):
    """One HTTP/1.1 connection that knows how to end without losing a request, and does not wait for ever for one."""

    server_state: DrainState
    _in_head = False
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    # It belongs to a WebSocket now, which looks after it itself.
    _given_away = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; one that was accepted just before the drain lingers from its start."""
        super().connection_made(transport)
        self._expect_head()
        if self.server_state.draining:
            self._linger(self.server_state.linger_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head over its limit ends the connection."""
        super().data_received(data)
        if self._given_away:
            return
        self._head_bytes = self._head_bytes + len(data) if self._in_head else 0
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")
        elif self._head_timer is None and self._answering() is None and not self.transport.is_closing():
            # Line ends before a request begin none, but uvicorn has taken its own timer away for them.
            self._expect_head()

    def handle_websocket_upgrade(self) -> None:
        """Give the connection away."""
        self._given_away = True
        self._head_arrived()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, in the shape that every other error has."""
        error = {"message": msg, "type": "invalid_request_error", "param": None, "code": "invalid_request"}
        body = json.dumps({"error": error}).encode()
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        """Note that a request has begun to arrive."""
        self._in_head = True
        if self._head_timer is None:
            self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start answering; while draining, this answer is the connection's last."""
        self._in_head = False
        self._head_arrived()
        super().on_headers_complete()
        # An upgrade makes no cycle. The answering task was created by super() but has not run yet.
        if self.server_state.draining:
            self._make_last()

    def on_response_complete(self) -> None:
        """After a stream that had promised to keep the connection, stay a while for the next request."""
        super().on_response_complete()
        if self.server_state.draining and not self.transport.is_closing():
            self._linger(self.server_state.linger_s)

    def shutdown(self) -> None:
        """Called once by the server when the drain begins."""
        if self._answering() is None:
            self._linger(self.server_state.linger_s)
        else:
            self._make_last()

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _answering(self) -> httptools_impl.RequestResponseCycle | None:
        cycle: httptools_impl.RequestResponseCycle | None = self.cycle
        return None if cycle is None or cycle.response_complete else cycle

    def _make_last(self) -> None:
        cycle = self._answering()
        if cycle is not None and not cycle.response_started:
            cycle.keep_alive = False

    def _linger(self, wait_s: float) -> None:
        self.loop.call_later(wait_s, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.transport.is_closing() or self._given_away:
            return
        if self._answering() is not None or self._in_head:
            # Its answer ends the connection, or comes back to lingering; the drain's own limit bounds both.
            return
        if _bytes_waiting(self.transport):
            self._linger(_LOOK_AGAIN_S)
            return
        self.transport.close()


def _bytes_waiting(transport: asyncio.Transport) -> bool:
    """Return whether the kernel holds bytes that the loop has not read; timers run before reads, so this can be."""
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
