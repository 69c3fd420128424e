import asyncio
import dataclasses
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.domain import config, errors
from council.domain import home as home_module
from council.supervisor import logs, ownership, sockets, specs, supervisor, users


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
    monkeypatch.setattr(sockets, "PORT_WAIT_S", 0.2)
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


@pytest.mark.parametrize(("keeps_root", "why"), [(False, "it has no system user"), (True, "No such file or directory")])
async def test_where_services_have_users_only_one_that_keeps_root_is_started_without(
    home: home_module.Home, keeps_root: bool, why: str
) -> None:
    spec = specs.ServiceSpec("a", ("/no/such/program",), keeps_root=keeps_root)
    regime = users.Regime("landlock", accounts={"b": users.Account(60_000, 60_000, ())})
    one = supervisor.Supervisor(config.Config(), home, "g0", [spec], lambda _: None, regime=regime)
    await one.open()
    with pytest.raises(errors.UnavailableError, match=why):
        await one.services["a"].start()
    await one.close()


async def test_one_that_keeps_root_never_gets_a_user(home: home_module.Home) -> None:
    spec = specs.ServiceSpec("a", ("/no/such/program",), keeps_root=True)
    regime = users.Regime("landlock", accounts={"a": users.Account(60_000, 60_000, ())})
    one = supervisor.Supervisor(config.Config(), home, "g0", [spec], lambda _: None, regime=regime)
    await one.open()
    assert one.services["a"]._account() is None
    await one.close()


async def test_jobs_files_of_an_earlier_run_are_gone(home: home_module.Home) -> None:
    (home.sandbox_work / "job").mkdir(parents=True)
    (home.sandbox_work / "job" / "secret").touch()
    one = of(home)
    await one.open()
    assert not home.sandbox_work.exists()
    await one.close()


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


async def test_nothing_stays_open_after_a_close(home: home_module.Home) -> None:
    before = open_descriptors()
    one = of(home, specs.SocketSpec("public", "tcp"), specs.SocketSpec("s", "unix", path=home.run / "s.sock"))
    await one.open()
    await one.close()
    assert open_descriptors() == before
    assert list(home.run.iterdir()) == []


async def refusal(one: supervisor.Supervisor, command: str, **fields: object) -> str:
    with pytest.raises(errors.InvalidRequestError) as caught:
        async with asyncio.timeout(5):
            await one.handle({"command": command, "service": "a", **fields})
    return caught.value.message


async def test_a_service_runs_no_more_often_than_its_spec_allows(home: home_module.Home) -> None:
    one = of(home)
    await one.open()
    assert "at most once" in await refusal(one, "scale", replicas=2)
    assert "at least once" in await refusal(one, "scale", replicas=0)
    await one.close()


async def test_a_service_that_is_asked_with_ping_is_not_replaced_while_it_runs(home: home_module.Home) -> None:
    spec = specs.ServiceSpec("a", ("false",), ready="ping", ping_path=home.run / "a.sock")
    one = supervisor.Supervisor(config.Config(), home, "g0", [spec], lambda _: None)
    await one.open()
    assert "Stop and start it instead" in await refusal(one, "replace", generation="a" * 40)
    await one.close()


@pytest.mark.parametrize("generation", ["../x", "a" * 39, "A" * 40, "a" * 40 + "\n", "a" * 63, "g" * 64])
async def test_only_a_commit_is_a_generation(home: home_module.Home, generation: str) -> None:
    one = of(home)
    await one.open()
    assert "40 or 64" in await refusal(one, "replace", generation=generation)
    await one.close()


async def test_metrics_start_over_but_not_those_of_another_supervisor(home: home_module.Home) -> None:
    counters = home.run / "metrics" / "counter_0.db"
    counters.parent.mkdir(parents=True)
    counters.touch()
    first = ownership.lock(home)
    with pytest.raises(errors.SetupError, match="already runs"):
        await of(home).open()
    assert counters.exists()
    first.release()
    one = of(home)
    await one.open()
    assert not counters.exists()
    await one.close()


async def test_orphans_are_looked_for_after_each_child_that_was_collected(home: home_module.Home) -> None:
    looked = asyncio.Event()
    live: list[set[int]] = []

    def look(pids: set[int]) -> None:
        live.append(pids)
        looked.set()

    spec = specs.ServiceSpec("a", ("false",))
    one = supervisor.Supervisor(config.Config(), home, "g0", [spec], lambda _: None, after_exit=look)
    await one.open()
    one.start()
    (pid,) = one.pids()
    async with asyncio.timeout(10):
        await looked.wait()
    assert pid not in live[0]
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    await one.close()


async def test_the_supervisors_own_log_is_turned_over(home: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOG_CHECK_S", 0.01)
    home.logs.mkdir(parents=True)
    log = logs.own(home)
    log.write_bytes(b"x" * (config.Config().supervisor.log_bytes_max + 1))
    one = of(home)
    await one.open()
    async with asyncio.timeout(10):
        while log.stat().st_size:
            await asyncio.sleep(0.01)
    await one.close()
    assert log.with_name("supervisor.log.1").exists()


async def test_a_child_does_not_see_the_keys_of_other_programs(
    home: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("COUNCIL_TOKEN", "secret")
    code = """
import os, signal
print(sorted(os.environ), flush=True)
os.write(int(os.environ["COUNCIL_READY_FD"]), b"ready")
signal.pause()
"""
    spec = specs.ServiceSpec("a", (sys.executable, "-c", code))
    one = supervisor.Supervisor(config.Config(), home, "g0", [spec], lambda _: None)
    await one.open()
    await one.services["a"].start()
    one.kill()
    await one.close()
    names = (home.logs / "a.log").read_text()
    assert "COUNCIL_SERVICE" in names
    assert "OPENAI_API_KEY" not in names and "COUNCIL_TOKEN" not in names


# Says that it is ready, and does what follows.
CHILD = """
import os, signal, sys, time
line = int(os.environ["COUNCIL_READY_FD"])
heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append(1))
os.write(line, b"ready\\n")
"""
DEAF = CHILD + "while True: time.sleep(9)"
DRAINS = CHILD + "\nwhile not heard: time.sleep(0.01)\nos.write(line, b'.')\ntime.sleep(1.5)"


@pytest.mark.long
@pytest.mark.parametrize(("program", "signalled"), [(DEAF, True), (DRAINS, False)])
async def test_a_service_that_hangs_is_not_waited_for_as_long_as_one_that_drains(
    home: home_module.Home, program: str, signalled: bool
) -> None:
    limits = dataclasses.replace(config.Config().supervisor, silent_s=0.4, stop_s=600.0)
    settings = dataclasses.replace(config.Config(), supervisor=limits)
    spec = specs.ServiceSpec("a", (sys.executable, "-c", program))
    one = supervisor.Supervisor(settings, home, "g0", [spec], lambda _: None)
    await one.open()
    service = one.services["a"]
    await service.start()
    (child,) = service.children.values()
    async with asyncio.timeout(20):
        await service.stop()
    assert child._popen.returncode == (-signal.SIGKILL if signalled else 0)
    await one.close()
