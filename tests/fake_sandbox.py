"""The sandbox service as its callers see it: answers at once, remembers what it was asked, and knows its sessions."""

import asyncio
import dataclasses

from council.domain import config, errors, sandbox, sandbox_wire
from council.serving.sandbox import checks

SETTINGS = config.SandboxConfig()


class FakeSandbox:
    """Implements ports.Sandbox. `result` is what every job ends with; `hold` keeps
    jobs running, and sessions from being open, until it is set."""

    def __init__(self, settings: config.SandboxConfig = SETTINGS) -> None:
        self.settings = settings
        self.result = sandbox.Result(
            sandbox.Status.OK, exit_code=0, stdout=b"42\n", layers=("seccomp",), audit_id="1-ab"
        )
        self.calls: list[tuple[str, str, str]] = []
        self.jobs: list[sandbox.Job] = []
        self.sessions: dict[str, str] = {}
        self.stopped_by = self.stopped_reason = ""
        self.records: list[sandbox.Record] = []
        self.hold: asyncio.Event | None = None
        self.running = 0
        self.cancelled = asyncio.Event()

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        self.calls.append(("run", caller, request_id))
        if self.stopped_by:
            raise errors.SandboxStoppedError("The sandbox is stopped. `council sandbox lift` lets it run again.")
        if max(len(job.files), len(job.collect)) > checks.FILES_MAX:
            raise errors.InvalidRequestError("Too many files. Send fewer.", parameter="files")
        checks.limits(job.limits, self.settings)
        self.jobs.append(job)
        await self._held()
        return self.result

    async def open_session(self, limits: sandbox.Limits | None, caller: str, request_id: str) -> str:
        self.calls.append(("open_session", caller, request_id))
        checks.limits(limits, self.settings)
        await self._held()
        identifier = f"s{len(self.sessions)}"
        self.sessions[identifier] = caller
        return identifier

    async def run_in_session(self, session: str, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        self._check(session, caller)
        return dataclasses.replace(await self.run(job, caller, request_id), reason=session)

    async def close_session(self, session: str, caller: str, request_id: str) -> None:
        self.calls.append(("close_session", caller, request_id))
        self._check(session, caller)
        del self.sessions[session]

    async def status(self) -> sandbox.State:
        return sandbox.State(
            "namespaces", ("seccomp",), {"landlock": "kernel too old"}, "", bool(self.stopped_by), self.stopped_by,
            8, 8, 1.5, self.running, 0, len(self.sessions), len(self.jobs), self.stopped_reason,
            limits=sandbox_wire.default_limits(self.settings),
        )  # fmt: skip

    async def kill(self, caller: str, request_id: str, reason: str = "") -> int:
        self.calls.append(("kill", caller, request_id))
        self.stopped_by, self.stopped_reason = caller, reason
        return self.running

    async def lift(self, caller: str, request_id: str, reason: str = "") -> None:
        self.calls.append(("lift", caller, request_id))
        self.stopped_by = self.stopped_reason = ""

    async def audit(self, limit: int, before: int = 0) -> sandbox.Page:
        found = [one for one in reversed(self.records) if not before or one.id < before]
        return sandbox.Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def ping(self) -> None:
        if self.stopped_by:
            raise errors.SandboxStoppedError("The sandbox is stopped.")

    async def _held(self) -> None:
        self.running += 1
        try:
            if self.hold is not None:
                await self.hold.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            self.running -= 1

    def _check(self, session: str, caller: str) -> None:
        if self.sessions.get(session) != caller:
            raise errors.NotFoundError("There is no such session. Open one.")
