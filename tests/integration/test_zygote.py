"""The real zygote and its fronts: who lives, who dies with whom, and what is left. As root and as an ordinary user."""

import asyncio
import contextlib
import dataclasses
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import prometheus_client
import pytest

import zygotes
from council.backends.sandbox_runner.namespaces import box as box_module
from council.backends.sandbox_runner.namespaces import runner as namespaces
from council.domain import config, errors, sandbox, sandbox_wire
from council.kit import clock, process
from council.serving.sandbox import isolation
from council.zygote import cgroups, layers

MIB = 1024 * 1024
SETTINGS = config.SandboxConfig(pool=2)
PATIENCE_S = 30.0

# Each takes a name that the test can look for: the job itself, and a grandchild that left its group and its session.
STAY = """
import ctypes, os, time
call_me = lambda name: ctypes.CDLL(None).prctl(15, name, 0, 0, 0)
call_me(b"stayer")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        call_me(b"straggler")
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


@pytest.fixture(params=["root", "ordinary user"])
def uid(request: pytest.FixtureRequest) -> int | None:
    if os.geteuid() == 0:
        return None if request.param == "root" else zygotes.ORDINARY_UID
    if request.param == "root":
        pytest.skip("only root can start a zygote as root")
    return None


@pytest.fixture
def zygote(uid: int | None) -> Iterator[zygotes.Zygote]:
    with zygotes.zygote(uid=uid, packages=()) as made:
        yield made


@pytest.fixture
async def runner(zygote: zygotes.Zygote) -> AsyncIterator[namespaces.NamespaceRunner]:
    async with zygote.runner(SETTINGS) as made:
        yield made


def limits(**changes: float) -> sandbox.Limits:
    return dataclasses.replace(sandbox_wire.default_limits(SETTINGS), **changes)


def python(code: str, **parts: object) -> sandbox.Job:
    return sandbox.Job("python", code, **parts)  # type: ignore[arg-type]


async def until(holds: Callable[[], object]) -> None:
    """Wait for something to come true."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


def below(pid: int) -> dict[int, int]:
    """Return the descendants of a process with the moment each was started."""
    table = process.table()
    found: dict[int, int] = {}
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        for one in table.values():
            if one.parent_pid == parent and one.pid not in found:
                found[one.pid] = one.start_ticks
                waiting.append(one.pid)
    return found


def alive(processes: dict[int, int]) -> list[int]:
    """Return those that are there still, zombies too."""
    return [pid for pid, ticks in processes.items() if (now := process.stat(pid)) and now.start_ticks == ticks]


def named(processes: dict[int, int], name: str) -> list[int]:
    found = []
    for pid in processes:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text() == f"{name}\n":
                found.append(pid)
    return found


def groups_of(pid: int | None = None) -> list[Path]:
    """Return the cgroups of a zygote's sandboxes, or of all zygotes."""
    mine = set(cgroups._own_groups(Path("/proc")).values())
    parents = [group for folder in mine for group in folder.glob(f"council-sandbox-{pid or '*'}-*")]
    return [inner for parent in parents for inner in [parent, *(path for path in parent.iterdir() if path.is_dir())]]


def descriptors(pid: int | str) -> list[str]:
    """Return what a process holds open, without the numbers of sockets and pipes."""
    held = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            held.append(re.sub(r"\[\d+\]", "", str(entry.readlink())))
    return sorted(held)


# What it says


async def test_it_tells_which_layers_hold(runner: namespaces.NamespaceRunner, uid: int | None) -> None:
    is_root = uid is None and os.geteuid() == 0
    if is_root:
        assert runner.layers == layers.present({}, root=True)
        assert runner.layers_missing == {}
    else:
        missing = {layers.MEMORY_CGROUP, layers.PROCESSES_CGROUP}
        assert set(runner.layers_missing) == missing
        assert runner.layers == layers.present(dict.fromkeys(missing, ""), root=False)
        assert all("Permission denied" in reason for reason in runner.layers_missing.values())
    await runner.ping()
    result = await runner.run(python("print('Grüße')"))
    assert (result.status, result.stdout, result.stderr) == (sandbox.Status.OK, "Grüße\n".encode(), b"")
    assert (result.layers, result.layers_missing) == (runner.layers, tuple(runner.layers_missing))


async def test_a_self_test_gets_through_no_wall_and_is_sure_to_see_what_can_be_seen(
    runner: namespaces.NamespaceRunner, tmp_path: Path
) -> None:
    def held() -> float:
        return prometheus_client.REGISTRY.get_sample_value("council_sandbox_self_tests_total", {"outcome": "held"}) or 0

    with socket.create_server(("127.0.0.1", 0)) as server:
        beyond, before = isolation.outside(tmp_path, server.getsockname()[1]), held()
        made = isolation.SelfTest(runner, SETTINGS.kind, beyond, tmp_path, clock.SystemClock())
        await made.take()
        assert (made.broken, held()) == ((), before + 1)
        # The folder of programs is shown to each job: a wall with a hole, so to speak.
        seen = isolation.outside(Path("/usr"), beyond.port)
        holed = isolation.SelfTest(runner, SETTINGS.kind, seen, tmp_path, clock.SystemClock())
        await holed.take()
        assert holed.broken == ("files",)


async def test_the_pool_is_filled_and_filled_again(runner: namespaces.NamespaceRunner) -> None:
    await until(lambda: runner.pool_ready == SETTINGS.pool)
    for _ in range(3 * SETTINGS.pool):
        assert (await runner.run(python(""))).status is sandbox.Status.OK
    await until(lambda: runner.pool_ready == SETTINGS.pool)
    assert runner.refills_per_s >= 4 * SETTINGS.pool / 60


async def test_a_runner_without_a_pool_makes_each_sandbox_on_demand(zygote: zygotes.Zygote) -> None:
    async with zygote.runner(config.SandboxConfig(pool=0)) as runner:
        results = await asyncio.gather(*(runner.run(python(f"print({number})")) for number in range(8)))
        assert [result.stdout for result in results] == [b"%d\n" % number for number in range(8)]
        assert runner.pool_ready == 0


async def test_limits_that_differ_get_a_sandbox_of_their_own(runner: namespaces.NamespaceRunner) -> None:
    await until(lambda: runner.pool_ready == SETTINGS.pool)
    code = "import os; print(os.statvfs('/work').f_blocks * os.statvfs('/work').f_frsize)"
    usual = await runner.run(python(code))
    smaller = await runner.run(python(code, limits=limits(files_bytes=1 * MIB)))
    assert (int(usual.stdout), int(smaller.stdout)) == (SETTINGS.files_bytes, MIB)
    # What the keeper keeps needs none.
    ready = {box.number for box in runner._ready}
    ended = await runner.run(python("while True: pass", limits=limits(wall_s=0.2)))
    assert (ended.status, ended.limit) == (sandbox.Status.KILLED_LIMIT, "wall_s")
    assert not ready <= {box.number for box in runner._ready}


# Who dies with whom


async def test_a_front_that_goes_takes_its_sandboxes_along_and_the_other_keeps_its(zygote: zygotes.Zygote) -> None:
    async with zygote.runner(SETTINGS) as stays, contextlib.AsyncExitStack() as leaving:
        await until(lambda: stays.pool_ready == SETTINGS.pool)
        of_the_other = below(zygote.popen.pid)
        goes = await leaving.enter_async_context(zygote.runner(SETTINGS))
        running = asyncio.create_task(goes.run(python(STAY)))
        kept = asyncio.create_task(stays.run(python("import time; time.sleep(0.5); print('kept')")))
        await until(lambda: named(below(zygote.popen.pid), "straggler"))
        theirs = {pid: ticks for pid, ticks in below(zygote.popen.pid).items() if pid not in of_the_other}
        await leaving.aclose()
        with pytest.raises(errors.SandboxUnavailableError):
            await running
        stayers = named(theirs, "stayer") + named(theirs, "straggler")
        await until(lambda: not set(alive(theirs)) & set(stayers))
        assert (await kept).stdout == b"kept\n"
        assert (await stays.run(python("print(1)"))).stdout == b"1\n"


async def test_fronts_side_by_side_are_served_and_one_too_many_is_turned_away(zygote: zygotes.Zygote) -> None:
    async with contextlib.AsyncExitStack() as held:
        fronts = [await held.enter_async_context(zygote.runner(config.SandboxConfig(pool=0))) for _ in range(8)]
        results = await asyncio.gather(*(front.run(python(f"print({at})")) for at, front in enumerate(fronts)))
        assert [result.stdout for result in results] == [b"%d\n" % at for at in range(8)]
        ninth = await held.enter_async_context(zygote.runner(config.SandboxConfig(pool=1)))
        with pytest.raises(errors.SandboxUnavailableError):
            await ninth.ping()
        await fronts[0].close()
        await until(lambda: ninth.pool_ready == 1)
        assert (await ninth.run(python("print(9)"))).stdout == b"9\n"


async def test_when_the_zygote_is_killed_everything_dies_and_the_pool_comes_back_with_the_next(
    uid: int | None, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "zygote.sock"
    with zygotes.zygote(uid=uid, packages=(), path=path) as first:
        runner = namespaces.NamespaceRunner(path, SETTINGS)
        await runner.start()
        try:
            running = [asyncio.create_task(runner.run(python(STAY))) for _ in range(3)]
            session = await runner.open_session(limits())
            await until(lambda: len(named(below(first.popen.pid), "straggler")) == 3)
            await until(lambda: runner.pool_ready == SETTINGS.pool)
            everything = below(first.popen.pid)
            first.popen.kill()
            first.popen.wait()
            await until(lambda: not alive(everything))
            for one in running:
                with pytest.raises(errors.SandboxUnavailableError) as caught:
                    await one
                assert caught.value.detail
            with pytest.raises((errors.NotFoundError, errors.SandboxUnavailableError)):
                await session.run(python("print(1)"))
            with pytest.raises(errors.SandboxUnavailableError):
                await runner.ping()
            assert (runner.pool_ready, runner.layers) == (0, ())
            with zygotes.zygote(uid=uid, packages=(), path=path) as second:
                await until(lambda: runner.pool_ready == SETTINGS.pool)
                assert (await runner.run(python("print(2)"))).stdout == b"2\n"
                assert groups_of(first.popen.pid) == []
                assert bool(groups_of(second.popen.pid)) == (layers.MEMORY_CGROUP in runner.layers)
        finally:
            await runner.close()
    assert groups_of(second.popen.pid) == []


async def test_a_zygote_told_to_stop_ends_with_nothing_left(zygote: zygotes.Zygote) -> None:
    async with zygote.runner(SETTINGS) as runner:
        running = asyncio.create_task(runner.run(python(STAY)))
        await until(lambda: named(below(zygote.popen.pid), "straggler"))
        everything = below(zygote.popen.pid)
        zygote.popen.terminate()
        assert await asyncio.to_thread(zygote.popen.wait, PATIENCE_S) == 0
        assert alive(everything) == []
        assert groups_of(zygote.popen.pid) == []
        with pytest.raises(errors.SandboxUnavailableError):
            await running


async def test_cancelling_who_waits_ends_the_job(runner: namespaces.NamespaceRunner, zygote: zygotes.Zygote) -> None:
    running = asyncio.create_task(runner.run(python(STAY)))
    await until(lambda: named(below(zygote.popen.pid), "straggler"))
    job = [*named(below(zygote.popen.pid), "straggler"), *named(below(zygote.popen.pid), "stayer")]
    theirs = {pid: ticks for pid, ticks in below(zygote.popen.pid).items() if pid in job}
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not alive(theirs))


async def test_cancelling_at_any_moment_loses_no_sandbox(
    runner: namespaces.NamespaceRunner, zygote: zygotes.Zygote
) -> None:
    before = len(descriptors("self"))
    for turn in range(60):
        jobs = [asyncio.create_task(runner.run(python("", limits=limits(processes=8 + turn % 2)))) for _ in range(2)]
        jobs += [asyncio.create_task(runner.run(python(""))) for _ in range(3)]
        for _ in range(turn):
            await asyncio.sleep(0)
        await asyncio.sleep(turn % 7 / 1000)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    # One that was being made for a job that went stays ready; two processes and four descriptors for each that is.
    await until(lambda: SETTINGS.pool <= runner.pool_ready <= SETTINGS.pool + 2)
    await until(lambda: len(below(zygote.popen.pid)) == 2 * runner.pool_ready)
    await until(lambda: len(descriptors("self")) <= before + 4 * runner.pool_ready)


async def test_kill_all_ends_fifty_running_jobs_with_all_that_they_started(
    runner: namespaces.NamespaceRunner, zygote: zygotes.Zygote
) -> None:
    jobs = [asyncio.create_task(runner.run(python(STAY, limits=limits(wall_s=100)))) for _ in range(50)]
    session = await runner.open_session(limits())
    await until(lambda: len(named(below(zygote.popen.pid), "straggler")) == 50)
    everything = below(zygote.popen.pid)
    theirs = {pid: everything[pid] for name in ("stayer", "straggler") for pid in named(everything, name)}
    assert len(theirs) >= 100
    began_s = time.monotonic()
    assert await runner.kill_all() == 51
    took_s = time.monotonic() - began_s
    assert alive(theirs) == []
    assert took_s < 5.0
    ended = await asyncio.gather(*jobs, return_exceptions=True)
    assert {type(one) for one in ended} == {errors.SandboxUnavailableError}
    with pytest.raises((errors.NotFoundError, errors.SandboxUnavailableError)):
        await session.run(python("print(1)"))
    assert await runner.kill_all() == 0
    assert (await runner.run(python("print(6 * 7)"))).stdout == b"42\n"


# What is left


_DOUBLE_FORK = "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: time.sleep(99)\n"
_MIXED: list[tuple[str, dict[str, float]]] = [
    ("print('x' * 10000)", {}),
    ("raise ValueError", {}),
    (_DOUBLE_FORK, {}),
    ("import os; os.kill(os.getpid(), 11)", {}),
    ("import ctypes; ctypes.string_at(0)", {}),
    ("open('a', 'w').write('x' * 100000); open('b', 'w')", {}),
    ("import socket\ntry: socket.socket()\nexcept OSError: pass", {}),
    ("while True: pass", {"wall_s": 0.1}),
    ("while True: pass", {"cpu_s": 0.1}),
    ("while True: print('x' * 1000)", {"output_bytes": 10_000}),
    ("x = [b'x' * 1000000 for _ in range(1000)]", {"memory_bytes": 160 * MIB}),
    ("open('/dev/shm/f', 'wb').write(bytes(8 << 20))", {"files_bytes": 2 * MIB}),
    ("import os, time\nfor _ in range(9):\n  if os.fork() == 0: time.sleep(9)", {"processes": 4}),
    ("", {"files_bytes": 64 * 1024}),
]


async def test_after_three_hundred_jobs_of_every_kind_nothing_is_left(
    runner: namespaces.NamespaceRunner, zygote: zygotes.Zygote
) -> None:
    pid = zygote.popen.pid
    await runner.run(python("print(1)", collect=("main.py",)))
    await until(lambda: runner.pool_ready == SETTINGS.pool)

    def held() -> dict[str, object]:
        mounts = re.sub(r"(?m)^\d+ \d+ ", "", Path(f"/proc/{pid}/mountinfo").read_text())
        sandboxes = len(below(pid)) // 2
        return {
            "descriptors of the zygote": descriptors(pid),
            "descriptors of the runner": descriptors("self"),
            "mounts": mounts,
            "groups": len(groups_of(pid)),
            "sandboxes": sandboxes,
            "resident": int(process.resident_bytes(pid) / (16 * MIB)),
        }

    await until(lambda: len(below(pid)) == 2 * SETTINGS.pool)
    before = held()
    seen: set[tuple[str, str | None]] = set()

    async def some(first: int) -> None:
        for number in range(first, 300, 4):
            code, changes = _MIXED[number % len(_MIXED)]
            large = {"large": bytes(MIB)} if changes.get("files_bytes") == 64 * 1024 else {"small": b"x"}
            result = await runner.run(
                python(code, limits=limits(**changes), files=large, collect=("a", "b", "none"), stdin=b"x" * 1000)
            )
            seen.add((result.status.value, result.limit))

    await asyncio.gather(*(some(first) for first in range(4)))
    statuses = {status for status, _ in seen}
    assert statuses >= {"ok", "error", "signal", "killed_limit", "rejected"}, seen
    assert {limit for _, limit in seen} >= {"wall_s", "cpu_s", "output_bytes"}, seen
    await until(lambda: runner.pool_ready == SETTINGS.pool)
    with contextlib.suppress(TimeoutError):
        await until(lambda: held() == before)
    assert held() == before


# CPU and memory of several processes


@pytest.mark.parametrize("way", ["collected by the job", "orphans", "living"])
async def test_cpu_time_of_all_processes_counts(runner: namespaces.NamespaceRunner, way: str) -> None:
    """None of them alone comes near the limit."""
    code = """
import os, time
def fork():
    while True:
        try: return os.fork()
        except BlockingIOError: time.sleep(0.01)  # as many as may be are there
def burn():
    while time.process_time() < 0.25: pass
    os._exit(0)
for _ in range(40):
    if fork() == 0:
        if WAY == "orphans" and fork():
            os._exit(0)
        burn()
    if WAY == "collected by the job": os.wait()
    elif WAY == "orphans":
        os.wait()
        time.sleep(0.3)
    else: time.sleep(0.05)
time.sleep(60)
"""
    job = python(f"WAY = {way!r}\n{code}", limits=limits(cpu_s=1.0, wall_s=30.0, memory_bytes=2048 * MIB))
    result = await runner.run(job)
    assert (result.status, result.limit) == (sandbox.Status.KILLED_LIMIT, "cpu_s"), result
    assert 0.9 <= result.cpu_s < 3.0


_BOMB = """
import os, time
for _ in range(7):
    if os.fork() == 0: break
kept = []
try:
    while len(kept) < 300: kept.append(bytearray(os.urandom(1 << 20)))
except MemoryError:
    pass
time.sleep(0.5)
"""


def _available_bytes() -> int:
    return int(re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024  # type: ignore[index]


async def test_a_memory_bomb_of_many_processes_takes_no_more_than_its_limit(runner: namespaces.NamespaceRunner) -> None:
    limit = 256 * MIB
    bounds = limits(memory_bytes=limit, files_bytes=16 * MIB, cpu_s=20, wall_s=20)
    await until(lambda: runner.pool_ready == SETTINGS.pool)
    before = _available_bytes()
    least = before
    running = asyncio.create_task(runner.run(python(_BOMB, limits=bounds)))
    while not running.done():
        least = min(least, _available_bytes())
        await asyncio.sleep(0.01)
    result = await running
    assert result.status is not sandbox.Status.REJECTED, result
    # The bomb would take 2,400 MiB. Others use this machine at the same time, hence the margin.
    assert before - least < limit + 64 * MIB + 256 * MIB, result


async def test_a_signal_to_the_zygote_that_it_does_not_serve_changes_nothing(
    runner: namespaces.NamespaceRunner, zygote: zygotes.Zygote
) -> None:
    zygote.popen.send_signal(signal.SIGINT)
    zygote.popen.send_signal(signal.SIGCHLD)
    assert (await runner.run(python("print(1)"))).stdout == b"1\n"


async def test_a_job_that_waits_for_a_sandbox_when_all_are_killed_never_begins(
    zygote: zygotes.Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    real = box_module.Box.run

    async def noted(self: box_module.Box, job: sandbox.Job, *rest: object) -> object:
        begun.append(job.code)
        return await real(self, job, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(box_module.Box, "run", noted)
    async with zygote.runner(dataclasses.replace(SETTINGS, pool=0)) as runner:
        unusual = limits(processes=5)
        jobs = [python(STAY), python(STAY, limits=unusual)] * 4
        tasks = [asyncio.create_task(runner.run(job)) for job in jobs]
        await until(lambda: begun)
        killed, so_far = await runner.kill_all(), len(begun)
        assert killed == len(jobs) > so_far
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, errors.SandboxUnavailableError) for one in ended)
        assert len(begun) == so_far


_REFUSED_CHILDREN = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
until = time.monotonic() + 20
while time.monotonic() < until:
    if os.fork() == 0:
        end = time.process_time() + 0.02
        while time.process_time() < end: pass
        os._exit(0)
    time.sleep(0.005)
"""


async def test_children_whose_end_is_ignored_count_in_a_group(zygote: zygotes.Zygote) -> None:
    async with zygote.runner(SETTINGS) as runner:
        if "memory: cgroup" not in runner.layers:
            pytest.skip("without a cgroup nothing tells what they used; the page on the sandbox says so")
        result = await runner.run(python(_REFUSED_CHILDREN, limits=limits(cpu_s=0.5, wall_s=15)))
    assert (result.status, result.limit) == (sandbox.Status.KILLED_LIMIT, "cpu_s")
    assert 0.5 <= result.cpu_s < 5


async def test_a_job_that_sends_itself_the_signal_of_a_limit_has_met_none(runner: namespaces.NamespaceRunner) -> None:
    for number in (signal.SIGXCPU, signal.SIGXFSZ):
        code = f"import os, signal; signal.signal({number}, signal.SIG_DFL); os.kill(os.getpid(), {number})"
        result = await runner.run(python(code))
        assert (result.status, result.limit, result.signal) == (sandbox.Status.SIGNAL, None, number)


async def test_no_program_of_the_host_is_started_for_a_crash(runner: namespaces.NamespaceRunner) -> None:
    result = await runner.run(python("import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"))
    assert result.stdout == b"(1, 1)\n"


async def test_two_zygotes_give_their_jobs_different_users(uid: int | None) -> None:
    if uid is not None or os.geteuid() != 0:
        pytest.skip("only root has users to give")
    seen = set()
    for _ in range(2):
        with zygotes.zygote(packages=()) as one:
            async with one.runner(SETTINGS) as runner:
                result = await runner.run(python("print(open('/proc/self/uid_map').read().split()[1])"))
                seen.add(int(result.stdout))
    assert len(seen) == 2
