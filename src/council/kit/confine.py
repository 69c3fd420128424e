"""Linux confinement of the calling process: Landlock, a socket filter, no new privileges, no core dumps or inspection.

Landlock (docs.kernel.org/userspace-api/landlock.html) is probed by system call, since /sys/kernel/security may not be
mounted. The system call numbers of Landlock are the same on x86-64 and aarch64. It governs TCP and no other protocol, so
who needs no network at all is also put behind a seccomp filter. Everything here can only take rights away.
"""

import ctypes
import errno
import functools
import os
import socket
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 7, 1 << 8, 1 << 9
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_NET_BIND_TCP, _NET_CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1 << 0, 1 << 1
TCP_ABI_MIN = 4

_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_RETURN_ALLOW, _RETURN_ERRNO, _RETURN_KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
# Where `struct seccomp_data` has the call, the architecture and the low half of the first argument (little-endian).
_AT_CALL, _AT_ARCHITECTURE, _AT_ARGUMENT = 0, 4, 16
_X32_BIT, _IO_URING_SETUP = 0x40000000, 425

_READ = _EXECUTE | _READ_FILE | _READ_DIR
# No links: what root opens by its path later could be led astray by one.
_CHANGE = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _REFER | _TRUNCATE
# The folder itself may be opened, since what was put there is on disk only once that was synced.
_PUT = _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE | _READ_DIR
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

    `connect_ports` and `bind_ports` None leave TCP alone; an empty tuple forbids it. Beneath `own`, anything may be done. Into
    `put`, files may be put, and listed and removed there, and none can be read.
    """

    read: Sequence[Path]
    write: Sequence[Path]
    connect_ports: Sequence[int] | None = None
    bind_ports: Sequence[int] | None = None
    own: Sequence[Path] = ()
    put: Sequence[Path] = ()


def landlock_abi() -> int:
    """Return the kernel's Landlock version, 0 where there is none."""
    version: int = _libc().syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    return max(0, version)


def seal() -> None:
    """Forbid new privileges, core dumps and inspection by other processes of the same user."""
    _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class _Machine:
    architecture: int  # of linux/audit.h
    seccomp: int
    socket: int
    socketpair: int


_MACHINES = {"x86_64": _Machine(0xC000003E, 317, 41, 53), "aarch64": _Machine(0xC00000B7, 277, 198, 199)}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def deny_sockets() -> None:
    """Let this process, all its threads and its future children make no socket but AF_UNIX; those it has stay usable.

    Raises OSError where the filter cannot be loaded: no seccomp, or a machine whose call numbers are not known here.
    """
    machine = _MACHINES.get(os.uname().machine)
    if machine is None or sys.maxsize < 1 << 32:
        raise OSError(errno.ENOSYS, "no socket filter for this kind of machine")
    rows = _socket_filter(machine)
    program = _Program(len(rows), (_Instruction * len(rows))(*(_Instruction(*row) for row in rows)))
    _checked(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    # By this call and not by prctl, which leaves threads that run already as they are.
    loaded = _libc().syscall(
        machine.seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(program)
    )
    if _checked(loaded, "seccomp") > 0:
        raise OSError(errno.EBUSY, f"seccomp: thread {loaded} has a filter of its own")


def _socket_filter(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Return the filter (docs.kernel.org/userspace-api/seccomp_filter.html); jumps count the instructions to pass over."""
    return [
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, machine.architecture),
        # 32-bit calls have other numbers, and nothing of ours makes them.
        (_RETURN, 0, 0, _RETURN_KILL_PROCESS),
        (_LOAD, 0, 0, _AT_CALL),
        (_JUMP_GREATER_EQUAL, 6, 0, _X32_BIT),
        # Which makes sockets where no filter sees it.
        (_JUMP_EQUAL, 5, 0, _IO_URING_SETUP),
        (_JUMP_EQUAL, 1, 0, machine.socket),
        (_JUMP_EQUAL, 0, 2, machine.socketpair),
        (_LOAD, 0, 0, _AT_ARGUMENT),
        (_JUMP_EQUAL, 0, 1, socket.AF_UNIX),
        (_RETURN, 0, 0, _RETURN_ALLOW),
        (_RETURN, 0, 0, _RETURN_ERRNO | errno.EPERM),
    ]


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
        for path in confinement.put:
            _allow_path(ruleset, path, _PUT & handled)
        for path in confinement.own:
            _allow_path(ruleset, path, handled)
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
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rule = _PathBeneath(rights if folder else rights & _FILE_RIGHTS, descriptor)
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


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
