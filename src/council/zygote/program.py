"""Process 2 of a sandbox: takes the last rights from itself, waits for a job, and is that job.

Nothing here is trusted once the job's first line has run. What must be known about a job is the keeper's to tell; only in a
session, where one interpreter outlives its calls, does this process say how a call ended.
"""

import atexit
import contextlib
import fcntl
import gc
import io
import os
import random
import resource
import signal
import socket
import sys
import threading
import time
import traceback
import types
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from council.kit import confine
from council.zygote import cgroups, filters, kernel, layers, root, wire

WORK = "/work"
_ROOMS = (Path(WORK), Path("/tmp"), Path("/dev/shm"))
_DEVICES = tuple(Path("/dev", name) for name in ("null", "zero", "full"))
_CONFINEMENT = confine.Confinement((Path("/"),), _DEVICES, (), (), own=_ROOMS)
_MAIN = {"python": "main.py", "bash": "main.sh"}
_DESCRIPTORS_MAX, _DESCRIPTORS_FEW = 512, 64
_STACK_BYTES = 8 * 1024 * 1024
# How much later the kernel's limit is than the keeper's, and its second than its first.
_CPU_GRACE_S = 1
_WRITE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sandbox is made with. `address_bytes` None leaves the address space to the cgroup; `without` are layers that
    this machine lacks."""

    processes: int
    files_bytes: int
    address_bytes: int | None
    session: bool
    without: frozenset[str] = frozenset()


# Found once by `note_own_modules`: to go through all that is loaded would touch, and so copy, a page for each.
_OWN_MODULES: list[str] = []


def note_own_modules() -> None:
    """Remember what no job needs to see. Called once all is loaded."""
    _OWN_MODULES[:] = [name for name in sys.modules if name == "council" or name.startswith("council.")]


class Program:
    """Made in a fork of the keeper; `notices` leads to it, `job` to the front."""

    def __init__(
        self,
        plan: Plan,
        job: socket.socket,
        streams: Sequence[int],
        notices: socket.socket,
        group: cgroups.Cgroup | None,
    ) -> None:
        self._plan = plan
        self._job = job
        self._streams = streams
        self._notices = notices
        self._group = group
        self._receiver = wire.Receiver(job)
        self._listener = -1

    def run(self) -> NoReturn:
        """Confine this process, wait for the job, run it, end with its exit status."""
        stage = "the sandbox could not be made"
        try:
            self._confine()
            # Whatever can be done before there is a job costs the job no time.
            main = _new_main()
            told = {"confined": True, "cpu_s": time.process_time()}
            wire.send(self._notices, told, [self._listener] if self._listener >= 0 else [])
            if self._listener >= 0:
                os.close(self._listener)
            stage = "the job could not be laid out"
            job = self._receive()
        except BaseException as error:  # noqa: BLE001 - nothing may unwind into the zygote's frames
            self._fail(f"{stage}: {type(error).__name__}: {error}")
        # Last before the job: the keeper takes whatever comes on this way for true.
        self._notices.close()
        if self._plan.session:
            _Session(self, main, job).run()
        self._job.close()
        if job["language"] == "bash":
            _become_bash()
        _leave(_run_python(main, WORK + "/main.py"))

    def _confine(self) -> None:
        """Take away every right that a job has not, in the order in which each is still possible."""
        signal.set_wakeup_fd(-1)
        for taken in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(taken, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._group is not None:
            for descriptor in self._group.enter:
                os.write(descriptor, b"0")
        if layers.CGROUP not in self._plan.without:
            kernel.unshare(kernel.CLONE_NEWCGROUP)
        if self._group is not None:
            self._group.close()
        for number, stream in enumerate(self._streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(WORK)
        kernel.drop_capabilities()
        kernel.forbid_new_privileges()
        kernel.set_dumpable(True)  # or /proc/self would be closed to the job
        self._bound()
        # Its own victim, should memory run out. Landlock keeps it from writing less.
        _write_text("/proc/self/oom_score_adj", b"1000")
        if layers.LANDLOCK not in self._plan.without:
            confine.apply(_CONFINEMENT)
        if layers.SECCOMP not in self._plan.without:
            self._listener = kernel.load_filter(filters.instructions(), listen=True)

    def _bound(self) -> None:
        bounds = {
            # Not 0: only 1 also keeps a crash from a program of the host that core dumps are piped to (core(5)).
            resource.RLIMIT_CORE: 1,
            # Without a cgroup few, since nothing else bounds what lies in their buffers.
            resource.RLIMIT_NOFILE: _DESCRIPTORS_MAX if self._plan.address_bytes is None else _DESCRIPTORS_FEW,
            resource.RLIMIT_MEMLOCK: 0,
            resource.RLIMIT_MSGQUEUE: 0,
            resource.RLIMIT_RTPRIO: 0,
            resource.RLIMIT_SIGPENDING: 1024,
            resource.RLIMIT_STACK: _STACK_BYTES,
            # The keeper counts, too. One more where a cgroup counts, so that it is the cgroup that refuses and tells.
            resource.RLIMIT_NPROC: self._plan.processes + (1 if self._group is None else 2),
        }
        if self._plan.address_bytes is not None:
            bounds[resource.RLIMIT_AS] = self._plan.address_bytes
        for limit, value in bounds.items():
            resource.setrlimit(limit, (value, value))

    def _receive(self) -> dict[str, Any]:
        """Wait for the job and lay it out. Its bytes were checked by the front."""
        job = self._receiver.wait()
        if job is None:
            os._exit(0)
        self.lay_out(job)
        # From here on, since stdin is no file of the job's and may be larger.
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._plan.files_bytes, self._plan.files_bytes))
        if not self._plan.session:
            fcntl.fcntl(0, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
            # The keeper, which measures, comes first: the kernel counts this limit in ticks, and on a busy machine too many.
            soft = max(1, -(-int(job["cpu_s"] * 1000) // 1000)) + _CPU_GRACE_S
            resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + _CPU_GRACE_S))
        return job

    def lay_out(self, job: dict[str, Any]) -> None:
        """Put code, files and stdin of a job in their places."""
        _write(f"{WORK}/{_MAIN[job['language']]}", self._receiver.take(job["code"]))
        for name, size in job["files"]:
            path = f"{WORK}/{name}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _write(path, self._receiver.take(size))
        os.ftruncate(0, 0)
        os.lseek(0, 0, os.SEEK_SET)
        _write_all(0, self._receiver.take(job["stdin"]))
        os.lseek(0, 0, os.SEEK_SET)

    def next(self) -> dict[str, Any]:
        """Wait for the next call of a session."""
        job = self._receiver.wait()
        if job is None:
            os._exit(0)
        try:
            self.lay_out(job)
        except OSError as error:
            # Whatever of it was not taken is still on its way, so there is no going on.
            wire.send(self._job, {"done": 1, "rejected": f"the call could not be laid out: {error}"})
            os._exit(1)
        return job

    def done(self, exit_code: int) -> None:
        """Tell the front that a call of a session is over."""
        wire.send(self._job, {"done": exit_code, "rejected": ""})

    def _fail(self, reason: str) -> NoReturn:
        with contextlib.suppress(OSError):
            wire.send(self._notices, {"failed": reason})
        os._exit(1)


def _write_text(path: str, text: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    os.write(descriptor, text)
    os.close(descriptor)


def _write(name: str, content: bytes) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        _write_all(descriptor, content)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view[:_WRITE_BYTES]) :]


class _Session:
    """One interpreter for many calls: what a call defines, the next one finds."""

    def __init__(self, program: Program, main: types.ModuleType, first: dict[str, Any]) -> None:
        self._program = program
        self._job = first
        self._main = main

    def run(self) -> NoReturn:
        while True:
            sys.stdin = _stdin()
            if self._job["language"] == "bash":
                exit_code = _run_bash()
            else:
                exit_code = _run_python(self._main, WORK + "/main.py")
                _flush()
            self._program.done(exit_code)
            self._job = self._program.next()


def _new_main() -> types.ModuleType:
    """Make this process an interpreter that has just begun to run the code of a job, and return its __main__."""
    for name in _OWN_MODULES:
        del sys.modules[name]
    sys.argv = ["main.py"]
    sys.path.insert(0, WORK)
    sys.stdin = sys.__stdin__ = _stdin()  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _writer(1, "surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _writer(2, "backslashreplace", line_buffering=True)  # type: ignore[misc]
    # No two jobs draw the same numbers.
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(int.from_bytes(os.urandom(4)))
    gc.enable()
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=WORK + "/main.py", __builtins__=__builtins__)
    sys.modules["__main__"] = main
    return main


def _stdin() -> io.TextIOWrapper:
    return io.TextIOWrapper(open(0, "rb", closefd=False), "utf-8", "surrogateescape")


def _writer(descriptor: int, errors: str, *, line_buffering: bool = False) -> io.TextIOWrapper:
    raw = open(descriptor, "wb", closefd=False)  # noqa: SIM115 - as long as the process
    return io.TextIOWrapper(raw, "utf-8", errors, line_buffering=line_buffering)


def _run_python(main: types.ModuleType, path: str) -> int:
    """Run a file in a module as `python FILE` would; return the exit status."""
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        exec(code, main.__dict__)  # noqa: S102 - what this is for
    except SystemExit as stop:
        return _exit_code(stop)
    except BaseException as error:  # noqa: BLE001 - shown, as the interpreter would
        _show(error)
        return 1
    return 0


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    with contextlib.suppress(Exception):
        print(stop.code, file=sys.stderr)
    return 1


def _show(error: BaseException) -> None:
    """Print a traceback that begins in the job's own code."""
    inner = error.__traceback__.tb_next if error.__traceback__ is not None else None
    with contextlib.suppress(BaseException):
        if sys.excepthook is sys.__excepthook__:
            traceback.print_exception(type(error), error, inner)
        else:
            sys.excepthook(type(error), error, inner)


def _leave(exit_code: int) -> NoReturn:
    """End as the interpreter would: wait for threads, run what is registered, flush; then without taking it all apart."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException as error:  # noqa: BLE001 - shown, as the interpreter would
        _show(error)
    if not _flush() and exit_code == 0:
        exit_code = 120
    os._exit(exit_code)


def _flush() -> bool:
    whole = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException:  # noqa: BLE001 - a job may have put anything there
            whole = False
    return whole


def environment() -> dict[str, str]:
    """Return the variables of every job."""
    found = {
        "PATH": f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": WORK,
        "USER": "sandbox",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return {**found, "PYTHONPATH": root.PACKAGES} if Path(root.PACKAGES).is_dir() else found


def _become_bash() -> NoReturn:
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv("/bin/bash", ["bash", "main.sh"])
    except OSError as error:
        os.write(2, f"bash: {error.strerror}\n".encode())
        os._exit(127)


def _run_bash() -> int:
    import subprocess

    ended = subprocess.run(["/bin/bash", "main.sh"], check=False).returncode
    return ended if ended >= 0 else 128 - ended
