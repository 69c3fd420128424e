"""Linux confinement of the calling process: Landlock, no new privileges, no core dumps or inspection.

Landlock (docs.kernel.org/userspace-api/landlock.html) is probed by system call, since /sys/kernel/security may not be
mounted. The system call numbers are the same on x86-64 and aarch64. Everything here can only take rights away.
"""

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = (1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_NET_BIND_TCP, _NET_CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1 << 0, 1 << 1

_READ = _EXECUTE | _READ_FILE | _READ_DIR
_CHANGE = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_SYM | _REFER | _TRUNCATE
_ALL_V1 = (1 << 13) - 1
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE


class _RulesetAttribute(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


class _NetPort(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a process may still reach. Paths that do not exist are passed over.

    `connect_ports` and `bind_ports` None leave TCP alone; an empty tuple forbids it.
    """

    read: Sequence[Path]
    write: Sequence[Path]
    connect_ports: Sequence[int] | None = None
    bind_ports: Sequence[int] | None = None


def landlock_abi() -> int:
    """Return the kernel's Landlock version, 0 where there is none."""
    version: int = _libc().syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    return max(0, version)


def seal() -> None:
    """Forbid new privileges, core dumps and inspection by other processes of the same user."""
    _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def apply(confinement: Confinement) -> int:
    """Confine this process and its future children for good; return the Landlock version used, 0 if there is none.

    Raises OSError where the kernel has Landlock and refuses.
    """
    abi = landlock_abi()
    if abi == 0:
        return 0
    handled = _ALL_V1 | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    net = 0
    if abi >= 4:
        net |= _NET_CONNECT_TCP if confinement.connect_ports is not None else 0
        net |= _NET_BIND_TCP if confinement.bind_ports is not None else 0
    scoped = _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if abi >= 6 else 0
    attribute = _RulesetAttribute(handled, net, scoped)
    size = ctypes.sizeof(attribute) if abi >= 6 else (16 if abi >= 4 else 8)
    ruleset = _checked(_libc().syscall(_CREATE_RULESET, ctypes.byref(attribute), size, 0), "landlock_create_ruleset")
    try:
        for path in confinement.read:
            _allow_path(ruleset, path, _READ & handled)
        for path in confinement.write:
            _allow_path(ruleset, path, (_READ | _CHANGE) & handled)
        if net:
            for port in confinement.connect_ports or ():
                _allow_port(ruleset, port, _NET_CONNECT_TCP)
            for port in confinement.bind_ports or ():
                _allow_port(ruleset, port, _NET_BIND_TCP)
        _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _checked(_libc().syscall(_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)
    return abi


def _allow_path(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = _PathBeneath(rights if path.is_dir() else rights & _FILE_RIGHTS, descriptor)
        _checked(_libc().syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0), "landlock_add_rule")
    finally:
        os.close(descriptor)


def _allow_port(ruleset: int, port: int, right: int) -> None:
    rule = _NetPort(right, port)
    _checked(_libc().syscall(_ADD_RULE, ruleset, _RULE_NET_PORT, ctypes.byref(rule), 0), "landlock_add_rule")


def _checked(result: int, call: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
