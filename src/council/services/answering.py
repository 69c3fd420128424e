"""Answers frames on a Unix socket: what recall and the watcher are asked by other processes of this machine."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from council.kit import frames, listeners

_log = logging.getLogger(__name__)

Reply = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Answering:
    """Answers the requests of each connection in order, with what `reply` makes of one.

    A request that `reply` cannot read (ValueError, TypeError, KeyError) ends its connection, and so does one that has not come
    and been answered after `idle_s` seconds, where that is given.
    """

    def __init__(self, reply: Reply, *, bytes_max: int, connections_max: int, idle_s: float | None = None):
        self._reply = reply
        self._bytes_max = bytes_max
        self._connections_max = connections_max
        self._idle_s = idle_s
        self._connections = 0

    async def start(self, listener: socket.socket) -> asyncio.Server:
        """Begin to answer; whoever closes the server ends it."""
        return await asyncio.start_unix_server(self._connected, sock=listener, backlog=listeners.BACKLOG)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= self._connections_max:
            writer.close()
            return
        self._connections += 1
        try:
            while await self._answered(reader, writer):
                pass
        except (TimeoutError, frames.FrameError, OSError, ValueError, TypeError, KeyError) as error:
            _log.info("a caller went away", extra={"reason": str(error)})
        except asyncio.CancelledError:
            # The process ends. Nobody awaits this task, and asyncio would log an error for one that was cancelled.
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        async with asyncio.timeout(self._idle_s):
            request = await frames.read(reader, self._bytes_max)
            if request is None:
                return False
            writer.write(frames.encode(await self._reply(request)))
            await writer.drain()
            return True
