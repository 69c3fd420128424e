"""What Linux tells about trees of processes: CPU time, memory, and whose they are."""

import os
from collections.abc import Iterable
from pathlib import Path

from council.kit import process

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """Return `pid` and everything that descends from it."""
    parents = {one.pid: one.parent_pid for one in process.table().values()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def cpu_s(pid: int) -> float:
    """Return user and system time of a process and its descendants, ended ones that were waited for included."""
    total = 0
    for one in tree(pid):
        try:
            text = Path("/proc", str(one), "stat").read_text(errors="replace")
        except OSError:
            continue
        total += sum(int(field) for field in text[text.rindex(")") + 2 :].split()[11:15])
    return total / _TICKS_A_SECOND


def proportional_bytes(pid: int) -> int | None:
    """Return the PSS of a process and its descendants, or None where the kernel does not let us look."""
    total = 0
    for one in tree(pid):
        try:
            lines = Path("/proc", str(one), "smaps_rollup").read_text().splitlines()
        except FileNotFoundError:
            continue
        except OSError:
            return None
        total += next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
    return total


def resident_bytes(pid: int) -> int:
    """Return the resident set of a process and its descendants; pages that they share count for each."""
    return sum(process.resident_bytes(one) for one in tree(pid))


def naming(text: str, but: Iterable[int] = ()) -> list[int]:
    """Return every process whose command line holds `text`, this one and those in `but` excepted."""
    left_out = {os.getpid(), *but}
    found = []
    for pid in process.table():
        try:
            line = Path("/proc", str(pid), "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in line and pid not in left_out:
            found.append(pid)
    return found
