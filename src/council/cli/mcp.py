"""mcp: Council's tools for programs that start their MCP servers themselves, over standard input and output.

Nothing of the protocol is spoken here: each line goes to the running service's /mcp, and its answer is the line that goes
back. So both ways in offer the same, by the same rights. A call that the program cancels ends with its connection.
"""

import concurrent.futures
import contextlib
import http.client
import os
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import click

from council.cli import calls, options
from council.domain import config as config_module
from council.domain import errors
from council.domain import home as home_module
from council.gateway.mcp import protocol

_PATH = "/mcp"
_TIMEOUT_S = 900.0
_AT_ONCE = 8
_WAITING_MAX = 64
_REPLY_BYTES_MAX = 64 * 1024 * 1024
# What was asked before the input ended is answered if it takes no longer than this.
_LAST_S = 30.0
_AWAY = -32001


@click.command()
@click.option("--memory", is_flag=True, help="Offer remember and recall, and let `ask` use them.")
@options.running_port
@options.home
def mcp(memory: bool, port: int | None, where: home_module.Home) -> None:
    """Offer Council's tools to the program that started this, by the Model Context Protocol.

    For the settings of Claude Desktop, Cursor and the like. COUNCIL_TOKEN names the token to use; without it this is the
    owner's, from the home.
    """
    bridge = _Bridge(where, port, memory, sys.stdout.buffer)
    bridge.serve(sys.stdin.buffer)


class _Bridge:
    """Carries lines to the service and back. Calls run beside each other; whole lines are written one at a time."""

    def __init__(self, where: home_module.Home, port: int | None, memory: bool, output: BinaryIO):
        self._where = where
        self._port = port
        self._memory = memory
        self._output = output
        self._writing = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_WAITING_MAX)
        self._calls: dict[int | str, _Call] = {}

    def serve(self, lines: BinaryIO) -> None:
        """Answer until the input ends."""
        pool = concurrent.futures.ThreadPoolExecutor(_AT_ONCE)
        running: set[concurrent.futures.Future[None]] = set()
        bytes_max = self._config().gateway.body_bytes_max
        for line in _lines(lines, bytes_max):
            if line is None:
                wrong = f"The message is over {bytes_max} bytes (`gateway.body_bytes_max`). Send less."
                self._write(protocol.failure(None, protocol.ProtocolError(protocol.INVALID_REQUEST, wrong)))
                continue
            call = _Call(line)
            if call.cancels is not None:
                target = self._calls.get(call.cancels)
                if target is not None:
                    target.cancel()
                continue
            if call.id is not None:
                self._calls[call.id] = call
            self._waiting.acquire()
            task = pool.submit(self._carry, call)
            running = {one for one in running if not one.done()} | {task}
        concurrent.futures.wait(running, _LAST_S)
        for left in list(self._calls.values()):
            left.cancel()
        pool.shutdown(wait=True, cancel_futures=True)

    def _carry(self, call: "_Call") -> None:
        try:
            reply = self._reply(call)
        except errors.CouncilError as error:
            reply = call.failed(error)
        finally:
            self._waiting.release()
            if call.id is not None and self._calls.get(call.id) is call:
                del self._calls[call.id]
        if reply and not call.cancelled:
            self._write(reply)

    def _reply(self, call: "_Call") -> bytes:
        """Return the service's answer, empty where it has none. Raises CouncilError."""
        config = self._config()
        headers = calls.headers(os.environ.get("COUNCIL_TOKEN") or calls.token(self._where, config))
        headers |= {"accept": "application/json, text/event-stream", **call.routing()}
        if self._memory:
            headers["x-council-memory"] = "true"
        connection = calls.connect(config, _TIMEOUT_S)
        try:
            status, raw = call.send(connection, headers)
        except ConnectionRefusedError as error:
            raise calls.nobody_there(config) from error
        except (OSError, http.client.HTTPException) as error:
            raise errors.UnavailableError(f"The connection broke: {type(error).__name__}. Try again.") from error
        finally:
            connection.close()
        if len(raw) > _REPLY_BYTES_MAX:
            raise errors.UnavailableError(f"The reply is over {_REPLY_BYTES_MAX} bytes. Ask for less.")
        if status == 202 or not raw:
            return b""
        if b'"jsonrpc"' not in raw[:40]:
            raise calls.failure(calls.error_of(raw), status)
        return raw

    def _config(self) -> config_module.Config:
        return calls.config_of(self._where, self._port)

    def _write(self, reply: bytes) -> None:
        with self._writing:
            self._output.write(reply + b"\n")
            self._output.flush()


class _Call:
    """One line: as much of it as must be known here, and its connection while it is under way."""

    def __init__(self, line: bytes):
        self._line = line
        self._message: protocol.Message | None = None
        with contextlib.suppress(protocol.ProtocolError):
            self._message = protocol.read(line)
        self._connection: http.client.HTTPConnection | None = None
        self.cancelled = False

    @property
    def id(self) -> int | str | None:
        """The id of a request; None for a notification, and for what the service will refuse."""
        return self._message.id if self._message else None

    @property
    def cancels(self) -> int | str | None:
        """The id of the request that this message cancels."""
        message = self._message
        if message is None or message.method != "notifications/cancelled":
            return None
        target: Any = message.params.get("requestId")
        return target if isinstance(target, int | str) else None

    def routing(self) -> dict[str, str]:
        """Return the headers that say again what the message says of its revision."""
        message = self._message
        meta: Any = message.params.get("_meta") if message else None
        version = meta.get(protocol.VERSION_KEY) if isinstance(meta, dict) else None
        if message is None or not isinstance(version, str) or not version.isascii() or not version.isprintable():
            return {}
        routing = {protocol.VERSION_HEADER: version, protocol.METHOD_HEADER: protocol.encoded(message.method)}
        if message.method == "tools/call":
            routing[protocol.NAME_HEADER] = protocol.encoded(message.name)
        return routing

    def send(self, connection: http.client.HTTPConnection, headers: dict[str, str]) -> tuple[int, bytes]:
        """Return status and body of the reply. Raises as http.client does, also once it is cancelled."""
        if self.cancelled:
            return 202, b""
        self._connection = connection
        connection.request("POST", _PATH, self._line, headers)
        with connection.getresponse() as response:
            return response.status, response.read(_REPLY_BYTES_MAX + 1)

    def cancel(self) -> None:
        """End the call: the service hears that its caller left."""
        self.cancelled = True
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def failed(self, error: errors.CouncilError) -> bytes:
        """Return the error as the answer to this call; nothing for a notification."""
        if self._message is not None and self.id is None:
            return b""
        return protocol.failure(self.id, protocol.ProtocolError(_AWAY, error.message, {"code": error.code}))


def _lines(source: BinaryIO, bytes_max: int) -> Iterator[bytes | None]:
    """Yield lines without their end, blank ones left out; None for each that is too long."""
    while line := source.readline(bytes_max + 1):
        if len(line) > bytes_max and not line.endswith(b"\n"):
            while rest := source.readline(bytes_max):
                if rest.endswith(b"\n"):
                    break
            yield None
        elif line.strip():
            yield line.strip()
