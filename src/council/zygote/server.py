"""The zygote's loop: makes, kills and reaps sandboxes for the fronts that are connected. One thread; it never waits for one.

A front that goes takes its sandboxes with it. What a sandbox says goes to its front alone: the zygote hands the descriptors
over at once and reads nothing from any of them.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from council.zygote import cgroups, kernel, program, sandbox, wire

FRONTS_MAX = 8
SANDBOXES_MAX = 2048
_RETRY_MS = 20


@dataclass(slots=True)
class _Front:
    connection: socket.socket
    receiver: wire.Receiver
    # By the front's own number for each.
    sandboxes: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sandbox:
    front: _Front
    number: int
    group: str
    uid: int | None


class Server:
    """Serves a listening Unix socket; whoever may connect may have sandboxes made."""

    def __init__(
        self,
        listener: socket.socket,
        hello: dict[str, Any],
        groups: cgroups.Cgroups | None,
        without: frozenset[str],
        uids: range | None,
    ) -> None:
        self._listener = listener
        self._hello = hello
        self._groups = groups
        self._without = without
        self._uids = uids
        self._next_uid = 0
        self._made = 0
        self._fronts: dict[int, _Front] = {}
        self._sandboxes: dict[int, _Sandbox] = {}
        # Groups that the kernel still held when their processes had ended.
        self._held_groups: list[str] = []
        self._poll = select.poll()
        self._stopping = False

    def run(self) -> None:
        """Serve until SIGTERM; then end every sandbox and return."""
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._listener.setblocking(False)
        for descriptor in (self._listener.fileno(), reading):
            self._poll.register(descriptor, select.POLLIN)
        while not self._stopping:
            for descriptor, _ in self._poll.poll(_RETRY_MS if self._held_groups else None):
                if descriptor == reading:
                    with contextlib.suppress(BlockingIOError):
                        os.read(reading, 4096)
                elif descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor in self._fronts:
                    self._serve(self._fronts[descriptor])
            self._reap()
        self._end()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            if len(self._fronts) >= FRONTS_MAX:
                connection.close()
                log("warning", "a front too many was turned away")
                return
            connection.setblocking(False)
            front = _Front(connection, wire.Receiver(connection))
            self._fronts[connection.fileno()] = front
            self._poll.register(connection.fileno(), select.POLLIN)
            self._tell(front, {"hello": self._hello})

    def _serve(self, front: _Front) -> None:
        try:
            open_still = front.receiver.fill()
            while (message := front.receiver.next()) is not None:
                self._command(front, message)
        except BlockingIOError:
            return
        except (OSError, wire.WireError, KeyError, TypeError, ValueError, OverflowError) as error:
            log("warning", "a front was dropped", reason=f"{type(error).__name__}: {error}"[:200])
            open_still = False
        if not open_still:
            self._drop(front)

    def _command(self, front: _Front, message: dict[str, Any]) -> None:
        if "make" in message:
            number = int(message["make"])
            try:
                self._make(front, number, message)
            except OSError as error:
                self._tell(front, {"failed": number, "reason": f"{type(error).__name__}: {error}"})
        elif "kill" in message:
            self._kill(front.sandboxes.get(int(message["kill"])))

    def _make(self, front: _Front, number: int, message: dict[str, Any]) -> None:
        if number in front.sandboxes:
            raise ValueError("a number that has its sandbox")
        if self._hello["refuses"]:
            raise OSError(f"no {', '.join(self._hello['refuses'])}")
        if len(self._sandboxes) >= SANDBOXES_MAX:
            raise OSError(f"{SANDBOXES_MAX} sandboxes are there already")
        address_bytes = message.get("address_bytes")
        plan = program.Plan(
            processes=int(message["processes"]),
            files_bytes=int(message["files_bytes"]),
            address_bytes=None if address_bytes is None else int(address_bytes),
            session=bool(message["session"]),
            without=self._without,
        )
        self._made += 1
        name = f"s{self._made}"
        group = self._groups.make(name, int(message["memory_bytes"]), plan.processes) if self._groups else None
        ours: tuple[int, ...] = ()
        pid = -1
        try:
            ours, ends = _join()
            uid = self._free_uid()
            try:
                pid = kernel.fork_into_process_namespace()
                if pid == 0:
                    sandbox.enter(plan, ends, uid, group)
            finally:
                _close_all(*ends.descriptors)
                ends.control.detach()
                ends.job.detach()
        finally:
            if group is not None:
                group.close()
            if pid < 0:
                _close_all(*ours)
                self._held_groups += [name] if group else []
        self._sandboxes[pid] = _Sandbox(front, number, name if group else "", uid)
        front.sandboxes[number] = pid
        self._tell(front, {"made": number}, ours)
        _close_all(*ours)

    def _free_uid(self) -> int | None:
        """Return a user that no living sandbox has; they go round, so that one just left is not taken soon."""
        if self._uids is None:
            return None
        taken = {one.uid for one in self._sandboxes.values()}
        while True:
            uid = self._uids[self._next_uid % len(self._uids)]
            self._next_uid += 1
            if uid not in taken:
                return uid

    def _kill(self, pid: int | None) -> None:
        # Ours and not yet waited for, so the number cannot mean another process.
        if pid is not None and pid in self._sandboxes:
            os.kill(pid, signal.SIGKILL)

    def _drop(self, front: _Front) -> None:
        descriptor = front.connection.fileno()
        if self._fronts.pop(descriptor, None) is None:
            return
        self._poll.unregister(descriptor)
        front.connection.close()
        for pid in front.sandboxes.values():
            self._kill(pid)

    def _tell(self, front: _Front, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
        if front.connection.fileno() not in self._fronts:
            return
        try:
            wire.send(front.connection, message, descriptors)
        except OSError:
            # Gone, or it does not read what it asked for.
            self._drop(front)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._ended(pid, status)
        if self._groups is not None:
            self._held_groups = [name for name in self._held_groups if not self._groups.remove(name)]

    def _ended(self, pid: int, status: int) -> None:
        ended = self._sandboxes.pop(pid, None)
        if ended is None:
            return
        if ended.group:
            self._held_groups.append(ended.group)
        ended.front.sandboxes.pop(ended.number, None)
        self._tell(ended.front, {"ended": ended.number, "status": os.waitstatus_to_exitcode(status)})

    def _end(self) -> None:
        for pid in list(self._sandboxes):
            self._kill(pid)
        while self._sandboxes:
            self._ended(*os.wait())
        if self._groups is not None:
            self._groups.remove_all(self._held_groups)


def _join() -> tuple[tuple[int, ...], sandbox.Ends]:
    """Return the front's descriptors (control, job, stdout, stderr) and the sandbox's ends of them."""
    control, inner_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    job, inner_job = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    stdout, inner_stdout = os.pipe2(os.O_CLOEXEC)
    stderr, inner_stderr = os.pipe2(os.O_CLOEXEC)
    stdin = os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    return (control.detach(), job.detach(), stdout, stderr), sandbox.Ends(
        inner_control, inner_job, stdin, inner_stdout, inner_stderr
    )


def _close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def log(level: str, message: str, **fields: Any) -> None:
    """Write one line as the other services do; their formatter needs packages, which are not here."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    line = {"ts": stamp, "level": level, "service": "zygote", "logger": __name__, "message": message, **fields}
    with contextlib.suppress(OSError):
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()
