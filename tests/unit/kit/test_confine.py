"""Each case runs in a forked child, since what is taken away never comes back."""

import ctypes
import errno
import os
import socket
import threading
from collections.abc import Callable
from concurrent import futures
from pathlib import Path

import pytest

from council.kit import confine, durable
from forked import outcome


def apply(**more: object) -> Callable[[], int]:
    return lambda: confine.apply(confine.Confinement(**{"read": (), "write": (), **more}))  # type: ignore[arg-type]


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return a folder to read, one to write, and one that is closed, each with a file in it."""
    made = tuple(tmp_path / name for name in ("read", "write", "closed"))
    for folder in made:
        folder.mkdir()
        (folder / "file").write_text("content")
    return made  # type: ignore[return-value]


def confined(places: tuple[Path, Path, Path], action: Callable[[], object]) -> str:
    reading, writing, _ = places
    return outcome(lambda: (apply(read=[reading], write=[writing])(), action())[1])


def test_this_kernel_confines() -> None:
    assert confine.landlock_abi() >= 1


def test_a_folder_to_read_is_read_and_not_written(places: tuple[Path, Path, Path]) -> None:
    reading = places[0]
    assert confined(places, (reading / "file").read_text) == "content"
    assert confined(places, lambda: (reading / "file").write_text("x")) == "PermissionError"
    assert confined(places, lambda: (reading / "new").write_text("x")) == "PermissionError"
    assert confined(places, (reading / "file").unlink) == "PermissionError"
    assert confined(places, lambda: os.truncate(reading / "file", 0)) == "PermissionError"


def test_a_folder_to_write_takes_files_folders_and_sockets(places: tuple[Path, Path, Path]) -> None:
    writing = places[1]

    def use() -> str:
        (writing / "inner").mkdir()
        (writing / "inner" / "new").write_text("x")
        (writing / "inner" / "new").rename(writing / "moved")
        (writing / "file").unlink()
        socket.socket(socket.AF_UNIX).bind(str(writing / "s"))
        return (writing / "moved").read_text()

    assert confined(places, use) == "x"


def test_every_other_folder_is_closed_even_through_a_link(places: tuple[Path, Path, Path]) -> None:
    reading, writing, closed = places
    (reading / "way").symlink_to(closed)
    assert confined(places, (closed / "file").read_text) == "PermissionError"
    assert confined(places, (reading / "way" / "file").read_text) == "PermissionError"
    assert confined(places, lambda: list(closed.iterdir())) == "PermissionError"
    assert confined(places, lambda: os.link(closed / "file", writing / "linked")) in ("PermissionError", "OSError")


def test_no_link_can_be_made_for_others_to_follow(places: tuple[Path, Path, Path]) -> None:
    assert confined(places, lambda: (places[1] / "link").symlink_to("file")) == "PermissionError"


def test_no_device_can_be_made(places: tuple[Path, Path, Path]) -> None:
    assert confined(places, lambda: os.mkfifo(places[1] / "pipe")) == "PermissionError"


def test_a_single_file_may_be_allowed_and_its_neighbours_stay_closed(places: tuple[Path, Path, Path]) -> None:
    closed = places[2]
    (closed / "neighbour").write_text("x")
    action = apply(read=[closed / "file"])
    assert outcome(lambda: (action(), (closed / "file").read_text())[1]) == "content"
    assert outcome(lambda: (action(), (closed / "neighbour").read_text())[1]) == "PermissionError"


def test_a_path_that_does_not_exist_is_passed_over(tmp_path: Path) -> None:
    assert int(outcome(apply(read=[tmp_path / "never"]))) >= 1


def test_children_are_confined_as_well(places: tuple[Path, Path, Path]) -> None:
    assert confined(places, lambda: outcome((places[2] / "file").read_text)) == "PermissionError"


def test_only_the_named_ports_are_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as open_one, socket.create_server(("127.0.0.1", 0)) as closed_one:
        allowed, other = open_one.getsockname(), closed_one.getsockname()
        action = apply(connect_ports=[allowed[1]])

        def connect(address: tuple[str, int]) -> str:
            action()
            socket.create_connection(address).close()
            return "connected"

        assert outcome(lambda: connect(allowed)) == "connected"
        assert outcome(lambda: connect(other)) == "PermissionError"


def test_only_the_named_ports_are_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    def bind(allowed: list[int]) -> str:
        apply(bind_ports=allowed)()
        socket.create_server(("127.0.0.1", port)).close()
        return "bound"

    assert outcome(lambda: bind([port])) == "bound"
    assert outcome(lambda: bind([])) == "PermissionError"


FORBIDDEN = {
    "tcp": lambda: socket.socket(),
    "tcp_of_version_6": lambda: socket.socket(socket.AF_INET6),
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "pair": lambda: socket.socketpair(socket.AF_INET),
}


def without_sockets(action: Callable[[], object]) -> str:
    return outcome(lambda: (confine.deny_sockets(), action())[1])


@pytest.mark.parametrize("action", FORBIDDEN.values(), ids=FORBIDDEN)
def test_no_socket_to_a_network_is_made(action: Callable[[], object]) -> None:
    assert without_sockets(action) == "PermissionError"
    assert without_sockets(lambda: outcome(action)) == "PermissionError"


def test_no_socket_is_made_by_a_thread_that_ran_before() -> None:
    def made() -> str:
        go = threading.Event()
        with futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(lambda: (go.wait(), type(pool).__name__, socket.socket())[1])
            confine.deny_sockets()
            go.set()
            return running.result()

    assert outcome(made) == "PermissionError"


@pytest.mark.parametrize("number", [425, 0x40000000 + 41], ids=["io_uring_setup", "x32"])
def test_the_other_ways_to_a_socket_are_closed(number: int) -> None:
    def call() -> int:
        ctypes.CDLL(None, use_errno=True).syscall(number, 1, None)
        return ctypes.get_errno()

    assert without_sockets(call) == str(errno.EPERM)


def test_unix_sockets_and_those_that_are_there_stay_usable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as caller:
        assert without_sockets(lambda: [one.close() for one in socket.socketpair()]) == "[None, None]"
        assert without_sockets(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close()) == "None"
        caller.sendall(b"hello")
        assert without_sockets(lambda: server.accept()[0].recv(5)) == "b'hello'"


def test_a_machine_of_another_kind_is_told_that_it_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confine, "_MACHINES", {})
    assert without_sockets(lambda: None) == "OSError"


def test_tcp_is_left_alone_where_nothing_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        action = apply()
        assert outcome(lambda: (action(), socket.create_connection(address).close(), "connected")[2]) == "connected"


def test_a_confined_process_signals_nobody_outside() -> None:
    ours = os.getpid()
    assert outcome(lambda: (apply()(), os.kill(ours, 0))[1]) in ("PermissionError", "None")
    if confine.landlock_abi() >= 6:
        assert outcome(lambda: (apply()(), os.kill(ours, 0))[1]) == "PermissionError"


def test_a_sealed_process_is_not_dumpable_and_gets_no_new_privileges() -> None:
    def sealed() -> str:
        confine.seal()
        status = Path("/proc/self/status").read_text()
        # PR_GET_DUMPABLE
        return f"{ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 1} {'NoNewPrivs:' + chr(9) + '1' in status}"

    assert outcome(sealed) == "False True"


def test_into_a_folder_to_put_files_come_and_go_and_none_is_read(places: tuple[Path, Path, Path]) -> None:
    folder = places[1]

    def use() -> list[str]:
        apply(put=[folder])()
        (folder / "new").write_text("x")
        (folder / "new").replace(folder / "file")
        found = []
        durable.sync_folder(folder)
        for action in ((folder / "file").read_text, lambda: (folder / "d").mkdir()):
            try:
                action()
            except PermissionError:
                found.append("closed")
        (folder / "file").unlink()
        return found

    assert outcome(use) == str(["closed"] * 2)
