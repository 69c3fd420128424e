"""The pool: sandboxes kept ready, made anew as they are used."""

import asyncio
import collections
import contextlib
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from council import ports
from council.backends.sandbox_runner.namespaces import box as box_module
from council.backends.sandbox_runner.namespaces import link
from council.domain import config as config_module
from council.domain import errors, sandbox, sandbox_wire
from council.kit import backoff
from council.zygote import wire

_MAKE_S = 20.0
_KILL_S = 5.0
# More at once only take the processors from each other.
_WARMING_MAX = 2
_REFILL_AFTER_S = 0.02
_RATE_WINDOW_S = 60.0
_BACKOFF_FIRST_S, _BACKOFF_CEILING_S, _BACKOFF_FORGIVE_S = 0.05, 2.0, 10.0
# Of address space, where no cgroup bounds memory: what threads, numpy and the like need beside the interpreter.
_PROCESS_BYTES_MIN = 192 * 1024 * 1024
# What lies in the sockets of one process at most: its descriptors, which are few then, with a buffer of the usual size.
_SOCKETS_BYTES = 16 * 1024 * 1024
_KILLING = frozenset({"wall_s", "cpu_s", "output_bytes"})


class NamespaceRunner:
    """Implements ports.SandboxRunner. `start` begins to fill the pool; it goes on by itself when the zygote was away."""

    def __init__(self, socket_path: Path, config: config_module.SandboxConfig):
        self._path = socket_path
        self._config = config
        self._link: link.Link | None = None
        self._ready: collections.deque[box_module.Box] = collections.deque()
        self._waiting: collections.deque[asyncio.Future[box_module.Box]] = collections.deque()
        self._warming = 0
        self._busy: set[box_module.Box] = set()
        # Those that have been asked for and have no sandbox yet.
        self._coming = 0
        self._kills = 0
        self._refills: collections.deque[float] = collections.deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure = "the zygote has not been reached yet"
        self._closed = False

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that hold; empty while the zygote is away."""
        return tuple(self._link.hello["layers"]) if self._link else ()

    @property
    def layers_missing(self) -> Mapping[str, str]:
        """The layers that this machine lacks, with the reasons."""
        return dict(self._link.hello["missing"]) if self._link else {}

    @property
    def pool_ready(self) -> int:
        """Sandboxes that wait for a job."""
        return len(self._ready)

    @property
    def pool_target(self) -> int:
        """Sandboxes that should wait for a job."""
        return self._config.pool

    @property
    def refills_per_s(self) -> float:
        """Sandboxes made ready a second, over the last minute."""
        self._forget_refills()
        return len(self._refills) / _RATE_WINDOW_S

    async def start(self) -> None:
        """Connect and begin to fill the pool. Returns when a first try is over, whatever came of it."""
        tried = asyncio.Event()
        self._keep(self._stay_connected(tried))
        await tried.wait()

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a job in a sandbox of its own, a ready one if it asks for the usual limits."""
        limits = job.limits or sandbox_wire.default_limits(self._config)
        plan = self._plan(limits, session=False)
        box = await self._engage(self._take(plan))
        try:
            outcome = await box.run(job, limits, self._config.job_bytes_max)
            return self.result(outcome, plan, limits)
        finally:
            self._busy.discard(box)
            box.close()
            self._refill()

    async def open_session(self, limits: sandbox.Limits) -> ports.SandboxSession:
        """Make a sandbox that stays."""
        plan = self._plan(limits, session=True)
        box = await self._engage(self._make(plan))
        return _Session(self, box, plan, limits)

    async def _engage(self, coming: Coroutine[Any, Any, box_module.Box]) -> box_module.Box:
        """Return the sandbox that is coming, unless all were killed meanwhile: then it runs nothing."""
        kills = self._kills
        self._coming += 1
        try:
            box = await coming
        finally:
            self._coming -= 1
        if kills != self._kills:
            box.kill()
            raise box_module.unavailable("killed before it had a sandbox")
        self._busy.add(box)
        return box

    async def kill_all(self) -> int:
        """Kill every sandbox that has a job or a session, and wait until the zygote has buried them.

        Whoever has none yet gets none.
        """
        self._kills += 1
        coming = self._coming
        self._fail_waiting("killed before it had a sandbox")
        boxes = list(self._busy)
        for box in boxes:
            box.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILL_S):
                for box in boxes:
                    await box.ended.wait()
        return len(boxes) + coming

    async def ping(self) -> None:
        """Return if the zygote is there and can make sandboxes."""
        self._connected()

    async def close(self) -> None:
        """End every sandbox and let go of the zygote."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lose("closed")

    @property
    def collect_bytes_max(self) -> int:
        """What a job's files may bring back at most, bytes: as much as a job may bring."""
        return self._config.job_bytes_max

    def release(self, box: box_module.Box) -> None:
        """Let go of a session's sandbox."""
        self._busy.discard(box)
        box.close()

    def result(self, outcome: dict[str, Any], plan: link.Plan, limits: sandbox.Limits) -> sandbox.Result:
        """Return what a job came to, `limits` being what was asked for and `plan` what its sandbox was made with."""
        lowered = {"processes": plan.processes} if plan.processes < limits.processes else {}
        return _result(outcome, self.layers, tuple(self.layers_missing), lowered)

    def _plan(self, limits: sandbox.Limits, *, session: bool) -> link.Plan:
        hello = self._connected().hello
        memory, processes = limits.memory_bytes, limits.processes
        address = None
        if "memory: rlimit" in hello["layers"]:
            # Files, stdin and what lies in sockets count as well. Of the rest each process has an equal share, so that
            # all of them together stay within the limit.
            shared_bytes = 2 * limits.files_bytes
            if shared_bytes > memory // 2:
                raise errors.InvalidRequestError(
                    "Without a cgroup, `files_bytes` may be a quarter of `memory_bytes` at most. Lower it, or raise that.",
                    parameter="limits.files_bytes",
                )
            process_bytes = max(_PROCESS_BYTES_MIN, int(hello["address_bytes_min"])) + _SOCKETS_BYTES
            processes = max(1, min(processes, (memory - shared_bytes) // process_bytes))
            address = max(0, (memory - shared_bytes) // processes - _SOCKETS_BYTES)
        return link.Plan(memory, processes, limits.files_bytes, address, session)

    def _connected(self) -> link.Link:
        if self._link is None:
            raise box_module.unavailable(self._failure)
        if refuses := self._link.hello["refuses"]:
            reasons = self.layers_missing
            raise box_module.unavailable("; ".join(f"no {layer}: {reasons[layer]}" for layer in refuses))
        return self._link

    async def _take(self, plan: link.Plan) -> box_module.Box:
        if plan != self._usual():
            return await self._make(plan)
        while self._ready:
            box = self._ready.popleft()
            if not box.ended.is_set():
                # Not at once, since most jobs are over by then and have the processors for themselves.
                asyncio.get_running_loop().call_later(_REFILL_AFTER_S, self._refill)
                return box
            box.close()
        future: asyncio.Future[box_module.Box] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._refill()
        try:
            async with asyncio.timeout(_MAKE_S):
                return await future
        except TimeoutError as error:
            raise box_module.unavailable("no sandbox became ready in time") from error
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._ready.append(future.result())  # it came at the very moment in which nobody waited any more
            raise
        finally:
            if not future.done() or future.cancelled():
                with contextlib.suppress(ValueError):
                    self._waiting.remove(future)

    def _usual(self) -> link.Plan:
        return self._plan(sandbox_wire.default_limits(self._config), session=False)

    def _refill(self) -> None:
        """Have sandboxes made until enough are ready or on their way."""
        if self._link is None or self._closed or self._link.hello["refuses"]:
            return
        wanted = self._config.pool + len(self._waiting)
        while self._warming < _WARMING_MAX and len(self._ready) + self._warming < wanted:
            self._warming += 1
            self._keep(self._warm())

    async def _warm(self) -> None:
        try:
            box = await self._make(self._usual())
        except errors.SandboxUnavailableError as error:
            if self._link is not None:
                self._failure = error.detail
            self._fail_one_waiting(error)
            return
        finally:
            self._warming -= 1
        self._refills.append(time.monotonic())
        self._forget_refills()
        if self._link is None:
            box.close()
            return
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(box)
                break
        else:
            self._ready.append(box)
        self._refill()

    def _fail_one_waiting(self, error: errors.SandboxUnavailableError) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)
                break
        # Whoever still waits has a try of his own.
        if self._waiting:
            self._refill()

    async def _make(self, plan: link.Plan) -> box_module.Box:
        box = await self._connected().make(plan)
        try:
            async with asyncio.timeout(_MAKE_S):
                await box.become_ready()
        except TimeoutError as error:
            box.kill()
            raise box_module.unavailable("a sandbox was not ready in time") from error
        except BaseException:
            box.kill()
            raise
        if box.ended.is_set():
            box.close()
            raise box_module.unavailable("a sandbox ended before it had a job")
        return box

    async def _stay_connected(self, tried: asyncio.Event) -> None:
        waits = backoff.Backoff(_BACKOFF_FIRST_S, _BACKOFF_CEILING_S, _BACKOFF_FORGIVE_S)
        while True:
            began_s = time.monotonic()
            try:
                self._link = await link.Link.connect(self._path)
                self._refill()
                tried.set()
                await self._link.gone.wait()
                self._lose("the zygote went away; it is being started again")
            except (OSError, wire.WireError, TimeoutError, errors.SandboxUnavailableError) as error:
                self._failure = f"the zygote cannot be reached: {type(error).__name__}: {error}"
                tried.set()
            await asyncio.sleep(waits.after_failure(time.monotonic() - began_s))

    def _lose(self, reason: str) -> None:
        self._failure = reason
        lost, self._link = self._link, None
        if lost is not None:
            lost.close()
        for box in (*self._ready, *self._busy):
            box.close()
        self._ready.clear()
        self._fail_waiting(reason)

    def _fail_waiting(self, reason: str) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(box_module.unavailable(reason))

    def _forget_refills(self) -> None:
        while self._refills and self._refills[0] < time.monotonic() - _RATE_WINDOW_S:
            self._refills.popleft()

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Session:
    """Implements ports.SandboxSession."""

    def __init__(self, runner: NamespaceRunner, box: box_module.Box, plan: link.Plan, limits: sandbox.Limits) -> None:
        self._runner = runner
        self._box = box
        self._plan = plan
        self._limits = limits

    @property
    def ended(self) -> bool:
        return self._box.is_gone or self._box.ended.is_set()

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        if self.ended:
            await self.close()
            raise errors.NotFoundError("This session has ended. Open a new one.")
        try:
            outcome = await self._box.call(job, job.limits or self._limits, self._runner.collect_bytes_max)
        except BaseException:
            await self.close()
            raise
        result = self._runner.result(outcome, self._plan, self._limits)
        if not outcome["goes_on"]:
            await self.close()
        return result

    async def close(self) -> None:
        self._runner.release(self._box)


def _result(
    outcome: dict[str, Any], layers: tuple[str, ...], layers_missing: tuple[str, ...], lowered: Mapping[str, int]
) -> sandbox.Result:
    (stdout, stdout_cut), (stderr, stderr_cut) = outcome["output"]
    limit, signal_number, exit_code = outcome["limit"], outcome["signal"], outcome["exit_code"]
    return sandbox.Result(
        status=_status(outcome),
        limit=limit,
        exit_code=exit_code,
        signal=signal_number,
        stdout=stdout,
        stderr=stderr,
        files=outcome["files"],
        not_collected=outcome["not_collected"],
        truncated=stdout_cut or stderr_cut,
        wall_s=outcome["wall_s"],
        cpu_s=outcome["cpu_s"],
        memory_peak_bytes=outcome["memory_peak_bytes"],
        layers=layers,
        layers_missing=layers_missing,
        lowered=lowered,
        blocked=outcome["blocked"],
        reason=outcome["rejected"],
    )


def _status(outcome: dict[str, Any]) -> sandbox.Status:
    if outcome["rejected"]:
        return sandbox.Status.REJECTED
    if outcome["limit"] in _KILLING or (outcome["limit"] and outcome["signal"]):
        return sandbox.Status.KILLED_LIMIT
    if outcome["signal"]:
        return sandbox.Status.SIGNAL
    return sandbox.Status.OK if outcome["exit_code"] == 0 else sandbox.Status.ERROR
