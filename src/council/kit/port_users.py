"""Who has a TCP port, and what listens, as Linux tells: for messages to people.

Only what this process may see counts: another user's descriptors are closed to it, unless it is root.
"""

import contextlib
import ipaddress
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TABLES = ("net/tcp", "net/tcp6")
_LISTENS = "0A"
_INODE = re.compile(r"socket:\[(\d+)\]")
# A table may be long on a busy machine, and only a message hangs on it.
_LINES_MAX = 100_000
_PROCESSES_MAX = 20_000


@dataclass(frozen=True, slots=True)
class _Use:
    """A socket that has the port; `peer` is the other end of a connection, "" for one that listens."""

    inode: str
    peer: str


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens; `uid` is whose it is."""

    host: str
    port: int
    uid: int
    inode: str


def listeners() -> list[Listener]:
    """Return every TCP socket that listens in this network namespace. Raises OSError, ValueError."""
    found = []
    for table in _TABLES:
        if not (_PROC / table).exists():  # no IPv6 here
            continue
        with (_PROC / table).open() as lines:
            next(lines, "")
            for _, line in zip(range(_LINES_MAX), lines, strict=False):
                words = line.split()
                if words[3] == _LISTENS:
                    shown, _, port = _address(words[1]).rpartition(":")
                    found.append(Listener(shown.strip("[]"), int(port), int(words[7]), words[9]))
    return found


def inodes_of(pid: int) -> frozenset[str] | None:
    """Return the inodes of a process's sockets, None where they are closed to us or it is gone."""
    found = set()
    try:
        for entry in (_PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if match := _INODE.fullmatch(str(entry.readlink())):
                    found.add(match.group(1))
    except OSError:
        return None
    return frozenset(found)


def describe(port: int) -> str:
    """Return who has a port, as `python3 (process 12), for a connection to 127.0.0.1:5432`; "" where nobody can be seen."""
    uses = {one.inode: one for one in _uses(port)}
    for pid, inode in _sockets() if uses else ():
        if inode in uses:
            peer = uses[inode].peer
            return f"{_name(pid)} (process {pid})" + (f", for a connection to {peer}" if peer else "")
    return ""


def _uses(port: int) -> Iterator[_Use]:
    for table in _TABLES:
        try:
            with (_PROC / table).open() as lines:
                next(lines, "")
                for _, line in zip(range(_LINES_MAX), lines, strict=False):
                    local, remote, state, inode = (line.split()[place] for place in (1, 2, 3, 9))
                    if int(local.rpartition(":")[2], 16) == port and inode != "0":
                        yield _Use(inode, "" if state == _LISTENS else _address(remote))
        except (OSError, ValueError, IndexError):
            continue


def _address(written: str) -> str:
    """Return `127.0.0.1:5432` of `0100007F:1538`: words of four bytes, each in the order of this machine."""
    host, _, port = written.rpartition(":")
    raw = b"".join(int(host[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(host), 8))
    shown = ipaddress.ip_address(raw)
    return f"{f'[{shown}]' if shown.version == 6 else shown}:{int(port, 16)}"


def _sockets() -> Iterator[tuple[int, str]]:
    """Yield each socket of each process that can be seen: pid and inode."""
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    for _, pid in zip(range(_PROCESSES_MAX), pids, strict=False):
        with contextlib.suppress(OSError):
            for entry in (_PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if found := _INODE.fullmatch(str(entry.readlink())):
                        yield pid, found.group(1)


def _name(pid: int) -> str:
    try:
        name = (_PROC / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        name = ""
    # A process gives itself its name.
    return name if name.isprintable() and name else "a process"
