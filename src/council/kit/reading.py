"""What one process uses, read from outside: memory, descriptors, threads, children, sockets, temporary files.

Costs some 0.1 ms for a process with few descriptors, and 13 ms for each GB of private pages. What the kernel closes to us is
`Unknown` with the reason, never nought: a process that took its rights away, or one of another user, hides its descriptors and
its private pages.
"""

import errno
import itertools
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from council.kit import nvml, process

_Figure = TypeVar("_Figure")

_PROC = Path("/proc")
# Beyond these a count is still exact, but the single links or children are not looked at.
LINKS_MAX = 8_192
CHILDREN_MAX = 1_024
_TASKS_MAX = 4_096
_PRIVATE_S = 60.0
_TEMP_FOLDERS = tuple(
    {folder.rstrip("/") + "/" for folder in ("/tmp", "/var/tmp", os.environ.get("TMPDIR", "")) if folder}  # noqa: S108
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A figure that cannot be had, because of `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a process. `heap_bytes` is its anonymous memory, swapped out or not: what no file backs.

    `temp_files` are open files without a name, or in a folder for temporary files.
    """

    heap_bytes: int | Unknown
    resident_bytes: int | Unknown
    private_bytes: int | Unknown
    open_fds: int | Unknown
    fd_soft_limit: int | Unknown
    sockets: int | Unknown
    temp_files: int | Unknown
    threads: int | Unknown
    children: int | Unknown
    zombies: int | Unknown


def identity(pid: int) -> process.Stat | None:
    """Return who has this pid now, None if nobody, or one that has ended and only waits to be collected."""
    found = process.stat(pid)
    return None if found is None or _state(pid) in ("Z", "X", "") else found


def age_s(who: process.Stat) -> float:
    """Return for how long a process has run."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - who.start_ticks / os.sysconf("SC_CLK_TCK")


def read(who: process.Stat, private_bytes: int | Unknown | None = None) -> Reading | None:
    """Return what a process uses, None once it has ended or its pid has become another's.

    `private_bytes`: not read, but taken as known from before.
    """
    status = _status(who.pid)
    descriptors = _try(lambda: _descriptors(who.pid))
    links = descriptors if isinstance(descriptors, Unknown) else _links(who.pid, descriptors)
    children = _try(lambda: _children(who.pid))
    reading = Reading(
        heap_bytes=_sum(status, "RssAnon", "VmSwap"),
        resident_bytes=_sum(status, "VmRSS"),
        private_bytes=_try(lambda: _private_bytes(who.pid)) if private_bytes is None else private_bytes,
        open_fds=descriptors if isinstance(descriptors, Unknown) else len(descriptors),
        fd_soft_limit=_try(lambda: _fd_soft_limit(who.pid)),
        sockets=links if isinstance(links, Unknown) else sum(link.startswith("socket:") for link in links),
        temp_files=links if isinstance(links, Unknown) else sum(map(_is_temporary, links)),
        threads=_number(status, "Threads"),
        children=children if isinstance(children, Unknown) else len(children),
        zombies=children if isinstance(children, Unknown) else _zombies(children),
    )
    now = identity(who.pid)
    return reading if now is not None and now.start_ticks == who.start_ticks else None


class Looks:
    """Looks at one process again and again, at its private pages once a minute: they take 13 ms for each GB."""

    def __init__(self, who: process.Stat):
        self.who = who
        self._private: int | Unknown | None = None
        self._read_s = 0.0

    def read(self, time_s: float) -> Reading | None:
        """Return what the process uses at a moment of any clock that does not go back; None as in `read`."""
        if self._private is None or time_s - self._read_s >= _PRIVATE_S:
            self._private, self._read_s = None, time_s
        seen = read(self.who, self._private)
        self._private = None if seen is None else seen.private_bytes
        return seen


def heap_bytes(who: process.Stat) -> int | Unknown | None:
    """Return `Reading.heap_bytes` alone, for a tenth of the price; None as in `read`."""
    heap = _sum(_status(who.pid), "RssAnon", "VmSwap")
    now = identity(who.pid)
    return heap if now is not None and now.start_ticks == who.start_ticks else None


def gpu_bytes(pid: int, driver: nvml.Driver | None = None) -> int | Unknown:
    """Return the GPU memory of one process as the driver counts it, that of this machine if none is given."""
    driver = driver or nvml.here()
    if driver is None:
        return Unknown("there is no NVIDIA GPU, or no driver for it")
    try:
        return driver.process_bytes(pid)
    except nvml.DriverError as error:
        return Unknown(str(error))


def _try(look: Callable[[], _Figure]) -> _Figure | Unknown:
    try:
        return look()
    except PermissionError:
        return Unknown("the kernel does not show it to this user")
    except OSError as error:
        return Unknown(errno.errorcode.get(error.errno or 0, "the kernel does not show it"))
    except ValueError:
        return Unknown("the kernel writes it in a form that is not known here")


def _status(pid: int) -> Mapping[str, str] | Unknown:
    def look() -> Mapping[str, str]:
        lines = (_PROC / str(pid) / "status").read_text(errors="replace").splitlines()
        return {name: rest.strip() for name, _, rest in (line.partition(":") for line in lines)}

    return _try(look)


def _number(status: Mapping[str, str] | Unknown, name: str) -> int | Unknown:
    if isinstance(status, Unknown):
        return status
    words = status.get(name, "").split()
    return int(words[0]) if words and words[0].isdecimal() else Unknown(f"the kernel writes no {name}")


def _sum(status: Mapping[str, str] | Unknown, *names: str) -> int | Unknown:
    total = 0
    for name in names:
        kibibytes = _number(status, name)
        if isinstance(kibibytes, Unknown):
            return kibibytes
        total += kibibytes * 1024
    return total


def _private_bytes(pid: int) -> int:
    lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def _descriptors(pid: int) -> list[str]:
    return [entry.name for entry in (_PROC / str(pid) / "fd").iterdir()]


def _fd_soft_limit(pid: int) -> int:
    for line in (_PROC / str(pid) / "limits").read_text().splitlines():
        if line.startswith("Max open files"):
            return int(line.split()[3])
    raise ValueError


def _links(pid: int, descriptors: list[str]) -> list[str] | Unknown:
    """Return what the descriptors are of."""
    if len(descriptors) > LINKS_MAX:
        return Unknown(f"more than {LINKS_MAX} descriptors are open")
    found: list[str] = []
    for name in descriptors:
        try:
            found.append(str((_PROC / str(pid) / "fd" / name).readlink()))
        except OSError:  # closed in between
            continue
    return found


def _is_temporary(link: str) -> bool:
    # Memory that has no file is written as if it were a deleted one.
    if not link.startswith("/") or link.startswith(("/memfd:", "/SYSV")):
        return False
    return link.endswith(" (deleted)") or link.startswith(_TEMP_FOLDERS)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    # Each thread has its own children. A kernel without CONFIG_PROC_CHILDREN has no such file.
    for task in itertools.islice((_PROC / str(pid) / "task").iterdir(), _TASKS_MAX):
        try:
            found += map(int, (task / "children").read_text().split())
        except ProcessLookupError:
            continue
    return found


def _zombies(children: list[int]) -> int | Unknown:
    if len(children) > CHILDREN_MAX:
        return Unknown(f"there are more than {CHILDREN_MAX} children")
    return sum(_state(pid) == "Z" for pid in children)


def _state(pid: int) -> str:
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return ""
    return text[text.rindex(")") + 2 :][:1]
