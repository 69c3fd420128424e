"""The runner with a zygote that is played here: what it does when the other side is away, slow, gone, or lies."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from council.backends.sandbox_runner.namespaces import runner as namespaces
from council.domain import config, errors, sandbox
from council.zygote import layers, wire

HELLO: dict[str, Any] = {
    "layers": layers.present({}, root=True), "missing": {}, "refuses": [], "address_bytes_min": 64 << 20,
}  # fmt: skip
OUTCOME = {
    "rejected": "", "exit_code": 0, "signal": None, "limit": None, "wall_s": 0.1, "cpu_s": 0.1, "memory_peak_bytes": 4096,
    "blocked": {}, "files": [], "not_collected": {},
}  # fmt: skip
JOB = sandbox.Job("python", "print(1)")
PATIENCE_S = 10.0


class Inner:
    """The sandbox's side of one sandbox."""

    def __init__(
        self, number: int, message: dict[str, Any], ends: tuple[socket.socket, socket.socket, int, int]
    ) -> None:
        self.number, self.message = number, message
        self.control, self.job, self.stdout, self.stderr = ends
        self.commands = wire.Receiver(self.control)

    def end(self) -> None:
        for one in (self.control, self.job):
            one.close()
        for number in (self.stdout, self.stderr):
            with contextlib.suppress(OSError):
                os.close(number)
        self.stdout = self.stderr = -1


class FakeZygote:
    """Serves one front at a time on a Unix socket. `becomes_ready` decides by number whether a sandbox says so."""

    def __init__(self, path: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.listener.setblocking(False)
        self.hello: dict[str, Any] | None = HELLO
        self.becomes_ready: Callable[[int], dict[str, Any] | None] = lambda _: {"ready": True}
        self.refuses_to_make = ""
        self.boxes: dict[int, Inner] = {}
        self.killed: list[int] = []
        self.connections: list[socket.socket] = []
        self.came = 0
        self.task = asyncio.create_task(self.serve())

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self.listener)
            self.came += 1
            if self.hello is None:
                connection.close()
                continue
            self.connections.append(connection)
            wire.send(connection, {"hello": self.hello})
            receiver = wire.Receiver(connection)
            loop.add_reader(connection, self.read, connection, receiver)

    def read(self, connection: socket.socket, receiver: wire.Receiver) -> None:
        if not receiver.fill():
            self.go()
            return
        while (message := receiver.next()) is not None:
            if "make" in message:
                self.make(connection, message)
            else:
                self.killed.append(message["kill"])
                self.end(message["kill"])

    def make(self, connection: socket.socket, message: dict[str, Any]) -> None:
        number = message["make"]
        if self.refuses_to_make:
            wire.send(connection, {"failed": number, "reason": self.refuses_to_make})
            return
        (control, ours), (job, program) = socket.socketpair(), socket.socketpair()
        (stdout, inner_stdout), (stderr, inner_stderr) = os.pipe(), os.pipe()
        self.boxes[number] = Inner(number, message, (ours, program, inner_stdout, inner_stderr))
        wire.send(connection, {"made": number}, [control.fileno(), job.fileno(), stdout, stderr])
        for one in (control, job):
            one.close()
        os.close(stdout)
        os.close(stderr)
        if told := self.becomes_ready(number):
            wire.send(ours, told)

    def end(self, number: int) -> None:
        """As the kernel and the zygote would: the sandbox is gone, and that is told."""
        if number in self.boxes:
            self.boxes.pop(number).end()
            wire.send(self.connections[-1], {"ended": number, "status": -9})

    def go(self) -> None:
        """Close every connection and with it every sandbox."""
        for inner in self.boxes.values():
            inner.end()
        self.boxes.clear()
        for connection in self.connections:
            if connection.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(connection)
                connection.close()
        self.connections.clear()

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.go()
        self.listener.close()


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeZygote]:
    made = FakeZygote(tmp_path / "z.sock")
    yield made
    await made.close()


@contextlib.asynccontextmanager
async def running(path: Path, pool: int = 0) -> AsyncIterator[namespaces.NamespaceRunner]:
    made = namespaces.NamespaceRunner(path, config.SandboxConfig(pool=pool))
    await asyncio.wait_for(made.start(), PATIENCE_S)
    try:
        yield made
    finally:
        await made.close()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.001)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_without_a_zygote_every_call_says_that_it_is_away(tmp_path: Path) -> None:
    async with running(tmp_path / "nothing.sock", pool=2) as runner:
        for attempt in (runner.ping, lambda: runner.run(JOB)):
            with pytest.raises(errors.SandboxUnavailableError) as caught:
                await attempt()
            assert "cannot be reached" in (caught.value.detail or "")
        assert await runner.kill_all() == 0
        assert (runner.layers, runner.layers_missing, runner.pool_ready) == ((), {}, 0)


async def test_a_zygote_that_hangs_up_before_it_greets_is_tried_again(fake: FakeZygote, tmp_path: Path) -> None:
    fake.hello = None
    async with running(tmp_path / "z.sock", pool=1) as runner:
        with pytest.raises(errors.SandboxUnavailableError):
            await runner.ping()
        await until(lambda: fake.came >= 3)
        fake.hello = HELLO
        await until(lambda: runner.pool_ready == 1)
        await runner.ping()


async def test_required_layers_that_are_gone_refuse_every_job_with_the_reason(fake: FakeZygote, tmp_path: Path) -> None:
    reason = "Function not implemented"
    fake.hello = {**HELLO, "layers": [], "missing": {"pid namespace": reason}, "refuses": ["pid namespace"]}
    async with running(tmp_path / "z.sock", pool=2) as runner:
        for attempt in (runner.ping, lambda: runner.run(JOB)):
            with pytest.raises(errors.SandboxUnavailableError) as caught:
                await attempt()
            assert caught.value.detail == f"no pid namespace: {reason}"
        assert fake.boxes == {}


async def test_a_sandbox_that_cannot_be_made_is_told_with_the_reason(fake: FakeZygote, tmp_path: Path) -> None:
    async with running(tmp_path / "z.sock") as runner:
        fake.refuses_to_make = "OSError: no space"
        with pytest.raises(errors.SandboxUnavailableError) as caught:
            await runner.run(JOB)
        assert "no space" in (caught.value.detail or "")
        fake.refuses_to_make = ""
        fake.becomes_ready = lambda _: {"failed": "the sandbox could not be made: EPERM"}
        with pytest.raises(errors.SandboxUnavailableError) as caught:
            await runner.run(JOB)
        assert "EPERM" in (caught.value.detail or "")


async def test_a_waiting_job_hears_when_the_zygote_goes_and_the_pool_comes_back(
    fake: FakeZygote, tmp_path: Path
) -> None:
    async with running(tmp_path / "z.sock", pool=1) as runner:
        await until(lambda: runner.pool_ready == 1)
        fake.becomes_ready = lambda _: None
        jobs = [asyncio.create_task(runner.run(JOB)) for _ in range(3)]
        await until(lambda: len(fake.boxes) == 3)
        fake.go()
        for job in jobs:
            with pytest.raises(errors.SandboxUnavailableError):
                await asyncio.wait_for(job, PATIENCE_S)
        fake.becomes_ready = lambda _: {"ready": True}
        await until(lambda: runner.pool_ready == 1)


async def test_a_ready_sandbox_that_ended_by_itself_is_not_used(fake: FakeZygote, tmp_path: Path) -> None:
    async with running(tmp_path / "z.sock", pool=1) as runner:
        await until(lambda: runner.pool_ready == 1)
        (dead,) = fake.boxes
        fake.end(dead)
        await until(runner._ready[0].ended.is_set)
        job = asyncio.create_task(runner.run(JOB))
        await until(lambda: fake.boxes)
        number = min(fake.boxes)
        assert number != dead
        await until(lambda: runner._busy)
        (box,) = runner._busy
        wire.send(fake.boxes[box.number].control, OUTCOME)
        assert (await asyncio.wait_for(job, PATIENCE_S)).status is sandbox.Status.OK


async def test_a_sandbox_that_comes_as_its_job_is_cancelled_stays_in_the_pool(fake: FakeZygote, tmp_path: Path) -> None:
    fake.becomes_ready = lambda _: None
    async with running(tmp_path / "z.sock") as runner:
        job = asyncio.create_task(runner.run(JOB))
        await until(lambda: runner._waiting and fake.boxes)
        future = runner._waiting[0]
        (inner,) = fake.boxes.values()
        wire.send(inner.control, {"ready": True})
        while not future.done():
            await asyncio.sleep(0)
        # It was given the sandbox and has not gone on since.
        assert not runner._busy
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(job, PATIENCE_S)
        assert runner.pool_ready == 1


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_exactly_the_sandboxes_that_are_wanted_are_made(fake: FakeZygote, tmp_path: Path, count: int) -> None:
    async with running(tmp_path / "z.sock", pool=count) as runner:
        await until(lambda: runner.pool_ready == count)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(fake.boxes) == count


async def test_a_front_that_ends_lets_go_of_everything(fake: FakeZygote, tmp_path: Path) -> None:
    before = descriptors()
    async with running(tmp_path / "z.sock", pool=3) as runner:
        await until(lambda: runner.pool_ready == 3)
        job = asyncio.create_task(runner.run(JOB))
        await until(lambda: runner._busy)
    with pytest.raises(errors.SandboxUnavailableError):
        await job
    fake.go()
    await until(lambda: descriptors() == before)


async def test_an_outcome_is_read_for_what_it_is(fake: FakeZygote, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"found")
    cases = [
        ({}, sandbox.Status.OK),
        ({"exit_code": 3}, sandbox.Status.ERROR),
        ({"exit_code": None, "signal": 11}, sandbox.Status.SIGNAL),
        ({"exit_code": None, "signal": 9, "limit": "wall_s"}, sandbox.Status.KILLED_LIMIT),
        ({"exit_code": None, "signal": 9, "limit": "memory_bytes"}, sandbox.Status.KILLED_LIMIT),
        ({"exit_code": 0, "limit": "processes"}, sandbox.Status.OK),
        ({"exit_code": 1, "rejected": "too large"}, sandbox.Status.REJECTED),
    ]
    async with running(tmp_path / "z.sock") as runner:
        for changes, status in cases:
            job = asyncio.create_task(runner.run(JOB))
            await until(lambda: runner._busy)
            (box,) = runner._busy
            inner = fake.boxes[box.number]
            os.write(inner.stdout, b"printed")
            with (tmp_path / "out").open("rb") as file:
                wire.send(inner.control, {**OUTCOME, **changes, "files": ["out"]}, [file.fileno()])
            result = await asyncio.wait_for(job, PATIENCE_S)
            assert (result.status, result.stdout, result.files) == (status, b"printed", {"out": b"found"})


async def test_the_job_and_its_limits_go_to_who_needs_them(fake: FakeZygote, tmp_path: Path) -> None:
    limits = sandbox.Limits(2.0, 3.0, 256 << 20, 1000, 1 << 20, 7)
    job = sandbox.Job("bash", "écho", b"stdin", {"a/b": b"file"}, ("out",), limits)
    async with running(tmp_path / "z.sock") as runner:
        task = asyncio.create_task(runner.run(job))
        await until(lambda: runner._busy)
        (inner,) = fake.boxes.values()
        wanted = {"memory_bytes": 256 << 20, "processes": 7, "files_bytes": 1 << 20, "session": False}
        assert wanted.items() <= inner.message.items()
        begin = await asyncio.to_thread(inner.commands.wait)
        assert begin == {"begin": True, "wall_s": 3.0, "cpu_s": 2.0, "collect": ["out"]}
        program = wire.Receiver(inner.job)
        header = await asyncio.to_thread(program.wait)
        assert json.dumps(header, sort_keys=True) == json.dumps(
            {"code": 5, "cpu_s": 2.0, "files": [["a/b", 4]], "language": "bash", "stdin": 5}, sort_keys=True
        )
        assert program.take(14) == "écho".encode() + b"filestdin"
        # More than it may print: the keeper is told to end it, and the rest is dropped.
        os.write(inner.stdout, b"x" * 1001)
        assert await asyncio.to_thread(inner.commands.wait) == {"end": "output_bytes"}
        wire.send(inner.control, {**OUTCOME, "limit": "output_bytes", "signal": 9, "exit_code": None})
        result = await asyncio.wait_for(task, PATIENCE_S)
        assert (result.stdout, result.truncated, result.limit) == (b"x" * 1000, True, "output_bytes")


@pytest.mark.parametrize(("asked", "given", "lowered"), [(32, 4, {"processes": 4}), (4, 4, {}), (2, 2, {})])
async def test_processes_that_memory_has_no_room_for_are_told(
    fake: FakeZygote, tmp_path: Path, asked: int, given: int, lowered: dict[str, int]
) -> None:
    bare = dict.fromkeys((layers.MEMORY_CGROUP, layers.PROCESSES_CGROUP), "none is here")
    fake.hello = {**HELLO, "layers": layers.present(bare, root=False), "missing": bare}
    limits = sandbox.Limits(2.0, 3.0, 1024 << 20, 1000, 32 << 20, asked)
    async with running(tmp_path / "z.sock") as runner:
        for session in (False, True):
            opened = await runner.open_session(limits) if session else runner
            task = asyncio.create_task(opened.run(sandbox.Job("python", "", limits=limits)))
            await until(lambda: len(fake.boxes) == 1)
            (inner,) = fake.boxes.values()
            assert inner.message["processes"] == given
            wire.send(inner.control, OUTCOME)
            result = await asyncio.wait_for(task, PATIENCE_S)
            assert result.lowered == lowered
            fake.end(inner.number)


async def test_a_sandbox_that_never_tells_how_it_ended_is_killed(
    fake: FakeZygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("council.backends.sandbox_runner.namespaces.box._GRACE_S", 0.0)
    limits = sandbox.Limits(1.0, 0.1, 256 << 20, 1000, 1 << 20, 7)
    async with running(tmp_path / "z.sock") as runner:
        with pytest.raises(errors.SandboxUnavailableError, match="sandbox"):
            await runner.run(sandbox.Job("python", "", limits=limits))
        await until(lambda: fake.killed)
        assert fake.boxes == {}


async def test_kill_all_waits_until_each_is_buried(fake: FakeZygote, tmp_path: Path) -> None:
    async with running(tmp_path / "z.sock", pool=1) as runner:
        jobs = [asyncio.create_task(runner.run(JOB)) for _ in range(3)]
        await until(lambda: len(runner._busy) == 3)
        busy = {box.number for box in runner._busy}
        assert await runner.kill_all() == 3
        assert set(fake.killed) == busy
        for job in jobs:
            with pytest.raises(errors.SandboxUnavailableError):
                await job


async def test_kill_all_does_not_wait_for_a_zygote_that_went(fake: FakeZygote, tmp_path: Path) -> None:
    async with running(tmp_path / "z.sock") as runner:
        job = asyncio.create_task(runner.run(JOB))
        await until(lambda: runner._busy)
        boxes = list(runner._busy)
        fake.end = lambda _: None  # type: ignore[method-assign]
        killing = asyncio.create_task(runner.kill_all())
        await until(lambda: fake.killed)
        assert not killing.done()
        fake.go()
        await until(boxes[0].ended.is_set)
        assert await killing == 1
        with pytest.raises(errors.SandboxUnavailableError):
            await job


@pytest.mark.parametrize(
    "raw", [b"\xff\xff\xff\xff", b"\0\0\0\2[]", wire.encode({"made": 1}), wire.encode({"made": None})]
)
async def test_a_zygote_that_talks_nonsense_is_left_and_tried_again(
    fake: FakeZygote, tmp_path: Path, raw: bytes
) -> None:
    async with running(tmp_path / "z.sock", pool=1) as runner:
        await until(lambda: runner.pool_ready == 1)
        fake.connections[-1].send(raw)
        await until(lambda: fake.came == 2)
        await until(lambda: runner.pool_ready == 1)
