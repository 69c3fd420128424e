"""The zygote on a machine that refuses it something: the layer is named with the reason, and nothing is claimed that is not.

The kernel is made to refuse by a filter on system calls, loaded before the zygote starts.
"""

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import zygotes
from council.domain import config, errors, sandbox, sandbox_wire
from council.services import zygote as service
from council.zygote import layers

MIB = 1024 * 1024
SETTINGS = config.SandboxConfig(pool=0)
LIMITS = sandbox_wire.default_limits(SETTINGS)

_X86, _ARM = "x86_64", "aarch64"
_NUMBERS = {
    "clone": {_X86: 56, _ARM: 220}, "unshare": {_X86: 272, _ARM: 97}, "seccomp": {_X86: 317, _ARM: 277},
    "landlock_create_ruleset": {_X86: 444, _ARM: 444}, "capset": {_X86: 126, _ARM: 91}, "mount": {_X86: 165, _ARM: 40},
    "pivot_root": {_X86: 155, _ARM: 41}, "mount_setattr": {_X86: 442, _ARM: 442},
}  # fmt: skip
_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC = 0x20000, 0x02000000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000

# A filter that answers one call with ENOSYS, if a bit of its first argument is set. For a process that has it already or
# keeps root's rights, so that nothing else changes.
_REFUSE = """
import ctypes, os, struct
rows = [(0x20, 0, 0, 0), (0x15, 0, 3, {number}), (0x20, 0, 0, 16), ({test}, 0, 1, {flag}), (6, 0, 0, 0x50026),
        (6, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("=HBBI", *row) for row in rows)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("code", ctypes.c_char_p)]
libc = ctypes.CDLL(None, use_errno=True)
if os.geteuid():
    assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(rows), code)), 0, 0) == 0, ctypes.get_errno()
"""


def refusing(call: str, flag: int = 0) -> str:
    """Return code after which the kernel refuses a call; with `flag` only where its first argument has that bit."""
    # Greater or equal to nothing always holds.
    number = _NUMBERS[call][os.uname().machine]
    return _REFUSE.format(number=number, flag=flag, test="0x45" if flag else "0x35")


def _uid(kind: str) -> int | None:
    if kind == "root":
        if os.geteuid() != 0:
            pytest.skip("only root can start a zygote as root")
        return None
    return zygotes.ORDINARY_UID if os.geteuid() == 0 else None


@pytest.fixture(params=["root", "ordinary user"])
def uid(request: pytest.FixtureRequest) -> int | None:
    return _uid(request.param)


GONE = [
    ("landlock", refusing("landlock_create_ruleset")),
    ("seccomp", refusing("seccomp")),
    ("net namespace", refusing("unshare", _NEWNET)),
    ("ipc namespace", refusing("unshare", _NEWIPC)),
    ("uts namespace", refusing("unshare", _NEWUTS)),
    ("cgroup namespace", refusing("unshare", _NEWCGROUP)),
]


@pytest.mark.parametrize(("layer", "before"), GONE, ids=[layer for layer, _ in GONE])
async def test_a_missing_layer_is_named_and_jobs_run_in_what_is_left(layer: str, before: str, uid: int | None) -> None:
    with zygotes.zygote(uid=uid, packages=(), before=before) as zygote:
        async with zygote.runner(SETTINGS) as runner:
            assert runner.layers_missing[layer]
            assert layer not in runner.layers
            cgroups = set() if uid is None and os.geteuid() == 0 else {layers.MEMORY_CGROUP, layers.PROCESSES_CGROUP}
            assert set(runner.layers_missing) == {layer} | cgroups
            result = await runner.run(sandbox.Job("python", "print(6 * 7)"))
            assert (result.status, result.stdout) == (sandbox.Status.OK, b"42\n"), result
            assert layer in result.layers_missing
            assert layer not in result.layers


async def test_without_user_namespaces_root_names_the_layer_and_runs_no_job_in_less_than_it_says() -> None:
    with zygotes.zygote(uid=_uid("root"), packages=(), before=refusing("unshare", _NEWUSER)) as zygote:
        async with zygote.runner(SETTINGS) as runner:
            assert layers.USER in runner.layers_missing
            assert layers.USER not in runner.layers
            code = "import os; print(os.getresuid()); print(open('/proc/self/status').read())"
            try:
                result = await runner.run(sandbox.Job("python", code))
            except errors.SandboxUnavailableError as error:
                assert error.detail
                return
            # Its user is the slot's, seen as it is from outside, and has no rights.
            assert b"(0," not in result.stdout
            assert b"CapEff:\t0000000000000000\n" in result.stdout
            assert b"CapBnd:\t0000000000000000\n" in result.stdout


REQUIRED = [
    ("clone", _NEWPID, "ordinary user"),
    ("clone", _NEWPID, "root"),
    ("unshare", _NEWUSER, "ordinary user"),
    ("unshare", _NEWNS, "root"),
    ("mount_setattr", 0, "root"),
    ("pivot_root", 0, "ordinary user"),
    ("mount", 0, "root"),
]


@pytest.mark.parametrize(("call", "flag", "kind"), REQUIRED)
async def test_without_what_no_sandbox_can_do_without_every_job_is_refused_with_the_reason(
    call: str, flag: int, kind: str
) -> None:
    with zygotes.zygote(uid=_uid(kind), packages=(), before=refusing(call, flag)) as zygote:
        async with zygote.runner(config.SandboxConfig(pool=2)) as runner:
            for attempt in (runner.ping, lambda: runner.run(sandbox.Job("python", "print(1)"))):
                with pytest.raises(errors.SandboxUnavailableError, match="sandbox status") as caught:
                    await attempt()
                assert "Function not implemented" in (caught.value.detail or "")
            with pytest.raises(errors.SandboxUnavailableError):
                await runner.open_session(LIMITS)
            assert set(runner.layers_missing) & layers.REQUIRED
            assert not set(runner.layers) & set(runner.layers_missing)
            assert runner.pool_ready == 0
        assert zygote.popen.poll() is None


async def test_a_bound_that_the_kernel_refuses_is_told_and_leaves_nothing() -> None:
    with zygotes.zygote(uid=_uid("root"), packages=()) as zygote:
        async with zygote.runner(SETTINGS) as runner:
            before = os.listdir(f"/proc/{zygote.popen.pid}/fd")
            for _ in range(3):
                with pytest.raises(errors.SandboxUnavailableError) as caught:
                    await runner.run(
                        sandbox.Job("python", "print(1)", limits=dataclasses.replace(LIMITS, processes=10**9))
                    )
                assert "Invalid argument" in caught.value.detail
            assert os.listdir(f"/proc/{zygote.popen.pid}/fd") == before
            assert (await runner.run(sandbox.Job("python", "print(1)"))).stdout == b"1\n"
        zygote.popen.terminate()
        assert zygote.popen.wait(30) == 0
        assert list(Path("/sys/fs/cgroup").rglob(f"council-sandbox-{zygote.popen.pid}-*")) == []


async def test_without_a_cgroup_each_process_has_its_share_of_the_memory() -> None:
    code = """
import os, resource
share = resource.getrlimit(resource.RLIMIT_AS)
count = resource.getrlimit(resource.RLIMIT_NPROC)
print(share[0] * (count[0] - 1) <= MEMORY - FILES, share[0] == share[1], count[0] == count[1])
try:
    bytearray(share[0])
except MemoryError:
    print("bounded")
"""
    with zygotes.zygote(uid=_uid("ordinary user"), packages=()) as zygote:
        async with zygote.runner(SETTINGS) as runner:
            assert {layers.MEMORY_RLIMIT, layers.PROCESSES_RLIMIT} <= set(runner.layers)
            words = f"MEMORY, FILES = {LIMITS.memory_bytes}, {LIMITS.files_bytes}\n"
            result = await runner.run(sandbox.Job("python", words + code))
            assert result.stdout == b"True True True\nbounded\n", result


@pytest.mark.parametrize("name", ["large", "inner/large"])
async def test_files_that_do_not_fit_are_rejected_with_a_reason(uid: int | None, name: str) -> None:
    with zygotes.zygote(uid=uid, packages=()) as zygote:
        async with zygote.runner(SETTINGS) as runner:
            small = dataclasses.replace(LIMITS, files_bytes=MIB)
            job = sandbox.Job("python", "print(1)", files={name: bytes(2 * MIB)}, stdin=bytes(4 * MIB), limits=small)
            result = await runner.run(job)
            assert (result.status, result.stdout) == (sandbox.Status.REJECTED, b"")
            assert "could not be laid out" in result.reason
            many = {f"f{number}": b"" for number in range(4500)}
            crowded = await runner.run(sandbox.Job("python", "print(1)", files=many))
            assert crowded.status is sandbox.Status.REJECTED
            assert "No space left" in crowded.reason


# An ordinary user's systemd

_FAKE = """#!/bin/sh
echo "$XDG_RUNTIME_DIR $*" >> '{record}'
{then}
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""


@pytest.fixture
def fake() -> Iterator["_Fake"]:
    # Not pytest's own folder, which other users cannot enter.
    with tempfile.TemporaryDirectory(prefix="council-") as folder:
        Path(folder).chmod(0o777)
        yield _Fake(Path(folder))


class _Fake:
    """A `systemd-run` that writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = folder / "record"

    def before(self, then: str = "") -> str:
        """Return code that puts it on the path of the zygote's process; `then` is what it does first."""
        program = self.folder / "systemd-run"
        program.write_text(_FAKE.format(record=self.record, then=then))
        program.chmod(0o755)
        return (
            f"import os; os.environ.update(PATH='{self.folder}:' + os.environ['PATH'], XDG_RUNTIME_DIR='/run/user/1',"
            " SECRET='s3cret'); from council.services import zygote; zygote._SCOPE_S = 2.0"
        )

    def calls(self) -> list[str]:
        return self.record.read_text().splitlines() if self.record.exists() else []


async def _runs(zygote: zygotes.Zygote) -> None:
    async with zygote.runner(SETTINGS) as runner:
        assert (await runner.run(sandbox.Job("python", "print(1)"))).stdout == b"1\n"


async def test_an_ordinary_users_systemd_is_asked_for_a_scope(fake: "_Fake") -> None:
    with zygotes.zygote(uid=_uid("ordinary user"), packages=(), before=fake.before()) as zygote:
        tried, started = fake.calls()
        for call in (tried, started):
            for word in ("--user", "--scope", "--property=Delegate=yes", "/run/user/1"):
                assert word in call
        assert tried.endswith("-- true")
        assert " -- env -i " in started
        variables = Path(f"/proc/{zygote.popen.pid}/environ").read_bytes()
        assert b"SECRET" not in variables
        assert b"XDG_RUNTIME_DIR" not in variables
        assert str(fake.folder).encode() not in variables
        await _runs(zygote)


@pytest.mark.parametrize("then", ["exit 1", "exec sleep 60", "kill -9 $$"])
async def test_a_systemd_that_fails_or_hangs_is_passed_over(fake: "_Fake", then: str) -> None:
    with zygotes.zygote(uid=_uid("ordinary user"), packages=(), before=fake.before(then)) as zygote:
        assert len(fake.calls()) == 1
        await _runs(zygote)


async def test_root_asks_no_systemd(fake: "_Fake") -> None:
    with zygotes.zygote(uid=_uid("root"), packages=(), before=fake.before()) as zygote:
        assert fake.calls() == []
        await _runs(zygote)


def test_no_systemd_is_asked_where_there_is_no_user_session(fake: "_Fake", monkeypatch: pytest.MonkeyPatch) -> None:
    fake.before()
    monkeypatch.setenv("PATH", str(fake.folder), prepend=":")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert service._delegated_scope() == []
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert service._delegated_scope()[0] == str(fake.folder / "systemd-run")
    monkeypatch.setenv("PATH", "/nonexistent")
    assert service._delegated_scope() == []
