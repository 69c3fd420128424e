"""System users without an entry in /etc/passwd: plain numbers that nobody else uses.

The numbers come from a range that systemd lists as unused (systemd.io/UIDS-GIDS) and that lies below 65536, since many
containers know no number above that.
"""

import contextlib
import grp
import os
import pwd
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

FIRST, LAST = 60_578, 61_183

_PROC = Path("/proc")

# Bits of <linux/capability.h>: what it takes to give files away, to become others, and to signal and clear up after them.
_CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_FSETID": 4,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
}


def why_not_able() -> str:
    """Return why this process cannot start others as users of its choice; empty if it can."""
    if os.geteuid() != 0:
        return "not started as root"
    missing = missing_capabilities((_PROC / "self/status").read_text())
    if missing:
        return f"this root lacks {', '.join(missing)}"
    for name in ("uid_map", "gid_map"):
        if not maps_all((_PROC / "self" / name).read_text(), FIRST, LAST):
            return f"this container has no users {FIRST} to {LAST}"
    with contextlib.suppress(FileNotFoundError):
        if (_PROC / "self/setgroups").read_text().strip() == "deny":
            return "this container may not set groups"
    return ""


def missing_capabilities(status: str) -> list[str]:
    """Return what the text of /proc/PID/status lacks of the needed capabilities."""
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    held = int(line.split()[1], 16)
    return [name for name, bit in _CAPABILITIES.items() if not held >> bit & 1]


def maps_all(text: str, first: int, last: int) -> bool:
    """Return whether the text of a uid_map or gid_map has every id from `first` to `last`, in one piece."""
    ranges = [[int(word) for word in line.split()] for line in text.splitlines()]
    return any(inside <= first and last < inside + count for inside, _, count in ranges)


def is_named(number: int) -> bool:
    """Return whether the machine's user or group database knows the number."""
    for look_up in (pwd.getpwuid, grp.getgrgid):
        with contextlib.suppress(KeyError):
            look_up(number)
            return True
    return False


def ids_of_processes() -> set[int]:
    """Return every user and group under which a process runs now."""
    found: set[int] = set()
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found |= ids_in((entry / "status").read_text(errors="replace"))
    return found


def ids_in(status: str) -> set[int]:
    """Return the users and groups that the text of a /proc/PID/status names."""
    lines = [line for line in status.splitlines() if line.startswith(("Uid:", "Gid:", "Groups:"))]
    return {int(word) for line in lines for word in line.split()[1:]}


def choose(
    names: Iterable[str], noted: Mapping[str, int], is_taken: Callable[[int], bool], start: int
) -> dict[str, int]:
    """Return a number for each name: the noted one, else the first free one from `start` on, going round.

    Raises LookupError if the range has no more.
    """
    chosen = dict(noted)
    count = LAST - FIRST + 1
    candidates = (FIRST + (start + step) % count for step in range(count))
    for name in names:
        if name not in chosen:
            used = set(chosen.values())
            number = next((one for one in candidates if one not in used and not is_taken(one)), None)
            if number is None:
                raise LookupError(f"every number from {FIRST} to {LAST} is in use")
            chosen[name] = number
    return chosen
