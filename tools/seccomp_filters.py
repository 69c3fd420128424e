"""Compiles the sandbox's system call policy into the filters that ship: `src/council/zygote/calls/<machine>.{bpf,json}`.

The policy stands here, in names; libseccomp turns it into instructions for each machine. `--check` compares instead of
writing. A call is allowed, or put before the sandbox's keeper, who refuses it with EPERM and counts it under a class.

    .venv/bin/python tools/seccomp_filters.py [--check]
"""

import ctypes
import ctypes.util
import errno
import json
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "src/council/zygote/calls"

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

ALLOWED = """
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range
    open openat openat2 creat access faccessat faccessat2 stat fstat lstat newfstatat statx statfs fstatfs
    readlink readlinkat getdents getdents64 getcwd chdir fchdir umask
    mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat
    truncate ftruncate fallocate fadvise64 readahead copy_file_range sendfile fsync fdatasync sync_file_range
    getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr flock
    dup dup2 dup3 fcntl pipe pipe2 poll ppoll select pselect6
    epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 epoll_ctl_old epoll_wait_old
    eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
    sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown getsockname getpeername getsockopt
    mmap munmap mremap mprotect madvise brk msync
    fork vfork execve execveat exit exit_group wait4 waitid
    kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo
    rt_tgsigqueueinfo rt_sigsuspend sigaltstack pause restart_syscall
    getpid getppid gettid getpgid getpgrp setpgid getsid setsid getuid geteuid getgid getegid getresuid getresgid
    getgroups capget pidfd_open pidfd_send_signal
    futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list get_robust_list set_tid_address rseq membarrier
    sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_getattr sched_get_priority_max
    sched_get_priority_min sched_rr_get_interval getpriority getcpu
    nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times alarm getitimer setitimer
    timer_create timer_settime timer_gettime timer_getoverrun timer_delete
    getrlimit setrlimit getrusage uname sysinfo getrandom arch_prctl
""".split()

# Names for what is refused; what is in none is counted as `other`.
CLASSES = {
    "network": "socket socketpair connect bind listen accept accept4 setsockopt",
    "mount": (
        "mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr "
        "swapon swapoff quotactl quotactl_fd name_to_handle_at open_by_handle_at"
    ),
    "namespace": "clone unshare setns",
    "trace": "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease",
    "kernel": (
        "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register init_module finit_module "
        "delete_module kexec_load kexec_file_load reboot syslog acct lookup_dcookie fanotify_init fanotify_mark "
        "landlock_create_ruleset seccomp personality sync vhangup sethostname setdomainname"
    ),
    "keyring": "add_key request_key keyctl",
    "clock": "settimeofday clock_settime clock_adjtime adjtimex",
    "privilege": (
        "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset iopl ioperm "
        "setpriority sched_setaffinity sched_setscheduler sched_setparam sched_setattr ioprio_set prlimit64"
    ),
    "device": "mknod mknodat",
    "memory": "memfd_create memfd_secret shmget shmat msgget semget mq_open mlock mlockall mlock2",
    "terminal": "ioctl",
    "foreign": "prctl modify_ldt",
}

_NEW_NAMESPACES = 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x20000
_EQUAL, _MASKED_EQUAL = 4, 7
_WORD = 0xFFFFFFFF
# TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS2: asking, and what descriptors' flags need.
_IOCTLS = (0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5451, 0x5450, 0x802C542A)
# PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS,
# PR_SET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_SET_VMA.
_PRCTLS = (1, 2, 3, 15, 16, 23, 39, 38, 21, 0x53564D41)
_FILE_TYPE, _REGULAR, _FIFO = 0o170000, 0o100000, 0o010000

# (call, argument, comparison, value or mask, value under the mask): allowed where it holds.
CONDITIONS = (
    [("clone", 0, _MASKED_EQUAL, _NEW_NAMESPACES, 0)]
    + [("socketpair", 0, _MASKED_EQUAL, _WORD, 1)]  # AF_UNIX
    + [("ioctl", 1, _MASKED_EQUAL, _WORD, request) for request in _IOCTLS]
    + [("prctl", 0, _MASKED_EQUAL, _WORD, operation) for operation in _PRCTLS]
    + [("prlimit64", 0, _MASKED_EQUAL, _WORD, 0)]  # of itself
    + [("sched_setaffinity", 0, _MASKED_EQUAL, _WORD, 0)]
    + [("personality", 0, _MASKED_EQUAL, _WORD, _WORD)]  # asking
    + [("mknod", 1, _MASKED_EQUAL, _FILE_TYPE, kind) for kind in (0, _REGULAR, _FIFO)]
    + [("mknodat", 2, _MASKED_EQUAL, _FILE_TYPE, kind) for kind in (0, _REGULAR, _FIFO)]
)

_ALLOW, _NOTIFY, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x7FC00000, 0x00050000, 0x80000000
_BAD_ARCHITECTURE, _OPTIMIZE, _TREE = 2, 8, 2


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def compiled(machine: str) -> tuple[bytes, dict[str, str]]:
    """Return the instructions of one machine, and the class of each watched call by number."""
    library = _library()
    context = library.seccomp_init(_NOTIFY)
    assert context, "seccomp_init"
    token = MACHINES[machine]
    native = library.seccomp_arch_native()
    if token != native:
        _checked(library.seccomp_arch_add(context, token))
        _checked(library.seccomp_arch_remove(context, native))
    _checked(library.seccomp_attr_set(context, _BAD_ARCHITECTURE, _KILL_PROCESS))
    _checked(library.seccomp_attr_set(context, _OPTIMIZE, _TREE))

    def number(name: str) -> int:
        found: int = library.seccomp_syscall_resolve_name_arch(token, name.encode())
        return found

    def rule(action: int, name: str, *comparisons: _Comparison) -> None:
        # Below zero: that machine has no such call, or it is newer than the library and refused like all that is unknown.
        if number(name) >= 0:
            # The library takes the number that the call has here, and finds the other machine's by itself.
            here = library.seccomp_syscall_resolve_name(name.encode())
            array = (_Comparison * max(1, len(comparisons)))(*comparisons)
            _checked(library.seccomp_rule_add_array(context, action, here, len(comparisons), array))

    for name in ALLOWED:
        rule(_ALLOW, name)
    # glibc falls back to clone, whose flags can be looked at.
    rule(_ERRNO | errno.ENOSYS, "clone3")
    for name, argument, operation, a, b in CONDITIONS:
        rule(_ALLOW, name, _Comparison(argument, operation, a, b))
    named = ((number(name), kind) for kind, names in CLASSES.items() for name in names.split())
    return _exported(library, context), {str(known): kind for known, kind in named if known >= 0}


def _exported(library: ctypes.CDLL, context: int) -> bytes:
    with tempfile.TemporaryFile() as file:
        _checked(library.seccomp_export_bpf(context, file.fileno()))
        file.seek(0)
        instructions = file.read()
    library.seccomp_release(context)
    return instructions


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("seccomp")
    if name is None:
        raise SystemExit("libseccomp is missing. Install it with `sudo apt-get install libseccomp2`.")
    library = ctypes.CDLL(name)
    library.seccomp_init.restype = ctypes.c_void_p
    for function in ("seccomp_arch_add", "seccomp_arch_remove", "seccomp_attr_set", "seccomp_rule_add_array"):
        getattr(library, function).argtypes = None
    library.seccomp_arch_native.restype = ctypes.c_uint32
    pointer, word = ctypes.c_void_p, ctypes.c_uint32
    library.seccomp_arch_add.argtypes = (pointer, word)
    library.seccomp_arch_remove.argtypes = (pointer, word)
    library.seccomp_attr_set.argtypes = (pointer, ctypes.c_int, word)
    library.seccomp_rule_add_array.argtypes = (pointer, word, ctypes.c_int, ctypes.c_uint, pointer)
    library.seccomp_syscall_resolve_name.argtypes = (ctypes.c_char_p,)
    library.seccomp_syscall_resolve_name_arch.argtypes = (word, ctypes.c_char_p)
    library.seccomp_export_bpf.argtypes = (pointer, ctypes.c_int)
    library.seccomp_release.argtypes = (pointer,)
    return library


def _checked(result: int) -> None:
    if result < 0:
        raise SystemExit(f"libseccomp refused: error {-result}")


def main() -> int:
    """Write the filters, or compare them."""
    check = "--check" in sys.argv[1:]
    FOLDER.mkdir(exist_ok=True)
    for machine in MACHINES:
        instructions, classes = compiled(machine)
        table = json.dumps(classes, indent=0, sort_keys=True) + "\n"
        bytes_file, table_file = FOLDER / f"{machine}.bpf", FOLDER / f"{machine}.json"
        if not check:
            bytes_file.write_bytes(instructions)
            table_file.write_text(table)
        elif bytes_file.read_bytes() != instructions or table_file.read_text() != table:
            print(f"{bytes_file.name} is not what the policy says. Run `{sys.executable} {sys.argv[0]}`.")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
