import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.domain import config, errors
from council.domain import home as home_module
from council.supervisor import specs, supervisor


@pytest.fixture
def home() -> Iterator[home_module.Home]:
    # Not tmp_path: the path of a Unix socket is limited.
    folder = Path(tempfile.mkdtemp(prefix="council"))
    yield home_module.Home(folder)
    shutil.rmtree(folder)


def of(home: home_module.Home, *sockets: specs.SocketSpec) -> supervisor.Supervisor:
    spec = specs.ServiceSpec("a", ("false",), sockets=sockets)
    return supervisor.Supervisor(config.Config(), home, "g0", [spec], lambda _: None)


async def test_a_port_in_use_is_named_with_the_way_out(home: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PORT_WAIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(errors.SetupError, match=rf"Port {port} .*--port"):
            await of(home, specs.SocketSpec("public", "tcp", port=port)).open()
    # Nothing is held after a failure, so the next try succeeds.
    one = of(home, specs.SocketSpec("public", "tcp", port=port))
    await one.open()
    await one.close()


async def test_a_home_whose_path_is_too_long_for_a_socket_is_named(home: home_module.Home) -> None:
    deep = home_module.Home(home.root / ("x" * 100))
    with pytest.raises(errors.SetupError, match="--home"):
        await of(deep).open()


async def test_a_program_that_is_not_there_is_a_failure_like_any_other(home: home_module.Home) -> None:
    spec = specs.ServiceSpec("a", ("/no/such/program",))
    said: list[str] = []
    one = supervisor.Supervisor(config.Config(), home, "g0", [spec], said.append)
    await one.open()
    with pytest.raises(errors.UnavailableError, match="could not be started"):
        await one.services["a"].start()
    await one.close()
    assert said[0] == "a         could not be started (No such file or directory), starting again in 0.5 s"


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


async def test_nothing_stays_open_after_a_close(home: home_module.Home) -> None:
    before = open_descriptors()
    one = of(home, specs.SocketSpec("public", "tcp"), specs.SocketSpec("s", "unix", path=home.run / "s.sock"))
    await one.open()
    await one.close()
    assert open_descriptors() == before
    assert list(home.run.iterdir()) == []
