"""The connection to the zygote, which makes sandboxes and kills them when told to."""

import asyncio
import contextlib
import functools
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from council.backends.sandbox_runner.namespaces import box as box_module
from council.zygote import wire

_GREETING_S = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sandbox is made with, so that one that waits ready can be told from one that must be made."""

    memory_bytes: int
    processes: int
    files_bytes: int
    address_bytes: int | None
    session: bool = False


class Link:
    """The connection to the zygote."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._receiver = wire.Receiver(connection)
        self._boxes: dict[int, box_module.Box] = {}
        self._making: dict[int, asyncio.Future[box_module.Box]] = {}
        self._number = 0
        self._greeted: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.hello: dict[str, Any] = {}
        self.gone = asyncio.Event()

    @classmethod
    async def connect(cls, path: Path) -> "Link":
        """Connect and hear what the zygote can do. Raises OSError, TimeoutError, SandboxUnavailableError."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            # Not the loop's own connect, which takes a full queue (EAGAIN) for a connection.
            connection.connect(str(path))
            zygote = cls(connection)
            asyncio.get_running_loop().add_reader(connection, zygote._read)
            async with asyncio.timeout(_GREETING_S):
                zygote.hello = await zygote._greeted
        except BaseException:
            if connection.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(connection)
                connection.close()
            raise
        return zygote

    async def make(self, plan: Plan) -> box_module.Box:
        """Have a sandbox made and return it as soon as it is forked. Raises SandboxUnavailableError."""
        self._number += 1
        number = self._number
        future: asyncio.Future[box_module.Box] = asyncio.get_running_loop().create_future()
        self._making[number] = future
        message = {
            "make": number,
            "memory_bytes": plan.memory_bytes,
            "processes": plan.processes,
            "files_bytes": plan.files_bytes,
            "address_bytes": plan.address_bytes,
            "session": plan.session,
        }
        try:
            wire.send(self._connection, message)
            return await future
        except OSError as error:
            raise box_module.unavailable(f"the zygote does not listen: {error}") from error
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                future.result().kill()  # it came at the very moment in which nobody waited any more
            raise
        finally:
            self._making.pop(number, None)

    def kill(self, number: int) -> None:
        """Have the kernel end a sandbox."""
        with contextlib.suppress(OSError):
            wire.send(self._connection, {"kill": number})

    def close(self) -> None:
        """Let go of the zygote, which then ends every sandbox it made for us. Idempotent."""
        if self._connection.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._connection)
            self._connection.close()
        self.gone.set()
        error = box_module.unavailable("the zygote went away")
        futures: list[asyncio.Future[Any]] = [*self._making.values(), self._greeted]
        for future in futures:
            if not future.done():
                future.set_exception(error)
                future.exception()  # looked at, so that nobody need wait for it
        for box in list(self._boxes.values()):
            box.ended.set()
            # One that a killed zygote left behind ends when it hears this.
            box.close()
        self._boxes.clear()

    def _read(self) -> None:
        try:
            open_still = self._receiver.fill()
            while (message := self._receiver.next()) is not None:
                self._hear(message)
        except BlockingIOError:
            return
        except (OSError, wire.WireError, KeyError, TypeError, ValueError):
            open_still = False
        if not open_still:
            self.close()

    def _hear(self, message: dict[str, Any]) -> None:
        if "hello" in message:
            self._greeted.set_result(message["hello"])
        elif "made" in message:
            descriptors = self._receiver.descriptors[:4]
            del self._receiver.descriptors[:4]
            number = message["made"]
            box = box_module.Box(number, descriptors, functools.partial(self.kill, number))
            self._boxes[box.number] = box
            future = self._making.get(box.number)
            if future is None or future.done():
                box.kill()
            else:
                future.set_result(box)
        elif "failed" in message:
            future = self._making.get(message["failed"])
            if future is not None and not future.done():
                future.set_exception(box_module.unavailable(str(message["reason"])))
        elif "ended" in message:
            box_ended = self._boxes.pop(message["ended"], None)
            if box_ended is not None:
                box_ended.ended.set()
