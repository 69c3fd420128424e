"""What attacks and benign programs are made of, and the words that attacks share. Data only; the tests run it."""

import dataclasses
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from council.domain import sandbox

MIB = 1024 * 1024

# Generous where a test is not about the limit, so that a busy machine changes no verdict. Without a cgroup each process gets
# its share of the memory, so the share must do for ordinary programs.
LIMITS = sandbox.Limits(
    cpu_s=20.0, wall_s=30.0, memory_bytes=2048 * MIB, output_bytes=MIB, files_bytes=32 * MIB, processes=12
)

# Says in a result what is wrong with it; empty if nothing is. `host` is the things a job must not reach (see host.py).
Judge = Callable[[sandbox.Result, Any], str]


@dataclass(frozen=True, slots=True)
class Attack:
    """Code that tries to get out. It prints `BREACH what` if that worked and `HELD why` if not.

    `bites` is True when it must work for an ordinary user without a sandbox; None when that hangs on the machine's
    settings; False when it cannot be shown, with the reason in `why_not`. `may_die`: being ended is as good as `HELD`.
    `alone`: it would end whatever else its user runs, so it is shown only as a user of its own.
    `words` in the code are filled in from the host: `@SECRET_FILE@` and so on.
    """

    name: str
    kind: str
    code: str
    language: str = "python"
    bites: bool | None = True
    why_not: str = ""
    may_die: bool = False
    alone: bool = False
    judge: Judge | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    stdin: bytes = b""
    collect: tuple[str, ...] = ()
    limits: sandbox.Limits = LIMITS

    def job(self, words: Mapping[str, str]) -> sandbox.Job:
        """Return the job with the host's words filled in."""
        code = self.code
        for word, value in words.items():
            code = code.replace(f"@{word}@", value)
        return sandbox.Job(self.language, code, self.stdin, self.files, self.collect, self.limits)


@dataclass(frozen=True, slots=True)
class Benign:
    """An ordinary program and all that must be true of its result. None means: not looked at.

    `stdout_has` are pieces of stdout, `stderr_has` of stderr, `stderr_lacks` must not be there.
    `kinds` names the runners that must run it; empty means all.
    """

    name: str
    code: str
    language: str = "python"
    stdin: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    collect: tuple[str, ...] = ()
    limits: sandbox.Limits = LIMITS
    status: sandbox.Status = sandbox.Status.OK
    exit_code: int | None = 0
    signal: int | None = None
    stdout: bytes | None = None
    stdout_has: tuple[bytes, ...] = ()
    stderr_has: tuple[bytes, ...] = ()
    stderr_lacks: tuple[bytes, ...] = ()
    files_out: Mapping[str, bytes] = field(default_factory=dict)
    needs: str = ""
    kinds: tuple[str, ...] = ()

    def job(self) -> sandbox.Job:
        """Return the job."""
        return sandbox.Job(self.language, self.code, self.stdin, self.files, self.collect, self.limits)


@dataclass(frozen=True, slots=True)
class Bleed:
    """Two jobs, one after the other: what the first leaves, the second must not find (`BREACH`)."""

    name: str
    leave: str
    find: str
    bites: bool | None = True
    why_not: str = ""


def limits(**changes: float) -> sandbox.Limits:
    """Return the generous limits with some of them changed."""
    return dataclasses.replace(LIMITS, **changes)  # type: ignore[arg-type]


# System call numbers: x86-64, then the table that newer architectures share.
_NUMBERS = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "capset": (126, 91),
    "chroot": (161, 51), "clock_adjtime": (305, 266), "clock_settime": (227, 112), "clone": (56, 220),
    "clone3": (435, 435), "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273),
    "fsmount": (432, 432), "fsopen": (430, 430), "get_mempolicy": (239, 236), "init_module": (175, 105),
    "io_setup": (206, 0), "io_uring_setup": (425, 425), "kcmp": (312, 272), "kexec_load": (246, 104),
    "keyctl": (250, 219), "lookup_dcookie": (212, 18), "memfd_create": (319, 279), "mount": (165, 40),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239), "msgget": (68, 186),
    "name_to_handle_at": (303, 264), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265),
    "open_tree": (428, 428), "perf_event_open": (298, 241), "personality": (135, 92), "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pivot_root": (155, 41), "prctl": (157, 167),
    "prlimit64": (302, 261), "process_madvise": (440, 440), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142),
    "request_key": (249, 218), "seccomp": (317, 277), "semget": (64, 190), "setdomainname": (171, 162),
    "setgid": (106, 144), "setgroups": (116, 159), "sethostname": (170, 161), "setns": (308, 268),
    "setresuid": (117, 147), "settimeofday": (164, 170), "setuid": (105, 146), "shmat": (30, 196),
    "shmget": (29, 194), "socket": (41, 198), "swapoff": (168, 225), "swapon": (167, 224), "syslog": (103, 116),
    "tgkill": (234, 131), "umount2": (166, 39), "unshare": (272, 97), "userfaultfd": (323, 282), "vhangup": (153, 58),
    "vmsplice": (278, 75),
}  # fmt: skip

# Each attack is the body of a function: it returns what it won, or raises or returns nothing where it was held.
_PRELUDE = """\
import ctypes, errno, fcntl, glob, mmap, os, platform, resource, select, signal, socket, stat, struct, subprocess, sys
import threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
NUMBERS = {numbers}
COLUMN = 0 if platform.machine() == "x86_64" else 1

def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def raw(number, *words):
    ctypes.set_errno(0)
    return check(libc.syscall(*[word if isinstance(word, (bytes, ctypes._Pointer, ctypes.Array, ctypes.Structure))
                                or not isinstance(word, int) else ctypes.c_long(word) for word in (number, *words)]))

def call(name, *words):
    return raw(NUMBERS[name][COLUMN], *words)

def read(path, size=65536):
    with open(path, "rb") as file:
        return file.read(size)

def write(path, text):
    # Not buffered: a refusal must be seen here.
    number = os.open(path, os.O_WRONLY)
    try:
        return os.write(number, text.encode())
    finally:
        os.close(number)

def child(work):
    '''Run work() in a forked child; return what os.waitpid says.'''
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(99)
    return os.waitpid(pid, 0)[1]

def attack():
{body}

try:
    won = attack()
except (OSError, MemoryError, ValueError, RuntimeError, AttributeError, subprocess.SubprocessError) as error:
    won = None
    print("HELD", type(error).__name__, str(error)[:200], flush=True)
else:
    print("BREACH " + str(won)[:300] if won else "HELD", flush=True)
"""


def python(body: str) -> str:
    """Return the code of an attack from the body of its function."""
    indented = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
    return _PRELUDE.replace("{numbers}", repr(_NUMBERS)).replace("{body}", indented)


def attack(kind: str, name: str, body: str, **rest: Any) -> Attack:
    """Return an attack in Python from the body of its function."""
    return Attack(f"{kind}: {name}", kind, python(body), **rest)


def bash(kind: str, name: str, code: str, **rest: Any) -> Attack:
    """Return an attack in bash; the code prints BREACH or HELD itself."""
    return Attack(f"{kind}: {name}", kind, textwrap.dedent(code).lstrip("\n"), "bash", **rest)


def at_most(kind: str, name: str, body: str, **rest: Any) -> Attack:
    """Return an attack that wants more than its limit: being ended is as good as an error."""
    return attack(kind, name, body, may_die=True, **rest)
