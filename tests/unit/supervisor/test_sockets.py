"""Ports beside the live ones are kept, and who has one that is not is named."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from council.domain import config as config_module
from council.domain import errors
from council.kit import clock, port_users
from council.supervisor import sockets, specs

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port that is free, and so is the one beside it."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind((HOST, 0))
            port = one.getsockname()[1]
            try:
                other.bind((HOST, port + config_module.STAGING))
                return int(port)
            except OSError:
                continue


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[sockets.Sockets]:
    monkeypatch.setattr(sockets, "PORT_WAIT_S", 0.0)
    made = sockets.Sockets({}, clock.SystemClock())
    yield made
    made.close_all()


@pytest.fixture
def connected() -> Iterator[Callable[[int], socket.socket]]:
    """Connect somewhere from a port of ours, as the kernel would choose it for whoever names none."""
    kept: list[socket.socket] = []
    elsewhere = socket.create_server((HOST, 0))

    def connect(port: int) -> socket.socket:
        kept.append(socket.create_connection(elsewhere.getsockname(), source_address=(HOST, port)))
        return kept[-1]

    yield connect
    for one in (elsewhere, *kept):
        one.close()


def spec(port: int) -> specs.SocketSpec:
    return specs.SocketSpec("public", "tcp", HOST, port)


async def test_no_connection_gets_a_port_on_which_a_service_will_be_tried(
    opened: sockets.Sockets, connected: Callable[[int], socket.socket]
) -> None:
    one = spec(free_port())
    opened.reserve_beside(one)
    for _ in range(2):
        with pytest.raises(OSError, match="in use"):
            connected(one.port + config_module.STAGING)
        tried = await opened.listen(one, staging=True)
        with socket.create_connection(tried.getsockname()):
            assert tried.getsockname() == (HOST, one.port + config_module.STAGING)
        # Between two patches it is still kept.
        opened.close(tried)


async def test_one_that_was_taken_at_the_start_says_by_whom_and_is_had_once_it_is_free(
    opened: sockets.Sockets, connected: Callable[[int], socket.socket]
) -> None:
    one = spec(free_port())
    taken = connected(one.port + config_module.STAGING)
    opened.reserve_beside(one)
    with pytest.raises(
        errors.SetupError, match=rf"in use, by .+ \(process {os.getpid()}\), for a connection to {HOST}:\d+\."
    ):
        await opened.listen(one, staging=True)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    taken.close()
    await opened.listen(one, staging=True)


async def test_another_who_listens_is_named_and_nobody_where_nobody_is_seen(
    opened: sockets.Sockets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(errors.SetupError, match=rf"by .+ \(process {os.getpid()}\)\. Stop that"):
            await opened.listen(spec(port))
        monkeypatch.setattr(port_users, "_PROC", tmp_path)
        with pytest.raises(errors.SetupError, match="by a process that cannot be seen from here"):
            await opened.listen(spec(port))


async def test_all_is_given_back_at_the_end(opened: sockets.Sockets, connected: Callable[[int], socket.socket]) -> None:
    one = spec(free_port())
    opened.reserve_beside(one)
    opened.close_all()
    connected(one.port + config_module.STAGING)


def test_an_address_of_either_kind_is_read() -> None:
    assert port_users._address("0100007F:1538") == "127.0.0.1:5432"
    assert port_users._address("00000000000000000000000001000000:0050") == "[::1]:80"
