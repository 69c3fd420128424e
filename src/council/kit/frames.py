"""One JSON message a frame over a stream socket: four bytes of length, big-endian, then UTF-8 JSON.

Used between processes of one machine over Unix sockets. Both sides give the largest frame they accept.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Any

import orjson

_HEADER = struct.Struct(">I")


class FrameError(Exception):
    """The peer sent something that is not a frame, or one that is too large."""


def encode(message: Mapping[str, Any]) -> bytes:
    """Return the frame that carries `message`."""
    body = orjson.dumps(message)
    return _HEADER.pack(len(body)) + body


async def read(reader: asyncio.StreamReader, bytes_max: int) -> dict[str, Any] | None:
    """Read one frame; None when the peer closed between frames. Raises FrameError."""
    try:
        header = await reader.readexactly(_HEADER.size)
        body = await reader.readexactly(_checked(header, bytes_max))
    except asyncio.IncompleteReadError as error:
        if not error.partial and error.expected == _HEADER.size:
            return None
        raise FrameError("the peer closed in the middle of a frame") from error
    return _decoded(body)


def receive(connection: socket.socket, bytes_max: int) -> dict[str, Any] | None:
    """Read one frame from a blocking socket; None when the peer closed between frames. Raises FrameError."""
    header = _receive_exactly(connection, _HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise FrameError("the peer closed in the middle of a frame")
    size = _checked(header, bytes_max)
    body = _receive_exactly(connection, size)
    if len(body) < size:
        raise FrameError("the peer closed in the middle of a frame")
    return _decoded(body)


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    parts: list[bytes] = []
    missing = size
    while missing:
        part = connection.recv(min(missing, 65_536))
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _checked(header: bytes, bytes_max: int) -> int:
    size: int = _HEADER.unpack(header)[0]
    if size > bytes_max:
        raise FrameError(f"a frame of {size} bytes is over the limit of {bytes_max}")
    return size


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FrameError("a frame does not hold JSON") from error
    if not isinstance(message, dict):
        raise FrameError("a frame does not hold a JSON object")
    return message
