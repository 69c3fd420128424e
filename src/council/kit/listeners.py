"""Listening sockets that are opened once and handed to the processes that serve them.

SO_REUSEPORT is never set: with it the kernel gives each process a queue of its own, and what waits in the queue of a
process that ends is lost. One shared queue loses nothing.
"""

import socket
from pathlib import Path

# How many connections may wait to be accepted. Whoever listens anew on a passed socket must give it again, as
# asyncio does with 100: at a full queue a Unix connect fails, and asyncio takes that failure for a connection.
BACKLOG = 2048


def tcp(host: str, port: int) -> socket.socket:
    """Listen on the first address that `host` resolves to. Raises OSError, `errno.EADDRINUSE` if the port is taken."""
    listener = reserved(host, port)
    try:
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def reserved(host: str, port: int) -> socket.socket:
    """Return a socket that has a port and does not listen.

    As long as it is open the kernel gives the port to no outgoing connection, and to nobody who asks for any port; `tcp` has it
    all the same. Raises OSError, as `tcp`.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # Connections of an earlier run that linger in TIME_WAIT must not stop us; two listeners stay impossible.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def unix(path: Path, mode: int) -> socket.socket:
    """Listen on a Unix socket with exactly these permissions, in place of whatever stood at `path`. Raises OSError."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        # Before listen(), so that nobody can connect while the permissions are still the default ones.
        path.chmod(mode)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
