"""Attacks that reach for what is not the job's: network, files, other processes, /proc and /sys."""

from sandbox.programs import Attack, attack, bash

_OTHERS = "belongs to root on any machine"

NETWORK: list[Attack] = [
    attack("network", "TCP to a listener of the host", """
        with socket.create_connection(("127.0.0.1", @TCP_PORT@), 3):
            return "connected"
    """),
    attack("network", "TCP over IPv6 to loopback", """
        with socket.create_connection(("::ffff:127.0.0.1", @TCP_PORT@), 3):
            return "connected"
    """, bites=None),
    attack("network", "UDP to a listener of the host", """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talk:
            talk.connect(("127.0.0.1", @UDP_PORT@))
            talk.send(b"hello")
            time.sleep(0.2)
            return talk.send(b"again") and "sent"
    """),
    attack("network", "listening on TCP", """
        with socket.create_server(("127.0.0.1", 0)) as server:
            return server.getsockname()
    """),
    attack("network", "a socket by system call", """
        return f"descriptor {call('socket', socket.AF_INET, socket.SOCK_STREAM, 0)}"
    """),
    attack("network", "a name from DNS", """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talk:
            talk.connect(("192.0.2.1", 53))
            return talk.getsockname()
    """, bites=None),
    attack("network", "a raw socket", """
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    """, bites=False, why_not="needs CAP_NET_RAW"),
    attack("network", "a packet socket", """
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    """, bites=False, why_not="needs CAP_NET_RAW"),
    attack("network", "netlink: the interfaces of the host", """
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as talk:
            talk.bind((0, 0))
            return "bound"
    """),
    attack("network", "vsock", "return socket.socket(40, socket.SOCK_STREAM)", bites=None),
    attack("network", "the kernel's crypto sockets", "return socket.socket(38, socket.SOCK_SEQPACKET)", bites=None),
    *[
        attack("network", f"socket family {family}", f"return socket.socket({family}, socket.SOCK_DGRAM)", bites=None)
        for family in (3, 4, 5, 9, 15, 21, 29, 30, 31, 37, 44)
    ],
    attack("network", "a Unix socket of the host by path", """
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect("@SOCKET@")
            return "connected"
    """),
    attack("network", "a Unix socket of the host by abstract name", """
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect("\\0@ABSTRACT@")
            return "connected"
    """),
    attack("network", "one end of a pair turned to a socket of the host", """
        won = []
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            for name in ("@SOCKET@", "\\0@ABSTRACT@"):
                left, right = socket.socketpair(socket.AF_UNIX, kind)
                try:
                    left.connect(name)
                    won.append((kind, name))
                except OSError:
                    pass
                if kind == socket.SOCK_DGRAM:
                    try:
                        left.sendto(b"hello", name)
                        won.append((kind, name, "sent"))
                    except OSError:
                        pass
        return won
    """, bites=False, why_not="the kernel refuses to turn a connected pair; tried all the same"),
    attack("network", "one end of a pair bound and listening", """
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        left.bind("\\0council-probe-bound")
        left.listen()
        return "listens"
    """, bites=None),
    attack("network", "descriptors that were left open", """
        found = []
        for number in range(3, 1024):
            try:
                kind = os.fstat(number).st_mode
            except OSError:
                continue
            if stat.S_ISSOCK(kind) or os.readlink(f"/proc/self/fd/{number}").startswith("/"):
                found.append((number, os.readlink(f"/proc/self/fd/{number}")))
        return found
    """, bites=False, why_not="Popen closes them; shown by a runner that leaks"),
    bash("network", "bash's /dev/tcp", """
        if (exec 3<>/dev/tcp/127.0.0.1/@TCP_PORT@) 2>/dev/null; then echo BREACH connected; else echo HELD; fi
    """),
]  # fmt: skip

FILES: list[Attack] = [
    attack("files", "a file of the host that anybody may read", 'return read("@SECRET_FILE@")'),
    attack("files", "the same through /proc/self/root", 'return read("/proc/self/root@SECRET_FILE@")'),
    attack("files", "the same through /proc/1/root", 'return read("/proc/1/root@SECRET_FILE@")', bites=False,
           why_not=_OTHERS),
    attack("files", "the same through the folder of any process", """
        for place in [*glob.glob("/proc/[0-9]*/root"), *glob.glob("/proc/[0-9]*/cwd")]:
            try:
                return read(f"{place}/@SECRET_FILE@")
            except OSError:
                pass
    """),
    attack("files", "the same through a descriptor of a folder", """
        for number in range(3, 256):
            for up in ("", "../" * 12):
                try:
                    return os.read(os.open(up + "@SECRET_FILE@".lstrip("/"), os.O_RDONLY, dir_fd=number), 100)
                except OSError:
                    pass
    """, bites=False, why_not="Popen leaves no descriptor open; shown by a runner that leaks"),
    attack("files", "the same by going up from here", """
        os.chdir("../" * 40)
        return read("@SECRET_FILE@".lstrip("/"))
    """),
    attack("files", "the same by leaving a second root", """
        os.mkdir("inner")
        keep = os.open(".", os.O_RDONLY)
        os.chroot("inner")
        os.fchdir(keep)
        os.chdir("../" * 40)
        return read("@SECRET_FILE@".lstrip("/"))
    """, bites=False, why_not="needs CAP_SYS_CHROOT"),
    attack("files", "the same by handle", """
        handle = ctypes.create_string_buffer(struct.pack("II", 128, 0) + bytes(128))
        mount = ctypes.c_int()
        call("name_to_handle_at", -100, b"@SECRET_FILE@", handle, ctypes.byref(mount), 0)
        return call("open_by_handle_at", os.open("/", os.O_RDONLY), handle, os.O_RDONLY)
    """, bites=False, why_not="needs CAP_DAC_READ_SEARCH"),
    attack("files", "passwords", 'return read("/etc/shadow")', bites=False, why_not="readable by root only"),
    attack("files", "private keys of the host", """
        return [path for path in glob.glob("/etc/ssl/private/*") + glob.glob("/etc/ssh/*key") if read(path)]
    """, bites=None),
    attack("files", "homes", """
        found = [path for home in ("/root", *glob.glob("/home/*")) for path in glob.glob(home + "/**", recursive=False)
                 if not path.startswith(os.getcwd())]
        return found
    """, bites=None),
    attack("files", "the folders at the top of the host", """
        return [name for name in ("/boot", "/srv", "/opt", "/mnt", "/media", "/var/lib", "/var/log")
                if os.path.isdir(name) and os.listdir(name)]
    """),
    attack("files", "names in the machine's own /etc", """
        return [name for name in ("/etc/fstab", "/etc/login.defs", "/etc/crontab", "/etc/pam.d", "/etc/machine-id",
                                  "/etc/apt", "/etc/security") if os.path.exists(name)]
    """),
    attack("files", "where the host keeps its mounts", """
        text = read("/proc/self/mountinfo").decode()
        return [line for line in text.splitlines() if "@OPEN_FOLDER@" in line or "/docker/" in line
                or " - ext4 " in line and " / / " in line]
    """, bites=None),
    attack("files", "sockets of services", """
        found = [path for path in ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket",
                                   "/run/systemd/private") if os.path.exists(path)]
        return found + glob.glob("/run/user/*") + glob.glob("/run/postgresql/*")
    """, bites=None),
    attack("files", "other users' temporary files", """
        return [path for path in glob.glob("/tmp/*") + glob.glob("/var/tmp/*")
                if os.lstat(path).st_uid != os.getuid()]
    """),
]  # fmt: skip

WRITES: list[Attack] = [
    attack("writes", "into a file of the host", """
        with open("@WRITABLE_FILE@", "w") as file:
            file.write("changed")
        return "changed"
    """),
    attack("writes", "a new file in a folder of the host", """
        open("@OPEN_FOLDER@/new.txt", "w").write("x")
        return "made"
    """),
    attack("writes", "into system folders", """
        won = []
        for folder in ("/", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/etc", "/lib", "/opt", "/var", "/boot", "/sbin"):
            try:
                open(f"{folder}/council-probe-file", "w").close()
                won.append(folder)
            except OSError:
                pass
        return won
    """, bites=False, why_not=_OTHERS),
    attack("writes", "changing files of the system it can see", """
        won = []
        for work in (lambda: os.chmod("/usr/bin/env", 0o777), lambda: os.utime("/usr/bin/env"),
                     lambda: os.link("/usr/bin/env", "/usr/bin/council-probe-link"),
                     lambda: os.rename("/usr/bin/env", "/usr/bin/council-probe-env"),
                     lambda: os.truncate("/usr/bin/env", 0), lambda: os.setxattr("/usr/bin/env", "user.x", b"1")):
            try:
                work()
                won.append(work.__code__.co_names)
            except OSError:
                pass
        return won
    """, bites=False, why_not=_OTHERS),
    attack("writes", "into Python's own library", """
        import json
        open(json.__file__, "a").close()
        return json.__file__
    """, bites=False, why_not=_OTHERS),
    attack("writes", "a hard link to a file of the host", """
        os.link("/etc/passwd", "linked")
        return "linked"
    """, bites=None),
    attack("writes", "shared places outlive the job", """
        for place in ("/var/tmp", "/run/lock", "/dev/mqueue"):
            try:
                open(f"{place}/council-probe-left", "w").close()
            except OSError:
                continue
            return place
    """, bites=None),
]  # fmt: skip

ENVIRONMENT: list[Attack] = [
    attack("environment", "our own variables", """
        return os.environ.get("@SECRET_VARIABLE@")
    """),
    attack("environment", "/proc/self/environ", """
        return b"@SECRET@" in read("/proc/self/environ") and "found"
    """),
    attack("environment", "the variables of every process", """
        found = []
        for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/task/[0-9]*/environ"):
            try:
                if b"@SECRET@" in read(path, 1 << 20):
                    found.append(path)
            except OSError:
                pass
        return found
    """),
    attack("environment", "variables that name the service", """
        return [name for name in os.environ if name.startswith(("COUNCIL", "INVOCATION", "NOTIFY", "SSH", "XDG", "FIREJAIL"))]
    """),
    attack("environment", "the initial environment in memory", """
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
            # Written backwards, or this code would find itself.
            wanted = "@SECRET@"[::-1].encode()
            for line in maps:
                if "[stack]" in line:
                    begin, end = (int(word, 16) for word in line.split()[0].split("-"))
                    memory.seek(begin)
                    return memory.read(end - begin).count(wanted[::-1]) and "found on the stack"
    """),
    attack("environment", "settings of the service on command lines", """
        # That the interpreter was started to run jobs is no secret; where the service keeps its things is.
        return [path for path in glob.glob("/proc/[0-9]*/cmdline")
                if any(word in read(path) for word in (b"--home", b".sock", b".council", b"@SECRET@", b"site-packages"))]
    """, bites=None),
]  # fmt: skip

_WRITE_PROC = """
    won = []
    for path in (@PATHS@):
        try:
            number = os.open(path, os.O_WRONLY)
        except OSError:
            continue
        won.append(path)
        os.close(number)
    return won
"""


def _proc_writes(name: str, paths: str) -> Attack:
    return attack("proc", name, _WRITE_PROC.replace("@PATHS@", paths), bites=False, why_not=_OTHERS)


PROC: list[Attack] = [
    _proc_writes("settings of the kernel", """[os.path.join(place, name) for place, _, names in os.walk("/proc/sys")
                                               for name in names]"""),
    _proc_writes("sysrq, memory and interrupts", """["/proc/sysrq-trigger", "/proc/mtrr", "/proc/1/mem", "/proc/kmsg",
        "/proc/1/oom_score_adj", "/proc/scsi/scsi", *glob.glob("/proc/irq/*/smp_affinity"),
        "/proc/acpi/wakeup", "/proc/timer_stats"]"""),
    _proc_writes("files of /sys", """[path for path in glob.glob("/sys/*/*/*") + glob.glob("/sys/*/*/*/*")
                                      if not os.path.isdir(path)][:5000]"""),
    _proc_writes("cgroups", """glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True)
        + glob.glob("/sys/fs/cgroup/**/release_agent", recursive=True)
        + glob.glob("/sys/fs/cgroup/**/tasks", recursive=True)"""),
    attack("proc", "the memory of the kernel", """
        return len(read("/proc/kcore", 4096))
    """, bites=False, why_not="readable by root only"),
    attack("proc", "addresses of the kernel", """
        return [line for line in read("/proc/kallsyms", 1 << 20).decode().splitlines()[:1000] if int(line.split()[0], 16)][:2]
    """, bites=None),
    attack("proc", "the log of the kernel", """
        buffer = ctypes.create_string_buffer(1000)
        return call("syslog", 3, buffer, 1000) and "read"
    """, bites=None),
    attack("proc", "processes of the host", """
        return len(glob.glob("/proc/[0-9]*")) > 8 and "sees many processes" or os.path.exists("/proc/@VICTIM@")
    """),
    attack("proc", "keys, timers and machines of all", """
        return [name for name in ("/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/slabinfo",
                                  "/proc/config.gz", "/proc/modules") if os.access(name, os.R_OK) and read(name)]
    """),
    attack("proc", "the memory of the first process", """
        return [name for name in ("/proc/1/mem", "/proc/1/maps", "/proc/1/syscall", "/proc/1/stack", "/proc/1/fd/0",
                                  "/proc/1/fd/1") if open(name, "rb") and read(name, 10)]
    """, bites=False, why_not=_OTHERS),
    attack("proc", "making others the first to be ended", """
        write("/proc/1/oom_score_adj", "1000")
        return "written"
    """, bites=False, why_not=_OTHERS),
    attack("proc", "never to be ended itself", """
        write("/proc/self/oom_score_adj", "-1000")
        return "written"
    """, bites=None),
    attack("proc", "uid maps", """
        for name in ("setgroups", "uid_map", "gid_map"):
            write(f"/proc/self/{name}", "deny" if name == "setgroups" else "0 0 1")
        return "written"
    """, bites=False, why_not="written once, by who made the namespace"),
    attack("proc", "time namespaces", """
        write("/proc/self/timens_offsets", "monotonic 1000 0")
        return "written"
    """, bites=False, why_not="needs a time namespace of its own"),
    attack("proc", "core dumps by the host", """
        write("/proc/sys/kernel/core_pattern", "|@OPEN_FOLDER@/x")
        return "written"
    """, bites=False, why_not=_OTHERS),
    attack("proc", "handlers of foreign binaries", """
        write("/proc/sys/fs/binfmt_misc/register", ":x:M::x::/bin/true:")
        return "written"
    """, bites=False, why_not=_OTHERS),
]  # fmt: skip

SIGNALS: list[Attack] = [
    attack("signals", "to every process", """
        os.kill(-1, signal.SIGSTOP)
        os.kill(-1, signal.SIGCONT)
        os.kill(-1, signal.SIGTERM)
        return None
    """, alone=True, may_die=True, judge=lambda result, host: host.harm()),
    attack("signals", "to a process of the host by its pid", """
        os.kill(@VICTIM@, signal.SIGKILL)
        return "killed"
    """, judge=lambda result, host: host.harm()),
    attack("signals", "to a process of the host by a pidfd", """
        call("pidfd_send_signal", os.pidfd_open(@VICTIM@), signal.SIGKILL, None, 0)
        return "killed"
    """),
    attack("signals", "to a thread of the host", """
        call("tgkill", @VICTIM@, @VICTIM@, signal.SIGKILL)
        return "killed"
    """),
    attack("signals", "to every pid there may be", """
        for number in range(2, 70000):
            if number != os.getpid():
                try:
                    os.kill(number, signal.SIGSTOP)
                    os.kill(number, signal.SIGCONT)
                    os.kill(number, signal.SIGKILL)
                except OSError:
                    pass
        return None
    """, alone=True, may_die=True, judge=lambda result, host: host.harm()),
    attack("signals", "to its parents and the first process", """
        for number in {1, os.getppid(), os.getpgrp(), os.getsid(0)} - {os.getpid(), 0}:
            for sent in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV, 34):
                try:
                    os.kill(number, sent)
                except OSError:
                    pass
        return None
    """, alone=True, may_die=True, bites=False, why_not="its parent without a sandbox is the test itself"),
    attack("signals", "to its process group", """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
        return None
    """, may_die=True, bites=False, why_not="the group is its own"),
    attack("signals", "limits of a process of the host", """
        call("prlimit64", @VICTIM@, resource.RLIMIT_NOFILE, struct.pack("QQ", 1, 1), None)
        return "limited"
    """),
    attack("signals", "limits of the first process", """
        call("prlimit64", 1, resource.RLIMIT_NOFILE, struct.pack("QQ", 1, 1), None)
        return "limited"
    """, bites=False, why_not=_OTHERS),
    attack("signals", "limits of its own raised", """
        won = []
        for name in ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE"):
            number = getattr(resource, name)
            soft, hard = resource.getrlimit(number)
            if hard == resource.RLIM_INFINITY:
                continue
            try:
                resource.setrlimit(number, (hard + 1, hard + 1))
                won.append(name)
            except (OSError, ValueError):
                pass
        return won
    """, bites=False, why_not="needs CAP_SYS_RESOURCE"),
    attack("signals", "processors and priority of a process of the host", """
        os.sched_setaffinity(@VICTIM@, {0})
        os.setpriority(os.PRIO_PROCESS, @VICTIM@, 19)
        return "changed"
    """),
    attack("signals", "processors and priority of the first process", """
        os.sched_setaffinity(1, {0})
        os.setpriority(os.PRIO_PROCESS, 1, 19)
        return "changed"
    """, bites=False, why_not=_OTHERS),
    attack("signals", "a better priority", """
        os.setpriority(os.PRIO_PROCESS, 0, -10)
        return "raised"
    """, bites=False, why_not="needs CAP_SYS_NICE"),
    attack("signals", "real-time scheduling", """
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        return "real time"
    """, bites=False, why_not="needs CAP_SYS_NICE"),
]  # fmt: skip

ALL = [*NETWORK, *FILES, *WRITES, *ENVIRONMENT, *PROC, *SIGNALS]
