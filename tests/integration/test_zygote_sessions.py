"""Sessions on the real zygote: what a call leaves for the next, and what a call may not do to whoever serves it."""

import asyncio
import dataclasses
import os
import zlib
from collections.abc import AsyncIterator, Iterator

import pytest

import zygotes
from council import ports
from council.backends.sandbox_runner.namespaces import runner as namespaces
from council.domain import config, errors, sandbox, sandbox_wire

MIB = 1024 * 1024
SETTINGS = config.SandboxConfig(pool=0)
LIMITS = sandbox_wire.default_limits(SETTINGS)


@pytest.fixture(params=["root", "ordinary user"], scope="module")
def zygote(request: pytest.FixtureRequest) -> Iterator[zygotes.Zygote]:
    if os.geteuid() != 0 and request.param == "root":
        pytest.skip("only root can start a zygote as root")
    ordinary = zygotes.ORDINARY_UID if os.geteuid() == 0 else None
    with zygotes.zygote(uid=None if request.param == "root" else ordinary, packages=()) as made:
        yield made


@pytest.fixture
async def runner(zygote: zygotes.Zygote) -> AsyncIterator[namespaces.NamespaceRunner]:
    async with zygote.runner(SETTINGS) as made:
        yield made


@pytest.fixture
async def session(runner: namespaces.NamespaceRunner) -> AsyncIterator[ports.SandboxSession]:
    made = await runner.open_session(LIMITS)
    yield made
    await made.close()


async def call(session: ports.SandboxSession, code: str, language: str = "python", **parts: object) -> sandbox.Result:
    return await session.run(sandbox.Job(language, code, **parts))  # type: ignore[arg-type]


def short(**changes: float) -> sandbox.Limits:
    return dataclasses.replace(LIMITS, **changes)


async def test_names_modules_and_files_are_there_in_the_next_call(session: ports.SandboxSession) -> None:
    first = await call(session, "import math; x = 41; open('kept', 'w').write('file'); print('first')")
    assert (first.status, first.stdout) == (sandbox.Status.OK, b"first\n")
    second = await call(session, "print(x + int(math.sqrt(1)), open('kept').read())")
    assert (second.status, second.stdout, second.stderr) == (sandbox.Status.OK, b"42 file\n", b"")


async def test_an_error_or_an_exit_ends_the_call_and_not_the_session(session: ports.SandboxSession) -> None:
    await call(session, "x = 1")
    failed = await call(session, "1 / 0")
    assert (failed.status, failed.exit_code) == (sandbox.Status.ERROR, 1)
    assert failed.stderr.endswith(b"ZeroDivisionError: division by zero\n")
    left = await call(session, "import sys; sys.exit(7)")
    assert (left.status, left.exit_code) == (sandbox.Status.ERROR, 7)
    wrong = await call(session, "def f(:")
    assert (wrong.status, wrong.exit_code) == (sandbox.Status.ERROR, 1)
    assert (await call(session, "print(x)")).stdout == b"1\n"


async def test_each_call_has_its_own_input_and_output(session: ports.SandboxSession) -> None:
    code = "import sys; t = sys.stdin.buffer.read(); sys.stdout.buffer.write(t + b'.'); print(len(t), file=sys.stderr)"
    for text in (b"one", b"", b"\xff three"):
        result = await call(session, code, stdin=text)
        assert (result.stdout, result.stderr) == (text + b".", b"%d\n" % len(text))
    long = await call(session, "print('x' * 300_000)")
    assert len(long.stdout) == 300_001
    assert not long.truncated
    assert (await call(session, "pass")).stdout == b""


async def test_files_are_given_and_collected_by_call(session: ports.SandboxSession) -> None:
    first = await call(
        session, "open('out', 'w').write(open('data/in').read() * 2)", files={"data/in": b"ab"}, collect=("out", "none")
    )
    assert first.files == {"out": b"abab"}
    assert list(first.not_collected) == ["none"]
    second = await call(session, "pass", files={"data/in": b"c"}, collect=("out", "data/in"))
    assert second.files == {"out": b"abab", "data/in": b"c"}


async def test_bash_calls_share_files_and_tell_how_they_ended(session: ports.SandboxSession) -> None:
    first = await call(session, "echo hello > f; cat; exit 3", "bash", stdin=b"given")
    assert (first.status, first.exit_code, first.stdout) == (sandbox.Status.ERROR, 3, b"given")
    assert (await call(session, "print(open('f').read())")).stdout == b"hello\n\n"
    assert (await call(session, "kill -9 $$", "bash")).exit_code == 137
    assert (await call(session, "cat f", "bash")).stdout == b"hello\n"


@pytest.mark.parametrize(
    ("code", "changes", "limit"),
    [
        ("while True: pass", {"wall_s": 0.3}, "wall_s"),
        ("while True: pass", {"cpu_s": 0.3, "wall_s": 20.0}, "cpu_s"),
        ("while True: print('x' * 1000)", {"output_bytes": 10_000, "wall_s": 20.0}, "output_bytes"),
    ],
)
async def test_a_limit_ends_the_session(
    session: ports.SandboxSession, code: str, changes: dict[str, float], limit: str
) -> None:
    assert (await call(session, "x = 1", limits=short(**changes))).status is sandbox.Status.OK
    result = await call(session, code, limits=short(**changes))
    assert (result.status, result.limit) == (sandbox.Status.KILLED_LIMIT, limit)
    assert len(result.stdout) <= LIMITS.output_bytes
    with pytest.raises(errors.NotFoundError):
        await call(session, "print(x)")


async def test_cpu_time_counts_by_call(session: ports.SandboxSession) -> None:
    for _ in range(4):
        code = "import time; t = time.process_time()\nwhile time.process_time() < t + 0.3: pass"
        assert (await call(session, code, limits=short(cpu_s=0.8, wall_s=20))).status is sandbox.Status.OK


async def test_a_limit_that_one_call_met_is_not_told_of_the_next(session: ports.SandboxSession) -> None:
    code = """
import os, time
pids = []
try:
    while True:
        pid = os.fork()
        if pid == 0: time.sleep(99)
        pids.append(pid)
except OSError:
    print("refused")
for pid in pids:
    os.kill(pid, 9)
    os.wait()
"""
    first = await call(session, code)
    assert (first.status, first.stdout) == (sandbox.Status.OK, b"refused\n"), first
    assert first.limit == ("processes" if "processes: cgroup" in first.layers else None)
    second = await call(session, "print(1)")
    assert (second.status, second.limit) == (sandbox.Status.OK, None)


async def test_an_interpreter_that_ends_takes_its_session_along(session: ports.SandboxSession) -> None:
    assert not session.ended
    result = await call(session, "import os; print('last', flush=True); os._exit(5)")
    assert (result.status, result.exit_code, result.stdout) == (sandbox.Status.ERROR, 5, b"last\n")
    assert session.ended
    with pytest.raises(errors.NotFoundError):
        await call(session, "pass")


async def test_an_interpreter_that_ends_between_calls_is_told_as_an_ended_session(
    session: ports.SandboxSession,
) -> None:
    await call(session, "import threading, os; threading.Timer(0.1, os._exit, [0]).start()")
    await asyncio.wait_for(session._box.ended.wait(), 30)  # type: ignore[attr-defined]
    with pytest.raises(errors.NotFoundError):
        await call(session, "pass")


async def test_what_is_too_large_for_the_files_is_rejected_with_a_reason(runner: namespaces.NamespaceRunner) -> None:
    session = await runner.open_session(short(files_bytes=1 * MIB))
    result = await call(session, "pass", files={"large": bytes(2 * MIB)})
    assert result.status is sandbox.Status.REJECTED
    assert "laid out" in result.reason
    await session.close()


# A call that lies

_FIND = """
import json, os, socket, stat, struct
def ways():
    for number in range(3, 100):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode): yield socket.socket(fileno=os.dup(number))
        except OSError: pass
def say(message):
    raw = json.dumps(message).encode()
    for way in ways():
        way.sendall(struct.pack(">I", len(raw)) + raw)
"""


@pytest.mark.parametrize(
    "message",
    [
        '{"done": 0}',
        '{"done": 0, "rejected": ""}',
        '{"done": -1, "rejected": 5}',
        '{"done": 10 ** 400}',
        '{"done": [1], "rejected": {"a": 1}}',
        '{"done": True, "rejected": "x" * 100_000}',
        '{"files": ["a"], "limit": "no", "exit_code": "x"}',
        "{}",
    ],
)
async def test_a_forged_end_of_a_call_is_only_a_word_about_itself(
    session: ports.SandboxSession, runner: namespaces.NamespaceRunner, message: str
) -> None:
    result = await call(session, f"{_FIND}\nsay({message})\nimport time; time.sleep(0.1)", limits=short(wall_s=5))
    assert result.exit_code is None or 0 <= result.exit_code <= 255
    assert len(result.reason) <= 500
    assert result.limit is None
    assert not result.files
    # Whatever became of that session, others are as before.
    other = await runner.open_session(LIMITS)
    assert (await call(other, "print(1)")).stdout == b"1\n"
    await other.close()


async def test_a_call_that_says_it_is_over_and_goes_on_is_still_bounded(session: ports.SandboxSession) -> None:
    code = f"{_FIND}\nsay({{'done': 0}})\nwhile True: pass"
    assert (await call(session, code, limits=short(cpu_s=0.5))).status is sandbox.Status.OK
    # Nobody calls; what it takes between calls is bounded all the same.
    await asyncio.wait_for(session._box.ended.wait(), 30)  # type: ignore[attr-defined]
    with pytest.raises(errors.NotFoundError):
        await call(session, "pass")


async def test_descriptors_that_a_call_sends_stay_outside(session: ports.SandboxSession) -> None:
    before = len(os.listdir("/proc/self/fd"))
    code = f"""{_FIND}
import array
null = os.open("/dev/null", os.O_RDONLY)
for way in ways():
    for _ in range(20):
        way.sendmsg([b""], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 50))])
        way.sendmsg([b"\\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 50))])
"""
    await call(session, code, limits=short(wall_s=2.0))
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_output_between_calls_is_bounded_and_belongs_to_the_next(session: ports.SandboxSession) -> None:
    code = """
import sys, threading, time
def later():
    while not go: time.sleep(0.01)
    sys.stderr.write("late\\n")
    done.set()
go, done = [], threading.Event()
threading.Thread(target=later, daemon=True).start()
"""
    await call(session, code)
    result = await call(session, "go.append(1); done.wait(); print('now')")
    assert (result.stdout, result.stderr) == (b"now\n", b"late\n")


async def test_two_sessions_and_a_job_know_nothing_of_each_other(runner: namespaces.NamespaceRunner) -> None:
    first, second = await runner.open_session(LIMITS), await runner.open_session(LIMITS)
    await call(first, "secret = 1; open('/tmp/s', 'w').write('s'); open('/dev/shm/s', 'w').write('s')")
    look = "import os; print('secret' in globals(), os.listdir('/tmp'), os.listdir('/dev/shm'))"
    told = (await call(second, look)).stdout
    assert told.startswith(b"False [] []"), told
    assert (await runner.run(sandbox.Job("python", look))).stdout.startswith(b"False [] []")
    for session in (first, second):
        await session.close()
    with pytest.raises(errors.NotFoundError):
        await call(first, "pass")


async def test_large_input_reaches_a_job_and_a_call(
    session: ports.SandboxSession, runner: namespaces.NamespaceRunner
) -> None:
    stdin = os.urandom(MIB) * 8
    job = sandbox.Job("python", "import sys, zlib; print(zlib.crc32(sys.stdin.buffer.read()))", stdin=stdin)
    wanted = b"%d\n" % zlib.crc32(stdin)
    assert (await runner.run(job)).stdout == wanted
    assert (await session.run(job)).stdout == wanted


async def test_input_does_not_count_as_files(runner: namespaces.NamespaceRunner) -> None:
    job = sandbox.Job(
        "python", "import sys; print(len(sys.stdin.read()))", stdin=b"x" * MIB, limits=short(files_bytes=256 * 1024)
    )
    result = await runner.run(job)
    assert (result.status, result.stdout) == (sandbox.Status.OK, b"%d\n" % MIB), result
    # Nor can it be made into more of them.
    for code in ("os.ftruncate(0, 8 << 20)", "os.pwrite(0, bytes(8 << 20), 0)"):
        grown = await runner.run(dataclasses.replace(job, code=f"import os; {code}"))
        assert (grown.status, grown.stdout) == (sandbox.Status.ERROR, b""), grown
        assert b"Error" in grown.stderr
