"""Jobs in gVisor (`runsc`): a kernel of their own in user space, so a fault of this machine's kernel is out of their reach.

Slow to start (0.2 s), for code that is trusted least. Started by root, the job's files belong to a uid that nobody uses;
started by an ordinary user, `runsc --rootless` is used. runsc is not told to make cgroups, since it would have to own them.
"""

import asyncio
import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path

from council.backends.sandbox_runner import folders, programs
from council.domain import errors, sandbox
from council.kit import accounts, clock

_KIND = programs.Kind("gVisor", "gvisor", "runsc", "runsc --rootless --network=none do true")

# Of runsc itself: its kernel is a program in Go with a heap and threads, beside a file server, and one more process for
# each of the job's where it works by ptrace.
_OWN_BYTES = 256 * 1024 * 1024
_OWN_TASKS = 128

# What lies at the top of the machine's root and is a link into /usr on most.
_LINKS = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
_ETC = ("alternatives", "ld.so.cache", "localtime")

_LAYERS = (
    "user namespace", "mount namespace", "pid namespace", "net namespace", "ipc namespace", "uts namespace",
    "read-only root", "private /proc", "limited tmpfs", "no capabilities", "no new privileges", "seccomp", "rlimits",
)  # fmt: skip
_MISSING = {
    "cgroup namespace": "gVisor shows no cgroups to a job, so there is nothing to hide.",
    "landlock": "gVisor does not use it; its file server shows /usr and the job's folder only.",
    "memory: cgroup": "runsc is not given a cgroup; each process is bounded, the sum is looked at ten times a second.",
    "processes: cgroup": "runsc is not given a cgroup; each job's own limit is kept by gVisor's kernel.",
}


class GvisorRunner(programs.EachJob):
    """Implements ports.SandboxRunner. `folder` holds the jobs' files; `runsc` is the program."""

    def __init__(self, folder: Path, runsc: str = "runsc", timer: clock.Clock | None = None) -> None:
        super().__init__(_KIND, folder, runsc, timer)

    @property
    def layers(self) -> tuple[str, ...]:
        """What gVisor sets up. Its seccomp filter binds gVisor itself: the job's calls never reach this kernel."""
        return (*_LAYERS, "own uid") if self._as_root else _LAYERS

    @property
    def layers_missing(self) -> Mapping[str, str]:
        """What it does not."""
        return dict(_MISSING)

    async def _run(self, job: sandbox.Job) -> sandbox.Result:
        assert job.limits is not None, "the front fills in limits"
        kills = self._programs.kills
        program, interpreter = self._find(), self._interpreter(job.language)
        bundle = await self._bundled(job, interpreter)
        work = bundle / "files"
        options = ["--network=none", "--ignore-cgroups", "--overlay2=none", f"--root={bundle / 'state'}"]
        if not self._as_root:
            options.append("--rootless")
        command = programs.Command(
            (program, *options, "run", f"--bundle={bundle}", bundle.name),
            bundle,
            {"PATH": programs.PATH},
            lambda: folders.used_bytes(work),
            own_bytes=_OWN_BYTES,
            own_tasks=_OWN_TASKS,
        )
        try:
            ended = await self._programs.run(command, job.stdin, job.limits, kills)
            found = folders.collect(work, job.collect, job.limits.files_bytes)
        finally:
            await folders.remove(bundle)
        return programs.outcome(ended, self.layers, tuple(self.layers_missing), found)

    async def _bundled(self, job: sandbox.Job, interpreter: str) -> Path:
        """Make the bundle; the thread that does cannot be cancelled, so a job that was leaves none behind."""
        making = asyncio.ensure_future(asyncio.to_thread(_bundle, self._folder, job, interpreter, self._as_root))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.wait({making})
            if making.exception() is None:
                await folders.remove(making.result())
            raise


def _bundle(inside: Path, job: sandbox.Job, interpreter: str, as_root: bool) -> Path:
    """Make what runsc is started from: the job's folder `files`, a small root, and config.json."""
    assert job.limits is not None
    made = folders.make(inside, job)
    # The random name that the job's folder was given becomes the bundle's.
    bundle = made.with_name(f"{made.name}-bundle")
    # Guest uid 0 without a capability is all that one mapped user gives; it is not 0 on this machine.
    user = accounts.LAST if as_root else 0
    try:
        bundle.mkdir(mode=0o711)
        made.rename(bundle / "files")
        _make_root(bundle / "root", user)
        (bundle / "config.json").write_text(json.dumps(_configuration(bundle, job, interpreter, job.limits, user)))
    except OSError as error:
        for left in (made, bundle):
            shutil.rmtree(left, ignore_errors=True)
        raise errors.SandboxUnavailableError(
            f"The files of a job could not be written to {str(inside)!r}. Check that there is room.", detail=str(error)
        ) from error
    return bundle


def _make_root(root: Path, user: int) -> None:
    for name in ("dev", "etc", "proc", "sys", "tmp", "usr", "work"):
        (root / name).mkdir(parents=True)
    for name in _LINKS:
        if (link := Path("/", name)).is_symlink():
            (root / name).symlink_to(link.readlink())
    (root / "etc/passwd").write_text(f"sandbox:x:{user}:{user}::/tmp:/bin/bash\n")
    (root / "etc/group").write_text(f"sandbox:x:{user}:\n")
    for name in _ETC:
        if (found := Path("/etc", name)).is_dir():
            shutil.copytree(found, root / "etc" / name, symlinks=True)
        elif found.exists():
            shutil.copyfile(found, root / "etc" / name)


def _configuration(
    bundle: Path, job: sandbox.Job, interpreter: str, limits: sandbox.Limits, user: int
) -> dict[str, object]:
    """Return config.json as the OCI runtime specification has it (opencontainers/runtime-spec, config.md)."""
    sized = ["nosuid", "nodev", f"size={limits.files_bytes}"]
    bounds = {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_CPU": math.ceil(limits.cpu_s) + 1,
        "RLIMIT_FSIZE": limits.files_bytes,
        "RLIMIT_NOFILE": 256,
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_CORE": 0,
    }
    return {
        "ociVersion": "1.0.2",
        "hostname": "sandbox",
        "process": {
            "user": {"uid": user, "gid": user},
            "args": [interpreter, *programs.OPTIONS[job.language], sandbox.MAIN_FILES[job.language]],
            "env": [
                f"PATH={programs.PATH}", "HOME=/tmp", "USER=sandbox", "LOGNAME=sandbox", "LANG=C.UTF-8", "TMPDIR=/tmp",
                "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1",
            ],
            "cwd": "/work",
            "noNewPrivileges": True,
            "rlimits": [{"type": name, "hard": value, "soft": value} for name, value in bounds.items()],
        },
        "root": {"path": str(bundle / "root"), "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["ro", "rbind"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": sized},  # noqa: S108
            {"destination": "/dev/shm", "type": "tmpfs", "source": "tmpfs", "options": sized},  # noqa: S108
            {"destination": "/work", "type": "bind", "source": str(bundle / "files"), "options": ["rw", "rbind"]},
        ],
        "linux": {"namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")]},
    }  # fmt: skip
