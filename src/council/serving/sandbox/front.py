"""The front of the sandbox: checks, queue, audit trail, kill switch and sessions before any kind of runner.

It fails closed. A layer that is missing and not allowed, a kill switch that cannot be read, a trail that cannot be
written, a wall that the self-test got through, walls that were not tried yet: each refuses every job.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence

from council import care_telemetry, ports, telemetry
from council.domain import config, errors, sandbox
from council.kit import clock as clocks
from council.kit import traces
from council.serving.sandbox import audit, checks, isolation, recorder, sessions, switch, trail_pages, turns

_log = logging.getLogger(__name__)

# Layers that may be missing without a word in the settings, each only where the other stands in for it.
ALLOWED_BY_DEFAULT = {"memory: cgroup": "memory: rlimit", "processes: cgroup": "processes: rlimit"}

WATCH_S = 0.2
CLOSE_S = 5.0
# A runner whose zygote ended has this long to be there again before a job is given up.
RUNNER_BACK_S = 10.0

_STOPPED = "The sandbox's kill switch is thrown. Lift it with `council sandbox lift` to run code again."
_UNTRIED = (
    "The walls of the sandbox could not be tried, so nobody knows whether they hold, and the kill switch stays thrown. "
    "`council doctor` says what is wrong; then try again."
)
_CLOSED = "The sandbox is stopping. Try again when it is up."


class Front:
    """Implements ports.Sandbox over any runner. For one event loop; `close` closes the runner and the trail too."""

    def __init__(
        self,
        runner: ports.SandboxRunner,
        trail: audit.AuditTrail,
        settings: config.SandboxConfig,
        clock: clocks.Clock,
        walls: isolation.SelfTest | None = None,
    ):
        """`walls` tries them; without it only the runner says what holds."""
        self._walls = walls
        self._broken_seen: tuple[str, ...] = ()
        # When it was last seen that every job was refused, whether the walls were tried or not.
        self._refused_s = float("-inf")
        self._runner = runner
        self._trail = trail
        self._settings = settings
        self._clock = clock
        self._recorder = recorder.Recorder(trail, clock)
        self._switch = switch.KillSwitch(trail.folder)
        self._turns = turns.Turns(settings.concurrent_max, settings.queue_max, settings.queue_wait_s)
        self._sessions = sessions.Sessions(settings, clock)
        self._switching = asyncio.Lock()
        self._kills = 0
        # The record of a kill that the trail could not take.
        self._owed: dict[str, object] | None = None
        self._stop_seen = False
        self._jobs = 0
        self._closed = False
        self._watching: asyncio.Task[None] | None = None

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a job in its turn; its record is in the trail when this returns. See ports.Sandbox."""
        asked = recorder.Asked("job", caller, request_id)
        self.watch()
        await self._until_tried()
        async with contextlib.AsyncExitStack() as held:
            with self._refusals(asked):
                self._admit()
                job = checks.job(job, self._settings)
                await held.enter_async_context(self._turns.turn())
                self._admit()
            return await self._answer(asked, job, None)

    async def run_in_session(self, session: str, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a call in its turn. A session that meets a limit, or whose call is broken off, has ended."""
        asked = recorder.Asked("session_call", caller, request_id, session)
        self.watch()
        await self._until_tried()
        async with contextlib.AsyncExitStack() as held:
            with self._refusals(asked):
                self._admit()
                entry = self._sessions.find(session, caller)
                job = checks.job(job, self._settings, entry.limits)
                held.enter_context(self._sessions.call(entry))
                await held.enter_async_context(self._turns.turn())
                self._admit()
                self._sessions.find(session, caller)
            return await self._answer(asked, job, entry)

    async def open_session(self, limits: sandbox.Limits | None, caller: str, request_id: str) -> str:
        """Open a session with these limits, or the settings'; return its id."""
        asked = recorder.Asked("session_open", caller, request_id)
        self.watch()
        await self._until_tried()
        with self._refusals(asked):
            self._admit()
            bounds = checks.limits(limits, self._settings)
            with self._sessions.place(caller):
                kills = self._kills
                inner = await self._runner.open_session(bounds)
                try:
                    self._check_undisturbed(kills)
                    self._check_layers(self._runner.layers, self._runner.layers_missing)
                    entry = self._sessions.add(inner, bounds, caller, request_id)
                except BaseException:
                    await inner.close()
                    raise
            record = asked.fields() | {"session": entry.id, "limits": dataclasses.asdict(bounds)}
            record |= {"layers": self._runner.layers, "layers_missing": tuple(self._runner.layers_missing)}
            try:
                self._recorder.write(record)
            except errors.SandboxUnavailableError:
                await self._end_session(entry, sessions.Reason.LOST)
                raise
        return entry.id

    async def close_session(self, session: str, caller: str, request_id: str) -> None:
        """End a session of this caller."""
        with self._refusals(recorder.Asked("session_close", caller, request_id, session)):
            entry = self._sessions.find(session, caller)
        await self._end_session(entry, sessions.Reason.CLOSED, request_id)

    async def status(self) -> sandbox.State:
        """Return how things stand."""
        self.watch()
        stopped_by = self._switch.stopped_by()
        pool_ready, pool_target, refills_per_s = _pool(self._runner)
        return sandbox.State(
            kind=self._settings.kind,
            layers=tuple(self._runner.layers),
            layers_missing=dict(self._runner.layers_missing),
            refuses=self._wanting() or await self._away(),
            stopped=bool(stopped_by),
            stopped_by=stopped_by,
            pool_ready=pool_ready,
            pool_target=pool_target,
            refills_per_s=refills_per_s,
            running=self._turns.running,
            waiting=self._turns.waiting,
            sessions=len(self._sessions),
            jobs=self._jobs,
            stopped_reason=self._switch.reason() if stopped_by else "",
            walls=self._walls.outcome if self._walls else "",
            walls_untried_s=self._walls.untried_s if self._walls else None,
            limits=checks.limits(None, self._settings),
        )

    async def kill(self, caller: str, request_id: str, reason: str = "") -> int:
        """Throw the kill switch. What cannot be saved or recorded raises, after everything has been ended."""
        self.watch()
        async with self._switching:
            thrower, why = recorder.plain(caller), recorder.plain(reason)
            self._switch.throw(thrower)
            waiting, open_sessions = self._turns.waiting, len(self._sessions)
            failed: errors.CouncilError | None = None
            killed = 0
            try:
                killed = await self._end_all()
            except errors.CouncilError as error:
                failed = error
            try:
                self._switch.save(thrower, self._clock.now_us(), why)
            except errors.SandboxUnavailableError as error:
                failed = error
            asked = recorder.Asked("kill", caller, request_id)
            counts = {"killed": killed, "turned_away": waiting, "sessions": open_sessions}
            record = asked.fields() | counts | {"failed": failed.message if failed else "", "reason": why}
            try:
                self._recorder.write(record)
            except errors.SandboxUnavailableError as error:
                self._owed = record | {"recorded": "late"}
                raise errors.SandboxUnavailableError(
                    "Everything was ended and the kill switch is thrown, but that could not be recorded. "
                    "Free some space on the disk; `council sandbox lift` then records both.",
                    detail=error.detail,
                ) from error
            if failed is not None:
                raise failed
            return killed

    async def lift(self, caller: str, request_id: str, reason: str = "") -> None:
        """Lift the kill switch, once the walls were tried anew and the trail holds who did it."""
        kills = self._kills
        if self._walls is not None and self._switch.stopped_by() and not await self._walls.take():
            raise errors.SandboxUnavailableError(self._walls.problem if self._walls.broken else _UNTRIED)
        async with self._switching:
            # Not the one that was seen: whoever threw it meanwhile knew of something else.
            self._check_undisturbed(kills)
            if stopped_by := self._switch.stopped_by():
                if self._owed is not None:
                    self._recorder.write(self._owed)
                    self._owed = None
                asked = recorder.Asked("lift", caller, request_id)
                said = {"stopped_by": recorder.plain(stopped_by), "reason": recorder.plain(reason)}
                self._recorder.write(asked.fields() | said)
                self._switch.lift()
            self._stop_seen = False

    async def audit(self, limit: int, before: int = 0) -> sandbox.Page:
        """Return the newest lines of the trail. Raises SandboxUnavailableError where it cannot be read."""
        try:
            return await asyncio.to_thread(trail_pages.page, self._trail.folder, limit, before)
        except OSError as error:
            raise errors.SandboxUnavailableError(
                "The sandbox's audit trail cannot be read. `council sandbox audit` says more.", detail=str(error)
            ) from error

    async def ping(self) -> None:
        """Return if a job would be taken now."""
        self.watch()
        self._admit()
        await self._runner.ping()

    async def close(self) -> None:
        """End everything; idempotent. Jobs that still run are ended, and recorded so."""
        if self._closed:
            return
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        self._turns.turn_away(errors.SandboxUnavailableError, _CLOSED)
        for entry in self._sessions.all():
            await self._end_session(entry, sessions.Reason.SHUTDOWN)
        await self._runner.close()
        # Their tasks write the records once they come to run.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                while self._turns.running:  # noqa: ASYNC110 - bounded, and once in a life
                    await asyncio.sleep(0.005)
        self._recorder.finish()
        await asyncio.to_thread(self._trail.close)

    # Before a job

    @contextlib.contextmanager
    def _refusals(self, asked: recorder.Asked) -> Iterator[None]:
        try:
            yield
        except errors.CouncilError as error:
            self._recorder.refused(asked, error, self._wanting())
            raise

    async def _until_tried(self) -> None:
        """Wait for the first self-test, or for its time: a job that is sent again after a kill comes before that."""
        if self._walls is not None and not self._walls.first.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RUNNER_BACK_S):
                    await self._walls.first.wait()

    def _admit(self) -> None:
        """Return if jobs are run at all now. Raises SandboxUnavailableError."""
        if self._closed:
            raise errors.SandboxUnavailableError(_CLOSED)
        if stopped_by := self._switch.stopped_by():
            raise errors.SandboxStoppedError(_STOPPED, detail=stopped_by)
        if wanting := self._wanting():
            raise errors.SandboxUnavailableError(wanting)
        self._trail.check()

    def _wanting(self) -> str:
        """Return why what keeps a job in would not do now, "" where it would."""
        lacking = self._lacking(self._runner.layers, self._runner.layers_missing)
        return lacking or ("" if self._walls is None else self._walls.problem)

    def _lacking(self, layers: Sequence[str], missing: Mapping[str, str]) -> str:
        """Return why no job is run for want of a layer, and nothing where none is wanting."""
        for name, reason in missing.items():
            if name not in self._settings.allow_missing and ALLOWED_BY_DEFAULT.get(name) not in layers:
                return (
                    f"The sandbox lacks the layer `{name}`: {reason.rstrip('.')}. Mend that, or run code without it by adding "
                    f'"{name}" to the setting `sandbox.allow_missing`.'
                )
        return ""

    async def _away(self) -> str:
        """Return why trail or runner would let nothing run now, and nothing where they would."""
        try:
            self._trail.check()
            await self._runner.ping()
        except errors.SandboxUnavailableError as error:
            return recorder.plain(error.detail or error.message)
        return ""

    # A job

    async def _answer(self, asked: recorder.Asked, job: sandbox.Job, entry: sessions.Entry | None) -> sandbox.Result:
        kills, began_s = self._kills, self._clock.monotonic_s()
        self._jobs += 1
        try:
            with traces.call(f"run {job.language}", traces.Kind.INTERNAL) as work:
                result = await (self._run(job, kills) if entry is None else entry.inner.run(job))
                work.note("council.sandbox.status", result.status)
            self._check_undisturbed(kills)
            result = self._layered(result)
        except BaseException as error:
            status, told = self._told(error, kills)
            self._recorder.failed(asked, job, status, str(told), self._clock.monotonic_s() - began_s)
            if entry is not None:
                stopped = kills != self._kills
                await self._end_session(entry, sessions.Reason.STOPPED if stopped else sessions.Reason.LOST)
            if told is error:
                raise
            raise told from error
        audit_id = self._recorder.ended(asked, job, result, self._clock.monotonic_s() - began_s)
        if entry is not None and (result.limit is not None or entry.inner.ended):
            await self._end_session(entry, sessions.Reason.ENDED if result.limit is None else sessions.Reason.LIMIT)
        assert job.limits is not None, "checks.job fills them in"
        lowered: dict[str, int] = {name: less for name, less in result.lowered.items() if name in sandbox.LIMIT_NAMES}
        limits = dataclasses.replace(job.limits, **lowered)
        return dataclasses.replace(result, audit_id=audit_id, limits=limits)

    async def _run(self, job: sandbox.Job, kills: int) -> sandbox.Result:
        """Run a job, and once more where the runner failed: a job has no effect outside its sandbox."""
        try:
            return await self._runner.run(job)
        except errors.SandboxUnavailableError as error:
            self._check_undisturbed(kills)
            _log.warning("a job is run once more", extra={"error": error.message, "detail": error.detail})
        await self._wait_for_runner()
        self._admit()
        return await self._runner.run(job)

    async def _wait_for_runner(self) -> None:
        """Return when the runner is there again, as after a restart of what it leans on, or when it has had its time."""
        waited_s = 0.0
        while waited_s < RUNNER_BACK_S and await self._away():
            await asyncio.sleep(WATCH_S)
            waited_s += WATCH_S

    def _check_undisturbed(self, kills: int) -> None:
        """Raise if the kill switch was thrown since, whatever the job came to."""
        if kills != self._kills:
            raise errors.SandboxStoppedError(_STOPPED)

    def _check_layers(self, layers: Sequence[str], missing: Mapping[str, str]) -> None:
        """Raise if a runner has turned out to lack a layer, which it may know only once it has begun."""
        lacking = self._lacking(layers, missing)
        if lacking or not layers:
            raise errors.SandboxUnavailableError(lacking or "The sandbox names no layer. Ask `council sandbox status`.")

    def _layered(self, result: sandbox.Result) -> sandbox.Result:
        """Return the result with its layers. Raises SandboxUnavailableError, and so withholds it, where one was wanting."""
        if result.layers:
            layers, missing = result.layers, dict.fromkeys(result.layers_missing, "it was missing when the job ran")
        else:
            layers, missing = tuple(self._runner.layers), dict(self._runner.layers_missing)
        self._check_layers(layers, missing)
        return dataclasses.replace(result, layers=layers, layers_missing=tuple(missing))

    def _told(self, error: BaseException, kills: int) -> tuple[str, BaseException]:
        """Return how a job without an outcome is recorded, and what its caller is told."""
        if isinstance(error, asyncio.CancelledError):
            return "cancelled", error
        if kills != self._kills:
            return "stopped", error if isinstance(error, errors.SandboxStoppedError) else errors.SandboxStoppedError(
                _STOPPED
            )
        if isinstance(error, errors.CouncilError) or not isinstance(error, Exception):
            return "unavailable", error
        _log.error("unexpected error in a runner", exc_info=error)
        return "failed", errors.SandboxUnavailableError(
            "The sandbox failed. Report this with the operator's log.", detail=repr(error)
        )

    # Beside the jobs

    async def _end_all(self) -> int:
        """End every job and session, and what waits; return how many the runner ended."""
        self._stop_seen = True
        self._kills += 1
        self._turns.turn_away(errors.SandboxStoppedError, _STOPPED)
        own = 0 if self._walls is None else self._walls.running
        try:
            return max(0, await self._runner.kill_all() - own)
        finally:
            for entry in self._sessions.all():
                await self._end_session(entry, sessions.Reason.STOPPED)

    async def _end_session(self, entry: sessions.Entry, reason: sessions.Reason, request_id: str = "") -> None:
        if not self._sessions.forget(entry):
            return
        try:
            await entry.inner.close()
        except errors.CouncilError as error:
            _log.warning("a session could not be closed", extra={"error": error.message, "detail": error.detail})
        asked = recorder.Asked("session_close", entry.caller, request_id or entry.request_id, entry.id)
        self._recorder.note(asked.fields() | {"reason": reason.value})

    def watch(self) -> None:
        """Begin to look after switch, sessions and gauges, where that has not begun. Each call above does so too."""
        if self._watching is None and not self._closed:
            self._watching = asyncio.create_task(self._watch_forever(), name="sandbox-watch")

    async def _watch_forever(self) -> None:
        while True:
            try:
                await self._look_after()
            except Exception:  # noqa: BLE001 - logged; the watch must outlive a fault below it
                _log.exception("unexpected error beside the jobs of the sandbox")
            await asyncio.sleep(WATCH_S)

    async def _look_after(self) -> None:
        async with self._switching:
            if not self._switch.stopped_by():
                self._stop_seen = False
            elif not self._stop_seen:  # another front has thrown it
                await self._end_all()
        for entry, reason in self._sessions.overdue():
            await self._end_session(entry, reason)
        if self._walls is not None:
            care_telemetry.SANDBOX_WALLS_UNTRIED.set(self._untried_s(self._walls))
            if self._walls.broken != self._broken_seen:
                self._broken_seen = self._walls.broken
                self._recorder.note(recorder.Asked("self_test", "council", "").fields() | {"broken": self._broken_seen})
        telemetry.SANDBOX_POOL_READY.set(_pool(self._runner)[0])
        telemetry.SANDBOX_RUNNING.set(self._turns.running)
        telemetry.SANDBOX_WAITING.set(self._turns.waiting)
        telemetry.SANDBOX_SESSIONS.set(len(self._sessions))

    def _untried_s(self, walls: isolation.SelfTest) -> float:
        """Return for how long jobs may have run behind walls of which nobody knew; 0 while none runs for another reason."""
        now_s = self._clock.monotonic_s()
        lacking = self._lacking(self._runner.layers, self._runner.layers_missing)
        if lacking or walls.refuses_anyway or self._switch.stopped_by():
            self._refused_s = now_s
        return min(walls.untried_s, now_s - self._refused_s)


def _pool(runner: ports.SandboxRunner) -> tuple[int, int, float]:
    """Return ready, target and refills a second, which only a runner with a pool has."""
    return (
        int(getattr(runner, "pool_ready", 0)),
        int(getattr(runner, "pool_target", 0)),
        float(getattr(runner, "refills_per_s", 0.0)),
    )
