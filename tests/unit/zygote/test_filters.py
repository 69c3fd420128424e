"""The shipped filters, run instruction by instruction for both machines: what a job may call, and what it may never.

The interpreter follows the kernel's for `struct seccomp_data`: call number, architecture, and six arguments of 64 bits.
"""

import ctypes.util
import importlib.util
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from council.serving.sandbox import recorder
from council.zygote import filters

TOOL = Path(__file__).parents[3] / "tools/seccomp_filters.py"
FOLDER = Path(filters.__file__).parent / "calls"

ALLOW, WATCH, NO_SUCH_CALL, KILL = 0x7FFF0000, 0x7FC00000, 0x00050026, 0x80000000

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386, ARM, S390 = 0x40000003, 0x40000028, 0x80000016
HIGH = 1 << 32

# Number of each call on (x86-64, aarch64), None where the machine has none. Of the kernel's syscall tables.
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # what a job is made of
    "read": (0, 63), "write": (1, 64), "openat": (257, 56), "open": (2, None), "close": (3, 57), "mmap": (9, 222),
    "brk": (12, 214), "execve": (59, 221), "exit_group": (231, 94), "fork": (57, None), "vfork": (58, None),
    "wait4": (61, 260), "kill": (62, 129), "futex": (202, 98), "pipe2": (293, 59), "getrandom": (318, 278),
    "rt_sigaction": (13, 134), "rt_sigreturn": (15, 139), "clock_gettime": (228, 113), "nanosleep": (35, 101),
    "sendmsg": (46, 211), "recvmsg": (47, 212), "epoll_pwait": (281, 22), "setrlimit": (160, 164), "unlinkat": (263, 35),
    # network
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "bind": (49, 200), "listen": (50, 201),
    "accept4": (288, 242), "socketpair": (53, 199),
    # mounts and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "open_tree": (428, 428),
    "move_mount": (429, 429), "mount_setattr": (442, 442), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "swapon": (167, 224), "clone": (56, 220), "clone3": (435, 435),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    # the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "reboot": (169, 142), "syslog": (103, 116),
    "fanotify_init": (300, 262), "landlock_create_ruleset": (444, 444), "seccomp": (317, 277), "personality": (135, 92),
    "sethostname": (170, 161), "acct": (163, 89), "quotactl": (179, 60),
    # keys, clocks, rights, devices, memory
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171), "setuid": (105, 146),
    "setgid": (106, 144), "setreuid": (113, 145), "setresuid": (117, 147), "setgroups": (116, 159), "setfsuid": (122, 151),
    "capset": (126, 91), "iopl": (172, None), "ioperm": (173, None), "setpriority": (141, 140),
    "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122), "prlimit64": (302, 261), "mknod": (133, None),
    "mknodat": (259, 33), "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "mlock": (149, 228),
    "mlockall": (151, 230), "ioctl": (16, 29), "prctl": (157, 167), "modify_ldt": (154, None),
    "nfsservctl": (180, 42), "uselib": (134, None), "_sysctl": (156, None), "create_module": (174, None),
    "vhangup": (153, 58), "migrate_pages": (256, 238), "move_pages": (279, 239), "mbind": (237, 235),
    "set_mempolicy": (238, 237), "remap_file_pages": (216, 234), "pkey_alloc": (330, 289), "cachestat": (451, 451),
    "lsm_set_self_attr": (460, 460), "statmount": (457, 457), "listmount": (458, 458), "uretprobe": (335, None),
    "map_shadow_stack": (453, 453), "inotify_init1": (294, 26), "io_setup": (206, 0), "io_submit": (209, 2),
    "setxattr": (188, 5), "fsetxattr": (190, 7), "open_tree_attr": (467, 467),
}  # fmt: skip

BENIGN = [
    *(
        "read",
        "write",
        "openat",
        "open",
        "close",
        "mmap",
        "brk",
        "execve",
        "exit_group",
        "fork",
        "vfork",
        "wait4",
        "kill",
    ),
    *(
        "futex",
        "pipe2",
        "getrandom",
        "rt_sigaction",
        "rt_sigreturn",
        "clock_gettime",
        "nanosleep",
        "sendmsg",
        "recvmsg",
    ),
    *("epoll_pwait", "setrlimit", "unlinkat"),
]
# Allowed with some arguments only, or answered as if it were not there.
DEPENDS = {
    *("socketpair", "clone", "clone3", "ioctl", "prctl", "prlimit64", "sched_setaffinity", "personality", "mknod"),
    "mknodat",
}
NEVER = [name for name in NUMBERS if name not in DEPENDS and name not in BENIGN]
MACHINES = list(ARCHITECTURES)


def number(machine: str, name: str) -> int | None:
    return NUMBERS[name][MACHINES.index(machine)]


def run(machine: str, call: int, *arguments: int, architecture: int | None = None) -> int:
    """Return what the filter of a machine says to a call."""
    raw = (FOLDER / f"{machine}.bpf").read_bytes()
    program = list(struct.iter_unpack("<HBBI", raw))
    sixfold = [*arguments, *[0] * (6 - len(arguments))]
    tag = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", call & 0xFFFFFFFF, tag, 0x7FFF12345678, *[one & (1 << 64) - 1 for one in sixfold])
    accumulator = place = 0
    for _ in program:
        code, yes, no, k = program[place]
        place += 1
        if code == 0x06:  # return
            return int(k)
        if code == 0x20:  # load a word
            assert k % 4 == 0
            (accumulator,) = struct.unpack_from("<I", data, k)
        elif code == 0x54:  # and
            accumulator &= k
        elif code == 0x05:  # jump
            place += k
        else:
            holds = {0x15: accumulator == k, 0x25: accumulator > k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}
            place += yes if holds[code] else no
    raise AssertionError("the filter came to no end")


def said(machine: str, name: str, *arguments: int) -> int:
    known = number(machine, name)
    assert known is not None
    return run(machine, known, *arguments)


# What ships


def test_the_shipped_bytes_are_what_the_policy_compiles_to() -> None:
    if ctypes.util.find_library("seccomp") is None:
        pytest.skip(
            "libseccomp is not installed; `sudo apt-get install libseccomp2` to compare the policy with the bytes"
        )
    checked = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_this_machine_has_its_filter() -> None:
    assert filters.instructions() == (FOLDER / f"{os.uname().machine}.bpf").read_bytes()


@pytest.mark.parametrize("machine", MACHINES)
def test_each_refused_call_has_a_class_that_the_metrics_know(machine: str) -> None:
    classes: dict[str, str] = json.loads((FOLDER / f"{machine}.json").read_text())
    assert set(classes.values()) <= recorder.BLOCKED_CLASSES - {"other"}
    # A call with a class that is allowed whatever its arguments would be in both lists.
    never_refused = [
        known
        for known in classes
        if all(run(machine, int(known), *[value] * 6) == ALLOW for value in (0, 1, 0xFFFFFFFF))
    ]
    assert not never_refused


def test_what_has_no_class_is_counted_as_other() -> None:
    assert filters.class_of(100_000) == "other"
    assert filters.class_of(-1) == "other"


@pytest.mark.parametrize("machine", MACHINES)
def test_every_instruction_leads_to_an_answer_that_is_known(machine: str) -> None:
    answers = {run(machine, call, *[argument] * 6) for call in range(600) for argument in (0, 1, 0x5412)}
    assert answers == {ALLOW, WATCH, NO_SUCH_CALL}


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_newer_than_the_policy_are_refused(machine: str) -> None:
    assert {run(machine, call) for call in range(463, 2000)} == {WATCH}


# Calls


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", BENIGN)
def test_what_programs_are_made_of_is_allowed(machine: str, name: str) -> None:
    if number(machine, name) is not None:
        assert said(machine, name) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", NEVER)
def test_a_dangerous_call_is_never_allowed_whatever_its_arguments(machine: str, name: str) -> None:
    if number(machine, name) is None:
        return
    for value in (0, 1, 2, 0x5401, 0x8000, 0xFFFFFFFF, HIGH, HIGH | 1, (1 << 64) - 1):
        assert said(machine, name, *[value] * 6) == WATCH, hex(value)


@pytest.mark.parametrize("machine", MACHINES)
def test_clone3_is_not_there_so_that_libraries_use_clone(machine: str) -> None:
    assert said(machine, "clone3", 0, 0) == NO_SUCH_CALL


# Arguments. The kernel looks at 32 bits of each of these, so the high half must neither open nor matter.

_PTHREAD, _FORK = 0x3D0F00, 0x1200011
_NAMESPACES = [0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[("clone", (flags,)) for flags in (_PTHREAD, _FORK, 17)],
        ("socketpair", (1, 1, 0)),
        ("socketpair", (HIGH | 1, 1, 0)),
        *[("ioctl", (1, request)) for request in (0x5401, 0x5413, 0x541B, 0x5421, 0x5451, 0x5450, 0x802C542A)],
        ("ioctl", (1, HIGH | 0x5401)),
        *[("prctl", (operation,)) for operation in (1, 3, 15, 16, 38, 39, 0x53564D41)],
        ("prlimit64", (0, 7)),
        ("sched_setaffinity", (0, 8)),
        ("personality", (0xFFFFFFFF,)),
        ("personality", ((1 << 64) - 1,)),
        *[("mknodat", (0xFFFFFF9C, 0, kind | 0o644)) for kind in (0, 0o100000, 0o010000)],
    ],
)
def test_a_harmless_use_is_allowed(machine: str, name: str, arguments: tuple[int, ...]) -> None:
    assert said(machine, name, *arguments) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("high", [0, HIGH, 0xFFFFFFFF << 32])
@pytest.mark.parametrize(
    ("name", "arguments", "place"),
    [
        *[("clone", (flag | base,), 0) for flag in _NAMESPACES for base in (17, _PTHREAD)],
        *[("socketpair", (family, 1, 0), 0) for family in (0, 2, 3, 10, 16, 17, 38, 40, 0x10001, 0x80000001)],
        # TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS, TIOCSCTTY, TCSETS, TIOCNOTTY, FS_IOC_SETFLAGS, FICLONE, TUNSETIFF,
        # LOOP_SET_FD, and numbers that hold an allowed one.
        *[
            ("ioctl", (0, request), 1)
            for request in (0x5412, 0x541C, 0x5423, 0x541D, 0x540E, 0x5402, 0x5422, 0x40086602, 0x40049409, 0x400454CA)
        ],
        *[("ioctl", (0, request), 1) for request in (0x4C00, 0x15401, 0x80005401, 0xC0502100, 0)],
        # DUMPABLE, SECUREBITS, KEEPCAPS, MM, PTRACER, SUBREAPER, SPECULATION, SECCOMP, CAPBSET_DROP, AMBIENT.
        *[("prctl", (operation,), 0) for operation in (4, 28, 8, 35, 0x59616D61, 36, 53, 22, 24, 47, 0x10001)],
        *[("prlimit64", (pid, 7), 0) for pid in (1, 2, 0xFFFFFFFF, 0x80000000)],
        *[("sched_setaffinity", (pid,), 0) for pid in (1, 0xFFFFFFFF)],
        *[("personality", (value,), 0) for value in (0, 0x40000, 8, 0xFFFFFFFE)],
        *[("mknodat", (0, 0, kind | 0o666), 2) for kind in (0o020000, 0o060000, 0o140000, 0o040000, 0o120000)],
    ],
)
def test_a_dangerous_use_is_refused_whatever_the_high_half(
    machine: str, high: int, name: str, arguments: tuple[int, ...], place: int
) -> None:
    tricked = [value | high if at == place else value for at, value in enumerate(arguments)]
    assert said(machine, name, *tricked) == WATCH


@pytest.mark.parametrize("kind", [0o020000, 0o060000])
def test_the_older_call_makes_no_devices_either(kind: int) -> None:
    assert run("x86_64", 133, 0, kind | 0o666) == WATCH
    assert run("x86_64", 133, 0, 0o100644) == ALLOW


# Other numbers of the same kernel


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("architecture", [I386, ARM, S390, 0, 0xFFFFFFFF])
def test_calls_by_another_architecture_end_the_job(machine: str, architecture: int) -> None:
    for call in (0, 1, 11, 56, 59, 102, 220):
        assert run(machine, call, architecture=architecture) == KILL


@pytest.mark.parametrize(("machine", "other"), [("x86_64", "aarch64"), ("aarch64", "x86_64")])
def test_a_machine_does_not_take_the_other_ones_calls(machine: str, other: str) -> None:
    assert run(machine, 0, architecture=ARCHITECTURES[other]) == KILL


def test_x32_calls_end_the_job() -> None:
    for call in (*range(512), *range(512, 548), 0x3FFFFFFE):
        assert run("x86_64", 0x40000000 | call) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_below_zero_are_never_allowed(machine: str) -> None:
    for call in (-1, -2, 0x80000000, 0x80000001, 0xFFFFFFFE):
        assert run(machine, call) in {WATCH, KILL}


def test_the_tables_of_calls_agree_with_the_policy_where_both_name_a_number(tool: Any) -> None:
    for machine in MACHINES:
        classes: dict[str, str] = json.loads((FOLDER / f"{machine}.json").read_text())
        for name in NUMBERS:
            kind = next((kind for kind, names in tool.CLASSES.items() if name in names.split()), None)
            known = number(machine, name)
            if kind is not None and known is not None:
                assert classes.get(str(known), kind) == kind, name


def test_no_call_is_both_allowed_and_refused(tool: Any) -> None:
    refused = {name for names in tool.CLASSES.values() for name in names.split()}
    assert not refused & set(tool.ALLOWED)
    assert not {name for name, *_ in tool.CONDITIONS} & set(tool.ALLOWED)
    assert {name for name, *_ in tool.CONDITIONS} <= refused, "a use that is refused has no class"
    assert len(tool.ALLOWED) == len(set(tool.ALLOWED))


@pytest.fixture
def tool() -> Any:
    specification = importlib.util.spec_from_file_location("seccomp_filters", TOOL)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
