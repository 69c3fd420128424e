"""What stands between a job and the machine, by name, and a trial of each in a child of its own.

A layer that this kernel or its settings refuse is named with the reason, and left out of what is built; whether a job may
then run at all is decided by whoever serves it.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from council.kit import confine
from council.zygote import filters, kernel

USER, MOUNT, PID, NET = "user namespace", "mount namespace", "pid namespace", "net namespace"
IPC, UTS, CGROUP = "ipc namespace", "uts namespace", "cgroup namespace"
ROOT, PROC, TMPFS = "read-only root", "private /proc", "limited tmpfs"
CAPABILITIES, PRIVILEGES, RLIMITS = "no capabilities", "no new privileges", "rlimits"
LANDLOCK, SECCOMP, UID = "landlock", "seccomp", "own uid"
MEMORY_CGROUP, PROCESSES_CGROUP = "memory: cgroup", "processes: cgroup"
MEMORY_RLIMIT, PROCESSES_RLIMIT = "memory: rlimit", "processes: rlimit"

# Without these there is nothing in which a job could be laid out.
REQUIRED = frozenset({MOUNT, PID, ROOT, PROC, TMPFS, CAPABILITIES, PRIVILEGES})
# Tried by the zygote itself at its start; the trial here goes through the rest.
_ORDER = (
    *(USER, MOUNT, PID, NET, IPC, UTS, CGROUP, ROOT, PROC, TMPFS),
    *(CAPABILITIES, PRIVILEGES, LANDLOCK, SECCOMP, RLIMITS),
)
NAMESPACES = {MOUNT: kernel.CLONE_NEWNS, NET: kernel.CLONE_NEWNET, IPC: kernel.CLONE_NEWIPC, UTS: kernel.CLONE_NEWUTS}


def present(missing: Mapping[str, str], *, root: bool) -> tuple[str, ...]:
    """Return the layers that hold, in order."""
    bounds = tuple(
        instead if layer in missing else layer
        for layer, instead in ((MEMORY_CGROUP, MEMORY_RLIMIT), (PROCESSES_CGROUP, PROCESSES_RLIMIT))
    )
    own = (UID,) if root else ()
    return (*(layer for layer in _ORDER if layer not in missing), *bounds, *own)


def missing() -> dict[str, str]:
    """Try each layer in a child and return those that failed, with the reason. Called in the root, before any job."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    found: dict[str, str] = {}
    try:
        child = kernel.fork_into_process_namespace()
    except OSError as error:
        found[PID] = str(error)
        child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(_try_all()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        told = file.read()
    os.waitpid(child, 0)
    return {**found, **(json.loads(told) if told else {SECCOMP: "the trial ended early"})}


def _try_all() -> dict[str, str]:
    trials: dict[str, Callable[[], None]] = {
        **{layer: _unsharing(flag) for layer, flag in NAMESPACES.items()},
        TMPFS: lambda: kernel.mount("tmpfs", "/work", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=64k"),
        PROC: lambda: kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID, "subset=pid,hidepid=invisible"),
        USER: _unsharing(kernel.CLONE_NEWUSER),
        CGROUP: _unsharing(kernel.CLONE_NEWCGROUP),
        CAPABILITIES: _try_capabilities,
        PRIVILEGES: kernel.forbid_new_privileges,
        LANDLOCK: _try_landlock,
        SECCOMP: _try_seccomp,
    }
    failed: dict[str, str] = {}
    for layer, trial in trials.items():
        try:
            trial()
        except OSError as error:
            failed[layer] = str(error)
    return failed


def _unsharing(flag: int) -> Callable[[], None]:
    return lambda: kernel.unshare(flag)


def _try_capabilities() -> None:
    kernel.close_ways_to_capabilities()
    kernel.drop_capabilities()


def _try_landlock() -> None:
    if confine.apply(confine.Confinement((Path("/"),), (), (), ())) == 0:
        raise OSError("this kernel has none")


def _try_seccomp() -> None:
    if not filters.instructions():
        raise OSError(f"no filter ships for {os.uname().machine}")
    os.close(kernel.load_filter(filters.instructions(), listen=True))
