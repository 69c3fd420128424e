"""What the sandbox's measurements share: the pool and the front in this process, jobs on a schedule, rows of quantiles."""

import asyncio
import contextlib
import dataclasses
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import figures
from council.backends.sandbox_runner.namespaces import runner as namespaces
from council.domain import config, sandbox
from council.kit import clock
from council.serving.sandbox import audit, front

CLIENTS = 2
A_SECOND = 50
SETTLED_S = 10.0
LINE, PRINTED = "print(1)", b"1\n"
JOB = sandbox.Job("python", LINE)

_EARLY_S = 0.0015

Call = Callable[[], Awaitable[Any]]


class Zygote(Protocol):
    """A running zygote, as the tests start one: nobody else uses it, and its folder is removed with it."""

    popen: "subprocess.Popen[bytes]"
    path: Path


def zygote(uid: int | None = None) -> contextlib.AbstractContextManager[Zygote]:
    """Start the real zygote, as this user or as another one. Raises AssertionError, OSError."""
    tests = str(figures.ROOT / "tests")
    if tests not in sys.path:
        sys.path.append(tests)
    import zygotes

    made: contextlib.AbstractContextManager[Zygote] = zygotes.zygote(uid=uid)
    return made


@contextlib.asynccontextmanager
async def opened(zygote: Zygote, **settings: Any) -> AsyncIterator[tuple[namespaces.NamespaceRunner, front.Front]]:
    """Give the pool and the front over it, with a trail of its own on disk."""
    chosen = config.SandboxConfig(**settings)
    runner = namespaces.NamespaceRunner(zygote.path, chosen)
    await runner.start()
    now = clock.SystemClock()
    trail = audit.AuditTrail(zygote.path.parent / "trail", chosen.audit_file_bytes_max, chosen.audit_files_max, now)
    made = front.Front(runner, trail, chosen, now)
    try:
        await pool_full(runner)
        yield runner, made
    finally:
        await made.close()


async def pool_full(runner: namespaces.NamespaceRunner) -> None:
    """Wait until the pool is full."""
    async with asyncio.timeout(SETTLED_S):
        while runner.pool_ready < runner.pool_target:
            await asyncio.sleep(0.005)


async def on_schedule(call: Call, jobs: int) -> list[float]:
    """Return the milliseconds from when each job was to begin to its answer; one that is late in turn counts that, too."""
    took_ms = [0.0] * jobs
    began_s = time.perf_counter() + 0.02

    async def client(first: int) -> None:
        for number in range(first, jobs, CLIENTS):
            due_s = began_s + number / A_SECOND
            # The loop's timers are a millisecond coarse, which is not what is measured here.
            await asyncio.sleep(max(0.0, due_s - _EARLY_S - time.perf_counter()))
            while time.perf_counter() < due_s:
                await asyncio.sleep(0)
            await call()
            took_ms[number] = (time.perf_counter() - due_s) * 1000

    await asyncio.gather(*(client(first) for first in range(CLIENTS)))
    return took_ms


async def checked(call: Awaitable[sandbox.Result], printed: bytes = PRINTED) -> None:
    """Wait for a job; it must have ended well."""
    result = await call
    assert (result.status, result.stdout) == (sandbox.Status.OK, printed), result


def quantiles(
    figure: str,
    subject: str,
    took_ms: Sequence[float],
    note: str = "",
    p50_ms: float | None = None,
    p99_ms: float | None = None,
) -> list[figures.Row]:
    """Return the rows of p50, p95, p99 and the longest; one that says why where there is no value."""
    if not took_ms:
        return [figures.Row(f"{figure}: p50", subject, None, "ms", p50_ms, 0, note=note)]
    parts = ((0.5, "p50", p50_ms), (0.95, "p95", None), (0.99, "p99", p99_ms), (1.0, "longest", None))
    rows = [
        figures.Row(f"{figure}: {name}", subject, figures.quantile(took_ms, share), "ms", target, len(took_ms))
        for share, name, target in parts
    ]
    rows[0] = dataclasses.replace(rows[0], low=min(took_ms), high=max(took_ms), note=note)
    return rows
