"""Attacks on the kernel and on privilege: system calls that untrusted code has no use for."""

import time
from typing import Any

from council.domain import sandbox
from sandbox.programs import Attack, attack, bash

_CAPABLE = "needs a capability that no ordinary user has"

TRACING: list[Attack] = [
    attack("tracing", "ptrace of a child", """
        pid = os.fork()
        if pid == 0:
            time.sleep(20)
            os._exit(0)
        try:
            call("ptrace", 16, pid, 0, 0)
            return "attached"
        finally:
            os.kill(pid, signal.SIGKILL)
    """),
    attack("tracing", "being traced by the parent", "return call('ptrace', 0, 0, 0, 0) == 0 and 'traced'"),
    attack("tracing", "ptrace of a process of the host", """
        return call("ptrace", 0x4206, @VICTIM@, 0, 0) == 0 and "seized"
    """, bites=None),
    attack("tracing", "ptrace of the first process", """
        return call("ptrace", 0x4206, 1, 0, 0) == 0 and "seized"
    """, bites=False, why_not=_CAPABLE),
    attack("tracing", "reading the memory of a process", """
        found = []
        source = ctypes.create_string_buffer(b"there")
        taken = ctypes.create_string_buffer(8)
        pid = os.fork()
        if pid == 0:
            time.sleep(20)
            os._exit(0)
        try:
            local = struct.pack("QQ", ctypes.addressof(taken), 6)
            remote = struct.pack("QQ", ctypes.addressof(source), 6)
            call("process_vm_readv", pid, local, 1, remote, 1, 0)
            return taken.value
        finally:
            os.kill(pid, signal.SIGKILL)
    """),
    attack("tracing", "writing the memory of a process", """
        target = ctypes.create_string_buffer(8)
        vector = struct.pack("QQ", ctypes.addressof(target), 6)
        return call("process_vm_writev", os.getpid(), vector, 1, vector, 1, 0) and "written"
    """),
    attack("tracing", "a descriptor of another process", """
        pid = os.fork()
        if pid == 0:
            time.sleep(20)
            os._exit(0)
        try:
            return f"descriptor {call('pidfd_getfd', os.pidfd_open(pid), 0, 0)}"
        finally:
            os.kill(pid, signal.SIGKILL)
    """),
    attack("tracing", "a descriptor of the first process", """
        return f"descriptor {call('pidfd_getfd', os.pidfd_open(1), 0, 0)}"
    """, bites=False, why_not=_CAPABLE),
    attack("tracing", "comparing kernel objects", """
        return call("kcmp", os.getpid(), os.getpid(), 0, 0, 0) == 0 and "compared"
    """),
]  # fmt: skip

KEYRINGS: list[Attack] = [
    attack("keyrings", "a key in the session's ring", """
        return f"key {call('add_key', b'user', b'council-probe', b'x', 1, ctypes.c_int(-3))}"
    """),
    attack("keyrings", "a key in the user's ring", """
        return f"key {call('add_key', b'user', b'council-probe', b'x', 1, ctypes.c_int(-4))}"
    """, bites=None),
    attack("keyrings", "joining a session's ring", """
        return f"ring {call('keyctl', 1, b'council-probe')}"
    """),
    attack("keyrings", "asking the host for a key", """
        return f"key {call('request_key', b'user', b'council-probe', b'x', 0)}"
    """, bites=False, why_not="there is none to be found"),
]  # fmt: skip

_MOUNTS = {
    "mount of a tmpfs": 'call("mount", b"none", b"/tmp", b"tmpfs", 0, 0)',
    "mount of /proc": 'call("mount", b"none", b"/proc", b"proc", 0, 0)',
    "a bind mount": 'call("mount", b"/etc", b"/tmp", 0, 4096, 0)',
    "making the root writable": 'call("mount", 0, b"/", 0, 32 | 4096, 0)',
    "unmounting /proc": 'call("umount2", b"/proc", 2)',
    "unmounting the root": 'call("umount2", b"/", 2)',
    "pivot_root": 'call("pivot_root", b".", b".")',
    "fsopen": 'call("fsopen", b"tmpfs", 0)',
    "open_tree as a clone": 'call("open_tree", -100, b"/", 1)',
    "mount_setattr": 'call("mount_setattr", -100, b"/", 0, struct.pack("QQQQ", 0, 1, 0, 0), 32)',
    "chroot": 'call("chroot", b"/tmp")',
}

MOUNTS: list[Attack] = [
    attack("mounts", name, f"return {code} >= 0 and 'done'", bites=False, why_not=_CAPABLE)
    for name, code in _MOUNTS.items()
]

_NAMESPACES = {
    "user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x8000000, "uts": 0x4000000,
    "cgroup": 0x2000000, "time": 0x80,
}  # fmt: skip

NAMESPACES: list[Attack] = [
    *[
        attack("namespaces", f"unshare of {name}", f"return call('unshare', {flag}) == 0 and 'unshared'",
               bites=None if name == "user" else False, why_not="" if name == "user" else _CAPABLE)
        for name, flag in _NAMESPACES.items()
    ],
    *[
        attack("namespaces", f"clone into a new {name} namespace", f"""
            pid = call("clone", {flag} | signal.SIGCHLD, 0, 0, 0, 0)
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
            return "cloned"
        """, bites=None if name == "user" else False, why_not="" if name == "user" else _CAPABLE)
        for name, flag in _NAMESPACES.items() if name != "time"
    ],
    attack("namespaces", "clone3, whose flags no filter can see", """
        words = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
        pid = call("clone3", words, 88)
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        return "cloned"
    """, bites=None),
    attack("namespaces", "a user namespace and a mount in it", """
        call("unshare", 0x10000000 | 0x20000)
        call("mount", b"none", b"/", 0, 16384 | 262144, 0)
        call("mount", b"none", b"/tmp", b"tmpfs", 0, 0)
        return "mounted"
    """, bites=None),
    *[
        attack("namespaces", f"joining the {name} namespace of the first process", f"""
            return call("setns", os.open("/proc/1/ns/{name}", os.O_RDONLY), 0) == 0 and "joined"
        """, bites=False, why_not=_CAPABLE)
        for name in ("user", "mnt", "net", "pid")
    ],
    attack("namespaces", "joining by a pidfd", """
        return call("setns", os.pidfd_open(1), 0x20000) == 0 and "joined"
    """, bites=False, why_not=_CAPABLE),
    attack("namespaces", "its user namespace is the host's", """
        return "0          0 4294967295" in read("/proc/self/uid_map").decode() and "all uids of the host are mapped"
    """, bites=None),
    attack("namespaces", "uid 0 of the host is mapped in", """
        rows = [[int(word) for word in line.split()] for line in read("/proc/self/uid_map").decode().splitlines()]
        return [row for row in rows if row[1] == 0]
    """, bites=None),
    bash("namespaces", "unshare the program", """
        if unshare -Ur true 2>/dev/null; then echo BREACH; else echo HELD; fi
    """, bites=None),
]  # fmt: skip

CALLS: list[Attack] = [
    attack("calls", "bpf: a map", """
        return f"descriptor {call('bpf', 0, struct.pack('IIIII', 1, 4, 4, 1, 0) + bytes(100), 120)}"
    """, bites=None),
    attack("calls", "bpf: a socket filter", """
        code = struct.pack("BBhi", 0xb7, 0, 0, 0) + struct.pack("BBhi", 0x95, 0, 0, 0)
        program, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
        words = struct.pack("IIQQ", 1, 2, ctypes.addressof(program), ctypes.addressof(licence)) + bytes(100)
        return f"descriptor {call('bpf', 5, words, len(words))}"
    """, bites=None),
    attack("calls", "perf_event_open", """
        words = struct.pack("IIQQQQQ", 1, 120, 1, 0, 0, 0, 0x60) + bytes(80)
        return f"descriptor {call('perf_event_open', words, 0, -1, -1, 0)}"
    """, bites=None),
    attack("calls", "io_uring", """
        return f"descriptor {call('io_uring_setup', 4, ctypes.create_string_buffer(120))}"
    """, bites=None),
    attack("calls", "userfaultfd", "return f\"descriptor {call('userfaultfd', 1)}\"", bites=None),
    attack("calls", "fanotify", "return f\"descriptor {call('fanotify_init', 0x200, 0)}\"", bites=None),
    attack("calls", "file handles", """
        handle = ctypes.create_string_buffer(struct.pack("II", 128, 0) + bytes(128))
        mount = ctypes.c_int()
        return call("name_to_handle_at", -100, b"/usr", handle, ctypes.byref(mount), 0) == 0 and "handle"
    """, bites=None),
    *[
        attack("calls", name, f"return {code} >= 0 and 'done'", bites=False, why_not=_CAPABLE)
        for name, code in {
            "loading a module": 'call("init_module", b"x", 1, b"")',
            "loading a module by descriptor": 'call("finit_module", 0, b"", 0)',
            "removing a module": 'call("delete_module", b"loop", 0)',
            "loading a kernel": 'call("kexec_load", 0, 0, 0, 0)',
            "stopping the machine": 'call("reboot", 0xfee1dead, 672274793, 0, 0)',  # switches Ctrl-Alt-Del off, no more
            "swap": 'call("swapon", b"/dev/null", 0)',
            "accounting": 'call("acct", 0)',
            "quotas": 'call("quotactl", 0x800001, b"/dev/vda", 0, 0)',
            "the host's name": 'call("sethostname", b"council-probe", 13)',
            "the host's domain": 'call("setdomainname", b"council-probe", 13)',
            "hanging up the terminal": 'call("vhangup")',
            "cookies of files": 'call("lookup_dcookie", 1, ctypes.create_string_buffer(10), 10)',
        }.items()
    ],
    attack("calls", "a seccomp listener", """
        code = struct.pack("HBBI", 6, 0, 0, 0x7fff0000)
        program = ctypes.create_string_buffer(code)
        call("prctl", 38, 1, 0, 0, 0)
        return f"descriptor {call('seccomp', 1, 8, struct.pack('HxxxxxxQ', 1, ctypes.addressof(program)))}"
    """, bites=None),
    attack("calls", "another personality", """
        return call("personality", 0x0040000) >= 0 and call("personality", 0xffffffff) & 0x40000 and "no random addresses"
    """),
    attack("calls", "moving its code in memory (PR_SET_MM)", """
        return call("prctl", 35, 1, 0, 0, 0) == 0 and "moved"
    """, bites=False, why_not=_CAPABLE),
    attack("calls", "new privileges again", """
        call("prctl", 38, 0, 0, 0, 0)
        return call("prctl", 39, 0, 0, 0, 0) == 0 and "may gain privileges"
    """, bites=False, why_not="prctl knows no way back; PR_GET_NO_NEW_PRIVS tells of a sandbox without it"),
    attack("calls", "new privileges are possible", """
        return call("prctl", 39, 0, 0, 0, 0) == 0 and "no_new_privs is not set"
    """),
    attack("calls", "secure computing is off", """
        return b"Seccomp:\\t0" in read("/proc/self/status") and "no filter"
    """),
    attack("calls", "other processes' memory plans", """
        return call("move_pages", 1, 0, 0, 0, 0, 0) == 0 and "looked"
    """, bites=False, why_not=_CAPABLE),
]  # fmt: skip

# mov eax, 20 (getpid of the 32-bit table); int 0x80; ret - and the 64-bit getpid with the x32 bit.
FOREIGN: list[Attack] = [
    attack("foreign calls", "the 32-bit gate of x86", """
        if platform.machine() != "x86_64":
            return None
        memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        memory.write(b"\\x53\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\x5b\\xc3")
        run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
        return run() == os.getpid() and "32-bit getpid was answered"
    """, bites=None, may_die=True),
    attack("foreign calls", "a 32-bit socket", """
        if platform.machine() != "x86_64":
            return None
        memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        # push rbx; mov eax, 359; mov ebx, 2; mov ecx, 2; xor edx, edx; int 0x80; pop rbx; ret
        memory.write(bytes.fromhex("53b867010000bb02000000b90200000031d2cd805bc3"))
        run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
        number = run()
        return number >= 0 and f"descriptor {number}"
    """, bites=None, may_die=True),
    attack("foreign calls", "x32 numbers", """
        return raw(0x40000000 | 39) > 0 and "x32 getpid was answered"
    """, bites=None, may_die=True),
    attack("foreign calls", "numbers out of range", """
        return [number for number in (600, 1000, 100000, -1, 2**31 - 1) if raw(number) >= 0]
    """, bites=False, why_not="no kernel answers them", may_die=True),
]  # fmt: skip

PRIVILEGE: list[Attack] = [
    *[
        attack("privilege", name, f"return {code} == 0 and os.getresuid()", bites=False, why_not=_CAPABLE)
        for name, code in {
            "setuid(0)": 'call("setuid", 0)',
            "setresuid(0, 0, 0)": 'call("setresuid", 0, 0, 0)',
            "setgid(0)": 'call("setgid", 0)',
            "setgroups([0])": 'call("setgroups", 1, struct.pack("I", 0))',
            "a capability back": 'call("capset", struct.pack("II", 0x20080522, 0), struct.pack("I", 0xffffffff) * 6)',
            "an ambient capability": 'call("prctl", 47, 2, 21, 0, 0)',
        }.items()
    ],
    attack("privilege", "capabilities it has", """
        return [line for line in read("/proc/self/status").decode().splitlines()
                if line.startswith(("CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd")) and int(line.split()[1], 16)]
    """),
    attack("privilege", "running as root of the host", """
        outside = [int(line.split()[1]) for line in read("/proc/self/uid_map").decode().splitlines()]
        return os.getuid() == 0 and 0 in outside and "uid 0"
    """, bites=False, why_not="tests never run attacks as root"),
    attack("privilege", "groups of the service", """
        return [group for group in os.getgroups() if group == 0]
    """, bites=False, why_not="attacks are shown without groups"),
    *[
        attack("privilege", f"the setuid program {program[0]}", f"""
            if not os.path.exists("{program[0]}"):
                return None
            done = subprocess.run({program!r}, stdin=-3, capture_output=True, timeout=10)
            return done.returncode == 0 and "did " + repr(done.stdout)
        """, bites=False, why_not="asks for a password or for root")
        for program in (["/bin/su", "-c", "id"], ["/usr/bin/sudo", "-n", "id"], ["/bin/mount", "-t", "tmpfs", "x", "/tmp"],
                        ["/usr/bin/pkexec", "id"], ["/usr/bin/newgrp", "root"])
    ],
    attack("privilege", "firejail in the sandbox", """
        done = subprocess.run(["/usr/bin/firejail", "--quiet", "--noprofile", "true"], stdin=-3, capture_output=True)
        return done.returncode == 0 and "ran"
    """, bites=False, why_not="refuses users without a home"),
    attack("privilege", "a setuid program gains its owner's rights", """
        done = subprocess.run(["/usr/bin/chsh", "--help"], stdin=-3, capture_output=True)
        for mount in read("/proc/self/mountinfo").decode().splitlines():
            fields = mount.split()
            if fields[4] in ("/", "/usr") and "nosuid" in fields[5]:
                return None
        return call("prctl", 39, 0, 0, 0, 0) == 0 and "setuid programs work"
    """, bites=None),
    attack("privilege", "a setuid file of its own", """
        open("mine", "w").close()
        os.chown("mine", 0, 0)
        return "given to root"
    """, bites=False, why_not=_CAPABLE),
]  # fmt: skip

DEVICES: list[Attack] = [
    attack("devices", "making a device", """
        os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.close(os.open("null", os.O_RDWR))
        return "made and opened"
    """, bites=False, why_not=_CAPABLE),
    attack("devices", "making a disk", """
        os.mknod("disk", stat.S_IFBLK | 0o666, os.makedev(254, 0))
        return read("disk", 512) and "read"
    """, bites=False, why_not=_CAPABLE),
    attack("devices", "memory, disks and the rest", """
        won = []
        for path in ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/kmsg", "/dev/loop0",
                     "/dev/loop-control", "/dev/mapper/control", "/dev/uinput", "/dev/input/event0", "/dev/vhost-net",
                     "/dev/net/tun", "/dev/watchdog", "/dev/rtc0", "/dev/cpu/0/msr", "/dev/snapshot"):
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                won.append(path)
            except OSError:
                pass
        return won
    """, bites=None),
    attack("devices", "/dev/kvm, /dev/fuse, graphics", """
        won = []
        for path in ["/dev/kvm", "/dev/fuse", "/dev/vsock", *glob.glob("/dev/dri/*"), *glob.glob("/dev/nvidia*")]:
            try:
                os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
                won.append(path)
            except OSError:
                pass
        return won
    """, bites=None),
    attack("devices", "more than the few that programs need", """
        usual = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "stdin", "stdout", "stderr",
                 "mqueue", "core", "net"}
        return [name for name in os.listdir("/dev") if name not in usual and os.access("/dev/" + name, os.R_OK)]
    """, bites=None),
]  # fmt: skip


def _clock_moved(result: sandbox.Result, host: Any) -> str:
    return "the clock of the host moved" if abs(time.time() - host.clock_s) > 3600 else ""


CLOCKS: list[Attack] = [
    attack("clocks", name, f"return {code} >= 0 and 'set'", bites=False, why_not=_CAPABLE,
           judge=_clock_moved)
    for name, code in {
        "clock_settime": 'call("clock_settime", 0, struct.pack("qq", 1, 0))',
        "settimeofday": 'call("settimeofday", struct.pack("qq", 1, 0), 0)',
        "adjtimex": 'call("adjtimex", ctypes.create_string_buffer(struct.pack("I", 2) + bytes(300)))',
        "clock_adjtime": 'call("clock_adjtime", 0, ctypes.create_string_buffer(struct.pack("I", 2) + bytes(300)))',
    }.items()
]  # fmt: skip

TERMINALS: list[Attack] = [
    attack("terminals", "the controlling terminal", """
        return f"descriptor {os.open('/dev/tty', os.O_RDWR)}"
    """, bites=False, why_not="the tests may have no terminal"),
    attack("terminals", "typing for the host (TIOCSTI)", """
        won = []
        for number in range(0, 16):
            try:
                fcntl.ioctl(number, 0x5412, b"x")
                won.append(number)
            except OSError:
                pass
        return won
    """, bites=False, why_not="the tests may have no terminal"),
    attack("terminals", "typing into a terminal of its own", """
        import pty
        master, slave = pty.openpty()
        if os.getsid(0) == os.getpid() and os.fork():
            # Who leads a session cannot begin one: the child goes on.
            os.wait()
            os._exit(0)
        os.setsid()
        fcntl.ioctl(slave, 0x540E, 0)
        fcntl.ioctl(slave, 0x5412, b"x")
        return "typed"
    """, bites=None),
    attack("terminals", "typing with high bits in the request", """
        import pty
        master, slave = pty.openpty()
        if os.getsid(0) == os.getpid() and os.fork():
            # Who leads a session cannot begin one: the child goes on.
            os.wait()
            os._exit(0)
        os.setsid()
        libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
        check(libc.ioctl(slave, 0x540E, b""))
        check(libc.ioctl(slave, (1 << 32) | 0x5412, b"x"))
        return "typed"
    """, bites=None),
    attack("terminals", "pasting in a console (TIOCLINUX)", """
        return [number for number in range(3) if fcntl.ioctl(number, 0x541C, b"\\x03" + bytes(16)) == 0]
    """, bites=False, why_not="the tests have no console"),
]  # fmt: skip

ALL = [*TRACING, *KEYRINGS, *MOUNTS, *NAMESPACES, *CALLS, *FOREIGN, *PRIVILEGE, *DEVICES, *CLOCKS, *TERMINALS]
