"""Bytes and messages in and out of a sandbox. What comes out is read as bytes, up to a bound, and never interpreted."""

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from typing import Any

from council.zygote import wire

_READ_BYTES = 256 * 1024
# What a pipe can hold at an end of its writers, in reads.
_READS_AT_END_MAX = 8


class Voice:
    """Messages that come from one socket of a sandbox: `trusted` from its keeper, not so from its program."""

    def __init__(self, connection: socket.socket, *, trusted: bool) -> None:
        self._connection = connection
        self._receiver = wire.Receiver(connection, trusted=trusted)
        self._readable: asyncio.Future[None] | None = None

    async def next(self) -> tuple[dict[str, Any] | None, list[int]]:
        """Return the next message with its descriptors; None when the sandbox has ended."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                message = self._receiver.next()
                if message is not None:
                    descriptors, self._receiver.descriptors = self._receiver.descriptors, []
                    return message, descriptors
                if not self._receiver.fill():
                    return None, []
            except BlockingIOError:
                self._readable = loop.create_future()
                loop.add_reader(self._connection, _set, self._readable)
                try:
                    await self._readable
                finally:
                    if self._connection.fileno() >= 0:
                        loop.remove_reader(self._connection)
            except (OSError, wire.WireError):
                return None, []

    def close(self) -> None:
        """Close the socket and whatever came with it that nobody took. Idempotent."""
        for descriptor in self._receiver.descriptors:
            os.close(descriptor)
        self._receiver.descriptors = []
        if self._connection.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._connection)
            self._connection.close()
        if self._readable is not None:
            _set(self._readable)  # whoever waits finds it closed


class Sending:
    """Bytes on their way into a sandbox, as fast as it takes them. One that ends before says so by its keeper."""

    def __init__(self, connection: socket.socket, content: bytes) -> None:
        self._connection = connection
        self._left = memoryview(content)
        self._waits = False
        self._go_on()
        if self._left:
            self._waits = True
            asyncio.get_running_loop().add_writer(connection, self._go_on)

    def _go_on(self) -> None:
        try:
            while self._left:
                self._left = self._left[self._connection.send(self._left) :]
        except BlockingIOError:
            return
        except OSError:
            self._left = self._left[:0]
        self.end()

    def end(self) -> None:
        """Send no more."""
        if self._waits and self._connection.fileno() >= 0:
            asyncio.get_running_loop().remove_writer(self._connection)
        self._waits = False


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class Output:
    """What a job prints on one stream, up to a bound."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._parts: list[bytes] = []
        self._left = 0
        self._over: Callable[[], None] = lambda: None
        self.truncated = False
        os.set_blocking(descriptor, False)

    def begin(self, bytes_max: int, over: Callable[[], None]) -> None:
        """Start to read; `over` is called once, when there is more than may be taken."""
        self._parts, self._left, self._over, self.truncated = [], bytes_max, over, False
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def _read(self) -> None:
        try:
            part = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            return
        self._take(part)

    def _take(self, part: bytes) -> None:
        if len(part) > self._left and not self.truncated:
            self.truncated = True
            self._over()
        if self._left:
            self._parts.append(part[: self._left])
            self._left -= len(self._parts[-1])

    def end(self) -> None:
        """Stop to read, after what is there now: nobody is left who could write more, or it belongs to the next call."""
        if self._descriptor < 0:
            return
        asyncio.get_running_loop().remove_reader(self._descriptor)
        for _ in range(_READS_AT_END_MAX):
            try:
                part = os.read(self._descriptor, _READ_BYTES)
            except OSError:
                return
            if not part:
                return
            self._take(part)

    def taken(self) -> tuple[bytes, bool]:
        """Return what was printed, and whether that is not all."""
        return b"".join(self._parts), self.truncated

    def close(self) -> None:
        """Close the pipe. Idempotent."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def content(descriptor: int, bytes_max: int) -> bytes | None:
    """Return what a collected file holds, None if it is no regular file or too large. Closes it."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > bytes_max:
            return None
        parts: list[bytes] = []
        left = status.st_size
        while left and (part := os.read(descriptor, min(left, _READ_BYTES))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(descriptor)
