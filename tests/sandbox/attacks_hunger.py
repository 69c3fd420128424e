"""Attacks on what the machine has: processes, memory, CPU, disk, output, time; and programs that live on.

Each counts for itself what it got and prints BREACH beyond its limit, so other load on the machine changes no verdict.
Without a sandbox each stops a little over the limit.
"""

from council.domain import sandbox
from sandbox.programs import MIB, Attack, at_most, attack, bash, limits

_PROCESSES = 12
_FORKS = limits(processes=_PROCESSES, wall_s=15.0)
_MEMORY_MIB = 96
_MEMORY = limits(memory_bytes=_MEMORY_MIB * MIB, processes=16, wall_s=20.0, files_bytes=16 * MIB)
# Above this the host lost more than the limit and 64 MiB.
_TOO_MUCH_MIB = _MEMORY_MIB + 64
_DISK = limits(files_bytes=MIB, wall_s=15.0)


def _forks(name: str, how: str) -> Attack:
    return at_most("fork bombs", name, f"""
        alive = []
        try:
            for number in range({_PROCESSES + 8}):
                {how}
        except (OSError, RuntimeError) as error:
            print("stopped by", error, "at", len(alive))
        return len(alive) > {_PROCESSES} and f"{{len(alive)}} at once"
    """, limits=_FORKS)  # fmt: skip


FORKS: list[Attack] = [
    _forks("fork", """pid = os.fork()
                if pid == 0:
                    time.sleep(30)
                    os._exit(0)
                alive.append(pid)"""),
    _forks("threads", """one = threading.Thread(target=time.sleep, args=(5,), daemon=True)
                one.start()
                alive.append(one)"""),
    _forks("programs", """alive.append(subprocess.Popen(["sleep", "30"]))"""),
    _forks("each in a session of its own", """pid = os.fork()
                if pid == 0:
                    os.setsid()
                    time.sleep(30)
                    os._exit(0)
                alive.append(pid)"""),
    bash("fork bombs", "the shell's", f"""
        for number in $(seq {_PROCESSES + 8}); do sleep 30 & done 2>/dev/null
        count=$(jobs -r | wc -l)
        if [ "$count" -gt {_PROCESSES} ]; then echo "BREACH $count at once"; else echo HELD; fi
        kill $(jobs -p) 2>/dev/null
    """, may_die=True, limits=limits(processes=_PROCESSES, wall_s=4.0)),
    at_most("fork bombs", "children that fork", f"""
        reader, writer = os.pipe()
        first = os.getpid()
        for generation in range(5):
            try:
                if os.fork() == 0:
                    os.write(writer, b"x")
            except OSError:
                break
        time.sleep(1 if os.getpid() == first else 3)
        if os.getpid() != first:
            os._exit(0)
        os.set_blocking(reader, False)
        count = len(os.read(reader, 65536)) + 1
        return count > {_PROCESSES} and f"{{count}} at once"
    """, limits=_FORKS),
]  # fmt: skip


def _memory(name: str, body: str, processes: int = 1, **rest: object) -> Attack:
    """Each process runs `body`, which calls more() for each MiB it holds; the first one counts."""
    return at_most(
        "memory bombs",
        name,
        f"""
        reader, writer = os.pipe()
        def more():
            os.write(writer, b"x")
        def take():
            kept = []
            for number in range({(_TOO_MUCH_MIB + 8) // processes + 1}):
{body}
                more()
            time.sleep(3)
        pids = []
        for number in range({processes}):
            pid = os.fork()
            if pid == 0:
                try:
                    take()
                finally:
                    os._exit(0)
            pids.append(pid)
        os.close(writer)
        total = 0
        # Those that were ended give back what they had: what counts is what is held at one time.
        while piece := os.read(reader, 4096):
            total += len(piece)
            if total > {_TOO_MUCH_MIB} and len(pids) == sum(os.waitpid(pid, os.WNOHANG)[0] == 0 for pid in pids):
                return f"{{total}} MiB at once"
        return None
    """,
        limits=_MEMORY,
        **rest,
    )  # type: ignore[arg-type]


_TAKE = "                kept.append(bytearray(os.urandom(4096) * 256))"
MEMORY: list[Attack] = [
    _memory("one process", _TAKE),
    _memory("several processes", _TAKE, processes=4),
    _memory("shared memory without a name", """\
                one = mmap.mmap(-1, 1 << 20)
                one.write(b"x" * (1 << 20))
                kept.append(one)"""),
    _memory("shared memory of several processes", """\
                one = mmap.mmap(-1, 1 << 20)
                one.write(b"x" * (1 << 20))
                kept.append(one)""", processes=4),
    _memory("memfd", """\
                one = os.memfd_create("probe")
                os.write(one, b"x" * (1 << 20))
                kept.append(one)"""),
    _memory("memfd of several processes", """\
                one = os.memfd_create("probe")
                os.write(one, b"x" * (1 << 20))
                kept.append(one)""", processes=4),
    *[
        _memory(f"files in {place}", f"""\
                with open(f"{place}/council-probe-{{os.getpid()}}-{{number}}", "wb") as file:
                    file.write(b"x" * (1 << 20))""", processes=2)
        for place in ("/tmp", "/dev/shm")
    ],
    _memory("pipes", """\
                ends = os.pipe()
                try:
                    size = fcntl.fcntl(ends[1], 1031, 1 << 20)
                except OSError:
                    size = 65536
                for step in range(0, 1 << 20, size):
                    if step:
                        ends = os.pipe()
                    os.set_blocking(ends[1], False)
                    while True:
                        try:
                            if not os.write(ends[1], b"x" * 65536):
                                break
                        except BlockingIOError:
                            break
                    kept.append(ends)""", processes=4, bites=None),
    _memory("buffers of sockets", """\
                while True:
                    pair = socket.socketpair()
                    pair[0].setblocking(False)
                    kept.append(pair)
                    sent = 0
                    try:
                        while True:
                            sent += pair[0].send(b"x" * 65536)
                    except BlockingIOError:
                        pass
                    if len(kept) % 6 == 0:
                        break""", processes=4, bites=None),
    _memory("the stack", """\
                kept.append(ctypes.create_string_buffer(b"x" * (1 << 20)))""", processes=3),
    bash("memory bombs", "the shell's", """
        text=$(head -c 1M /dev/zero | tr '\\0' x)
        for step in 1 2 3 4 5 6 7 8; do text="$text$text"; done
        if [ ${#text} -ge 268435456 ]; then echo BREACH ${#text}; else echo HELD; fi
    """, may_die=True, limits=_MEMORY),
]  # fmt: skip

CPU: list[Attack] = [
    at_most("cpu", "one process", """
        while time.process_time() < 3.0:
            pass
        return f"{time.process_time():.1f} s"
    """, limits=limits(cpu_s=1.0, wall_s=15.0)),
    at_most("cpu", "several processes", """
        reader, writer = os.pipe()
        for number in range(4):
            if os.fork() == 0:
                told = 0
                while True:
                    if time.process_time() > (told + 1) * 0.1:
                        told += 1
                        os.write(writer, b"x")
        total = 0
        while total < 40:
            total += len(os.read(reader, 1))
        return f"{total / 10} s together"
    """, limits=limits(cpu_s=1.0, wall_s=15.0)),
    at_most("cpu", "one after the other", """
        total = 0.0
        while total < 4.0:
            def spin():
                while time.process_time() < 0.3:
                    pass
            child(spin)
            total += 0.3
        return f"{total} s one after the other"
    """, limits=limits(cpu_s=1.0, wall_s=15.0)),
    at_most("cpu", "threads", """
        import hashlib
        def spin():
            while True:
                hashlib.pbkdf2_hmac("sha256", b"x", b"x", 20000)
        for number in range(3):
            threading.Thread(target=spin, daemon=True).start()
        while time.process_time() < 4.0:
            time.sleep(0.05)
        return f"{time.process_time():.1f} s"
    """, limits=limits(cpu_s=1.0, wall_s=15.0)),
    at_most("cpu", "deaf to SIGXCPU", """
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        while time.process_time() < 3.0:
            pass
        return f"{time.process_time():.1f} s"
    """, limits=limits(cpu_s=1.0, wall_s=15.0)),
    bash("cpu", "the shell's", """
        while [ "$(awk '{print int(($14 + $15) / 100)}' /proc/$$/stat)" -lt 4 ]; do for i in {1..20000}; do :; done; done
        echo BREACH
    """, may_die=True, limits=limits(cpu_s=1.0, wall_s=15.0)),
]  # fmt: skip

TIME: list[Attack] = [
    at_most("time", "sleeping", """
        time.sleep(4)
        return "slept on"
    """, limits=limits(wall_s=1.0)),
    at_most("time", "sleeping deaf to all signals", """
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(4)
        return "slept on"
    """, limits=limits(wall_s=1.0)),
    at_most("time", "stopped by itself, awake in a child", """
        me = os.getpid()
        if os.fork() == 0:
            time.sleep(3)
            os.kill(me, signal.SIGCONT)
            os._exit(0)
        os.kill(me, signal.SIGSTOP)
        time.sleep(0.5)
        return "went on"
    """, limits=limits(wall_s=1.0)),
    at_most("time", "a child that holds the output open", """
        if os.fork() == 0:
            os.setsid()
            time.sleep(5)
            print("BREACH still writing", flush=True)
            os._exit(0)
        return None
    """, limits=limits(wall_s=3.0), bites=False, why_not="shown by the survivors; here it must not delay the end"),
    at_most("time", "waiting for its parent", """
        time.sleep(0.1)
        signal.pause()
        return "woken"
    """, limits=limits(wall_s=1.0), bites=False, why_not="nobody wakes it"),
]  # fmt: skip


def _fill(name: str, place: str, **rest: object) -> Attack:
    return at_most("disk", name, f"""
        total = 0
        for number in range(24):
            try:
                with open("{place}/council-probe-%d-%d" % (os.getpid(), number), "wb", 0) as file:
                    for step in range(4):
                        total += file.write(os.urandom(65536))
            except OSError as error:
                print("stopped by", error)
                break
        return total > {3 * MIB} and f"{{total}} bytes kept"
    """, limits=_DISK, **rest)  # type: ignore[arg-type]  # fmt: skip


DISK: list[Attack] = [
    at_most("disk", "one big file", f"""
        total = 0
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open("big", "wb", 0) as file:
            while total < {8 * MIB}:
                total += file.write(os.urandom(65536))
        return f"{{total}} bytes"
    """, limits=_DISK),
    _fill("many files beside the code", "."),
    _fill("many files in /tmp", "/tmp"),
    _fill("many files in /dev/shm", "/dev/shm"),
    _fill("many files in /var/tmp", "/var/tmp"),
    _fill("many files in its home", "/proc/self/cwd"),
    at_most("disk", "many names", """
        count = 0
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            for number in range(30000):
                os.close(os.open(f"n{number}", os.O_CREAT | os.O_WRONLY))
                count += 1
        except OSError as error:
            print("stopped by", error)
        return count >= 30000 and f"{count} names"
    """, limits=_DISK),
    at_most("disk", "many names in /tmp", """
        count = 0
        os.mkdir(f"/tmp/council-probe-{os.getpid()}")
        try:
            for number in range(30000):
                os.close(os.open(f"/tmp/council-probe-{os.getpid()}/{number}", os.O_CREAT | os.O_WRONLY))
                count += 1
        except OSError as error:
            print("stopped by", error)
        return count >= 30000 and f"{count} names"
    """, limits=_DISK),
    at_most("disk", "folders in each other for ever", """
        for number in range(5000):
            os.mkdir("d")
            os.chdir("d")
        return None
    """, limits=_DISK, bites=False, why_not="it is the removal that must not fail"),
    at_most("disk", "folders closed to who removes them", """
        os.makedirs("a/b/c")
        open("a/b/c/file", "w").close()
        for name in ("a/b/c", "a/b", "a"):
            os.chmod(name, 0)
        return None
    """, bites=False, why_not="it is the removal that must not fail"),
    at_most("disk", "room taken by falloc", f"""
        file = os.open("big", os.O_CREAT | os.O_RDWR)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        os.posix_fallocate(file, 0, {16 * MIB})
        return os.fstat(file).st_blocks * 512 > {3 * MIB} and "taken"
    """, limits=_DISK),
    at_most("disk", "room held by a file without a name", f"""
        total = 0
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        kept = []
        for number in range(24):
            file = open("gone", "wb", 0)
            os.unlink("gone")
            kept.append(file)
            for step in range(4):
                total += file.write(os.urandom(65536))
        return total > {3 * MIB} and f"{{total}} bytes"
    """, limits=_DISK),
    at_most("disk", "descriptors without an end", """
        kept = []
        for number in range(100000):
            kept.append(os.open("/dev/null", os.O_RDONLY))
        return f"{len(kept)} descriptors"
    """, bites=False, why_not="any machine has a limit"),
]  # fmt: skip

_OUTPUT = limits(output_bytes=64 * 1024, wall_s=20.0)


def _output_is_cut(result: sandbox.Result, host: object) -> str:
    most = _OUTPUT.output_bytes
    if len(result.stdout) > most or len(result.stderr) > most:
        return f"{len(result.stdout)} and {len(result.stderr)} bytes of output"
    return "" if result.truncated and result.limit == "output_bytes" else "the result does not say that output was cut"


def _output(name: str, body: str) -> Attack:
    return at_most("output", name, body, limits=_OUTPUT, judge=_output_is_cut)


OUTPUT: list[Attack] = [
    _output("stdout", 'os.write(1, b"")\nfor number in range(3000):\n    os.write(1, b"x" * 999 + b"\\n")'),
    _output("stderr", 'for number in range(3000):\n    os.write(2, b"x" * 999 + b"\\n")'),
    _output("both", 'for number in range(1500):\n    os.write(1, b"x" * 999 + b"\\n")\n    os.write(2, b"y" * 1000)'),
    _output("without a newline", 'for number in range(30):\n    os.write(1, b"x" * 100000)'),
    _output("from many processes", """
        for number in range(4):
            if os.fork() == 0:
                for step in range(500):
                    os.write(1, b"z" * 1000)
                os._exit(0)
        for number in range(4):
            os.wait()
    """),
    at_most("output", "without an end", """
        while True:
            os.write(1, b"x" * 65536)
    """, limits=_OUTPUT, judge=_output_is_cut, bites=False, why_not="a bare run would fill this machine's memory"),
    at_most("output", "into /proc/self/fd/1, opened anew", """
        with open("/proc/self/fd/1", "wb", 0) as output:
            for number in range(3000):
                output.write(b"x" * 1000)
    """, limits=_OUTPUT, judge=lambda result, host: _output_is_cut(result, host) if len(result.stdout) > 65000 else ""),
    at_most("output", "a pipe made larger", """
        fcntl.fcntl(1, 1031, 1 << 20)
        for number in range(3000):
            os.write(1, b"x" * 1000)
    """, limits=_OUTPUT, judge=_output_is_cut),
]  # fmt: skip


def _gone(result: sandbox.Result, host: object) -> str:
    left = host.survivors()  # type: ignore[attr-defined]
    return f"lives on: {left}" if left else ""


def _survivor(name: str, body: str, **rest: object) -> Attack:
    return attack("survivors", name, body, judge=_gone, **rest)  # type: ignore[arg-type]


_STAY = 'os.execvp("sleep", ["@MARKER@", "300"])'
SURVIVORS: list[Attack] = [
    _survivor("a child", f"""
        if os.fork() == 0:
            {_STAY}
        time.sleep(0.2)
    """),
    _survivor("a double fork in a session of its own", f"""
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                {_STAY}
            os._exit(0)
        os.wait()
        time.sleep(0.2)
    """),
    _survivor("without output, deaf to signals", f"""
        if os.fork() == 0:
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
                signal.signal(number, signal.SIG_IGN)
            for number in range(3):
                os.dup2(os.open("/dev/null", os.O_RDWR), number)
            os.closerange(3, 256)
            if os.fork() == 0:
                {_STAY}
            os._exit(0)
        os.wait()
        time.sleep(0.2)
    """),
    _survivor("holding the output open", f"""
        pid = os.fork()
        if pid == 0:
            os.setsid()
            {_STAY}
        time.sleep(0.2)
        print("HELD", flush=True)
        os._exit(0)
    """),
    _survivor("left by a program that was killed", f"""
        if os.fork() == 0:
            os.setsid()
            {_STAY}
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    """, may_die=True),
    _survivor("left at the time limit", f"""
        for number in range(4):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    {_STAY}
                os._exit(0)
        time.sleep(10)
    """, may_die=True, limits=limits(wall_s=1.5)),
    _survivor("stopped", f"""
        pid = os.fork()
        if pid == 0:
            os.setsid()
            {_STAY}
        time.sleep(0.2)
        os.kill(pid, signal.SIGSTOP)
    """),
    _survivor("adopting orphans", f"""
        if os.fork() == 0:
            os.setsid()
            call("prctl", 36, 1, 0, 0, 0)
            if os.fork() == 0:
                if os.fork() == 0:
                    {_STAY}
                os._exit(0)
            {_STAY}
        time.sleep(0.2)
    """),
    bash("survivors", "nohup and disown", """
        (exec -a @MARKER@ sleep 300) >/dev/null 2>&1 </dev/null & disown
        nohup setsid bash -c 'exec -a @MARKER@ sleep 300' >/dev/null 2>&1 </dev/null &
        sleep 0.3
        echo HELD
    """, judge=_gone),
]  # fmt: skip

ALL = [*FORKS, *MEMORY, *CPU, *TIME, *DISK, *OUTPUT, *SURVIVORS]
