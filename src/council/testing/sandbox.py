"""A runner of sandboxes that runs nothing: it gives the results it was told to give."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from council.domain import errors, sandbox

LAYERS = ("user namespace", "seccomp", "memory: cgroup", "processes: cgroup")

Step = sandbox.Result | Exception | Callable[[sandbox.Job], sandbox.Result]


class ScriptedRunner:
    """Implements ports.SandboxRunner.

    Each run takes the next step of `script`, a result to give or an error to raise; after the last one every job is ok.
    While `gate` is cleared jobs wait in it. Counted are `running`, `running_most`, `kills` and `closed`, and `jobs` keeps
    what was run, session calls too. A killed job ends by signal 9. `pool_ready` and its like are what you set.
    """

    def __init__(
        self,
        script: Sequence[Step] = (),
        *,
        layers: tuple[str, ...] = LAYERS,
        layers_missing: Mapping[str, str] | None = None,
    ):
        self.script = list(script)
        self.layers = layers
        self.layers_missing = dict(layers_missing or {})
        self.gate = asyncio.Event()
        self.gate.set()
        self.jobs: list[sandbox.Job] = []
        self.sessions: list[ScriptedSession] = []
        self.running = 0
        self.running_most = 0
        self.kills = 0
        self.closed = False
        self.away = ""
        self.pool_ready = 0
        self.pool_target = 0
        self.refills_per_s = 0.0
        self._alive: set[asyncio.Event] = set()

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Wait at the gate, then take the next step."""
        self.jobs.append(job)
        self.running += 1
        self.running_most = max(self.running_most, self.running)
        killed = asyncio.Event()
        self._alive.add(killed)
        try:
            if not await _opened(self.gate, killed):
                return sandbox.Result(sandbox.Status.SIGNAL, signal=9)
        finally:
            self.running -= 1
            self._alive.discard(killed)
        step = self.script.pop(0) if self.script else sandbox.Result(sandbox.Status.OK, exit_code=0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, sandbox.Result) else step(job)

    async def open_session(self, limits: sandbox.Limits) -> "ScriptedSession":
        """Open a session whose calls take the same steps."""
        session = ScriptedSession(self, limits)
        self.sessions.append(session)
        return session

    async def kill_all(self) -> int:
        """End what waits at the gate."""
        self.kills += 1
        count = len(self._alive)
        for killed in self._alive:
            killed.set()
        return count

    async def ping(self) -> None:
        """Return until closed, or `away` says why not."""
        if self.away:
            raise errors.SandboxUnavailableError("The runner is away.", detail=self.away)
        if self.closed:
            raise errors.SandboxUnavailableError("The runner is closed. Make a new one.")

    async def close(self) -> None:
        """End everything. Idempotent."""
        self.closed = True
        for killed in self._alive:
            killed.set()


class ScriptedSession:
    """Implements ports.SandboxSession, with the script of its runner. `ended` is what you set."""

    def __init__(self, runner: ScriptedRunner, limits: sandbox.Limits):
        self._runner = runner
        self.limits = limits
        self.closed = False
        self.ended = False

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a call."""
        if self.closed:
            raise errors.NotFoundError("The session has ended. Open a new one.")
        return await self._runner.run(job)

    async def close(self) -> None:
        """End the session. Idempotent."""
        self.closed = True


async def _opened(gate: asyncio.Event, killed: asyncio.Event) -> bool:
    """Wait for either; say if it was the gate."""
    if gate.is_set():
        return True
    waits = [asyncio.ensure_future(gate.wait()), asyncio.ensure_future(killed.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return not killed.is_set()
