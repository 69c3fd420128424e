"""Jobs in Firejail, a setuid-root program: for machines where it is what people know and trust.

It lacks much of what the kind `namespaces` has; `layers_missing` says what. Started by root, each job gets a uid of its
own; started by an ordinary user, jobs run as that user. Firejail needs new privileges itself, so the process that starts
it cannot be confined by no_new_privs or Landlock.
"""

import asyncio
import math
import os
from collections.abc import Mapping
from pathlib import Path

from council.backends.sandbox_runner import folders, programs
from council.domain import sandbox
from council.kit import accounts, clock

_KIND = programs.Kind("Firejail", "firejail", "firejail", "firejail /bin/true")
# Of Firejail itself: two processes.
_OWN_BYTES = 16 * 1024 * 1024
_OWN_TASKS = 2

# One more than Firejail's own list: io_uring, userfaultfd, clone3, new mount calls, pidfd_getfd and process_madvise, and
# what reaches into other processes or kernel memory. Numbers: this Firejail may not know the names; they are the same on
# x86-64 and arm64.
_CALLS = ("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "userfaultfd", "bpf", "perf_event_open", "keyctl")
_NUMBERED_CALLS = (425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 440, 442)

# What a job sees of the machine; every other folder at the top is hidden. Firejail needs /run itself.
_SHOWN = {
    "bin",
    "dev",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "proc",
    "sbin",
    "sys",
    "tmp",
    "usr",
    "home",
    "root",
    "run",
}

_LAYERS = (
    "mount namespace", "pid namespace", "net namespace", "ipc namespace", "uts namespace", "private /proc",
    "no capabilities", "no new privileges", "rlimits",
)  # fmt: skip
_MISSING = {
    "cgroup namespace": "Firejail makes none.",
    "read-only root": "Firejail hides and protects single paths of the machine's own root; /etc and /usr stay as they are.",
    "limited tmpfs": "Firejail's /tmp and /dev/shm have no size; what the job keeps beside its code is looked at ten times "
    "a second.",
    "landlock": "This Firejail does not use it.",
    "seccomp": "Firejail's filter forbids what it knows and lets through what it does not.",
    "memory: cgroup": "Firejail makes no cgroup; each process is bounded, their sum is looked at ten times a second.",
    "processes: cgroup": "Firejail makes no cgroup; the number is looked at ten times a second.",
}


class FirejailRunner(programs.EachJob):
    """Implements ports.SandboxRunner. `folder` holds the jobs' files; `firejail` is the program."""

    def __init__(self, folder: Path, firejail: str = "firejail", timer: clock.Clock | None = None) -> None:
        super().__init__(_KIND, folder, firejail, timer)
        self._accounts = _Accounts() if self._as_root else None

    @property
    def layers(self) -> tuple[str, ...]:
        """What Firejail sets up."""
        return (*_LAYERS, "own uid", "processes: rlimit") if self._as_root else ("user namespace", *_LAYERS)

    @property
    def layers_missing(self) -> Mapping[str, str]:
        """What it does not."""
        if self._as_root:
            return {"user namespace": "Firejail makes none for root; each job has a uid of its own.", **_MISSING}
        return dict(_MISSING)

    async def _run(self, job: sandbox.Job) -> sandbox.Result:
        assert job.limits is not None, "the front fills in limits"
        kills = self._programs.kills
        program, interpreter = self._find(), self._interpreter(job.language)
        account = await self._accounts.take() if self._accounts else None
        try:
            folder = folders.make(self._folder, job)
            try:
                command = programs.Command(
                    (program, *_flags(folder, job.limits, account), "--", *_inside(job, account, interpreter)),
                    folder,
                    {"PATH": programs.PATH},
                    lambda: folders.used_bytes(folder),
                    own_bytes=_OWN_BYTES,
                    own_tasks=_OWN_TASKS,
                )
                ended = await self._programs.run(command, job.stdin, job.limits, kills)
                found = folders.collect(folder, job.collect, job.limits.files_bytes)
            finally:
                await folders.remove(folder)
        finally:
            if self._accounts and account is not None:
                self._accounts.give_back(account)
        return programs.outcome(ended, self.layers, tuple(self.layers_missing), found)


def _flags(folder: Path, limits: sandbox.Limits, account: int | None) -> list[str]:
    """Return Firejail's options. As root three capabilities stay until `setpriv` inside has become the account.

    A process may use a second more CPU time than the job, so that it is we who end it, and the result names the limit.
    """
    hidden = [f"--blacklist={path}" for path in _hidden()]
    privileges = ["--caps.drop=all", "--noroot"] if account is None else ["--caps.keep=setuid,setgid,setpcap"]
    tasks = [] if account is None else [f"--rlimit-nproc={limits.processes}"]
    return [
        "--quiet", f"--private={folder}", "--net=none", "--ipc-namespace", "--hostname=sandbox", "--nonewprivs",
        "--private-dev", "--private-tmp", "--restrict-namespaces", "--nodbus",
        f"--seccomp={','.join([*_CALLS, *(f'${number}' for number in _NUMBERED_CALLS)])}",
        "--seccomp.block-secondary", "--protocol=unix",
        "--deterministic-exit-code", "--deterministic-shutdown",
        f"--rlimit-as={limits.memory_bytes}", f"--rlimit-cpu={math.ceil(limits.cpu_s) + 1}",
        f"--rlimit-fsize={limits.files_bytes}", "--rlimit-nofile=256",
        *tasks, *privileges, *hidden,
    ]  # fmt: skip


def _hidden() -> list[str]:
    # What others write to in /run would outlive the job; Firejail needs its own folder there. It would follow links, and
    # /run/shm leads to /dev/shm.
    top = [entry for entry in os.scandir("/") if entry.name not in _SHOWN]
    run = [entry for entry in os.scandir("/run") if entry.name != "firejail"]
    return sorted(entry.path for entry in [*top, *run] if not entry.is_symlink())


def _inside(job: sandbox.Job, account: int | None, interpreter: str) -> list[str]:
    """Return what runs inside: the interpreter, as the account, without Firejail's variables."""
    home = str(Path("~").expanduser())
    become = [] if account is None else [
        "setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups", "--bounding-set=-all",
        "--inh-caps=-all", "--no-new-privs", "--",
    ]  # fmt: skip
    environment = [
        f"PATH={programs.PATH}",
        f"HOME={home}",
        "USER=sandbox",
        "LOGNAME=sandbox",
        "LANG=C.UTF-8",
        "TMPDIR=/tmp",
    ]
    # BLAS would start a thread for each core, and each wants memory of its own.
    environment += ["OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"]
    words = [interpreter, *programs.OPTIONS[job.language], sandbox.MAIN_FILES[job.language]]
    return [*become, "env", "-i", *environment, *words]


class _Accounts:
    """Uids without a name, one for each job that runs; who finds none free waits.

    The upper end of the range, since services take theirs from the lower.
    """

    def __init__(self) -> None:
        numbers = range(accounts.LAST - 127, accounts.LAST + 1)
        self._free: asyncio.Queue[int] = asyncio.Queue()
        for number in numbers:
            if not accounts.is_named(number):
                self._free.put_nowait(number)

    async def take(self) -> int:
        return await self._free.get()

    def give_back(self, number: int) -> None:
        self._free.put_nowait(number)
