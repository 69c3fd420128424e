"""Running one program: bounded output and time, the end of its whole tree, nothing left open."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from council.backends.sandbox_runner import programs
from council.domain import errors, sandbox
from council.kit import clock

MIB = 1024 * 1024
LIMITS = sandbox.Limits(
    cpu_s=10.0, wall_s=20.0, memory_bytes=256 * MIB, output_bytes=1000, files_bytes=MIB, processes=64
)


def _command(*words: str, used_bytes: int = 0) -> programs.Command:
    return programs.Command(words, Path("/"), {"PATH": "/usr/bin:/bin"}, lambda: used_bytes, own_bytes=0, own_tasks=0)


def _shell(code: str, used_bytes: int = 0) -> programs.Command:
    return _command("bash", "-c", code, used_bytes=used_bytes)


async def _run(command: programs.Command, stdin: bytes = b"", **changes: float) -> programs.Ended:
    values = {name: getattr(LIMITS, name) for name in sandbox.LIMIT_NAMES} | changes
    return await programs.Programs(clock.SystemClock()).run(command, stdin, sandbox.Limits(**values))


async def test_output_and_exit_code_come_back() -> None:
    ended = await _run(_shell("cat; echo err >&2; exit 3"), b"given")
    assert (ended.code, ended.limit, ended.stdout, ended.stderr) == (3, None, b"given", b"err\n")
    assert not ended.truncated


async def test_much_stdin_that_nobody_reads_delays_nothing() -> None:
    assert (await _run(_shell("true"), b"x" * 8 * MIB)).code == 0


async def test_a_signal_is_a_negative_code() -> None:
    assert (await _run(_shell("kill -SEGV $$"))).code == -signal.SIGSEGV


async def test_output_up_to_the_limit_is_whole_and_one_byte_more_is_cut() -> None:
    whole = await _run(_shell("printf %1000s x"))
    assert (len(whole.stdout), whole.truncated, whole.limit) == (1000, False, None)
    cut = await _run(_shell("printf %1001s x"))
    assert (len(cut.stdout), cut.truncated) == (1000, True)


async def test_endless_output_ends_the_program() -> None:
    ended = await _run(_shell("yes"))
    assert (ended.limit, ended.truncated, len(ended.stdout)) == ("output_bytes", True, 1000)


async def test_time_is_bounded_for_the_whole_tree(tmp_path: Path) -> None:
    code = (
        f"(setsid bash -c 'echo $$ > {tmp_path}/pid; sleep 60' &) ; while [ ! -s {tmp_path}/pid ]; do :; done; sleep 60"
    )
    ended = await _run(_shell(code), wall_s=2.0)
    assert (ended.limit, ended.code) == ("wall_s", -signal.SIGKILL)
    assert ended.wall_s < 10


async def test_children_that_began_a_session_of_their_own_end_with_it(tmp_path: Path) -> None:
    inner = f"echo $$ > {tmp_path}/pid; exec sleep 60"
    await _run(_shell(f"setsid bash -c '{inner}' & sleep 60"), wall_s=1.5)
    assert _is_gone(int((tmp_path / "pid").read_text()))


async def test_cpu_time_of_all_processes_counts() -> None:
    ended = await _run(_shell("(while :; do :; done) & while :; do :; done"), cpu_s=0.5)
    assert ended.limit == "cpu_s"
    assert 0.4 < ended.cpu_s < 5.0


async def test_memory_of_all_processes_counts() -> None:
    take = "python3 -c 'x = bytearray(60 << 20); import time; time.sleep(30)'"
    ended = await _run(_shell(f"{take} & {take} & {take}"), memory_bytes=120 * MIB)
    assert ended.limit == "memory_bytes"


async def test_too_many_processes_end_it() -> None:
    ended = await _run(_shell("for n in 1 2 3 4 5 6; do sleep 30 & done; wait"), processes=4)
    assert ended.limit == "processes"


async def test_too_much_in_files_ends_it() -> None:
    assert (await _run(_shell("sleep 30", used_bytes=2 * MIB))).limit == "files_bytes"


async def test_a_program_that_is_not_there_is_unavailable_and_leaks_nothing() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(errors.SandboxUnavailableError, match="doctor"):
        await _run(_command("/no/such/program"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_a_cancelled_run_ends_its_program_and_collects_it(tmp_path: Path) -> None:
    running = programs.Programs(clock.SystemClock())
    code = f"echo $$ > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/pid; sleep 60"
    task = asyncio.create_task(running.run(_shell(code), b"", LIMITS))
    await _until(lambda: (tmp_path / "pid").exists())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
    assert running.kill_all() == 0


async def test_kill_all_ends_every_program() -> None:
    running = programs.Programs(clock.SystemClock())
    tasks = [asyncio.create_task(running.run(_shell("sleep 60"), b"", LIMITS)) for _ in range(3)]
    await asyncio.sleep(0)  # each starts its program at once
    assert running.kill_all() == 3
    assert {ended.code for ended in await asyncio.gather(*tasks)} == {-signal.SIGKILL}


async def test_nothing_stays_open() -> None:
    await _run(_shell("true"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for code in ("true", "yes", "exec >&-; exec 2>&-", "sleep 30 &"):
        await _run(_shell(code))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("code", "limit", "expected"),
    [
        (0, None, (sandbox.Status.OK, 0, None)),
        (3, None, (sandbox.Status.ERROR, 3, None)),
        (128 + 11, None, (sandbox.Status.SIGNAL, None, 11)),
        (128 + 100, None, (sandbox.Status.ERROR, 228, None)),
        (128, None, (sandbox.Status.ERROR, 128, None)),
        (-9, "wall_s", (sandbox.Status.KILLED_LIMIT, None, 9)),
        (128 + signal.SIGXCPU, None, (sandbox.Status.KILLED_LIMIT, None, signal.SIGXCPU)),
    ],
)
def test_the_outcome_follows_the_exit_status(
    code: int, limit: str | None, expected: tuple[sandbox.Status, int | None, int | None]
) -> None:
    ended = programs.Ended(code, limit, b"", b"", False, 0.0, 0.0, 0)
    result = programs.outcome(ended, (), (), sandbox.Result(sandbox.Status.OK))
    assert (result.status, result.exit_code, result.signal) == expected


def test_output_that_was_cut_after_the_end_names_its_limit() -> None:
    ended = programs.Ended(0, None, b"x", b"", True, 0.0, 0.0, 0)
    result = programs.outcome(ended, (), (), sandbox.Result(sandbox.Status.OK))
    assert (result.status, result.limit, result.exit_code) == (sandbox.Status.OK, "output_bytes", 0)


async def _until(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.01)


def _is_gone(pid: int) -> bool:
    end_s = time.monotonic() + 10
    while time.monotonic() < end_s:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # A zombie whose new parent has not collected it is dead too.
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False
