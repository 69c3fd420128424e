"""What every kind of sandbox runner does. Attacks and limits beyond this are in tests/sandbox."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from council import ports
from council.domain import errors, sandbox
from sandbox import benign, programs, runners
from sandbox.programs import LIMITS, MIB, limits

KINDS = ("namespaces", "namespaces as ordinary user", "firejail", "gvisor")
WITHOUT_SESSIONS = {"firejail", "gvisor"}

# Every layer of the full set; a runner names each either as there or as missing.
LAYERS = {
    "user namespace", "mount namespace", "pid namespace", "net namespace", "ipc namespace", "uts namespace",
    "cgroup namespace", "read-only root", "private /proc", "limited tmpfs", "no capabilities", "no new privileges",
    "landlock", "seccomp", "rlimits",
}  # fmt: skip

# One of each sort: the whole suite runs over the default kind in tests/sandbox.
_BENIGN = (
    "library: sqlite3", "library: temporary files", "asyncio", "threads", "multiprocessing: a pool", "subprocess pipes",
    "files in and out, in folders too", "a module beside the code", "eight megabytes of stdin", "Unicode everywhere",
    "bytes on stdout", "exit: sys.exit(3)", "signal: SEGV", "exit: an error shows its line and only the job's frames",
    "bash: pipes, loops and substitution", "bash: awk and sed", "bash: exit code 3",
)  # fmt: skip


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind, or the reason why it is left out here."""
    if reason := runners.why_not(request.param):
        pytest.skip(f"sandbox kind {request.param}: {reason}")
    return str(request.param)


@pytest.fixture
async def runner(kind: str, tmp_path: Path) -> AsyncIterator[ports.SandboxRunner]:
    """A runner of each kind."""
    async with runners.MAKERS[kind](tmp_path) as made:
        yield made


def _job(code: str, language: str = "python", **changes: float) -> sandbox.Job:
    return sandbox.Job(language, code, limits=limits(**changes))


async def test_it_is_ready(runner: ports.SandboxRunner) -> None:
    await runner.ping()


@pytest.mark.parametrize("name", _BENIGN)
async def test_an_ordinary_program_runs(name: str, runner: ports.SandboxRunner) -> None:
    program = next(program for program in benign.ALL if program.name == name)
    result = await runner.run(program.job())
    told = (result.status, result.limit, result.stdout[-1000:], result.stderr[-1000:])
    assert (result.status, result.exit_code, result.signal) == (program.status, program.exit_code, program.signal), told
    assert program.stdout is None or result.stdout == program.stdout, told
    assert all(piece in result.stderr for piece in program.stderr_has), told
    assert dict(result.files) == dict(program.files_out), told


@pytest.mark.alone
async def test_the_time_limit_ends_a_job_and_all_it_started(runner: ports.SandboxRunner) -> None:
    code = "(setsid sleep 30 &) ; sleep 30"
    result = await runner.run(_job(code, "bash", wall_s=1.5))
    assert (result.status, result.limit) == (sandbox.Status.KILLED_LIMIT, "wall_s")
    assert result.wall_s < 8.0


async def test_output_is_cut_at_its_limit(runner: ports.SandboxRunner) -> None:
    result = await runner.run(_job("print('x' * 100_000)", output_bytes=1000))
    assert (result.stdout, result.truncated, result.limit) == (b"x" * 1000, True, "output_bytes")


@pytest.mark.alone
async def test_cpu_time_of_all_processes_is_bounded(runner: ports.SandboxRunner) -> None:
    result = await runner.run(_job("import os\nos.fork()\nwhile True:\n    pass\n", cpu_s=1.0))
    assert (result.status, result.limit) == (sandbox.Status.KILLED_LIMIT, "cpu_s")


async def test_only_regular_files_come_back(runner: ports.SandboxRunner) -> None:
    code = """
import os

os.mkfifo("pipe")
os.symlink("/etc/passwd", "link")
os.mkdir("folder")
open("large", "wb").truncate(8 << 20)
open("good", "w").write("x")
"""
    names = ("pipe", "link", "folder", "large", "good", "absent", "../good", "/etc/passwd")
    result = await runner.run(sandbox.Job("python", code, collect=names, limits=limits(files_bytes=9 * MIB)))
    assert dict(result.files) == {"large": bytes(8 * MIB), "good": b"x"}
    assert set(result.not_collected) == set(names) - {"large", "good"}


async def test_there_is_no_network_and_no_host(runner: ports.SandboxRunner, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    code = f"""
import os, socket
try:
    socket.create_connection(("127.0.0.1", 1), 2)
except OSError as error:
    print(type(error).__name__)
print(os.path.exists({str(tmp_path / "secret")!r}), len([name for name in os.listdir("/proc") if name.isdigit()]) < 6)
"""
    result = await runner.run(_job(code))
    assert result.stdout.splitlines()[-1] == b"False True"


async def test_every_layer_is_named_as_there_or_as_missing_with_a_reason(runner: ports.SandboxRunner) -> None:
    there, missing = set(runner.layers), dict(runner.layers_missing)
    assert there | set(missing) >= LAYERS
    assert not there & set(missing)
    assert all(missing.values())
    result = await runner.run(_job(""))
    assert (set(result.layers), set(result.layers_missing)) == (there, set(missing))


@pytest.mark.alone
async def test_kill_all_ends_what_runs(runner: ports.SandboxRunner) -> None:
    jobs = [asyncio.create_task(runner.run(_job("import time\ntime.sleep(60)"))) for _ in range(2)]
    await asyncio.sleep(1.0)  # long enough to have begun; ended before it began is as good
    begun_s = time.monotonic()
    while any(not job.done() for job in jobs) and time.monotonic() < begun_s + 20:
        await runner.kill_all()
        await asyncio.sleep(0.05)
    ended = await asyncio.gather(*jobs, return_exceptions=True)
    assert not [one for one in ended if isinstance(one, sandbox.Result) and one.status is sandbox.Status.OK]
    assert (await runner.run(_job("print(1)"))).stdout == b"1\n"


@pytest.mark.alone
async def test_a_cancelled_job_leaves_nothing(runner: ports.SandboxRunner, tmp_path: Path) -> None:
    job = asyncio.create_task(runner.run(_job("import time\ntime.sleep(60)")))
    await asyncio.sleep(0.5)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(job, 15)
    assert await runner.kill_all() == 0
    assert not list(tmp_path.glob("jobs/*"))


async def test_nothing_is_left_open(runner: ports.SandboxRunner, tmp_path: Path) -> None:
    await runner.run(_job("print(1)"))
    before = _descriptors()
    for _ in range(3):
        await runner.run(_job("import os\nif os.fork() == 0:\n    os.setsid()\n    import time\n    time.sleep(20)\n"))
    # A pool may be filling up again; what a job held must go.
    end_s = time.monotonic() + 10
    while _descriptors() > before and time.monotonic() < end_s:
        await asyncio.sleep(0.05)
    assert _descriptors() <= before
    assert not list(tmp_path.glob("jobs/*"))


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_sessions_keep_state_or_are_refused(kind: str, runner: ports.SandboxRunner) -> None:
    if kind in WITHOUT_SESSIONS:
        with pytest.raises(errors.UnsupportedParameterError, match="namespaces"):
            await runner.open_session(LIMITS)
        return
    session = await runner.open_session(LIMITS)
    try:
        assert (await session.run(_job("x = 6"))).status is sandbox.Status.OK
        assert (await session.run(_job("print(x * 7)"))).stdout == b"42\n"
    finally:
        await session.close()


async def test_after_close_there_are_no_jobs(runner: ports.SandboxRunner) -> None:
    await runner.close()
    await runner.close()
    with pytest.raises(errors.SandboxUnavailableError):
        await runner.run(_job("print(1)"))


def test_the_programs_named_here_are_there() -> None:
    assert set(_BENIGN) <= {program.name for program in benign.ALL}
    assert programs.LIMITS is LIMITS
