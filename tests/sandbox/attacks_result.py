"""Attacks on what comes back: spoofed results, special files, bytes that are no text, crashes; and jobs that leave things."""

from typing import Any

from council.domain import sandbox
from sandbox.programs import MIB, Attack, Bleed, Judge, attack, limits, python

_OF_A_RUNNER = "only a runner can be fooled; a bare run has none"
_CRASH = "that it crashes is no breach; that the machine or the result suffers would be"


def _ends(exit_code: int | None = None, signal: int | None = None, stdout: bytes | None = None) -> Judge:
    """Return a judge that wants the true end: what the kernel saw, whatever the job printed."""

    def judge(result: sandbox.Result, host: Any) -> str:
        if (result.exit_code, result.signal) != (exit_code, signal):
            return f"exit code {result.exit_code} and signal {result.signal}, in truth {exit_code} and {signal}"
        expected = sandbox.Status.SIGNAL if signal else sandbox.Status.ERROR if exit_code else sandbox.Status.OK
        if result.status is not expected or result.limit is not None:
            return f"status {result.status} and limit {result.limit}, in truth {expected}"
        if stdout is not None and result.stdout != stdout:
            return f"stdout {result.stdout[:200]!r}"
        return ""

    return judge


def _spoof(name: str, code: str, judge: Judge, **rest: Any) -> Attack:
    return Attack(
        f"spoofing: {name}", "spoofing", code, bites=False, why_not=_OF_A_RUNNER, may_die=True, judge=judge, **rest
    )


_FRAMES = """\
import os, struct, sys
lies = [b'{"status": "ok", "exit_code": 0, "stdout": "all is well", "layers": []}\\n', struct.pack("!I", 2) + b"{}",
        struct.pack("<I", 2) + b"{}", struct.pack("i", 0), b"\\0" * 8, b"status=0\\n"]
for number in range(3, 256):
    for lie in lies:
        try:
            os.set_blocking(number, False)
            os.write(number, lie)
        except OSError:
            pass
"""

SPOOFING: list[Attack] = [
    _spoof("printing a result", 'print(\'{"status": "ok", "exit_code": 0}\')\nraise SystemExit(7)',
           _ends(7, stdout=b'{"status": "ok", "exit_code": 0}\n')),
    _spoof("writing to every descriptor", _FRAMES + "sys.exit(7)", _ends(7, stdout=b"")),
    _spoof("writing to every descriptor, then dying", _FRAMES + "os.kill(os.getpid(), 9)", _ends(signal=9, stdout=b"")),
    _spoof("sending descriptors through every socket", """\
import array, os, socket, sys
for number in range(3, 256):
    try:
        line = socket.socket(fileno=os.dup(number))
        line.setblocking(False)
        line.sendmsg([b"{}"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
    except OSError:
        pass
sys.exit(7)
""", _ends(7)),
    _spoof("closing every descriptor", "import os\nos.closerange(0, 4096)\nos._exit(5)", _ends(5, stdout=b"")),
    _spoof("leaving without cleaning up", 'import os\nprint("kept", flush=True)\nos._exit(0)', _ends(0, stdout=b"kept\n")),
    _spoof("leaving by the system call", "import ctypes\nctypes.CDLL(None)._exit(9)", _ends(9)),
    _spoof("a child that ends otherwise", """\
import os
if os.fork() == 0:
    os._exit(0)
os.wait()
os._exit(3)
""", _ends(3)),
    _spoof("ended by its child", """\
import os, signal, time
me = os.getpid()
if os.fork() == 0:
    os.kill(me, signal.SIGKILL)
    os._exit(0)
time.sleep(20)
""", _ends(signal=9)),
    _spoof("an exit code over 255", "import os\nos._exit(256 + 4)", _ends(4)),
    _spoof("blaming a limit", 'import sys\nprint("Killed: memory limit", file=sys.stderr)\nsys.exit(1)', _ends(1)),
    _spoof("changing how Python leaves", """\
import atexit, os, sys
atexit.register(lambda: os._exit(6))
sys.excepthook = lambda *words: None
raise ValueError
""", _ends(6)),
    _spoof("replacing what surrounds the code", """\
import builtins, os, sys
for module in list(sys.modules.values()):
    for name in ("_exit", "write", "waitpid", "kill", "exit"):
        if module is not sys.modules["builtins"] and hasattr(module, name):
            try:
                setattr(module, name, lambda *words, **more: 0)
            except Exception:
                pass
sys.stdout = sys.stderr = None
raise SystemExit(8)
""", lambda result, host: "" if result.exit_code != 0 or result.status is sandbox.Status.OK else "ended without a verdict"),
    _spoof("changing what is up the stack", """\
import gc, sys
frame, found = sys._getframe().f_back, gc.get_objects()
while frame:
    found += [*frame.f_locals.values(), *frame.f_globals.values()]
    frame = frame.f_back
for one in found:
    if type(one).__module__.startswith(("council", "zygote")):
        for name in dir(one):
            try:
                setattr(one, name, 0)
            except Exception:
                pass
sys.exit(7)
""", _ends(7)),
    _spoof("looking for the runner among the modules", """\
import gc, sys
found = [name for name in sys.modules if name.startswith(("council", "zygote"))]
print("BREACH" if found else "HELD", found)
""", lambda result, host: ""),
]  # fmt: skip


def _comes_back(result: sandbox.Result, host: Any, name: str = "out") -> str:
    return f"{name} came back: {result.files[name][:100]!r}" if name in result.files else ""


def _lacks_secret(result: sandbox.Result, host: Any) -> str:
    text = b"".join(result.files.values())
    return "a file of the host came back" if host.secret.encode() in text or b"root:x:0:0:root" in text else ""


def _special(name: str, body: str, judge: Judge = _comes_back, bites: bool = False, **rest: Any) -> Attack:
    collect = rest.pop("collect", ("out",))
    return attack("result files", name, body, judge=judge, collect=collect, bites=bites,
                  why_not="" if bites else "would hang or harm who collects without care", **rest)  # fmt: skip


FILES: list[Attack] = [
    _special("a link to a file of the host", 'os.symlink("@SECRET_FILE@", "out")', bites=True),
    _special("a link to passwords", 'os.symlink("/etc/passwd", "out")', bites=True),
    _special("a link to memory", 'os.symlink("/proc/self/environ", "out")'),
    _special("a link to another result", 'open("other", "w").write("x")\nos.symlink("other", "out")', bites=True),
    _special("a link to itself", 'os.symlink("out", "out")'),
    _special("a folder that is a link", """
        os.symlink(os.path.dirname("@SECRET_FILE@"), "folder")
    """, lambda result, host: _comes_back(result, host, "folder/secret.txt"), bites=True, collect=("folder/secret.txt",)),
    _special("a hard link to a file of the host", """
        try:
            os.link("@WRITABLE_FILE@", "out")
        except OSError:
            os.link("/etc/passwd", "out")
    """, _lacks_secret),
    _special("a pipe that nobody writes to", 'os.mkfifo("out")'),
    _special("a pipe with a writer that stays", """
        os.mkfifo("out")
        if os.fork() == 0:
            os.open("out", os.O_RDWR)
            time.sleep(20)
    """),
    _special("a socket", """
        with socket.socket(socket.AF_UNIX) as line:
            line.bind("out")
    """),
    _special("a folder", 'os.mkdir("out")'),
    _special("a device", 'os.mknod("out", stat.S_IFCHR | 0o666, os.makedev(1, 5))'),
    _special("a terminal", 'os.symlink("/dev/ptmx", "out")'),
    _special("a sparse file of a tebibyte", """
        with open("out", "wb") as file:
            try:
                file.truncate(1 << 40)
            except OSError:
                file.truncate(48 << 20)
    """, lambda result, host: "too much" if len(result.files.get("out", b"")) > 16 * MIB else "",
        limits=limits(files_bytes=16 * MIB)),
    _special("a file that is no longer there", 'open("out", "w").close()\nos.unlink("out")'),
    _special("a file nobody may read", 'open("out", "w").write("x")\nos.chmod("out", 0)', lambda result, host: ""),
    _special("growing while it is read", """
        if os.fork() == 0:
            os.setsid()
            with open("out", "wb", 0) as file:
                while True:
                    file.write(b"x" * 65536)
        time.sleep(0.3)
    """, lambda result, host: "too much" if len(result.files.get("out", b"")) > MIB else "", limits=limits(files_bytes=MIB),
        may_die=True),
    _special("swapped for a link while it is read", """
        open("out", "w").write("x")
        if os.fork() == 0:
            os.setsid()
            while True:
                os.symlink("/etc/passwd", "new")
                os.rename("new", "out")
                open("new", "w").write("x")
                os.rename("new", "out")
        time.sleep(0.3)
    """, _lacks_secret, may_die=True),
    _special("a name on the way that is a pipe", 'os.mkfifo("folder")',
             lambda result, host: _comes_back(result, host, "folder/out"), collect=("folder/out",)),
]  # fmt: skip


# What the front refuses by name must not come back either where it is asked of a runner itself.
NAMES = ("../out", "/etc/passwd", "a/../../out", "a/./b", "", ".", "..", "a//b", "out/", "nul\0", "x" * 300)


def _whole(size: int) -> Judge:
    return lambda result, host: "" if len(result.stdout) == size else f"{len(result.stdout)} bytes of {size}"


BYTES: list[Attack] = [
    attack("bytes", "output that is no text", """
        os.write(1, bytes(range(256)) * 10)
        os.write(2, b"\\xff\\xfe\\x00\\xed\\xa0\\x80" * 10)
    """, bites=False, why_not=_OF_A_RUNNER,
           judge=lambda result, host: "" if result.stdout.startswith(bytes(range(256)) * 10) else "not the bytes it wrote"),
    attack("bytes", "terminal sequences come back as they are", """
        os.write(1, b"\\x1b]0;owned\\x07\\x1b[2J")
    """, bites=False, why_not="the sandbox only carries them",
           judge=lambda result, host: "" if b"\x1b]0;owned\x07" in result.stdout else "changed on the way"),
    attack("bytes", "a result file that is no text", 'open("out", "wb").write(bytes(range(256)))', collect=("out",),
           bites=False, why_not=_OF_A_RUNNER,
           judge=lambda result, host: "" if result.files.get("out") == bytes(range(256)) else "not the bytes it wrote"),
    Attack("bytes: ten megabytes of code", "bytes", "x = 1\n" * 1_700_000 + 'print("HELD")\n', bites=False,
           why_not=_OF_A_RUNNER, may_die=True, limits=limits(memory_bytes=2048 * MIB, cpu_s=60.0, wall_s=60.0)),
    Attack("bytes: ten megabytes in one string", "bytes", f'print("HELD", len("{"x" * 10_000_000}"))', bites=False,
           why_not=_OF_A_RUNNER, limits=limits(memory_bytes=2048 * MIB)),
    Attack("bytes: a NUL in the code", "bytes", 'print("HELD")\0', bites=False, why_not=_OF_A_RUNNER, may_die=True,
           judge=lambda result, host: "" if result.exit_code in {0, 1} else f"exit code {result.exit_code}"),
    Attack("bytes: code that is nested without an end", "bytes", "(" * 100_000, bites=False, why_not=_OF_A_RUNNER, may_die=True,
           judge=lambda result, host: "" if result.status is not sandbox.Status.OK else "ok"),
    Attack("bytes: a null byte in the shell's code", "bytes", "echo HELD\0\necho on\n", "bash", bites=False,
           why_not=_OF_A_RUNNER, may_die=True),
]  # fmt: skip


def _crash(name: str, body: str, judge: Judge | None = None) -> Attack:
    return attack("crashes", name, body, bites=False, why_not=_CRASH, may_die=True, judge=judge)


def _by_signal(*numbers: int) -> Judge:
    def judge(result: sandbox.Result, host: Any) -> str:
        good = result.status is sandbox.Status.SIGNAL and result.signal in numbers
        return "" if good else f"{result.status} with signal {result.signal}, not one of {numbers}"

    return judge


CRASHES: list[Attack] = [
    _crash("reading at 0", "ctypes.string_at(0)", _by_signal(11)),
    _crash("writing at 1", "ctypes.memset(1, 0, 1)", _by_signal(11)),
    _crash("jumping to nowhere", "ctypes.CFUNCTYPE(None)(16)()", _by_signal(11)),
    _crash("abort", "libc.abort()", _by_signal(6)),
    _crash("a stack without an end", """
        sys.setrecursionlimit(1 << 30)
        class Deep(str):
            def __getattr__(self, name):
                return getattr(self, name + "x")
        text = "(" * 90 + ")" * 90
        value = []
        for number in range(1000000):
            value = [value]
        repr(value)
    """),
    _crash("an instruction that is none", """
        if platform.machine() != "x86_64":
            libc.raise_(4)
        memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        memory.write(b"\\x0f\\x0b")
        ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
    """, _by_signal(4, 11)),
    _crash("leaving without its interpreter", "ctypes.pythonapi.Py_FatalError(b'gone')", _by_signal(6)),
    _crash("a core file", """
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        libc.abort()
    """, _by_signal(6)),
]  # fmt: skip


def _bleed(name: str, leave: str, find: str, bites: bool | None = True, why_not: str = "") -> Bleed:
    return Bleed(name, python(leave), python(find), bites, why_not)


_FRESH = "each bare run is a new interpreter; shown by a runner that keeps one"

BLEEDS: list[Bleed] = [
    *[
        _bleed(f"files in {place}", f'open("{place}/council-probe-left", "w").write("x")',
               f'return os.path.exists("{place}/council-probe-left") and "found"', bites)
        for place, bites in ((".", True), ("/tmp", True), ("/dev/shm", True), ("/var/tmp", True), ("/dev/mqueue", None))
    ],
    _bleed("its home", 'open(os.path.expanduser("~/council-probe-left"), "w").write("x")',
           'return os.path.exists(os.path.expanduser("~/council-probe-left")) and "found"', None),
    _bleed("System V shared memory", 'call("shmget", 0x7070, 4096, 0o1666)',
           'return call("shmget", 0x7070, 0, 0) >= 0 and "found"'),
    _bleed("System V semaphores", 'call("semget", 0x7071, 1, 0o1666)', 'return call("semget", 0x7071, 0, 0) >= 0 and "found"'),
    _bleed("System V message queues", 'call("msgget", 0x7072, 0o1666)', 'return call("msgget", 0x7072, 0) >= 0 and "found"'),
    _bleed("POSIX semaphores", """
        library = ctypes.CDLL("libpthread.so.0")
        library.sem_open(b"/council-probe-sem", os.O_CREAT, 0o666, 1)
    """, 'return os.path.exists("/dev/shm/sem.council-probe-sem") and "found"', None),
    _bleed("the name of the machine", 'call("sethostname", b"council-probe", 13)',
           'return socket.gethostname() == "council-probe" and "found"', False, "needs CAP_SYS_ADMIN"),
    _bleed("the environment", 'os.environ["COUNCIL_LEFT"] = "x"\nos.putenv("COUNCIL_LEFT", "x")',
           'return os.environ.get("COUNCIL_LEFT") or libc.getenv(b"COUNCIL_LEFT")', False, _FRESH),
    _bleed("modules and what is built in", """
        import builtins, json
        sys.modules["council_left"] = sys
        builtins.council_left = json.council_left = "x"
        sys.path.append("/council/left")
    """, """
        import builtins, json
        return ("council_left" in sys.modules or hasattr(builtins, "council_left") or hasattr(json, "council_left")
                or "/council/left" in sys.path)
    """, False, _FRESH),
    _bleed("limits, mask and folder", """
        resource.setrlimit(resource.RLIMIT_NOFILE, (17, 17))
        os.umask(0o123)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    """, """
        return (resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 17 or os.umask(0) == 0o123
                or signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN)
    """, False, _FRESH),
    _bleed("processes of the one before", """
        if os.fork() == 0:
            os.setsid()
            os.execvp("sleep", ["council-probe-process", "300"])
        time.sleep(0.2)
    """, 'return [path for path in glob.glob("/proc/[0-9]*/cmdline") if b"council-probe-process" in read(path)]'),
    _bleed("abstract names", """
        if os.fork() == 0:
            line = socket.socket(socket.AF_UNIX)
            line.bind("\\0council-probe-abstract")
            line.listen()
            time.sleep(20)
        time.sleep(0.2)
    """, """
        socket.socket(socket.AF_UNIX).connect("\\0council-probe-abstract")
        return "connected"
    """),
    _bleed("keys", 'call("add_key", b"user", b"council-probe-key", b"x", 1, ctypes.c_int(-4))',
           'return call("request_key", b"user", b"council-probe-key", 0, 0) and "found"', None),
    _bleed("compiled code beside the library", 'os.makedirs("__pycache__")\nopen("__pycache__/x.pyc", "w").close()',
           'return os.path.exists("__pycache__/x.pyc") and "found"'),
]  # fmt: skip

# Two jobs in a row that must not print the same.
RANDOM = """\
import os, random, secrets, tempfile, uuid
print(random.random(), secrets.token_hex(8), uuid.uuid4(), os.urandom(8).hex(), os.path.basename(tempfile.mktemp()))
"""
RANDOM_NUMPY = "import numpy\nprint(numpy.random.rand(), numpy.random.default_rng().random())\n"

# Run beside each other: the second must not see the first.
BESIDE_STAY = 'import os\nos.execvp("sleep", ["council-probe-beside", "4"])\n'
BESIDE_LOOK = python("""
    time.sleep(0.7)
    return [path for path in glob.glob("/proc/[0-9]*/cmdline") if b"council-probe-beside" in read(path)]
""")

ALL = [*SPOOFING, *FILES, *BYTES, *CRASHES]
