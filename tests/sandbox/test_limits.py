"""One test for each limit: a job within it runs, one beyond it is ended, and the result names the limit."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from council import ports
from council.domain import sandbox
from sandbox import programs
from sandbox.programs import MIB, limits

pytestmark = pytest.mark.alone

BEYOND_S = 5.0  # how much longer than its limit a job may take on a busy machine


async def _run(runner: ports.SandboxRunner, code: str, **changes: float) -> sandbox.Result:
    return await runner.run(sandbox.Job("python", code, limits=limits(**changes)))


async def test_wall_s(runner: ports.SandboxRunner) -> None:
    assert (await _run(runner, "import time\ntime.sleep(0.5)", wall_s=10.0)).status is sandbox.Status.OK
    result = await _run(runner, "import time\nprint('begun', flush=True)\ntime.sleep(60)", wall_s=1.5)
    assert (result.status, result.limit) == (sandbox.Status.KILLED_LIMIT, "wall_s")
    assert 1.5 <= result.wall_s < 1.5 + BEYOND_S
    assert result.stdout == b"begun\n"


async def test_cpu_s(runner: ports.SandboxRunner) -> None:
    spin = "import time\nwhile time.process_time() < {}:\n    pass\nprint('done')\n"
    assert (await _run(runner, spin.format(0.5), cpu_s=5.0)).stdout == b"done\n"
    result = await _run(runner, spin.format(20), cpu_s=1.0)
    assert (result.status, result.limit) == (sandbox.Status.KILLED_LIMIT, "cpu_s")
    assert result.cpu_s < 1.0 + 2.0


async def test_cpu_s_of_all_processes_together(runner: ports.SandboxRunner) -> None:
    code = "import os\nfor number in range(3):\n    os.fork()\nwhile True:\n    pass\n"
    result = await _run(runner, code, cpu_s=1.5)
    assert (result.status, result.limit) == (sandbox.Status.KILLED_LIMIT, "cpu_s")


async def test_memory_bytes(runner: ports.SandboxRunner) -> None:
    take = "x = bytearray({} << 20)\nfor at in range(0, len(x), 4096):\n    x[at] = 1\nprint('taken')\n"
    assert (await _run(runner, take.format(64), memory_bytes=256 * MIB)).stdout == b"taken\n"
    result = await _run(runner, take.format(512), memory_bytes=256 * MIB)
    # A process limit makes it an error that the job can catch; a cgroup ends it.
    assert result.status in {sandbox.Status.KILLED_LIMIT, sandbox.Status.ERROR}
    assert b"taken" not in result.stdout
    assert result.limit == "memory_bytes" or b"MemoryError" in result.stderr


async def test_memory_bytes_of_several_processes_together(runner: ports.SandboxRunner) -> None:
    code = """
import os, time
for number in range(4):
    if os.fork() == 0:
        x = bytearray(100 << 20)
        for at in range(0, len(x), 4096):
            x[at] = 1
        time.sleep(2)
        os._exit(0)
if [os.wait()[1] for number in range(4)] == [0] * 4:
    print("all taken")
"""
    result = await _run(runner, code, memory_bytes=160 * MIB, wall_s=20.0)
    assert b"all taken" not in result.stdout


async def test_the_host_loses_at_most_the_limit_and_64_mib(runner: ports.SandboxRunner) -> None:
    """Other programs on the machine use memory too, so the quietest of three tries counts."""
    code = """
import mmap, os, time
for number in range(6):
    if os.fork() == 0:
        kept = []
        while True:
            kept.append(mmap.mmap(-1, 1 << 20))
            kept[-1].write(b"x" * (1 << 20))
            if len(kept) == 100:
                time.sleep(30)
time.sleep(3)
"""
    limit = 192 * MIB
    lost = []
    for _ in range(3):
        before = _available_bytes()
        async with _sampling() as lowest:
            await _run(runner, code, memory_bytes=limit, wall_s=2.0, processes=16)
        lost.append(before - min(lowest))
    assert min(lost) <= limit + 64 * MIB, [f"{each / MIB:.0f} MiB" for each in lost]


def _available_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no MemAvailable in /proc/meminfo")


@contextlib.asynccontextmanager
async def _sampling() -> AsyncIterator[list[int]]:
    seen = [_available_bytes()]

    async def sample() -> None:
        while True:
            seen.append(_available_bytes())
            await asyncio.sleep(0.01)

    task = asyncio.create_task(sample())
    try:
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("name", ["stdout", "stderr"])
async def test_output_bytes(runner: ports.SandboxRunner, name: str) -> None:
    write = f"import sys\nsys.{name}.write('x' * {{}})\n"
    whole = await _run(runner, write.format(10_000), output_bytes=10_000)
    assert len(getattr(whole, name)) == 10_000
    assert (whole.status, whole.truncated, whole.limit) == (sandbox.Status.OK, False, None)
    cut = await _run(runner, write.format(10_001), output_bytes=10_000)
    assert getattr(cut, name) == b"x" * 10_000
    assert (cut.truncated, cut.limit) == (True, "output_bytes")


async def test_files_bytes(runner: ports.SandboxRunner) -> None:
    write = """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open("f", "wb") as file:
    for number in range({}):
        file.write(b"x" * 65536)
print("written")
"""
    assert (await _run(runner, write.format(16), files_bytes=4 * MIB)).stdout == b"written\n"
    result = await _run(runner, write.format(128), files_bytes=4 * MIB)
    assert b"written" not in result.stdout
    assert result.limit == "files_bytes" or b"OSError" in result.stderr


async def test_files_bytes_of_what_comes_back(runner: ports.SandboxRunner) -> None:
    code = 'open("a", "wb").write(b"x" * 700_000)\nopen("b", "wb").truncate(1_500_000)\n'
    job = sandbox.Job("python", code, collect=("a", "b"), limits=limits(files_bytes=2 * MIB))
    result = await runner.run(job)
    assert sum(map(len, result.files.values())) <= 2 * MIB
    assert "b" not in result.files


async def test_processes_that_could_not_be_given_are_told(runner: ports.SandboxRunner) -> None:
    result = await _run(runner, "print(1)", processes=16, memory_bytes=512 * MIB)
    if "memory: rlimit" in result.layers:
        assert 0 < result.lowered["processes"] < 16
    else:
        assert result.lowered == {}


async def test_processes(runner: ports.SandboxRunner) -> None:
    code = """
import os, sys, time
pids = []
try:
    for number in range({}):
        pid = os.fork()
        if pid == 0:
            time.sleep(3)
            os._exit(0)
        pids.append(pid)
except OSError as error:
    print("stopped", error)
else:
    print("all")
sys.stdout.flush()
for pid in pids:
    os.kill(pid, 9)
"""
    assert (await _run(runner, code.format(5), processes=10)).stdout == b"all\n"
    result = await _run(runner, code.format(30), processes=10)
    assert b"all" not in result.stdout
    assert result.limit == "processes" or b"stopped" in result.stdout


async def test_a_job_that_is_no_longer_wanted_ends(runner: ports.SandboxRunner) -> None:
    task = asyncio.create_task(_run(runner, "import time\ntime.sleep(60)"))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    assert await asyncio.wait_for(runner.kill_all(), 10) == 0


async def test_kill_all_ends_every_job(runner: ports.SandboxRunner) -> None:
    code = "import os, time\nif os.fork() == 0:\n    os.setsid()\nprint('x', flush=True)\ntime.sleep(60)\n"
    tasks = [asyncio.create_task(_run(runner, code)) for _ in range(3)]
    killed, end_s = 0, time.monotonic() + 20
    while killed < 3 and time.monotonic() < end_s:
        killed += await runner.kill_all() if await _are_running(tasks) else 0
    done, pending = await asyncio.wait(tasks, timeout=10)
    assert not pending
    for task in done:
        # Ended by a signal that is not the job's, or refused by a runner that tells of the kill switch.
        assert task.exception() is not None or task.result().status is not sandbox.Status.OK


async def _are_running(tasks: list[asyncio.Task[sandbox.Result]]) -> bool:
    await asyncio.sleep(1.0)
    return not all(task.done() for task in tasks)


def test_the_generous_limits_are_within_what_a_config_may_have() -> None:
    assert programs.LIMITS.memory_bytes <= 2048 * MIB
