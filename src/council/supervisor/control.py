"""The supervisor's command socket: one framed JSON request a connection, one reply.

Request: `{"command": ..., "service": ..., "replicas": n, "generation": ..., "services": [...], "pause_s": n,
"returning": false}`, all but the first only where they apply.
Reply: `{"ok": true, ...}` or `{"ok": false, "code": ..., "message": ...}` with the codes of `domain.errors`.

Who may do what (decision 4) is decided by `authorise`, from what the kernel says about the caller.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from council.domain import errors
from council.kit import frames, listeners, process

_log = logging.getLogger(__name__)

FRAME_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 32
REQUEST_S = 5.0
REPLY_S = 5.0
REFUSAL_S = 1.0

READING = frozenset({"list", "status"})
REPAIRS = frozenset({"restart", "stop", "scale"})
OWNERS = READING | REPAIRS | {"start", "shutdown", "trace"}
# Another generation as a whole; `replace` is of one service.
GENERATIONS = frozenset({"launch", "promote", "discard", "install"})
REPLACING = GENERATIONS | {"replace", "renew"}
COMMANDS = OWNERS | REPLACING

Handler = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Owner:
    """A process of the same user, or root, that does not descend from the supervisor: the command line."""


@dataclass(frozen=True, slots=True)
class Service:
    """A child that the supervisor started."""

    name: str


@dataclass(frozen=True, slots=True)
class Descendant:
    """Something that a service started: it must not borrow the owner's rights by being one step further away."""


Caller = Owner | Service | Descendant


@dataclass(frozen=True, slots=True)
class Rights:
    """Which services may do more than look."""

    replace_allowed: frozenset[str]
    repair_allowed: frozenset[str]
    trace_allowed: frozenset[str] = frozenset()


def authorise(caller: Caller, command: str, rights: Rights) -> None:
    """Return if `caller` may give `command`; raises ForbiddenError."""
    allowed, who = READING, "a process that a service started"
    match caller:
        case Owner():
            allowed, who = OWNERS, "the owner"
        case Service(name):
            who = f"the service {name}"
            allowed |= REPAIRS if name in rights.repair_allowed else READING
            allowed |= REPLACING if name in rights.replace_allowed else READING
            allowed |= {"trace"} if name in rights.trace_allowed else READING
        case Descendant():
            pass
    if command not in allowed:
        hint = "Generations change by a patch." if command in REPLACING else "Use the `council` command as the owner."
        raise errors.ForbiddenError(f"{who.capitalize()} may not give the command {command!r}. {hint}")


def identify(peer: process.Peer, services: Mapping[int, str], uids: Mapping[str, int]) -> Caller:
    """Say who a connected peer is; `services` maps the pids of live children, `uids` those with a system user of their own.

    Raises ForbiddenError.
    """
    if peer.pid in services and peer.uid == uids.get(services[peer.pid]):
        return Service(services[peer.pid])
    if peer.uid not in (os.geteuid(), 0):
        raise errors.ForbiddenError("Only the user that runs Council, or root, may command it. Use `sudo -u`.")
    if peer.pid == os.getpid():
        return Owner()
    if peer.pid in services:
        return Service(services[peer.pid])
    ancestors = process.ancestors(peer.pid)
    if not ancestors and process.stat(peer.pid) is None:
        raise errors.ForbiddenError(
            "The calling process cannot be seen from here. Call from the same process namespace."
        )
    return Descendant() if os.getpid() in ancestors else Owner()


class ControlServer:
    """Serves the socket. `handler` takes an authorised request and returns the reply's fields, or raises CouncilError."""

    def __init__(
        self, handler: Handler, services: Callable[[], Mapping[int, str]], rights: Rights, uids: Mapping[str, int]
    ):
        self._handler = handler
        self._uids = uids
        self._services = services
        self._rights = rights
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, listener: socket.socket) -> None:
        """Begin to serve."""
        self._server = await asyncio.start_unix_server(
            self._connected, sock=listener, limit=FRAME_BYTES_MAX, backlog=listeners.BACKLOG
        )

    def stop_listening(self) -> None:
        """Take no further connections; those that are open stay. Idempotent."""
        if self._server is not None:
            self._server.close()

    async def close(self) -> None:
        """End every connection; callers that wait for the end see it now."""
        self.stop_listening()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command, reply = await self._taken(reader, writer)
        writer.write(frames.encode(reply))
        async with asyncio.timeout(REPLY_S):
            await writer.drain()
        if command == "shutdown" and reply["ok"]:
            # Kept open until close(): its end tells the caller that everything has stopped.
            await asyncio.Event().wait()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, dict[str, Any]]:
        command = ""
        try:
            request = await self._read(reader)
            command = str(request.get("command"))
            return command, {"ok": True, **await self._answer(command, request, writer)}
        except frames.FrameError as error:
            return command, _refusal(errors.InvalidRequestError(f"The command cannot be read: {error}."))
        except errors.CouncilError as error:
            return command, _refusal(error)
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - one bad command must not end the supervisor
            _log.exception("a command failed")
            return command, _refusal(errors.CouncilError("Internal error. The supervisor's own output says more."))

    async def _read(self, reader: asyncio.StreamReader) -> Mapping[str, Any]:
        if len(self._tasks) > CONNECTIONS_MAX:
            if len(self._tasks) <= 2 * CONNECTIONS_MAX:
                # Who still sends while this end is closed gets an error of the socket, and never sees the refusal.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REFUSAL_S):
                        await frames.read(reader, FRAME_BYTES_MAX)
            raise errors.OverloadedError("Too many commands at once. Try again in a moment.")
        async with asyncio.timeout(REQUEST_S):
            request = await frames.read(reader, FRAME_BYTES_MAX)
        if request is None:
            raise ConnectionResetError
        return request

    async def _answer(self, command: str, request: Mapping[str, Any], writer: asyncio.StreamWriter) -> dict[str, Any]:
        if command not in COMMANDS:
            raise errors.InvalidRequestError(f"No such command. There are {', '.join(sorted(COMMANDS))}.")
        caller = identify(process.peer(writer.get_extra_info("socket")), self._services(), self._uids)
        authorise(caller, command, self._rights)
        return await self._handler(request)


def _refusal(error: errors.CouncilError) -> dict[str, Any]:
    return {"ok": False, "code": error.code, "message": error.message}
