"""Process 1 of a sandbox: keeps time, refuses what the filter caught, reaps, collects files, tells how the job ended.

It has no rights left, and the job cannot look into it; when it ends, for whatever reason, the kernel ends everything in the
sandbox. How a job ended is what the kernel tells it. It reads nothing from the job.
"""

import contextlib
import errno
import os
import resource
import select
import signal
import socket
import stat
import time
from dataclasses import dataclass, field
from typing import Any, NoReturn

from council.zygote import cgroups, filters, kernel, program, wire

_TICK_S = 0.05
# Between the calls of a session nothing but its CPU time is looked at.
_IDLE_TICK_MS = 1000
_CORES = os.cpu_count() or 1
_TICKS = os.sysconf("SC_CLK_TCK")
# The kernel's count for one process and ours for all of them differ by a tick.
_NEARLY = 0.9
# Counts above this are cut, so that no job can make a message long.
_COUNT_MAX = 1_000_000
_READY = wire.encode({"ready": True})


@dataclass(slots=True)
class _Call:
    """What is being kept time of. Times are of time.monotonic(); `cpu_before_s` is what earlier calls used."""

    wall_s: float
    cpu_s: float
    collect: list[str]
    began_s: float
    cpu_before_s: float
    limit: str | None = None
    blocked: dict[str, int] = field(default_factory=dict)


class Keeper:
    """Serves one sandbox until its job has ended, or in a session until the front closes."""

    def __init__(
        self, control: socket.socket, child: int, notices: socket.socket, group: cgroups.Cgroup | None, session: bool
    ) -> None:
        self._control = control
        self._commands = wire.Receiver(control)
        self._child = child
        self._notices = notices
        self._group = group
        self._session = session
        self._call: _Call | None = None
        # What the program used before it had a job, and then what its calls have used.
        self._cpu_before_s = 0.0
        self._status: int | None = None
        self._listener = -1
        self._rejected = ""
        self._work = os.open(program.WORK, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._oom_before = self._event("oom_kill")
        self._refused_before = 0
        # What a session may use between two calls: as much as the call before.
        self._idle_cpu_s: float | None = None

    def run(self) -> NoReturn:
        """Never returns."""
        self._wake = _wake_at_child_ends()
        self._become_ready()
        for descriptor in (self._control.fileno(), self._wake, self._listener, self._notices.fileno()):
            if descriptor >= 0:
                self._poll.register(descriptor, select.POLLIN)
        while self._status is None:
            self._turn()
        self._end_everything()
        # One that ended before it had a job is nobody's outcome.
        if self._call is not None:
            self._tell(self._outcome())
        os._exit(0)

    def _become_ready(self) -> None:
        """Wait until the program is confined; take its filter's listener."""
        self._told = receiver = wire.Receiver(self._notices)
        message = receiver.wait()
        if message is None or not message.get("confined"):
            reason = "it ended early" if message is None else str(message.get("failed"))
            wire.send(self._control, {"failed": reason})
            os._exit(1)
        for descriptor in receiver.descriptors:
            self._listener = descriptor
        self._cpu_before_s = message["cpu_s"] if self._group is None or self._group.cpu < 0 else self._cpu_s()
        self._control.sendall(_READY)

    def _turn(self) -> None:
        for descriptor, events in self._poll.poll(self._patience_ms()):
            if descriptor == self._control.fileno():
                self._command()
            elif descriptor == self._wake:
                os.read(self._wake, 4096)
                self._reap()
            elif descriptor == self._notices.fileno():
                self._notice()
            elif events & select.POLLIN:
                self._refuse()
            else:
                self._poll.unregister(self._listener)  # nobody is left under the filter
        if self._call is not None and self._status is None:
            self._check_limits(self._call)
        elif self._idle_cpu_s is not None and self._cpu_s() - self._cpu_before_s >= self._idle_cpu_s:
            os._exit(0)

    def _patience_ms(self) -> int | None:
        if self._call is None:
            return None if self._idle_cpu_s is None else _IDLE_TICK_MS
        left_s = self._call.began_s + self._call.wall_s - time.monotonic()
        return max(1, int(min(left_s, _TICK_S) * 1000) + 1)

    def _command(self) -> None:
        if not self._commands.fill():
            os._exit(0)  # the front is gone or wants us gone
        while (message := self._commands.next()) is not None:
            if message.get("begin"):
                began_s = time.monotonic()
                self._idle_cpu_s = None
                self._call = _Call(message["wall_s"], message["cpu_s"], message["collect"], began_s, self._cpu_before_s)
            elif "end" in message and self._call is not None:
                self._exceed(self._call, message["end"])
            elif message.get("finish") and self._call is not None:
                self._tell(self._outcome())
                self._idle_cpu_s = self._call.cpu_s
                self._call = None
                self._cpu_before_s = self._cpu_s()
                self._oom_before, self._refused_before = self._event("oom_kill"), self._refused_processes()

    def _notice(self) -> None:
        """Hear why the job could not be laid out. The program closes this way before the job's first line runs."""
        if self._told.fill() and (message := self._told.next()) is not None:
            self._rejected = str(message.get("failed"))
        self._poll.unregister(self._notices.fileno())
        self._notices.close()

    def _reap(self) -> None:
        """Collect whoever has ended; orphans of the job are ours to collect."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._child:
                self._status = status

    def _refuse(self) -> None:
        number = kernel.refuse_call(self._listener, errno.EPERM)
        if number is not None and self._call is not None:
            kind = filters.class_of(number)
            self._call.blocked[kind] = min(self._call.blocked.get(kind, 0) + 1, _COUNT_MAX)

    def _check_limits(self, call: _Call) -> None:
        took_s = time.monotonic() - call.began_s
        if took_s >= call.wall_s:
            self._exceed(call, "wall_s")
        # Not even all cores together could have used it up before.
        elif took_s * _CORES >= call.cpu_s and self._cpu_s() - call.cpu_before_s >= call.cpu_s:
            self._exceed(call, "cpu_s")

    def _exceed(self, call: _Call, limit: str) -> None:
        call.limit = limit
        self._end_everything()

    def _cpu_s(self) -> float:
        """Return the CPU time of the whole job so far, ended processes included.

        The group tells it all. Without one, what children used that their parents refused to collect is missing.
        """
        if self._group is not None and (told_s := self._group.cpu_s()) is not None:
            return told_s
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        total_s = ended.ru_utime + ended.ru_stime
        if self._status is not None:
            return total_s  # all were collected
        for entry in os.listdir("/proc"):
            if entry.isdigit() and entry != "1":
                with contextlib.suppress(OSError):
                    # The clock of another process, as clock_getcpuclockid(3) makes it: no ticks to round to.
                    total_s += time.clock_gettime((~int(entry) << 3) | 2) + _collected_s(entry)
        return total_s

    def _end_everything(self) -> None:
        """Kill whatever runs in this sandbox and collect it all."""
        while True:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                break
            if pid == self._child:
                self._status = status
        if self._status is None:
            self._status = signal.SIGKILL

    def _outcome(self) -> dict[str, Any]:
        call = self._call or _Call(0, 0, [], time.monotonic(), 0)
        exit_code = signal_number = None
        if self._status is not None:
            code = os.waitstatus_to_exitcode(self._status)
            exit_code, signal_number = (code, None) if code >= 0 else (None, -code)
        cpu_s = self._cpu_s() - call.cpu_before_s
        return {
            "rejected": self._rejected,
            "exit_code": exit_code,
            "signal": signal_number,
            "limit": call.limit or self._limit_of(signal_number, cpu_s),
            "wall_s": round(time.monotonic() - call.began_s, 6),
            "cpu_s": round(cpu_s, 6),
            "memory_peak_bytes": self._peak_bytes(),
            "blocked": call.blocked,
        }

    def _limit_of(self, signal_number: int | None, cpu_s: float) -> str | None:
        # The job can send itself this signal as well.
        if signal_number == signal.SIGXCPU and self._call is not None and cpu_s >= self._call.cpu_s * _NEARLY:
            return "cpu_s"
        if self._event("oom_kill") > self._oom_before:
            return "memory_bytes"
        if self._refused_processes() > self._refused_before:
            return "processes"
        return None

    def _event(self, name: str) -> int:
        return _count(self._group.events, name) if self._group is not None and self._group.events >= 0 else 0

    def _refused_processes(self) -> int:
        return _count(self._group.pids_events, "max") if self._group is not None and self._group.pids_events >= 0 else 0

    def _peak_bytes(self) -> int | None:
        if self._group is not None and self._group.peak >= 0:
            with contextlib.suppress(OSError, ValueError):
                return int(os.pread(self._group.peak, 64, 0))
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 or None

    def _tell(self, outcome: dict[str, Any]) -> None:
        """Send the outcome with the collected files, open for reading."""
        call = self._call
        found: list[str] = []
        missing: dict[str, str] = {}
        descriptors: list[int] = []
        for name in call.collect if call is not None else []:
            try:
                descriptors.append(_open_regular(self._work, name))
                found.append(name)
            except (OSError, ValueError) as error:
                missing[name] = getattr(error, "strerror", None) or "cannot be read"
        self._control.setblocking(True)
        with contextlib.suppress(OSError):
            wire.send(self._control, {**outcome, "files": found, "not_collected": missing}, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _wake_at_child_ends() -> int:
    """Return a descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _open_regular(folder: int, name: str) -> int:
    """Open a regular file below `folder` without following a link in any part of its name. Raises OSError."""
    *folders, last = name.split("/")
    if ".." in folders:
        raise OSError(errno.EINVAL, "a name that leads out")
    inner = os.dup(folder)
    try:
        for part in folders:
            further = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=inner)
            os.close(inner)
            inner = further
        status = os.stat(last, dir_fd=inner, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=inner)
    finally:
        os.close(inner)


def _collected_s(pid: str) -> float:
    """Return the CPU time of the children that a process has collected; its own clock leaves them out."""
    descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Counted from behind the name, which may hold anything.
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
    finally:
        os.close(descriptor)
    return (int(fields[13]) + int(fields[14])) / _TICKS


def _count(descriptor: int, name: str) -> int:
    """Return a counter of a cgroup's events file, 0 if it is not there."""
    with contextlib.suppress(OSError, ValueError):
        for line in os.pread(descriptor, 4096, 0).decode().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
