"""What a job in the sandbox costs, at the port, beside the peers in the same run; and what it leaves behind.

At the port: the front with its queue and audit trail on disk in this process, the zygote as the supervisor starts it. Jobs
come on a schedule, from two clients that each wait for their answer, and a job's time is from when it was to begin.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

import councils
import figures
import sandbox_host
import sandbox_kills
import sandbox_load
import sandbox_served
from council.domain import config, sandbox
from council.kit import clock
from council.serving.sandbox import audit, front, recorder
from peers import sandboxes

BLOCKS = 10
JOBS_A_BLOCK = 100
PEER_RUNS_A_BLOCK = 10
EMPTY_RUNS = 200
SUSTAINED_S = 60.0
NUMPY_RUNS = 100
RECORDS = 2_000
ORDINARY_JOBS = 500

WARM_P50_MS, WARM_P99_MS = 4.0, 10.0
EMPTY_P50_MS, EMPTY_STRETCH_MS = 15.0, 12.0
JOBS_A_SECOND, JOBS_STRETCH = 170.0, 200.0
AUDIT_P99_MS = 0.5

NUMPY_LINE = "import numpy; print(int(numpy.arange(3).sum()))"
WITHOUT_FRONT = "council, no front and trail"
_EMPTY_PAUSE_S = 0.03
# Nobody's number.
_ORDINARY_UID = 1_900_000_001
_RECORD_PAUSE_S = 0.002

Say = Callable[[str], None]


def run(port: int, with_peers: bool, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    with sandbox_load.zygote() as zygote, asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        rows = _beside_peers(loop, zygote, with_peers, say)
        rows += loop.run(_pool_empty(zygote, say))
        rows += loop.run(_sustained(zygote, say))
        rows += loop.run(sandbox_kills.rows(zygote, say))
        rows += _numpy(loop, zygote, with_peers, say)
    rows += _ordinary_user(say)
    with councils.folder() as folder:
        rows += _audit(folder / "trail", say)
        rows += sandbox_served.rows(councils.prepare(folder / "h", port), port, say)
    # The subjects of one figure stand together, for their ratios.
    order = list(dict.fromkeys(row.figure for row in rows))
    return sorted(rows, key=lambda row: order.index(row.figure))


# At the port, 50 jobs a second


def _beside_peers(loop: asyncio.Runner, zygote: sandbox_load.Zygote, with_peers: bool, say: Say) -> list[figures.Row]:
    """Ours and the peers in turn, some of each at a time, so that what else the machine does meets all of them."""
    peers = sandboxes.all_of_them() if with_peers else [sandboxes.bare()]
    took: dict[str, list[float]] = {name: [] for name in (figures.OURS, WITHOUT_FRONT, *(peer.name for peer in peers))}
    stack = contextlib.AsyncExitStack()
    runner, ours = loop.run(stack.enter_async_context(sandbox_load.opened(zygote)))
    try:
        for block in range(BLOCKS):
            for peer in peers:
                if not peer.missing:
                    took[peer.name] += [
                        peer.run_ms(sandbox_load.LINE, sandbox_load.PRINTED) for _ in range(PEER_RUNS_A_BLOCK)
                    ]
            loop.run(sandbox_load.pool_full(runner))
            took[figures.OURS] += loop.run(sandbox_load.on_schedule(lambda: _one(ours), JOBS_A_BLOCK))
            loop.run(sandbox_load.pool_full(runner))
            took[WITHOUT_FRONT] += loop.run(
                sandbox_load.on_schedule(lambda: sandbox_load.checked(runner.run(sandbox_load.JOB)), JOBS_A_BLOCK)
            )
            say(f"sandbox: block {block + 1}/{BLOCKS}")
    finally:
        loop.run(stack.aclose())
    note = (
        f"{sandbox_load.A_SECOND} jobs a second, {sandbox_load.CLIENTS} clients, pool of {config.SandboxConfig().pool}"
    )
    rows = sandbox_load.quantiles("one job", figures.OURS, took[figures.OURS], note, WARM_P50_MS, WARM_P99_MS)
    rows += sandbox_load.quantiles("one job", WITHOUT_FRONT, took[WITHOUT_FRONT], note)
    for peer in peers:
        rows += sandbox_load.quantiles("one job", peer.name, took[peer.name], peer.missing or peer.note)
    return rows


# Pool empty, sustained


async def _pool_empty(zygote: sandbox_load.Zygote, say: Say) -> list[figures.Row]:
    say("sandbox: pool empty")
    took_ms: list[float] = []
    async with sandbox_load.opened(zygote, pool=0) as (runner, ours):
        for _ in range(2 * EMPTY_RUNS):
            await asyncio.sleep(_EMPTY_PAUSE_S)
            was_empty = runner.pool_ready == 0
            began_s = time.perf_counter()
            await _one(ours)
            if was_empty:
                took_ms.append((time.perf_counter() - began_s) * 1000)
            if len(took_ms) == EMPTY_RUNS:
                break
    reached = verdict(figures.quantile(took_ms, 0.5) <= EMPTY_STRETCH_MS)
    note = f"made on demand, one client; stretch <= {EMPTY_STRETCH_MS:g} ms: {reached}"
    return sandbox_load.quantiles("one job, pool empty", figures.OURS, took_ms, note, EMPTY_P50_MS)


async def _sustained(zygote: sandbox_load.Zygote, say: Say) -> list[figures.Row]:
    """Two clients, each with one job after the other, and what is held before and after."""
    say(f"sandbox: {SUSTAINED_S:g} s without pause")
    async with sandbox_load.opened(zygote) as (runner, ours):
        await sandbox_load.on_schedule(lambda: _one(ours), sandbox_load.A_SECOND)
        await sandbox_load.pool_full(runner)
        before, kernel_before = sandbox_host.held(zygote.popen.pid), sandbox_host.kernel_groups()
        took_ms: list[float] = []
        began_s = time.perf_counter()

        async def client() -> None:
            while (at_s := time.perf_counter()) < began_s + SUSTAINED_S:
                await _one(ours)
                took_ms.append((time.perf_counter() - at_s) * 1000)

        await asyncio.gather(*(client() for _ in range(sandbox_load.CLIENTS)))
        passed_s = time.perf_counter() - began_s
        await sandbox_load.pool_full(runner)
        after = await asyncio.to_thread(
            sandbox_host.until,
            lambda: sandbox_host.held(zygote.popen.pid),
            lambda now: now == before,
            sandbox_load.SETTLED_S,
        )
        kernel_after = sandbox_host.kernel_groups()
    rate = len(took_ms) / passed_s
    grown = sandbox_host.grown(before, after)
    wanted = (
        f"target >= {JOBS_A_SECOND:g}: {verdict(rate >= JOBS_A_SECOND)}; "
        f"stretch >= {JOBS_STRETCH:g}: {verdict(rate >= JOBS_STRETCH)}"
    )
    figure = f"{SUSTAINED_S:g} s without pause"
    kept = f"before: {before}; after: {after}; the kernel's own count of groups, other programs' included: "
    kept += f"{kernel_before}, {kernel_after}"
    return [
        figures.Row(f"{figure}: jobs", figures.OURS, rate, "1/s", samples=len(took_ms), note=wanted),
        figures.Row(f"{figure}: time a job", figures.OURS, 1000 / rate, "ms", 1000 / JOBS_A_SECOND),
        *sandbox_load.quantiles(
            figure, figures.OURS, took_ms, f"{sandbox_load.CLIENTS} clients, one job after the other"
        ),
        figures.Row(f"{figure}: left behind", figures.OURS, sum(grown.values()), "things", 0, note=kept),
    ]


def verdict(is_met: bool) -> str:
    """Return the word that the tables use."""
    return "met" if is_met else "MISSED"


# Beside


def _numpy(loop: asyncio.Runner, zygote: sandbox_load.Zygote, with_peers: bool, say: Say) -> list[figures.Row]:
    say("sandbox: numpy")
    job = sandbox.Job("python", NUMPY_LINE)
    bare = sandboxes.bare(sys.executable)
    alone: list[float] = []
    if with_peers:
        alone = [bare.run_ms(NUMPY_LINE, b"3\n") for _ in range(NUMPY_RUNS)]

    async def ours() -> list[float]:
        async with sandbox_load.opened(zygote) as (_, made):
            return await sandbox_load.on_schedule(
                lambda: sandbox_load.checked(made.run(job, "bench", ""), b"3\n"), NUMPY_RUNS
            )

    took = loop.run(ours())
    note = f"{sandbox_load.A_SECOND} jobs a second; loaded ahead"
    rows = sandbox_load.quantiles("import numpy and add", figures.OURS, took, note)
    return rows + (
        sandbox_load.quantiles("import numpy and add", sandboxes.BARE, alone, bare.note) if with_peers else []
    )


def _audit(folder: Path, say: Say) -> list[figures.Row]:
    """A record as the front writes it for a job, at some hundreds a second, with the syncs beside."""
    say("sandbox: audit trail")
    settings, now = config.SandboxConfig(), clock.SystemClock()
    trail = audit.AuditTrail(folder, settings.audit_file_bytes_max, settings.audit_files_max, now)
    writer = recorder.Recorder(trail, now)
    asked = recorder.Asked("job", "bench/bench", "0" * 26)
    layers = tuple(f"layer number {number}" for number in range(18))
    result = sandbox.Result(sandbox.Status.OK, exit_code=0, stdout=sandbox_load.PRINTED, layers=layers)
    took_ms = []
    try:
        for _ in range(RECORDS):
            time.sleep(_RECORD_PAUSE_S)
            began_s = time.perf_counter()
            writer.ended(asked, sandbox_load.JOB, result, 0.004)
            took_ms.append((time.perf_counter() - began_s) * 1000)
    finally:
        trail.close()
    return sandbox_load.quantiles(
        "audit record", figures.OURS, took_ms, "on file when it returns, on disk soon after", None, AUDIT_P99_MS
    )


def _ordinary_user(say: Say) -> list[figures.Row]:
    """The same zygote without root's rights: no user for each sandbox, and memory bounded by process."""
    subject = "council, as an ordinary user"
    say("sandbox: as an ordinary user")
    try:
        with sandbox_load.zygote(_ORDINARY_UID if os.geteuid() == 0 else None) as zygote:
            took_ms, missing = uvloop.run(_of_ordinary_user(zygote))
    except (AssertionError, OSError) as error:
        return [figures.Row("one job: p50", subject, None, "ms", note=f"not to be had here: {error}"[:200])]
    note = f"at the port, {sandbox_load.A_SECOND} jobs a second; without {', '.join(missing) or 'nothing'}"
    return sandbox_load.quantiles("one job", subject, took_ms, note)


async def _of_ordinary_user(zygote: sandbox_load.Zygote) -> tuple[list[float], Sequence[str]]:
    async with sandbox_load.opened(zygote) as (runner, ours):
        missing = tuple(runner.layers_missing)
        return await sandbox_load.on_schedule(lambda: _one(ours), ORDINARY_JOBS), missing


async def _one(ours: front.Front) -> None:
    await sandbox_load.checked(ours.run(sandbox_load.JOB, "bench", ""))
