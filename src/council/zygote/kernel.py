"""System calls that Python 3.11 lacks, by ctypes. Each raises OSError. Numbers and flags are those of linux/*.h."""

import ctypes
import os
import signal
import struct

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x02000000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
MOUNT_READ_ONLY, MOUNT_NOSUID, MOUNT_NODEV, MOUNT_NOEXEC = 1, 2, 4, 8
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_SETATTR = 442  # the same on x86-64 and aarch64

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 28, 47, 4
# Root's number gives no capabilities, for good: NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE, each locked.
_SECUREBITS = 0x01 | 0x02 | 0x04 | 0x08 | 0x40 | 0x80
_CAPABILITY_VERSION_3 = 0x20080522
_EINVAL = 22

_CALLS = {
    "x86_64": {"clone": 56, "pivot_root": 155, "seccomp": 317},
    "aarch64": {"clone": 220, "pivot_root": 41, "seccomp": 277},
}
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_NEW_LISTENER = 1, 1 << 3
# _IOWR('!', 0, struct seccomp_notif) and _IOWR('!', 1, struct seccomp_notif_resp) of linux/seccomp.h.
_NOTIFICATION_RECEIVE, _NOTIFICATION_SEND = 0xC0502100, 0xC0182101
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_NOTIFICATION_REPLY = struct.Struct("=QqiI")

_libc = ctypes.CDLL(None, use_errno=True)
# Calls through this one keep the interpreter's lock, as a fork must.
_libc_locked = ctypes.PyDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.c_char_p))


class _MountAttributes(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd"))


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def fork_into_process_namespace() -> int:
    """Fork a child that is process 1 of a new namespace; return 0 in it and its number here.

    By clone(2), since a namespace entered by unshare(2) could not be left again without root. Neither the C library nor
    the interpreter is told: call it with one thread only, and let the child start no thread and send itself no signal.
    """
    pid: int = _libc_locked.syscall(_calls()["clone"], CLONE_NEWPID | signal.SIGCHLD, 0, 0, 0, 0)
    return _checked(pid, "clone")


def fork() -> int:
    """Fork by the C library, without the interpreter's own preparations; return 0 in the child and its number here.

    They are for processes with threads, and to run them copies some two hundred pages. With one thread only.
    """
    return _checked(_libc_locked.fork(), "fork")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    _checked(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()), f"mount {target}")


def bind(source: str, target: str, attributes: int) -> None:
    """Show `source` at `target`, with all that is mounted in it, and add the MOUNT_* attributes to each."""
    mount(source, target, "", MS_BIND | MS_REC)
    set_mount_attributes(target, attributes, recursive=True)


def set_mount_attributes(target: str, attributes: int, *, recursive: bool) -> None:
    """mount_setattr(2): add MOUNT_* attributes to a mount. Needs Linux 5.12."""
    wanted = _MountAttributes(attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    result = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, target.encode(), flags, ctypes.byref(wanted), ctypes.sizeof(wanted)
    )
    _checked(result, f"mount_setattr {target}")


def detach(target: str) -> None:
    """Unmount lazily."""
    _checked(_libc.umount2(target.encode(), _MNT_DETACH), f"umount {target}")


def enter_root(folder: str) -> None:
    """Make a mounted folder the root of this mount namespace and let go of the old one."""
    os.chdir(folder)
    _checked(_libc.syscall(_calls()["pivot_root"], b".", b"."), "pivot_root")
    detach(".")
    os.chdir("/")


def set_host_name(name: str) -> None:
    """Name this UTS namespace."""
    _checked(_libc.sethostname(name.encode(), len(name)), "sethostname")
    _checked(_libc.setdomainname(name.encode(), len(name)), "setdomainname")


def set_parent_death_signal(number: int) -> None:
    """Ask for a signal when the parent ends; lost at each change of user."""
    _prctl(_PR_SET_PDEATHSIG, number)


def set_dumpable(yes: bool) -> None:
    """Let processes of the same user look into this one, or not."""
    _prctl(_PR_SET_DUMPABLE, int(yes))


def close_ways_to_capabilities() -> None:
    """Close every way to a capability that this process has not now: bounding, ambient, by root's number. Inherited."""
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            if ctypes.get_errno() == _EINVAL:
                break  # this kernel has no more
            _checked(-1, "prctl")
    _prctl(_PR_SET_SECUREBITS, _SECUREBITS)


def drop_capabilities() -> None:
    """Give up every capability of this process."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, bytes(24)), "capset")


def forbid_new_privileges() -> None:
    """Let no program that this process starts give it rights."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def load_filter(instructions: bytes, *, listen: bool) -> int:
    """Load a seccomp filter (struct sock_filter, eight bytes each); return the descriptor of its listener, or -1."""
    program = _FilterProgram(len(instructions) // 8, instructions)
    flags = _SECCOMP_FILTER_FLAG_NEW_LISTENER if listen else 0
    result = _checked(
        _libc.syscall(_calls()["seccomp"], _SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(program)), "seccomp"
    )
    return result if listen else -1


def refuse_call(listener: int, error: int) -> int | None:
    """Answer one call that waits at a filter's listener with an errno; return its number, None if its caller went."""
    asked = ctypes.create_string_buffer(_NOTIFICATION.size)
    if _libc.ioctl(listener, _NOTIFICATION_RECEIVE, asked) < 0:
        return None
    identity, _, _, number, *_ = _NOTIFICATION.unpack(asked.raw)
    reply = ctypes.create_string_buffer(_NOTIFICATION_REPLY.pack(identity, 0, -error, 0), _NOTIFICATION_REPLY.size)
    _libc.ioctl(listener, _NOTIFICATION_SEND, reply)
    return int(number)


def _calls() -> dict[str, int]:
    machine = os.uname().machine
    if machine not in _CALLS:
        raise OSError(38, f"no system call numbers for {machine}")
    return _CALLS[machine]


def _prctl(operation: int, argument: int) -> None:
    _checked(_libc.prctl(operation, ctypes.c_ulong(argument), 0, 0, 0), "prctl")


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result
