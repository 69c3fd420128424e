"""One control group a sandbox, on version 1 or 2, that bounds memory and processes of the whole job.

Controllers are probed, not mount points: a host may have version 2 mounted and its controllers on version 1. The groups
hang below a parent of this zygote; that of a zygote which was killed is removed by the next one. A job enters by writing
"0" to descriptors that were opened here, so that it needs no right on any group.
"""

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from council.kit import process

_PREFIX = "council-sandbox-"
_REMOVE_S = 2.0
_PAUSE_S = 0.002


class CgroupsAbsentError(Exception):
    """No group can be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class _Files:
    """How a version names what is needed. `limits` are (file, from "memory" or "processes" or a fixed value)."""

    limits: tuple[tuple[str, str], ...]
    peak: str
    events: str
    cpu: str
    enter: str


_V2 = _Files(
    (("memory.max", "memory"), ("memory.swap.max", "0"), ("memory.oom.group", "0"), ("pids.max", "processes")),
    "memory.peak",
    "memory.events",
    "cpu.stat",
    "cgroup.procs",
)
# memsw counts memory and swap together, and is absent where the kernel does not count swap.
_V1 = _Files(
    (
        ("memory.limit_in_bytes", "memory"),
        ("memory.memsw.limit_in_bytes", "memory"),
        ("pids.max", "processes"),
    ),
    "memory.max_usage_in_bytes",
    "memory.oom_control",
    "cpuacct.usage",
    # Not cgroup.procs, which waits for a grace period of RCU, some 10 ms: a thread that moves itself alone need not.
    "tasks",
)
_OPTIONAL = frozenset({"memory.swap.max", "memory.oom.group", "memory.swappiness"})
# Where swap is not counted, what is over the limit must not go there, or the limit would bound nothing.
_INSTEAD = {"memory.memsw.limit_in_bytes": ("memory.swappiness", "0")}


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The group of one sandbox: descriptors that its keeper and program inherit, -1 for what this kernel has not."""

    name: str
    enter: tuple[int, ...]
    peak: int
    events: int
    pids_events: int
    cpu: int

    def cpu_s(self) -> float | None:
        """Return the CPU time of all that ever ran in the group; None where nothing tells."""
        if self.cpu < 0:
            return None
        text = os.pread(self.cpu, 4096, 0).split()
        # Version 1 has nanoseconds alone, version 2 lines of which the first is microseconds.
        return int(text[0]) / 1e9 if len(text) == 1 else int(text[1]) / 1e6

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Every descriptor."""
        rest = (self.peak, self.events, self.pids_events, self.cpu)
        return (*self.enter, *(number for number in rest if number >= 0))

    def close(self) -> None:
        """Close the descriptors of this process; the group stays."""
        for number in self.descriptors:
            os.close(number)


@dataclass(frozen=True, slots=True)
class Parent:
    """The zygote's own group in one hierarchy, and the one above it, both held open."""

    name: str
    descriptor: int
    above: int


class Cgroups:
    """Makes and removes groups below parents that are held open, since the zygote leaves the host's root."""

    def __init__(self, version: int, parents: tuple["Parent", ...]) -> None:
        self._own = parents
        self._parents = tuple(parent.descriptor for parent in parents)
        self._files = _V2 if version == 2 else _V1

    def make(self, name: str, memory_bytes: int, processes: int) -> Cgroup:
        """Make a group with these bounds. Raises OSError."""
        values = {"memory": str(memory_bytes), "processes": str(processes)}
        try:
            for parent in self._parents:
                os.mkdir(name, 0o700, dir_fd=parent)
            for file, value in self._files.limits:
                self._write(name, file, values.get(value, value))
            enter = tuple(_open(parent, f"{name}/{self._files.enter}", os.O_WRONLY) for parent in self._parents)
        except OSError:
            self.remove(name)
            raise
        return Cgroup(
            name,
            enter,
            self._find(f"{name}/{self._files.peak}"),
            self._find(f"{name}/{self._files.events}"),
            self._find(f"{name}/pids.events"),
            self._find(f"{name}/{self._files.cpu}"),
        )

    def remove(self, name: str) -> bool:
        """Remove a group whose processes have ended; False if the kernel still holds it."""
        removed = True
        for parent in self._parents:
            try:
                os.rmdir(name, dir_fd=parent)
            except FileNotFoundError:
                pass
            except OSError:
                removed = False
        return removed

    def remove_all(self, names: Iterable[str]) -> None:
        """Remove these groups and the parents, and let go of all. Blocks for a moment while the kernel still holds one."""
        deadline_s = time.monotonic() + _REMOVE_S
        left = [name for name in names if not self.remove(name)]
        while left and time.monotonic() < deadline_s:
            time.sleep(_PAUSE_S)
            left = [name for name in left if not self.remove(name)]
        for parent in self._own:
            with contextlib.suppress(OSError):
                os.rmdir(parent.name, dir_fd=parent.above)
            os.close(parent.descriptor)
            os.close(parent.above)

    def _write(self, name: str, file: str, value: str) -> None:
        for parent in self._parents:
            with contextlib.suppress(FileNotFoundError):
                descriptor = _open(parent, f"{name}/{file}", os.O_WRONLY)
                try:
                    os.write(descriptor, value.encode())
                finally:
                    os.close(descriptor)
                return
        if file in _INSTEAD:
            self._write(name, *_INSTEAD[file])
        elif file not in _OPTIONAL:
            raise FileNotFoundError(f"no {file}")

    def _find(self, path: str) -> int:
        for parent in self._parents:
            with contextlib.suppress(FileNotFoundError):
                return _open(parent, path, os.O_RDONLY)
        return -1


def _open(parent: int, path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, dir_fd=parent)


def prepare(proc: Path = Path("/proc")) -> Cgroups:
    """Make this zygote's parent groups; remove those of zygotes that are gone. Raises CgroupsAbsentError."""
    try:
        own = _own_groups(proc)
    except OSError as error:
        raise CgroupsAbsentError(f"this process's cgroups cannot be read: {error.strerror}") from error
    version1 = [own.get(controller) for controller in ("memory", "pids")]
    if all(version1):
        # Of CPU time it only keeps count, so it may be absent.
        version1.append(own.get("cpuacct"))
        candidates = [list(dict.fromkeys(folder for folder in version1 if folder is not None))]
        version = 1
    else:
        unified = own.get("")
        if unified is None:
            raise CgroupsAbsentError("no cgroup file system with memory and pids is mounted")
        candidates = [[folder] for folder in _delegating(unified)]
        version = 2
    reason = "no cgroup above this process hands memory and pids on"
    for folders in candidates:
        parents: list[Parent] = []
        try:
            parents.extend(_parent(folder, version) for folder in folders)
            return Cgroups(version, tuple(parents))
        except OSError as error:
            Cgroups(version, tuple(parents)).remove_all(())
            reason = f"no group can be made in {folders[len(parents)]}: {error.strerror}"
    raise CgroupsAbsentError(reason)


def _own_groups(proc: Path) -> dict[str, Path]:
    """Return the folder of this process's group by controller; the unified hierarchy's is under ""."""
    mounts: dict[str, Path] = {}
    for line in (proc / "self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        place = left.split(" ")[4]
        if kind == "cgroup2":
            mounts[""] = Path(place)
        elif kind == "cgroup":
            for option in options.split(","):
                mounts.setdefault(option, Path(place))
    found: dict[str, Path] = {}
    for line in (proc / "self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in mounts:
                folder = mounts[controller] / path.lstrip("/")
                # Of a container that sees only its own part, the path leads nowhere.
                found[controller] = folder if folder.is_dir() else mounts[controller]
    return found


def _delegating(own: Path) -> list[Path]:
    """Return the groups from `own` upwards below which a group may have memory and pids."""
    found = []
    for folder in (own, *own.parents):
        try:
            handed_on = set((folder / "cgroup.subtree_control").read_text().split())
        except OSError:
            break
        if {"memory", "pids"} <= handed_on or (folder == own and _hand_on(own)):
            found.append(folder)
    return found


def _hand_on(own: Path) -> bool:
    """Hand memory and pids on to groups below, if this group is ours alone; its only process moves into a leaf."""
    try:
        if not {"memory", "pids"} <= set((own / "cgroup.controllers").read_text().split()):
            return False
        if (own / "cgroup.procs").read_text().split() != [str(os.getpid())]:
            return False
        leaf = own / "zygote"
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text("0")
        (own / "cgroup.subtree_control").write_text("+memory +pids")
    except OSError:
        return False
    return True


def _parent(folder: Path, version: int) -> Parent:
    _remove_abandoned(folder)
    start = process.stat(os.getpid())
    assert start is not None, "this process is there"
    made = folder / f"{_PREFIX}{os.getpid()}-{start.start_ticks}"
    made.mkdir(mode=0o700, exist_ok=True)
    if version == 2:
        try:
            (made / "cgroup.subtree_control").write_text("+memory +pids")
        except OSError:
            made.rmdir()
            raise
    elif (hierarchy := made / "memory.use_hierarchy").exists():
        with contextlib.suppress(OSError):  # already so, on every kernel of today
            hierarchy.write_text("1")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    return Parent(made.name, os.open(made, flags), os.open(folder, flags))


def _remove_abandoned(folder: Path) -> None:
    """Remove the groups of zygotes that were killed. Their jobs died with them."""
    for old in folder.glob(f"{_PREFIX}*"):
        pid, _, ticks = old.name.removeprefix(_PREFIX).partition("-")
        alive = process.stat(int(pid)) if pid.isdigit() else None
        if alive is not None and str(alive.start_ticks) == ticks:
            continue
        deadline_s = time.monotonic() + _REMOVE_S
        with contextlib.suppress(FileNotFoundError):  # another zygote that starts now removes them as well
            for inner in [path for path in old.iterdir() if path.is_dir()] + [old]:
                _remove_by(inner, deadline_s)


def _remove_by(group: Path, deadline_s: float) -> None:
    while True:
        try:
            group.rmdir()
        except OSError as error:
            # The last of its processes may be on its way out.
            if not isinstance(error, FileNotFoundError) and time.monotonic() < deadline_s:
                time.sleep(_PAUSE_S)
                continue
        return
