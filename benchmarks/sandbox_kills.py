"""The kill switch as the host sees it: fifty running jobs with children that have left them, thrown, until the last is gone."""

import asyncio
import contextlib
import os
import select
import time
from collections.abc import Callable, Sequence

import figures
import linux
import sandbox_load
from council.domain import errors, sandbox
from council.serving.sandbox import front

JOBS = 50
REPEATS = 10
TARGET_MS = 100.0
PROCESSES_A_JOB = 3
_MARK = "council-bench-killed"
_BEGUN_S = 60.0
_GONE_S = 30.0

# Each is a process that nobody waits for, in a session of its own.
_CODE = f"""
import os
for number in range({PROCESSES_A_JOB - 1}):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv("/bin/sleep", ["{_MARK}-{{mark}}", "100"])
        os._exit(0)
os.execv("/bin/sleep", ["{_MARK}-{{mark}}", "100"])
"""

Say = Callable[[str], None]


async def rows(zygote: sandbox_load.Zygote, say: Say) -> list[figures.Row]:
    """Take the figure."""
    gone_ms, answered_ms = [], []
    async with sandbox_load.opened(zygote, concurrent_max=JOBS + 4, wall_s=110.0, wall_s_max=120.0) as (_, ours):
        for repeat in range(REPEATS):
            gone, answered = await _once(ours, f"{os.getpid()}-{repeat}")
            gone_ms.append(gone)
            answered_ms.append(answered)
            say(f"sandbox: kill switch {repeat + 1}/{REPEATS}: {gone:.1f} ms")
    note = f"{JOBS} jobs, each with {PROCESSES_A_JOB - 1} double-forked children; the longest of {REPEATS}"
    return [
        figures.Row(
            "kill switch: last process gone", figures.OURS, max(gone_ms), "ms", TARGET_MS, REPEATS,
            min(gone_ms), max(gone_ms), note,
        ),
        figures.Row(
            "kill switch: answered", figures.OURS, max(answered_ms), "ms", None, REPEATS,
            min(answered_ms), max(answered_ms), "every sandbox buried, the switch on disk, the record written",
        ),
    ]  # fmt: skip


async def _once(ours: front.Front, mark: str) -> tuple[float, float]:
    """Return the milliseconds from the throw until the last process is gone, and until the throw is answered."""
    job = sandbox.Job("python", _CODE.replace("{mark}", mark))
    running = [asyncio.create_task(ours.run(job, "bench", "")) for _ in range(JOBS)]
    name = f"{_MARK}-{mark}"
    deadline_s = time.monotonic() + _BEGUN_S
    while len(pids := await asyncio.to_thread(linux.naming, name)) < JOBS * PROCESSES_A_JOB:
        assert time.monotonic() < deadline_s, f"{len(pids)} processes of {JOBS} jobs"
        await asyncio.sleep(0.05)
    with contextlib.ExitStack() as stack:
        descriptors = []
        for pid in pids:
            descriptors.append(os.pidfd_open(pid))
            stack.callback(os.close, descriptors[-1])
        watching = asyncio.create_task(asyncio.to_thread(_until_gone, descriptors))
        await asyncio.sleep(0.05)
        thrown_s = time.perf_counter()
        killed = await ours.kill("bench", "")
        answered_ms = (time.perf_counter() - thrown_s) * 1000
        gone_ms = (await watching - thrown_s) * 1000
    assert killed == JOBS, killed
    assert not linux.naming(name), "a process has outlived its sandbox"
    ended = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(one, errors.SandboxStoppedError) for one in ended), ended
    await ours.lift("bench", "")
    return gone_ms, answered_ms


def _until_gone(descriptors: Sequence[int]) -> float:
    """Return when the last of these processes had ended."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    left = len(descriptors)
    while left:
        for descriptor, _ in poll.poll(_GONE_S * 1000) or _none_ended():
            poll.unregister(descriptor)
            left -= 1
    return time.perf_counter()


def _none_ended() -> list[tuple[int, int]]:
    raise AssertionError(f"processes of killed jobs are there after {_GONE_S:g} s")
