"""The supervisor as a process, with toy services, commanded over its socket."""

import asyncio
import json
import os
import queue
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from council.backends.runtime import local
from council.domain import errors, states
from council.domain import home as home_module
from council.kit import frames, process
from council.services import tracing

DRIVER = Path(__file__).with_name("toy_supervisor.py")
QUICK = {"backoff_first_s": 0.05, "ready_s": 10.0, "stop_s": 5.0}
WAIT_S = 20.0


class Running:
    """A supervisor process and the lines it prints."""

    def __init__(self, root: Path, limits: dict[str, float], services: tuple[str, ...]):
        self.home = home_module.Home(root)
        self.runtime = local.LocalRuntime(self.home)
        self.lines: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()
        argv = [sys.executable, str(DRIVER), str(root), json.dumps(QUICK | limits), *services]
        self.popen = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self._queue.put(line.rstrip("\n"))

    def until(self, part: str) -> str:
        """Return the next line that holds `part`."""
        while True:
            line = self._queue.get(timeout=WAIT_S)
            self.lines.append(line)
            if part in line:
                return line

    def rest(self) -> list[str]:
        self._reader.join(WAIT_S)
        while not self._queue.empty():
            self.lines.append(self._queue.get())
        return self.lines

    def end(self) -> int:
        self.popen.send_signal(signal.SIGINT)
        return self.popen.wait(WAIT_S)

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(WAIT_S)
        self._reader.join(WAIT_S)
        assert self.popen.stdout is not None
        self.popen.stdout.close()

    def rows(self) -> dict[str, states.ServiceStatus]:
        return {row.name: row for row in asyncio.run(self.runtime.status())}

    def pid(self, name: str) -> int:
        pid = self.rows()[name].pid
        assert pid is not None
        return pid

    def call(self, caller: str, /, **request: Any) -> str:
        """Have a `caller` service give a command; return ok or the error's code."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(WAIT_S)
            connection.connect(str(self.home.socket(caller)))
            connection.sendall(json.dumps({"through": "self", **request}).encode())
            return connection.recv(100).decode()


Starter = Callable[..., Running]


@pytest.fixture
def root() -> Iterator[Path]:
    # Not tmp_path: the path of a Unix socket is limited.
    folder = Path(tempfile.mkdtemp(prefix="council"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def begin(root: Path) -> Iterator[Starter]:
    begun: list[Running] = []

    def start(*services: str, **limits: float) -> Running:
        begun.append(Running(root, limits, services))
        return begun[-1]

    yield start
    for one in begun:
        one.close()


def holds(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_services_start_say_so_and_stop_with_the_store_last(begin: Starter) -> None:
    running = begin("store=pong", "model=plain", "gateway=plain")
    running.until("READY")
    rows = running.rows()
    assert list(rows) == ["store", "model", "gateway"]
    assert {row.state for row in rows.values()} == {"ready"}
    assert {row.generation for row in rows.values()} == {"g0"}
    assert all(row.memory_bytes > 1_000_000 and row.uptime_s > 0 and row.restarts == 0 for row in rows.values())
    assert running.end() == 0
    lines = [line.split() for line in running.rest()]
    ended = [words[0] for words in lines if words[1:] == ["stopped"]]
    assert sorted(ended[:2]) == ["gateway", "model"] and ended[2:] == ["store", "council"]
    assert ["model", "ready"] in [words[:2] for words in lines]
    # pong.sock is the toy's own.
    assert [entry.name for entry in running.home.run.iterdir()] == ["pong.sock"]
    assert "started model g0" in (running.home.logs / "model.log").read_text()


def test_a_second_supervisor_is_told_who_holds_the_home(begin: Starter) -> None:
    first = begin("a=plain")
    first.until("READY")
    second = begin("a=plain")
    line = second.until("already runs")
    assert f"pid {first.popen.pid}" in line and "council down" in line
    assert second.popen.wait(WAIT_S) == 3
    assert first.rows()["a"].state == "ready"


def test_a_killed_child_is_started_again_and_its_group_is_gone(begin: Starter) -> None:
    running = begin("a=parent")
    running.until("READY")
    pid = running.pid("a")
    grandchild = int((running.home.root / "grandchild").read_text())
    os.kill(pid, signal.SIGKILL)
    assert running.until("signal 9") == "a         stopped by signal 9, starting again in 0.05 s"
    running.until("ready")
    row = running.rows()["a"]
    assert (row.state, row.restarts) == ("ready", 1)
    assert row.pid != pid
    # Adopted by the supervisor, killed with the group, and collected.
    holds(lambda: process.stat(grandchild) is None)


def test_a_child_that_ends_at_once_backs_off_longer_each_time(begin: Starter) -> None:
    running = begin("a=failing")
    waits = [running.until("ended with status 7").rpartition(" in ")[2] for _ in range(4)]
    assert waits == ["0.05 s", "0.1 s", "0.2 s", "0.4 s"]
    assert running.rows()["a"].reason == "ended with status 7"
    assert running.end() == 0


def test_a_child_that_does_not_get_ready_is_killed_and_started_again(begin: Starter) -> None:
    running = begin("a=late", ready_s=1.0)
    assert "not ready after 1 s, starting again in 0.05 s" in running.until("not ready")
    assert "starting again in 0.1 s" in running.until("not ready")


def test_a_child_that_ignores_sigterm_is_killed_after_stop_s(begin: Starter) -> None:
    running = begin("a=stubborn", stop_s=0.3)
    running.until("READY")
    assert running.end() == 0


def test_a_second_interrupt_kills_at_once(begin: Starter) -> None:
    running = begin("a=stubborn", "b=stubborn", stop_s=600.0)
    running.until("READY")
    pids = [running.pid("a"), running.pid("b")]
    running.popen.send_signal(signal.SIGINT)
    running.until("stopping")
    assert running.end() == 1
    assert [process.stat(pid) for pid in pids] == [None, None]


def test_children_end_with_a_killed_supervisor(begin: Starter) -> None:
    running = begin("a=plain")
    running.until("READY")
    pid = running.pid("a")
    running.popen.kill()
    holds(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    """Whether it runs; a zombie that nobody collects, as in a container without init, does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_next_supervisor_ends_what_a_killed_one_left(begin: Starter) -> None:
    first = begin("a=stubborn")
    first.until("READY")
    pid = first.pid("a")
    first.popen.kill()
    first.popen.wait(WAIT_S)
    assert is_running(pid)
    second = begin("a=plain")
    second.until("ended 1 processes that an earlier run had left")
    second.until("READY")
    assert not is_running(pid)
    assert second.end() == 0


def test_stop_start_restart_and_scale_take_effect(begin: Starter) -> None:
    running = begin("a=plain", "b=plain")
    running.until("READY")

    async def commands() -> None:
        runtime = running.runtime
        await runtime.stop("a")
        assert (await runtime.status())[0].state == "stopped"
        await runtime.start("a")
        before = (await runtime.status())[0]
        await runtime.restart("a")
        after = (await runtime.status())[0]
        assert (before.state, after.state) == ("ready", "ready")
        assert before.pid != after.pid
        await runtime.scale("b", 3)
        assert [(row.name, row.state) for row in await runtime.status()][1:] == [
            ("b", "ready"),
            ("b:1", "ready"),
            ("b:2", "ready"),
        ]
        await runtime.scale("b", 1)
        assert [row.name for row in await runtime.status()] == ["a", "b"]
        with pytest.raises(errors.InvalidRequestError, match="at most 64 times"):
            await runtime.scale("b", 65)
        with pytest.raises(errors.NotFoundError, match="a, b"):
            await runtime.restart("c")
        with pytest.raises(errors.ForbiddenError, match="patch"):
            await runtime.replace("a", "g1")
        await runtime.shut_down()
        with pytest.raises(errors.SupervisorUnavailableError, match="council up"):
            await runtime.status()

    asyncio.run(commands())
    # shut_down returned, so the home is free although the process may still be ending.
    assert list(running.home.run.iterdir()) == []
    assert running.popen.wait(WAIT_S) == 0


@pytest.mark.parametrize("how", ["hanging", "mute"])
def test_a_restart_of_a_service_that_hangs_does_not_wait_for_it_to_drain(begin: Starter, how: str) -> None:
    running = begin(f"a={how}", silent_s=0.5, stop_s=600.0)
    running.until("READY")
    holds(lambda: running.rows()["a"].state == "hung")
    before = running.pid("a")

    async def restart() -> None:
        async with asyncio.timeout(WAIT_S):
            await running.runtime.restart("a")

    asyncio.run(restart())
    assert running.pid("a") != before
    assert running.rows()["a"].crashes == 0, "it was asked for"
    # Nor does the end of everything.
    running.popen.send_signal(signal.SIGINT)
    assert running.popen.wait(WAIT_S) == 0


def test_a_command_for_a_service_that_fails_says_why(begin: Starter) -> None:
    running = begin("a=failing")
    running.until("status 7")
    with pytest.raises(errors.UnavailableError, match=r"ended with status 7.*a\.log"):
        asyncio.run(running.runtime.restart("a"))


def test_services_have_only_the_rights_of_their_name(begin: Starter) -> None:
    running = begin("a=plain", "steward=caller", "changer=caller", "gateway=caller")
    running.until("READY")
    restart = {"command": "restart", "service": "a"}
    replace = {"command": "replace", "service": "a", "generation": "ab" * 20}
    answers = {
        "steward restarts": running.call("steward", **restart),
        "steward replaces": running.call("steward", **replace),
        "steward starts": running.call("steward", command="start", service="a"),
        "steward shuts down": running.call("steward", command="shut_down"),
        "changer restarts": running.call("changer", **restart),
        "gateway looks": running.call("gateway", command="status"),
        "gateway restarts": running.call("gateway", **restart),
        "gateway's child shuts down": running.call("gateway", through="child", command="shut_down"),
        "gateway's orphan shuts down": running.call("gateway", through="orphan", command="shut_down"),
        "gateway's orphan looks": running.call("gateway", through="orphan", command="status"),
        "steward's child restarts": running.call("steward", through="child", **restart),
    }
    assert {who for who, answer in answers.items() if answer == "ok"} == {
        "steward restarts",
        "gateway looks",
        "gateway's orphan looks",
    }
    assert set(answers.values()) == {"ok", "forbidden"}
    assert running.call("changer", **replace) == "ok"
    assert running.rows()["a"].generation == "ab" * 20
    assert running.end() == 0


def test_bad_requests_get_a_clear_answer_and_harm_nothing(begin: Starter) -> None:
    running = begin("a=plain")
    running.until("READY")

    def reply_to(raw: bytes) -> dict[str, Any] | None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(WAIT_S)
            connection.connect(str(running.home.socket("supervisor")))
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            return frames.receive(connection, 65_536)

    for raw in (
        struct.pack(">I", 1 << 30),
        struct.pack(">I", 3) + b"abc",
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 9) + b"{",
        frames.encode({}),
        frames.encode({"command": ["restart"]}),
        frames.encode({"command": "restart"}),
        frames.encode({"command": "restart", "service": 5}),
        frames.encode({"command": "scale", "service": "a", "replicas": True}),
    ):
        reply = reply_to(raw)
        assert reply is not None and (reply["ok"], reply["code"]) == (False, "invalid_request"), raw
    assert reply_to(b"") is None
    listed = reply_to(frames.encode({"command": "list"}))
    assert listed is not None and listed["services"] == ["a"]


def test_connections_beyond_the_limit_are_turned_away(begin: Starter) -> None:
    running = begin("a=plain")
    running.until("READY")
    silent = [socket.socket(socket.AF_UNIX) for _ in range(32)]
    try:
        for connection in silent:
            connection.connect(str(running.home.socket("supervisor")))
        with pytest.raises(errors.OverloadedError):
            asyncio.run(running.runtime.status())
    finally:
        for connection in silent:
            connection.close()
    holds(lambda: _status_works(running))


def _status_works(running: Running) -> bool:
    try:
        return bool(running.rows())
    except errors.OverloadedError:
        return False


def test_the_sockets_are_closed_to_other_users(begin: Starter) -> None:
    running = begin("a=caller")
    running.until("READY")
    names = ("supervisor.sock", "a.sock", "supervisor.lock", "children.json", "targets.json")
    assert {(running.home.run / name).stat().st_mode & 0o777 for name in names} == {0o600}
    assert (running.home.logs / "a.log").stat().st_mode & 0o777 == 0o600


def test_a_service_that_leaks_names_the_line_in_its_log_and_goes_on(begin: Starter) -> None:
    running = begin("a=leaking")
    running.until("READY")
    pid = running.pid("a")
    log_file = running.home.logs / "a.log"
    for times in (1, 2):
        asyncio.run(running.runtime.trace("a"))
        deadline_s = time.monotonic() + WAIT_S
        while log_file.read_text().count(tracing.END) < times and time.monotonic() < deadline_s:
            time.sleep(0.05)
        logged = [json.loads(line) for line in log_file.read_text().splitlines() if line.startswith("{")]
        lines = [row for row in logged if row["message"] == tracing.LINE]
        assert lines[0]["path"].endswith("toy_service.py")
        assert 100_000 < lines[0]["kept_bytes"] < 10_000_000
        assert [row["message"] for row in logged].count(tracing.END) == times
    assert running.pid("a") == pid


def test_a_service_that_cannot_be_traced_is_refused_and_not_signalled(begin: Starter) -> None:
    running = begin("a=plain", "b=caller")
    running.until("READY")
    pid = running.pid("a")
    with pytest.raises(errors.InvalidRequestError, match="cannot be traced"):
        asyncio.run(running.runtime.trace("a"))
    assert running.call("b", command="trace", service="a") == "forbidden"
    assert running.pid("a") == pid
