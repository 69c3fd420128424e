"""What sandboxes hold of the host, counted from outside: processes, descriptors, mounts, control groups."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

import linux
from council.kit import process
from council.zygote import main as zygote_main

GROUP_PREFIX = "council-sandbox-"
_POLL_S = 0.05

_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """What there is at a moment. `processes` are the zygote and all below it, `groups` the control groups of its sandboxes.

    All of it grows and shrinks with the pool, so two are compared with the pool full at both. -1 is what only root can see.
    """

    processes: int
    zygote_descriptors: int
    front_descriptors: int
    mounts: int
    groups: int

    def __str__(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in dataclasses.asdict(self).items())


def held(zygote: int, front: int | None = None) -> Held:
    """Count now. `front` is whose descriptors count, this process's by default."""
    return Held(
        processes=len(linux.tree(zygote)),
        zygote_descriptors=_entries(Path("/proc", str(zygote), "fd")),
        front_descriptors=_entries(Path("/proc", str(front or os.getpid()), "fd")),
        mounts=mounts(zygote),
        groups=sum(len(_inner(folder)) for folder in groups([zygote])),
    )


def grown(before: Held, after: Held) -> dict[str, int]:
    """Return by how much each of them has grown, those that have not left out."""
    pairs = ((name, getattr(after, name) - getattr(before, name)) for name in Held.__dataclass_fields__)
    return {name: more for name, more in pairs if more > 0}


def mounts(pid: int) -> int:
    """Return how many mounts a process sees, -1 where only root may ask."""
    try:
        return len(Path("/proc", str(pid), "mountinfo").read_text().splitlines())
    except PermissionError:
        return -1


def groups(zygotes: Collection[int]) -> list[Path]:
    """Return the control groups that zygotes with these pids have made, dead ones included."""
    wanted = tuple(f"{GROUP_PREFIX}{pid}-" for pid in zygotes)
    return [folder for folder in _group_folders() if folder.name.startswith(wanted)]


def kernel_groups() -> int:
    """Return how many control groups of memory and pids the kernel keeps, removed ones that it still holds included."""
    total = 0
    for line in Path("/proc/cgroups").read_text().splitlines()[1:]:
        name, _, count, _ = line.split()
        if name in ("memory", "pids"):
            total += int(count)
    return total


def survivors(marker: str, zygotes: Collection[int]) -> list[str]:
    """Return a line for each process that came out of a sandbox of these zygotes, which are gone.

    Found by what jobs write into their command lines, by the control group, which a process keeps in name when the group
    is removed, and as root by the user, where no living zygote is above it.
    """
    lines = [f"process {pid} holds a job's mark" for pid in linux.naming(marker)]
    lines += orphans(zygotes)
    for pid in process.table():
        with contextlib.suppress(OSError):
            if Path("/proc", str(pid)).stat().st_uid in zygote_main.UIDS and not _is_below_a_zygote(pid):
                lines.append(f"process {pid} has the user of a sandbox")
    return lines


def orphans(zygotes: Collection[int]) -> list[str]:
    """Return a line for each process in a control group of these zygotes, which are gone."""
    grouped = tuple(f"/{GROUP_PREFIX}{pid}-" for pid in zygotes)
    lines = []
    for pid in process.table():
        with contextlib.suppress(OSError):
            where = Path("/proc", str(pid), "cgroup").read_text()
            if any(prefix in where for prefix in grouped):
                lines.append(f"process {pid} is in a control group of a zygote that is gone")
    return lines


def until(read: Callable[[], _T], is_well: Callable[[_T], bool], limit_s: float) -> _T:
    """Return what `read` gives as soon as it is well, or after the limit."""
    deadline_s = time.monotonic() + limit_s
    while not is_well(found := read()) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    return found


def _entries(folder: Path) -> int:
    try:
        return sum(1 for _ in folder.iterdir())
    except PermissionError:
        return -1


def _inner(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in folder.iterdir() if path.is_dir()]
    return []


def _group_folders() -> Iterator[Path]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        if right.startswith("cgroup"):
            for folder, names, _ in os.walk(left.split(" ")[4]):
                mine = [name for name in names if name.startswith(GROUP_PREFIX)]
                yield from (Path(folder, name) for name in mine)
                names[:] = [name for name in names if name not in mine]


def _is_below_a_zygote(pid: int) -> bool:
    for above in process.ancestors(pid):
        with contextlib.suppress(OSError):
            if b"council.zygote" in Path("/proc", str(above), "cmdline").read_bytes():
                return True
    return False
