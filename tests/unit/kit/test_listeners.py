import errno
import socket
from pathlib import Path

import pytest

from council.kit import listeners


def test_a_port_cannot_be_listened_on_twice() -> None:
    with listeners.tcp("127.0.0.1", 0) as first:
        assert first.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0
        with pytest.raises(OSError) as raised:
            listeners.tcp("127.0.0.1", first.getsockname()[1])
        assert raised.value.errno == errno.EADDRINUSE


def test_a_port_is_free_again_although_a_connection_of_it_lingers() -> None:
    first = listeners.tcp("127.0.0.1", 0)
    first.setblocking(True)
    port = first.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        accepted, _ = first.accept()
        # Closed on this side first, so that it waits in TIME_WAIT.
        accepted.close()
        assert client.recv(1) == b""
    first.close()
    listeners.tcp("127.0.0.1", port).close()


def test_a_unix_socket_replaces_a_stale_one_and_has_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listeners.unix(path, 0o600).close()
    with listeners.unix(path, 0o660) as listener:
        assert path.stat().st_mode & 0o777 == 0o660
        assert not listener.getblocking()
