"""Children with nearly no rights: libraries that untrusted bytes may lead astray run in one, at the other end of a socket.

No file of the home, no socket but that to whoever started it, bounded memory. A child that ended, or was closed for taking too
long, is replaced with the next question. What one says of itself is believed no more than what it was given.
"""

import contextlib
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import council
from council.kit import confine, environment, frames

FRAME_BYTES_MAX = 64 * 1024 * 1024
_START_S = 20.0
# What Python and its libraries need to be found. What else the starter's environment holds, as addresses with passwords, may
# be secret.
_ENVIRONMENT = (
    "PATH",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "LD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
)


class Child:
    """Starts a module's `main` with the first question and keeps it. For one thread at a time."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Its process, None where there is none."""
        return None if self._process is None else self._process.pid

    def connection(self) -> socket.socket:
        """Return the way to it. Raises OSError where it does not start."""
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._connection is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", self._module],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                )
            self._connection = ours
            ours.settimeout(_START_S)
            if frames.receive(ours, 1024) is None:
                self.close()
                raise OSError("it does not start")
        return self._connection

    def close(self) -> None:
        """End it; a later question starts another. Idempotent."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._connection = None


def serve(memory_bytes: int, reply: Callable[[socket.socket, dict[str, Any]], dict[str, Any]]) -> int:
    """In the child, with its libraries loaded: give up all rights, then answer what comes by standard input, a socket.

    Until that is closed. Python could not keep what it compiles of a library that is loaded afterwards.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    confine.seal()
    folders = [*environment.python_folders(), Path(council.__file__).resolve().parents[1]]
    confine.apply(confine.Confinement(folders, [], (), ()))
    with contextlib.suppress(OSError):
        confine.deny_sockets()
    with socket.socket(fileno=0) as connection:
        connection.sendall(frames.encode({"ready": True}))
        while (request := frames.receive(connection, FRAME_BYTES_MAX)) is not None:
            connection.sendall(frames.encode(reply(connection, request)))
    return 0
