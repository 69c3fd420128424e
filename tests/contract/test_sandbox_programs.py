"""What the kinds that start a program for each job leave behind when their service is killed, and who cleans up."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.backends.sandbox_runner import firejail, gvisor
from council.domain import sandbox
from sandbox import runners

LIMIT_S = 60.0
MADE = {"firejail": firejail.FirejailRunner, "gvisor": gvisor.GvisorRunner}

_SERVICE = """
import asyncio, pathlib, sys
from council.backends.sandbox_runner import firejail, gvisor
from council.domain import sandbox
limits = sandbox.Limits(60, 100, 512 << 20, 1000, 1 << 20, 32)
runner = {"firejail": firejail.FirejailRunner, "gvisor": gvisor.GvisorRunner}[sys.argv[1]](pathlib.Path(sys.argv[2]))
asyncio.run(runner.run(sandbox.Job("bash", "echo begun > begun; sleep 300", limits=limits)))
"""


@pytest.fixture(params=MADE)
def kind(request: pytest.FixtureRequest) -> str:
    kind = str(request.param)
    if reason := runners.why_not(kind):
        pytest.skip(reason)
    return kind


@pytest.fixture
def service(kind: str, tmp_path: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A process of its own that runs a job which goes on."""
    with subprocess.Popen([sys.executable, "-c", _SERVICE, kind, tmp_path / "jobs"]) as made:
        try:
            deadline_s = time.monotonic() + LIMIT_S
            while not [*tmp_path.glob("jobs/*/begun"), *tmp_path.glob("jobs/*/files/begun")]:
                assert made.poll() is None and time.monotonic() < deadline_s
                time.sleep(0.02)
            yield made
        finally:
            made.kill()
            for pid in naming(tmp_path / "jobs"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def naming(folder: Path) -> list[int]:
    """Return the processes of programs that serve jobs in the folder."""
    found = []
    for entry in Path("/proc").glob("[1-9]*"):
        with contextlib.suppress(OSError):
            if f"{folder}/job-".encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


async def test_the_jobs_of_a_service_that_was_killed_are_ended_by_the_next(
    kind: str, service: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    runner = MADE[kind](tmp_path / "jobs")
    await runner.start()
    assert naming(tmp_path / "jobs"), "a service that lives keeps its jobs"
    service.kill()
    service.wait()
    assert naming(tmp_path / "jobs"), "nothing else ends them"
    await runner.start()
    deadline_s = time.monotonic() + LIMIT_S
    while naming(tmp_path / "jobs"):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    assert not list((tmp_path / "jobs").iterdir())
    limits = sandbox.Limits(10, 60, 512 << 20, 1000, 1 << 20, 32)
    assert (await runner.run(sandbox.Job("bash", "echo on", limits=limits))).stdout == b"on\n"
    await runner.close()
