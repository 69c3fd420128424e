"""A front over a scripted runner, with the trail in a folder and a clock that moves when told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from council.domain import config, sandbox
from council.serving.sandbox import audit, front
from council.testing import clock
from council.testing import sandbox as scripted

WAIT_S = 20.0
JOB = sandbox.Job("python", "print(1)")


class Rig:
    def __init__(self, folder: Path, runner: scripted.ScriptedRunner | None = None, **settings: Any):
        self.folder = folder
        self.clock = clock.ManualClock()
        self.runner = runner or scripted.ScriptedRunner()
        self.settings = config.SandboxConfig(**settings)
        self.trail = audit.AuditTrail(folder, 1 << 30, 10, self.clock)
        self.front = front.Front(self.runner, self.trail, self.settings, self.clock)

    def records(self, event: str = "") -> list[dict[str, Any]]:
        found = [
            json.loads(line) for file in sorted(self.folder.glob("audit-*")) for line in file.read_text().splitlines()
        ]
        return [record for record in found if event in {"", record["event"]}]

    async def run(self, job: sandbox.Job = JOB, caller: str = "ada") -> sandbox.Result:
        return await self.front.run(job, caller, "r1")

    def start(self, count: int = 1) -> list[asyncio.Task[sandbox.Result]]:
        return [asyncio.create_task(self.run()) for _ in range(count)]


@asynccontextmanager
async def rig(folder: Path, runner: scripted.ScriptedRunner | None = None, **settings: Any) -> AsyncIterator[Rig]:
    made = Rig(folder, runner, **settings)
    try:
        yield made
    finally:
        made.runner.gate.set()
        await made.front.close()
        assert audit.verify(folder).problem is None


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.002)
