"""sandboxd as it is, in front of a fake that runs nothing: `python toy_sandboxd.py HOME`, with sockets as a supervisor gives.

A job `wait PATH` ends when PATH exists, `boom` fails in a way that nobody foresaw; any other answers with what arrived. No
session with less than 9 s for a call is ever open.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from council import app, ports
from council.domain import config, errors, home, sandbox
from council.services import sandboxd
from fake_sandbox import FakeSandbox

SETTINGS = {"sandbox": {"job_bytes_max": 4096}}


class Toy(FakeSandbox):
    """Tells in its reply who asked for what."""

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        word, _, path = job.code.partition(" ")
        if word == "boom":
            raise RuntimeError("boom")
        if word == "full":
            raise errors.OverloadedError("Full. Try again.", retry_after_s=4, detail="because")
        if word == "wait":
            Path(f"{path}.begun").touch()
            try:
                while not Path(path).exists():
                    await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                Path(f"{path}.cancelled").touch()
                raise
        self.result = sandbox.Result(
            sandbox.Status.ERROR, exit_code=3, stdout=job.stdin, stderr=b"\xfe", files=dict(job.files),
            reason=json.dumps([caller, request_id, job.limits and job.limits.wall_s]),
        )  # fmt: skip
        return await super().run(job, caller, request_id)

    async def open_session(self, limits: sandbox.Limits | None, caller: str, request_id: str) -> str:
        if limits is not None and limits.wall_s < 9:
            self.hold = asyncio.Event()
        return await super().open_session(limits, caller, request_id)


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[ports.Sandbox]:
    """Give the fake."""
    yield Toy()
    print("front closed", file=sys.stderr)


if __name__ == "__main__":
    app.sandbox_front = lambda *_: opened()  # type: ignore[assignment]
    sys.exit(sandboxd.main(config.build(SETTINGS, {}, {}), home.Home(Path(sys.argv[1]))))
