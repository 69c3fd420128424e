"""One service as a child of the test, with sockets passed to it as the supervisor passes them."""

import contextlib
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from council.kit import listeners

READY_S = 60.0
STOP_S = 30.0


@dataclass
class Service:
    """The running child; `log` holds what it wrote on stderr."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        self.popen.terminate()
        return self.popen.wait(STOP_S)


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="c") as folder:
        yield Path(folder)


@contextlib.contextmanager
def running(
    command: Sequence[str], name: str, sockets: Mapping[str, socket.socket], environment: Mapping[str, str], log: Path
) -> Iterator[Service]:
    """Start a service, wait until it says ready, and end it with the block."""
    reading, writing = os.pipe()
    descriptors = {key: one.fileno() for key, one in sockets.items()}
    clean = {key: value for key, value in os.environ.items() if not key.startswith("COUNCIL_")}
    told = {
        "COUNCIL_SERVICE": name,
        "COUNCIL_SUPERVISOR_PID": str(os.getpid()),
        "COUNCIL_READY_FD": str(writing),
        "COUNCIL_SOCKETS": ",".join(f"{key}:{number}" for key, number in descriptors.items()),
    }
    with log.open("wb") as output:
        popen = subprocess.Popen(
            command,
            env={**clean, **told, **environment},
            pass_fds=(writing, *descriptors.values()),
            stdout=output,
            stderr=output,
        )
    os.close(writing)
    try:
        # Held open, as by the supervisor: it goes on to say that it stirs.
        with os.fdopen(reading, "rb") as line:
            assert select.select([line], [], [], READY_S)[0], log.read_text()
            assert line.readline() == b"ready\n", log.read_text()
            yield Service(popen, log)
    finally:
        if popen.poll() is None:
            popen.terminate()
            try:
                popen.wait(STOP_S)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()
        for one in sockets.values():
            one.close()


def council(*arguments: str) -> list[str]:
    """Return the command line of `council` in this environment."""
    return [sys.executable, "-m", "council", *arguments]


def unix(path: Path) -> socket.socket:
    """Return a listening Unix socket."""
    return listeners.unix(path, 0o600)


def tcp() -> tuple[socket.socket, str]:
    """Return a listening socket on a free loopback port, and its URL."""
    made = listeners.tcp("127.0.0.1", 0)
    return made, f"http://127.0.0.1:{made.getsockname()[1]}"
