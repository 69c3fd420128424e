"""Messages between front, zygote, keeper and program: one JSON object a message, with descriptors where one needs them.

Four bytes of length, big-endian, then UTF-8 JSON. Descriptors travel beside the first byte of their message (SCM_RIGHTS).

    front -> zygote    {"make": id, "memory_bytes", "processes", "files_bytes", "session"} | {"kill": id}
    zygote -> front    {"hello": facts} | {"made": id} + control, job, stdout, stderr | {"failed": id, "reason"}
                       | {"ended": id, "status"}
    keeper -> front    {"ready": true} | {"failed": reason}, once; then after each `begin` an outcome + collected files
    front -> keeper    {"begin": true, "wall_s", "cpu_s", "collect"} | {"finish": true}, in a session when a call is over
    front -> program   {"language", "code", "stdin", "files", "cpu_s"} and then the bytes whose sizes these are
    program -> front   {"done": exit_code}, in a session
"""

import array
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

HEADER = struct.Struct(">I")
# A hundred names of a kilobyte each, in which JSON may need six bytes for one.
MESSAGE_BYTES_MAX = 1024 * 1024
# The kernel passes 253 at most.
DESCRIPTORS_MAX = 200
_DESCRIPTOR_BYTES = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)


# Made once: in a fork, each new page that is touched is a page to copy.
_encode = json.JSONEncoder(separators=(",", ":")).encode


class WireError(Exception):
    """The peer sent what is no message, or went away in the middle of one."""


def encode(message: dict[str, Any]) -> bytes:
    """Return the bytes of a message."""
    body = _encode(message).encode()
    return HEADER.pack(len(body)) + body


def send(connection: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send a message with descriptors. Raises OSError; BlockingIOError if the peer does not read."""
    raw = encode(message)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    sent = connection.sendmsg([raw], rights)
    if sent < len(raw):
        connection.sendall(raw[sent:])


class Receiver:
    """Takes messages from a connection, blocking or not, and descriptors where the peer is one of ours.

    From a peer that is not, descriptors are dropped by the kernel: kept, they would use up this process's.
    """

    def __init__(self, connection: socket.socket, *, trusted: bool = True) -> None:
        self._connection = connection
        self._ancillary_bytes = _DESCRIPTOR_BYTES if trusted else 0
        self._buffer = bytearray()
        self.descriptors: list[int] = []

    def fill(self) -> bool:
        """Read once what is there; False when the peer has closed. Raises BlockingIOError when nothing is there."""
        data, ancillary, flags, _ = self._connection.recvmsg(65_536, self._ancillary_bytes, socket.MSG_CMSG_CLOEXEC)
        for level, kind, raw in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers = array.array("i")
                numbers.frombytes(raw[: len(raw) - len(raw) % numbers.itemsize])
                self.descriptors.extend(numbers)
        if flags & socket.MSG_CTRUNC and self._ancillary_bytes:
            raise WireError("more descriptors than are taken")
        self._buffer += data
        return bool(data)

    def next(self) -> dict[str, Any] | None:
        """Return the next whole message that was read, or None. Raises WireError."""
        if len(self._buffer) < HEADER.size:
            return None
        size = HEADER.unpack_from(self._buffer)[0]
        if size > MESSAGE_BYTES_MAX:
            raise WireError(f"a message of {size} bytes")
        end = HEADER.size + size
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[HEADER.size : end])
        del self._buffer[:end]
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise WireError("a message that is no JSON") from error
        if not isinstance(message, dict):
            raise WireError("a message that is no object")
        return message

    def wait(self) -> dict[str, Any] | None:
        """Return the next message of a blocking connection; None when the peer has closed."""
        while (message := self.next()) is None:
            if not self.fill():
                return None
        return message

    def take(self, size: int) -> bytes:
        """Return the next `size` raw bytes of a blocking connection. Raises WireError when the peer closes before."""
        while len(self._buffer) < size:
            if not self.fill():
                raise WireError("the peer closed in the middle of a job")
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
