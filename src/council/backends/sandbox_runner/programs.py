"""Runs one sandbox program (firejail, runsc) to its end: bounded output, time, and the end of its whole tree.

Also what the runners share that start such a program for each job. For kinds that set up no cgroup: what the kernel does not
bound for them (the sum of CPU time, memory, tasks and files over all processes) is looked at ten times a second, so a quick
job may go over by what it can do in that time.
"""

import abc
import asyncio
import contextlib
import logging
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from council import ports
from council.backends.sandbox_runner import folders
from council.domain import errors, sandbox
from council.kit import clock, process

# Where programs are looked for, outside and inside of a sandbox.
PATH = "/usr/local/bin:/usr/bin:/bin"
# What follows each interpreter.
OPTIONS = {"python": ("-s", "-B"), "bash": ("--noprofile", "--norc")}

_log = logging.getLogger(__name__)

_COMMAND_BYTES_MAX = 128 * 1024
_LOOK_S = 0.1
_READ_BYTES = 65_536
# A tree that was killed is gone at once; this is for a kernel under great load.
_GONE_S = 10.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start. `used_bytes` tells what the job keeps in files right now; the last two are not the job's."""

    words: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    used_bytes: Callable[[], int]
    own_bytes: int
    own_tasks: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How the program ended. `code` is its exit status, negative for a signal."""

    code: int
    limit: str | None
    stdout: bytes
    stderr: bytes
    truncated: bool
    wall_s: float
    cpu_s: float
    memory_peak_bytes: int


# Ours, so that what it prints and how it ends can be trusted.
TRIAL = sandbox.Job("python", "", limits=sandbox.Limits(10.0, 30.0, 512 << 20, 1 << 16, 1 << 20, 32))


class Programs:
    """The programs that run now. Ending the task that awaits `run` ends its program."""

    def __init__(self, timer: clock.Clock) -> None:
        self._timer = timer
        self._running: set[int] = set()
        # How often all were killed.
        self.kills = 0

    async def run(self, command: Command, stdin: bytes, limits: sandbox.Limits, kills: int | None = None) -> Ended:
        """Run to the end, at most `wall_s` and the time to end it.

        `kills` is what `self.kills` was when the job was taken, if that was before: killed since, it does not begin. Raises
        SandboxUnavailableError then, and if it cannot start.
        """
        if kills is not None and kills != self.kills:
            raise errors.SandboxUnavailableError("The job was killed before it began. Send it again.")
        started_s = self._timer.monotonic_s()
        outputs = (_Output(limits.output_bytes), _Output(limits.output_bytes))
        pid, handle = _start(command, stdin, outputs)
        self._running.add(pid)
        tree = _Tree(pid, command, limits)
        try:
            limit = await _watch(tree, handle, outputs, limits.wall_s)
        finally:
            # Also when the caller is gone. Until it is collected below, its pid can mean nothing else.
            kill_tree(pid)
            code, usage = await _collected(pid, handle)
            self._running.discard(pid)
            for output in outputs:
                output.close()
        return Ended(
            code=code,
            limit=limit,
            stdout=bytes(outputs[0].data),
            stderr=bytes(outputs[1].data),
            truncated=any(output.full for output in outputs),
            wall_s=self._timer.monotonic_s() - started_s,
            # The kernel tells of processes that were collected inside; when all are killed at once, none is.
            cpu_s=max(usage.ru_utime + usage.ru_stime, tree.cpu_s),
            memory_peak_bytes=usage.ru_maxrss * 1024,
        )

    def kill_all(self) -> int:
        """End all of them; return how many there were. Their `run` then returns as for any end."""
        self.kills += 1
        for pid in self._running:
            kill_tree(pid)
        return len(self._running)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of runner is called by people, by the settings and by Debian, and what shows why it does not work."""

    name: str
    setting: str
    package: str
    trial: str


class EachJob(abc.ABC):
    """Implements ports.SandboxRunner but for the layers and `_run`.

    `folder` holds the jobs' files; `program` is a name, or a path.
    """

    def __init__(self, kind: Kind, folder: Path, program: str, timer: clock.Clock | None) -> None:
        self._kind = kind
        self._folder = folder.absolute()
        self._program = program
        self._programs = Programs(timer or clock.SystemClock())
        self._works = False
        self._as_root = os.geteuid() == 0
        self._closed = False

    async def start(self) -> None:
        """End the jobs of a service that was killed, which nothing else ends, and remove their files."""
        for folder in await asyncio.to_thread(folders.abandoned, self._folder):
            for pid in await asyncio.to_thread(_naming, str(folder)):
                kill_tree(pid)
            try:
                await folders.remove(folder)
            except (errors.SandboxUnavailableError, TimeoutError, OSError):
                _log.warning("what a killed service left cannot be removed", exc_info=True, extra={"path": str(folder)})

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a job in a program of its own; before the first one, a job of ours that shows whether it works at all."""
        if not self._works:
            tried = await self._run(TRIAL)
            if tried.status is not sandbox.Status.OK:
                raise errors.SandboxUnavailableError(
                    f"{self._kind.name} could not set up its sandbox. Run `{self._kind.trial}` as this user to see why.",
                    detail=tried.stderr[:500].decode(errors="replace"),
                )
            self._works = True
        return await self._run(job)

    @abc.abstractmethod
    async def _run(self, job: sandbox.Job) -> sandbox.Result: ...

    async def open_session(self, limits: sandbox.Limits) -> ports.SandboxSession:
        """Refuse: the program is used once."""
        raise errors.UnsupportedParameterError(
            f"The sandbox kind `{self._kind.setting}` has no sessions. Set `sandbox.kind` to `namespaces`, or run single jobs."
        )

    async def kill_all(self) -> int:
        """End every job."""
        return self._programs.kill_all()

    async def ping(self) -> None:
        """Return if the program is there."""
        self._find()

    async def close(self) -> None:
        """End every job and take no more."""
        self._closed = True
        self._programs.kill_all()

    def _find(self) -> str:
        if self._closed:
            raise errors.SandboxUnavailableError("The sandbox is shutting down. Try again in a moment.")
        found = shutil.which(self._program, path=None if "/" in self._program else PATH)
        if found is None:
            raise errors.SandboxUnavailableError(
                f"{self._kind.name} is not installed. Install it (`apt install {self._kind.package}`), "
                "or set `sandbox.kind` to `namespaces`."
            )
        return found

    def _interpreter(self, language: str) -> str:
        """Return one that can be seen inside, where /usr is: the Python that we run on may lie elsewhere."""
        if language == "bash":
            return "/bin/bash"
        own = Path(sys.executable).resolve()
        if own.parts[1] in {"usr", "bin"}:
            return str(own)
        found = shutil.which("python3", path=PATH)
        if found is None:
            raise errors.SandboxUnavailableError(
                f"No Python in /usr for jobs in {self._kind.name}. Install it (`apt install python3`).",
                detail=f"ours is {own}",
            )
        return found


def _naming(words: str) -> list[int]:
    """Return the processes that have this on their command line, as a program has the folder of its job."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError), (entry / "cmdline").open("rb") as file:
                if words.encode() in file.read(_COMMAND_BYTES_MAX):
                    found.append(int(entry.name))
    return found


def outcome(ended: Ended, layers: tuple[str, ...], missing: tuple[str, ...], files: sandbox.Result) -> sandbox.Result:
    """Return the result. Both programs tell a signal N as exit status 128 + N, and so cannot tell it from exit(128 + N)."""
    number = ended.code - 128
    told = -ended.code if ended.code < 0 else number if number in signal.valid_signals() else None
    limit = ended.limit or ("cpu_s" if told == signal.SIGXCPU else "files_bytes" if told == signal.SIGXFSZ else None)
    if limit is not None:
        status = sandbox.Status.KILLED_LIMIT
    elif told is not None:
        status = sandbox.Status.SIGNAL
    else:
        status = sandbox.Status.ERROR if ended.code else sandbox.Status.OK
    return sandbox.Result(
        status=status,
        # Cut after it had ended by itself: met, and outlived.
        limit=limit or ("output_bytes" if ended.truncated else None),
        exit_code=ended.code if told is None else None,
        signal=told,
        stdout=ended.stdout,
        stderr=ended.stderr,
        files=files.files,
        not_collected=files.not_collected,
        truncated=ended.truncated,
        wall_s=ended.wall_s,
        cpu_s=ended.cpu_s,
        memory_peak_bytes=ended.memory_peak_bytes,
        layers=layers,
        layers_missing=missing,
    )


def _start(command: Command, stdin: bytes, outputs: "tuple[_Output, _Output]") -> tuple[int, int]:
    """Return pid and pidfd of the program, in a session of its own so that it has no terminal."""
    given = _read_only(stdin)
    try:
        program = subprocess.Popen(
            command.words,
            cwd=command.folder,
            env=dict(command.environment),
            stdin=given,
            stdout=outputs[0].writer,
            stderr=outputs[1].writer,
            start_new_session=True,
        )
    except OSError as error:
        for output in outputs:
            output.close()
        raise errors.SandboxUnavailableError(
            f"The sandbox program {command.words[0]!r} could not be started. Run `council doctor`.", detail=str(error)
        ) from error
    finally:
        os.close(given)
    for output in outputs:
        output.begin()
    # Collected by `_collected`, with what it used; Popen must not look for it when it is forgotten.
    program.returncode = 0
    return program.pid, os.pidfd_open(program.pid)


def _read_only(content: bytes) -> int:
    """Return a descriptor to read `content` from: unlike a pipe, nobody has to feed it."""
    memory = os.memfd_create("stdin", os.MFD_CLOEXEC)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(memory, view) :]
        return os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(memory)


class _Output:
    """One pipe of the program: keeps up to a number of bytes, and notes that there was more."""

    def __init__(self, limit_bytes: int) -> None:
        self.data = bytearray()
        self.full = False
        self._limit_bytes = limit_bytes
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.writer, True)

    def begin(self) -> None:
        """Read from now on."""
        os.close(self.writer)
        self.writer = -1
        asyncio.get_running_loop().add_reader(self._reader, self._read)

    def _read(self) -> None:
        try:
            piece = os.read(self._reader, _READ_BYTES)
        except BlockingIOError:
            return
        if not piece:
            asyncio.get_running_loop().remove_reader(self._reader)
        room = self._limit_bytes - len(self.data)
        self.data += piece[:room]
        if len(piece) > room:
            self.full = True
            asyncio.get_running_loop().remove_reader(self._reader)

    def close(self) -> None:
        """Take what is left in the pipe, and close it."""
        if self._reader < 0:
            return
        if self.writer >= 0:
            os.close(self.writer)
        else:
            asyncio.get_running_loop().remove_reader(self._reader)
            while not self.full and self._left():
                pass
        os.close(self._reader)
        self._reader = -1

    def _left(self) -> bool:
        try:
            piece = os.read(self._reader, _READ_BYTES)
        except BlockingIOError:
            return False
        room = self._limit_bytes - len(self.data)
        self.data += piece[:room]
        self.full = self.full or len(piece) > room
        return bool(piece)


async def _watch(tree: "_Tree", handle: int, outputs: tuple[_Output, _Output], wall_s: float) -> str | None:
    """Wait until the program ends or meets a limit; return that limit."""
    loop = asyncio.get_running_loop()
    ended = asyncio.create_task(_readable(handle))
    deadline_s = loop.time() + wall_s
    try:
        while True:
            await asyncio.wait([ended], timeout=min(_LOOK_S, max(0.0, deadline_s - loop.time())))
            if any(output.full for output in outputs):
                return "output_bytes"
            if ended.done():
                return None
            if loop.time() >= deadline_s:
                return "wall_s"
            if limit := await asyncio.to_thread(tree.met):
                return limit
    finally:
        ended.cancel()


async def _readable(descriptor: int, limit_s: float | None = None) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _settle, ready)
    try:
        async with asyncio.timeout(limit_s):
            await ready
    finally:
        loop.remove_reader(descriptor)


class _Tree:
    """What a program and all below it use, as last seen."""

    def __init__(self, pid: int, command: Command, limits: sandbox.Limits) -> None:
        self.cpu_s = 0.0
        self._pid = pid
        self._command = command
        self._limits = limits

    def met(self) -> str | None:
        """Return the limit that they are over together, or None."""
        processes = process.table()
        used = [_used(one) for one in descendants(self._pid, processes)]
        self.cpu_s = max(self.cpu_s, sum(cpu_s for cpu_s, _ in used))
        if self.cpu_s > self._limits.cpu_s:
            return "cpu_s"
        if (
            process.tree_bytes(self._pid, processes, process.resident_bytes)
            > self._limits.memory_bytes + self._command.own_bytes
        ):
            return "memory_bytes"
        if sum(threads for _, threads in used) > self._limits.processes + self._command.own_tasks:
            return "processes"
        return "files_bytes" if self._command.used_bytes() > self._limits.files_bytes else None


def _used(pid: int) -> tuple[float, int]:
    """Return CPU seconds, those of its collected children included, and the threads of a process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0, 0
    fields = text[text.rindex(")") + 2 :].split()
    return sum(map(int, fields[11:15])) / _TICKS_PER_S, int(fields[17])


def _settle(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def descendants(pid: int, processes: Mapping[int, process.Stat]) -> list[int]:
    """Return `pid` and all below it, parents first."""
    children: dict[int, list[int]] = {}
    for one in processes.values():
        children.setdefault(one.parent_pid, []).append(one.pid)
    found = [pid]
    for each in found:
        found.extend(child for child in children.get(each, ()) if child not in found)
    return found


def kill_tree(pid: int) -> None:
    """End the program and all below it.

    Children first: the one below is the first process of the sandbox's process namespace, with which the kernel ends all
    in it, double forks too. It would live on for a moment if its parent went first.
    """
    for each in reversed(descendants(pid, process.table())):
        try:
            os.kill(each, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass


async def _collected(pid: int, handle: int) -> tuple[int, resource.struct_rusage]:
    """Collect the program; must not be cut short, or it would stay as a zombie."""
    task = asyncio.create_task(_readable(handle, _GONE_S))
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
        except TimeoutError:
            break
    os.close(handle)
    ended, status, usage = os.wait4(pid, os.WNOHANG)  # noqa: ASYNC222  # does not wait
    if ended == 0:
        raise errors.SandboxUnavailableError(
            "A sandbox program did not end when it was killed. Look at its process, then restart Council.",
            detail=f"pid {pid}",
        )
    if cancelled:
        raise asyncio.CancelledError
    return os.waitstatus_to_exitcode(status), usage
