"""What Linux tells about processes, and the few controls a supervisor and its children need.

Everything here reads /proc or makes one system call. A process is named by pid and start time together, since pids are
used again.
"""

import ctypes
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CREDENTIALS = struct.Struct("3i")

# From <linux/prctl.h>.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# A chain of parents longer than this is not followed further.
ANCESTORS_MAX = 64


@dataclass(frozen=True, slots=True)
class Stat:
    """The parts of /proc/PID/stat that identify a process and place it in the tree."""

    pid: int
    parent_pid: int
    group_id: int
    start_ticks: int


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a Unix socket; pid 0 if in a process namespace that we cannot see."""

    pid: int
    uid: int
    gid: int


def stat(pid: int) -> Stat | None:
    """Return what /proc/PID/stat says, or None if there is no such process."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name stands in parentheses and may itself hold spaces and parentheses.
    fields = text[text.rindex(")") + 2 :].split()
    return Stat(pid, int(fields[1]), int(fields[2]), int(fields[19]))


def table() -> dict[int, Stat]:
    """Return every process that can be seen, by pid."""
    found = (stat(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return {process.pid: process for process in found if process is not None}


def ancestors(pid: int) -> list[int]:
    """Return the pids of the parent, its parent, and so on; empty if there is no such process."""
    chain: list[int] = []
    while len(chain) < ANCESTORS_MAX:
        process = stat(pid)
        if process is None or process.parent_pid == 0:
            break
        pid = process.parent_pid
        chain.append(pid)
    return chain


def resident_bytes(pid: int) -> int:
    """Return the resident set of one process; 0 if it is gone."""
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


def share_bytes(pid: int) -> int:
    """Return what a process takes of memory: a page shared by n processes counts as its nth part (PSS).

    Its whole resident set where the kernel does not show more; 0 if it is gone.
    """
    try:
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident_bytes(pid)


def tree_bytes(pid: int, processes: dict[int, Stat], bytes_of: Callable[[int], int]) -> int:
    """Return the sum of `bytes_of` over `pid` and its descendants in `processes`."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent_pid, []).append(process.pid)
    total, waiting, seen = 0, [pid], set[int]()
    while waiting:
        one = waiting.pop()
        # The snapshot is not taken in one instant, so a pid used again could close a circle.
        if one not in seen:
            seen.add(one)
            total += bytes_of(one)
            waiting.extend(children.get(one, ()))
    return total


def boot_id() -> str:
    """Return the id of this boot: start times of processes count from it."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def set_parent_death_signal(number: int) -> None:
    """Ask for a signal when the thread that started this process ends. Kept over exec, lost over fork."""
    _prctl(_PR_SET_PDEATHSIG, number)


def set_child_subreaper() -> None:
    """Become the parent of orphaned descendants, so that none can leave our tree; the caller must reap them."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(operation: int, argument: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(ctypes.c_int(operation), ctypes.c_ulong(argument), *[ctypes.c_ulong(0)] * 3) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def peer(connection: socket.socket) -> Peer:
    """Return who connected, as the kernel noted it at connect time (SO_PEERCRED)."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(raw))


def reap_adopted(own: set[int]) -> None:
    """Collect ended children that are not in `own`: orphans that a subreaper was given."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        # One of our own hides those behind it until its owner has collected it and calls this again.
        if ended is None or ended.si_pid in own:
            return
        os.waitpid(ended.si_pid, os.WNOHANG)


def end_all(identities: Iterable[tuple[int, int]], wait_s: float) -> list[int]:
    """End processes given as (pid, start ticks): SIGTERM, up to `wait_s`, then SIGKILL to each one's group.

    A pid whose start time differs is someone else's by now and is left alone. Blocks until all are gone, at most
    `wait_s` and a few seconds; returns the pids that were still running at the call.
    """
    held = [(pid, descriptor) for pid, start in identities if (descriptor := _held(pid, start)) is not None]
    try:
        for _, descriptor in held:
            _send(descriptor, signal.SIGTERM)
        deadline_s = time.monotonic() + wait_s
        for pid, descriptor in held:
            if not _ended(descriptor, deadline_s - time.monotonic()):
                _kill_group_of(pid, descriptor)
                _ended(descriptor, 5.0)
    finally:
        for _, descriptor in held:
            os.close(descriptor)
    return [pid for pid, _ in held]


def _held(pid: int, start_ticks: int) -> int | None:
    """Return a pidfd of exactly that process, or None."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    # Looked at after the descriptor is held: from here on the pid cannot come to mean another process unnoticed.
    found = stat(pid)
    if found is None or found.start_ticks != start_ticks:
        os.close(descriptor)
        return None
    return descriptor


def _ended(descriptor: int, wait_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, wait_s) * 1_000))


def _kill_group_of(pid: int, descriptor: int) -> None:
    leads = (found := stat(pid)) is not None and found.group_id == pid
    _send(descriptor, signal.SIGKILL)
    if leads:
        signal_group(pid, signal.SIGKILL)


def signal_group(group_id: int, number: int) -> None:
    """Send a signal to a process group; nothing happens if it is gone."""
    try:
        os.killpg(group_id, number)
    except ProcessLookupError:
        pass


def _send(descriptor: int, number: int) -> None:
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        pass
