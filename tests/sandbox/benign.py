"""Ordinary programs that must run as they would anywhere: a sandbox that refuses them has failed too."""

import hashlib

from council.domain import sandbox
from sandbox.programs import MIB, Benign, limits

_STDIN = b"0123456789abcdef" * (8 * MIB // 16)

ERROR, SIGNAL = sandbox.Status.ERROR, sandbox.Status.SIGNAL


def _python(name: str, code: str, **rest: object) -> Benign:
    return Benign(name, code, "python", **rest)  # type: ignore[arg-type]


def _bash(name: str, code: str, **rest: object) -> Benign:
    return Benign(f"bash: {name}", code, "bash", **rest)  # type: ignore[arg-type]


# Each line runs by itself and is true.
_LIBRARY = {
    "json": "import json; assert json.loads(json.dumps({'a': [1, None, 'ä']})) == {'a': [1, None, 'ä']}",
    "sqlite3": """
import sqlite3
with sqlite3.connect("data.db") as database:
    database.execute("create table t (x)")
    database.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    assert database.execute("select sum(x) from t").fetchone() == (499500,)
database.close()""",
    "decimal and fractions": """
import decimal, fractions
assert decimal.Decimal("0.1") + decimal.Decimal("0.2") == decimal.Decimal("0.3")
assert fractions.Fraction(1, 3) * 3 == 1""",
    "compression": """
import bz2, gzip, lzma, zlib
for module in (bz2, gzip, lzma, zlib):
    assert module.decompress(module.compress(b"x" * 100000)) == b"x" * 100000""",
    "archives": """
import io, tarfile, zipfile
with zipfile.ZipFile("a.zip", "w") as archive:
    archive.writestr("inner/x.txt", "hello")
with zipfile.ZipFile("a.zip") as archive:
    assert archive.read("inner/x.txt") == b"hello"
with tarfile.open("a.tar.gz", "w:gz") as archive:
    archive.add("a.zip")
assert tarfile.open("a.tar.gz").getnames() == ["a.zip"]""",
    "hashes and secrets": """
import hashlib, hmac, secrets
assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
assert hmac.compare_digest(secrets.token_bytes(4)[:0], b"")""",
    "temporary files": """
import os, pathlib, shutil, tempfile
with tempfile.NamedTemporaryFile("w+") as file:
    file.write("x" * 100)
    file.flush()
    assert os.path.getsize(file.name) == 100
with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "a/b").mkdir(parents=True)
    shutil.copytree(folder, "copied")
assert tempfile.TemporaryFile().fileno() >= 0""",
    "paths": """
import glob, os, pathlib
here = pathlib.Path.cwd()
(here / "sub").mkdir()
(here / "sub" / "x.txt").write_text("x")
(here / "link").symlink_to("sub/x.txt")
assert (here / "link").read_text() == "x" and glob.glob("**/*.txt", recursive=True) == ["sub/x.txt"]
os.rename("sub/x.txt", "sub/y.txt")
os.chmod("sub/y.txt", 0o600)
os.utime("sub/y.txt", (1, 1))
assert os.stat("sub/y.txt").st_mtime == 1
assert pathlib.Path(__file__).name == "main.py" and pathlib.Path(__file__).exists()""",
    "home and user": """
import getpass, os, pathlib
assert getpass.getuser() and pathlib.Path.home().is_absolute() and pathlib.Path.home().is_dir()
assert os.path.expanduser("~") == str(pathlib.Path.home())""",
    "times and zones": """
import datetime, time, zoneinfo
now = datetime.datetime.now().astimezone()
assert abs(now.timestamp() - time.time()) < 5 and now.tzinfo is not None
assert time.strftime("%Y") and time.localtime() and time.monotonic() > 0
assert datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc).isoformat() == "2026-01-01T00:00:00+00:00" """,
    "csv and locale": """
import csv, io, locale
locale.setlocale(locale.LC_ALL, "")
rows = list(csv.reader(io.StringIO('a,"b, c",ü')))
assert rows == [["a", "b, c", "ü"]]
assert "ü".encode(locale.getpreferredencoding(False)) == "ü".encode()""",
    "numbers": """
import cmath, math, random, statistics
assert statistics.stdev([1, 2, 3, 4]) > 1 and math.isclose(abs(cmath.exp(1j)), 1)
random.seed(1)
assert random.randint(1, 6) in range(1, 7)""",
    "identifiers": "import uuid; assert uuid.uuid4() != uuid.uuid4() and uuid.uuid1()",
    "text": """
import difflib, re, string, textwrap, unicodedata
assert re.sub(r"(?P<x>a+)", r"<\\g<x>>", "caat") == "c<aa>t" and unicodedata.name("ß")""",
    "types": """
import abc, dataclasses, enum, functools, itertools, typing, collections, contextlib, copy, operator
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: "typing.Optional[int]" = None
assert typing.get_type_hints(Point)["x"] is int and dataclasses.replace(Point(1), y=2) == Point(1, 2)""",
    "parsers": """
import ast, configparser, html.parser, tokenize, xml.etree.ElementTree, urllib.parse, email.message, tomllib
assert xml.etree.ElementTree.fromstring("<a><b/></a>")[0].tag == "b"
assert ast.literal_eval("[1, (2,)]") == [1, (2,)]""",
    "modules that could be networks": """
import asyncio, ftplib, http.client, http.server, imaplib, smtplib, socket, socketserver, ssl, urllib.request, xmlrpc.client
assert socket.AF_INET and ssl.OPENSSL_VERSION""",
    "signals and timers": """
import signal, time
rung = []
signal.signal(signal.SIGALRM, lambda *words: rung.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.pause()
assert rung""",
    "memory maps, ctypes and structs": """
import array, ctypes, mmap, struct
assert ctypes.CDLL(None).abs(-5) == 5 and struct.pack("<I", 1) == b"\\1\\0\\0\\0"
with mmap.mmap(-1, 4096) as memory:
    memory[:3] = b"abc"
called = []
ctypes.CFUNCTYPE(None, ctypes.c_int)(called.append)(3)
assert called == [3]""",
    "files locked and watched": """
import fcntl, os, select
with open("lock", "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
reader, writer = os.pipe()
os.write(writer, b"x")
poll = select.epoll()
poll.register(reader, select.EPOLLIN)
assert poll.poll(1) and select.select([reader], [], [], 1)[0]""",
    "pickles of its own classes": """
import copy, pickle
class Thing:
    def __init__(self, value): self.value = value
    def __eq__(self, other): return self.value == other.value
assert pickle.loads(pickle.dumps(Thing(3))) == Thing(3) and Thing.__module__ == "__main__" """,
    "__main__": """
import __main__, inspect, sys
def visible(): return 1
assert __name__ == "__main__" and __main__.visible is visible and sys.modules["__main__"].__file__.endswith("main.py")
assert "return 1" in inspect.getsource(visible) and sys.argv[0].endswith("main.py") and len(sys.argv) == 1""",
    "tests and logs": """
import doctest, logging, unittest, warnings
class Case(unittest.TestCase):
    def test_it(self): self.assertEqual(1, 1)
assert unittest.main(exit=False, argv=["x"]).result.wasSuccessful()
logging.warning("to stderr")""",
    "limits and processors": """
import os, platform, resource, sys
assert os.cpu_count() >= 1 and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
assert platform.system() == "Linux" and len(os.sched_getaffinity(0)) >= 1 and sys.executable""",
    "big numbers and deep calls": """
import sys
assert len(str(3 ** 5000)) == 2386
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
assert deep(900) == 900""",
}

LIBRARY = [
    _python(f"library: {name}", code.lstrip("\n") + '\nprint("done")\n', stdout_has=(b"done\n",))
    for name, code in _LIBRARY.items()
]

MEETING: list[Benign] = [
    _python("asyncio", """\
import asyncio
async def worker(queue, out):
    while (item := await queue.get()) is not None:
        await asyncio.sleep(0.01)
        out.append(item * 2)
async def main():
    queue, out = asyncio.Queue(), []
    tasks = [asyncio.create_task(worker(queue, out)) for _ in range(3)]
    for number in [1, 2, 3, None, None, None]:
        await queue.put(number)
    await asyncio.gather(*tasks)
    async with asyncio.timeout(5):
        out.append(await asyncio.get_running_loop().run_in_executor(None, sum, [1, 2]))
        out.append(await asyncio.to_thread(max, 1, 9))
    print(sorted(out))
asyncio.run(main())
""", stdout=b"[2, 3, 4, 6, 9]\n"),
    _python("asyncio: subprocess", """\
import asyncio
async def main():
    process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    print((await process.communicate(b"through"))[0], process.returncode)
    shell = await asyncio.create_subprocess_shell("exit 3")
    print(await shell.wait())
asyncio.run(main())
""", stdout=b"b'through' 0\n3\n"),
    _python("threads", """\
import concurrent.futures, threading
lock, total = threading.Lock(), []
def work(number):
    with lock:
        total.append(number)
    return number * number
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(sorted(total), list(pool.map(work, range(5))))
""", stdout=b"[0, 1, 2, 3] [0, 1, 4, 9, 16]\n"),
    _python("a thread that is waited for", """\
import threading, time
def late():
    time.sleep(0.3)
    print("late")
threading.Thread(target=late).start()
print("main")
""", stdout=b"main\nlate\n"),
    _python("a daemon thread does not hold the end", """\
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("main")
""", stdout=b"main\n", limits=limits(wall_s=10.0)),
    _python("multiprocessing: processes and queues", """\
import multiprocessing
def work(queue, number):
    queue.put(number * number)
if __name__ == "__main__":
    queue = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(queue, n)) for n in range(3)]
    for worker in workers: worker.start()
    found = sorted(queue.get() for _ in workers)
    for worker in workers: worker.join()
    left, right = multiprocessing.Pipe()
    left.send({"x": 1})
    print(found, right.recv(), [worker.exitcode for worker in workers])
""", stdout=b"[0, 1, 4] {'x': 1} [0, 0, 0]\n"),
    _python("multiprocessing: a pool", """\
import multiprocessing
def square(number):
    return number * number
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, range(6)))
""", stdout=b"[0, 1, 4, 9, 16, 25]\n"),
    _python("multiprocessing: an executor", """\
import concurrent.futures
def square(number):
    return number * number
if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print(list(pool.map(square, range(4))))
""", stdout=b"[0, 1, 4, 9]\n"),
    _python("multiprocessing: shared memory, values and locks", """\
import multiprocessing
from multiprocessing import shared_memory
def work(name, value, lock):
    memory = shared_memory.SharedMemory(name)
    memory.buf[0] = 42
    memory.close()
    with lock:
        value.value += 1
if __name__ == "__main__":
    memory = shared_memory.SharedMemory(create=True, size=64)
    value, lock = multiprocessing.Value("i", 0), multiprocessing.Lock()
    worker = multiprocessing.Process(target=work, args=(memory.name, value, lock))
    worker.start()
    worker.join()
    print(memory.buf[0], value.value)
    memory.close()
    memory.unlink()
""", stdout=b"42 1\n"),
    _python("multiprocessing: a manager is refused, not waited for", """\
import multiprocessing
if __name__ == "__main__":
    try:
        with multiprocessing.Manager() as manager:
            manager.dict()
    except Exception as error:
        print("refused", type(error).__name__)
""", stdout_has=(b"refused",), kinds=("namespaces",), limits=limits(wall_s=10.0)),
    _python("multiprocessing: forkserver is refused, not waited for", """\
import multiprocessing
def work(): pass
if __name__ == "__main__":
    try:
        worker = multiprocessing.get_context("forkserver").Process(target=work)
        worker.start()
        worker.join()
    except Exception as error:
        print("refused", type(error).__name__)
""", stdout_has=(b"refused",), kinds=("namespaces",), limits=limits(wall_s=10.0)),
    _python("subprocess pipes", """\
import subprocess
sort = subprocess.Popen(["sort"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(sort.communicate("b\\na\\n")[0].split())
done = subprocess.run("echo out; echo err >&2; exit 4", shell=True, capture_output=True, text=True)
print(done.stdout, done.stderr, done.returncode)
try:
    subprocess.run(["sleep", "20"], timeout=0.2)
except subprocess.TimeoutExpired:
    print("in time")
""", stdout=b"['a', 'b']\nout\n err\n 4\nin time\n"),
    _python("python3 as a subprocess", """\
import subprocess, sys
for program in ("python3", sys.executable):
    print(subprocess.run([program, "-c", "print(6 * 7)"], capture_output=True, text=True).stdout, end="")
""", stdout=b"42\n42\n"),
    _python("os.fork and os.exec", """\
import os, sys
if os.fork() == 0:
    os.execvp("echo", ["echo", "from the child"])
os.wait()
print("from the parent")
""", stdout=b"from the child\nfrom the parent\n"),
    _python("numpy", """\
import numpy
matrix = numpy.arange(10000.0).reshape(100, 100)
print(int((matrix @ matrix.T).trace()), numpy.linalg.solve([[2.0, 0], [0, 4]], [2, 4]).tolist())
numpy.save("a.npy", matrix)
print(numpy.load("a.npy").sum())
""", stdout=b"333283335000 [1.0, 1.0]\n49995000.0\n", needs="numpy"),
]  # fmt: skip

IN_AND_OUT: list[Benign] = [
    _python("nothing at all", "", stdout=b"", ),
    _python("only a comment", "# -*- coding: utf-8 -*-", stdout=b""),
    _python("files in and out, in folders too", """\
import pathlib
text = pathlib.Path("in/deep/a.txt").read_text() + pathlib.Path("b.bin").read_bytes().hex()
pathlib.Path("out/deep").mkdir(parents=True)
pathlib.Path("out/deep/c.txt").write_text(text)
pathlib.Path("b.bin").write_bytes(b"changed")
""", files={"in/deep/a.txt": b"one", "b.bin": b"\xff\x00"}, collect=("out/deep/c.txt", "b.bin", "in/deep/a.txt"),
            files_out={"out/deep/c.txt": b"oneff00", "b.bin": b"changed", "in/deep/a.txt": b"one"}),
    _python("an empty file out", 'open("empty", "w").close()', collect=("empty",), files_out={"empty": b""}),
    _python("a large file out", 'open("large", "wb").write(b"x" * 5000000)', collect=("large",),
            files_out={"large": b"x" * 5_000_000}),
    _python("a module beside the code", "import mine\nfrom package import inner\nprint(mine.VALUE, inner.VALUE)\n",
            files={"mine.py": b"VALUE = 1", "package/__init__.py": b"", "package/inner.py": b"VALUE = 2"}, stdout=b"1 2\n"),
    _python("Unicode everywhere", """\
naïve = "grüße 你好 🎉"
print(naïve)
open("größe-🎉.txt", "w").write(naïve)
print(sorted(__import__("os").listdir("."))[-1])
""", files={"größe-你.txt": "ü".encode()}, collect=("größe-🎉.txt",), stdout_has=("grüße 你好 🎉\n".encode(),),
            files_out={"größe-🎉.txt": "grüße 你好 🎉".encode()}),
    _python("eight megabytes of stdin", "import hashlib, sys\nprint(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())\n",
            stdin=_STDIN,
            stdout=hashlib.sha256(_STDIN).hexdigest().encode() + b"\n"),
    _python("lines of stdin", "for line in iter(input, 'end'):\n    print(line.upper())\n", stdin=b"a\nb\xc3\xa9\nend\nmore\n",
            stdout="A\nBÉ\n".encode()),
    _python("stdin that ends",
            "import sys\nprint(repr(sys.stdin.read()))\ntry:\n    input()\nexcept EOFError:\n    print('end')\n",
            stdout=b"''\nend\n"),
    _python("stdin not read", "print('done')", stdin=b"x" * MIB, stdout=b"done\n"),
    _python("bytes on stdout", "import sys\nsys.stdout.buffer.write(bytes(range(256)))\n", stdout=bytes(range(256))),
    _python("output up to the limit", "import sys\nsys.stdout.write('x' * 1048576)\n", stdout=b"x" * MIB),
    _python("output in order",
            "import sys\nfor n in range(3):\n    print(n)\n    print(n, file=sys.stderr)\n", stdout=b"0\n1\n2\n",
            stderr_has=(b"0\n1\n2\n",)),
    _python("output that was not flushed", "import sys\nsys.stdout.write('no newline')\n", stdout=b"no newline"),
    _python("printing to no terminal",
            "import sys\nprint(sys.stdin.isatty(), sys.stdout.isatty(), sys.stdout.encoding.lower())\n",
            stdout=b"False False utf-8\n"),
    _python("atexit", "import atexit\natexit.register(print, 'bye')\nprint('main')\n", stdout=b"main\nbye\n"),
    _python("warnings", "import warnings\nwarnings.warn('look out')\n", stdout=b"", stderr_has=(b"UserWarning: look out",)),
    _python("argparse", """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--number", type=int, default=3)
print(parser.parse_args().number)
""", stdout=b"3\n"),
    _python("argparse's error", "import argparse\nargparse.ArgumentParser().parse_args(['--no'])\n", status=ERROR, exit_code=2,
            stderr_has=(b"usage: main.py",)),
    _python("code with carriage returns", "if True:\r\n    print('one')\r\nprint('two')\r\n", stdout=b"one\ntwo\n"),
    _python("code with a byte order mark", "\ufeffprint('one')\n", stdout=b"one\n"),
]  # fmt: skip


def _exit(name: str, code: str, exit_code: int, **rest: object) -> Benign:
    status = ERROR if exit_code else sandbox.Status.OK
    return _python(f"exit: {name}", code, status=status, exit_code=exit_code, **rest)


ENDS: list[Benign] = [
    *[_exit(f"sys.exit({code})", f"import sys\nsys.exit({code})\n", code) for code in (0, 1, 3, 100, 127, 255)],
    *[_exit(f"os._exit({code})", f"import os\nos._exit({code})\n", code) for code in (0, 1, 77)],
    _exit("a text", "import sys\nsys.exit('went wrong')\n", 1, stderr_has=(b"went wrong\n",)),
    _exit("None", "raise SystemExit\n", 0),
    _exit("exit()", "exit(2)\n", 2),
    _exit("an error shows its line and only the job's frames", """\
def outer():
    inner()
def inner():
    raise ValueError("broken")  # the line
outer()
""", 1, stderr_has=(b"Traceback (most recent call last):\n", b'main.py", line 4, in inner\n', b"# the line\n",
                    b"ValueError: broken\n"), stderr_lacks=(b"council", b"zygote", b"exec(", b"runpy")),
    _exit("an error in a thread is printed", "import threading\nthreading.Thread(target=lambda: 1 / 0).start()\n", 0,
          stderr_has=(b"ZeroDivisionError",)),
    _exit("code that is no Python", "def broken(:\n", 1, stderr_has=(b"SyntaxError", b"def broken(:"),
          stderr_lacks=(b"council", b"zygote")),
    _exit("KeyboardInterrupt by itself",
            "try:\n    raise KeyboardInterrupt\nexcept KeyboardInterrupt:\n    raise SystemExit(9)\n", 9),
    _exit("no memory is an error that can be caught", """\
try:
    x = bytearray(1 << 46)
except MemoryError:
    raise SystemExit(4)
""", 4),
    *[
        _python(f"signal: {name}", f"import os, signal\nsignal.signal(signal.SIG{name}, signal.SIG_DFL)\n"
                                   f"os.kill(os.getpid(), signal.SIG{name})\n" if name != "KILL" else
                f"import os, signal\nos.kill(os.getpid(), signal.SIG{name})\n",
                status=SIGNAL, exit_code=None, signal=number)
        for name, number in {"KILL": 9, "SEGV": 11, "TERM": 15, "ABRT": 6, "HUP": 1, "USR1": 10}.items()
    ],
    _python("signal: one that is handled", """\
import os, signal
signal.signal(signal.SIGTERM, lambda *words: print("caught"))
os.kill(os.getpid(), signal.SIGTERM)
""", stdout=b"caught\n"),
    _python("signal: a child's is not the job's", """\
import os, signal
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGKILL)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
""", stdout=b"-9\n"),
]  # fmt: skip

SHELL: list[Benign] = [
    _bash("pipes, loops and substitution", """\
for n in 3 1 2; do echo "$n"; done | sort -n | while read -r line; do printf '%s ' "$line"; done
echo "$(( 6 * 7 )) $(echo inner)" | tr a-z A-Z
""", stdout=b"1 2 3 42 INNER\n"),
    _bash("awk and sed", """\
printf 'a 1\\nb 2\\n' | awk '{ total += $2 } END { print total }'
printf 'one two\\n' | sed -E 's/(\\w+) (\\w+)/\\2 \\1/'
""", stdout=b"3\ntwo one\n"),
    _bash("here-documents and arrays", """\
list=(a "b c")
cat <<END
${#list[@]} ${list[1]}
END
cat <<<"here"
diff <(echo x) <(echo x) && echo same
""", stdout=b"2 b c\nhere\nsame\n"),
    _bash("stdin", "read -r first; echo \"got $first\"; wc -c\n", stdin=b"line\nrest", stdout_has=(b"got line\n", b"4")),
    _bash("files", "mkdir d; cat in.txt > d/out.txt; chmod +x d/out.txt; ls d; find . -name out.txt\n",
          files={"in.txt": b"x"}, collect=("d/out.txt",), files_out={"d/out.txt": b"x"}, stdout=b"out.txt\n./d/out.txt\n"),
    _bash("python from the shell", "python3 -c 'print(6 * 7)'\n", stdout=b"42\n"),
    _bash("a program of its own", "printf '#!/bin/bash\\necho ran\\n' > run; chmod +x run; ./run\n", stdout=b"ran\n"),
    _bash("functions, traps and jobs", "f() { echo \"$1\"; }; trap 'echo bye' EXIT; (sleep 0.1; f late) & wait; f main\n",
          stdout=b"late\nmain\nbye\n"),
    _bash("no exit code", "true\n"),
    _bash("exit code 3", "exit 3\n", status=ERROR, exit_code=3),
    _bash("of the last command", "false\n", status=ERROR, exit_code=1),
    _bash("a program that is not there", "no-such-program\n", status=ERROR, exit_code=127, stderr_has=(b"not found",)),
    _bash("set -e", "set -euo pipefail\nfalse | true\necho no\n", status=ERROR, exit_code=1, stdout=b""),
    _bash("a signal", "kill -SEGV $$\n", status=SIGNAL, exit_code=None, signal=11),
    _bash("a signal to a child",
            "sleep 9 & kill -TERM $!; wait $!; exit $(( $? == 143 ? 5 : 1 ))\n", status=ERROR, exit_code=5),
    _bash("Unicode", "x='grüße 🎉'; echo \"${#x} $x\"\n", stdout="7 grüße 🎉\n".encode()),
    _bash("a syntax error", "if then\n", status=ERROR, exit_code=2, stderr_has=(b"syntax error",)),
]  # fmt: skip

ALL = [*LIBRARY, *MEETING, *IN_AND_OUT, *ENDS, *SHELL]
