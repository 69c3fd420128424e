"""The worker process: computes for specialists under time and memory limits, without network or store.

The parent imports the solvers once and forks children; each child takes connections from the inherited socket, one job at a
time. Limits are the kernel's: a timer that kills the child at `wall_s` even inside C code, and a ceiling on its address
space. The parent only replaces children that ended.
"""

import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NoReturn

from council.domain import config as config_module
from council.domain import home
from council.kit import backoff, frames, process, traces
from council.services import harness, rights

_log = logging.getLogger(__name__)

_RECEIVE_S = 5.0
_RECURSION_MAX = 5_000
_BACKOFF_FIRST_S, _BACKOFF_CEILING_S, _BACKOFF_FORGIVE_S = 0.02, 2.0, 10.0
_EXIT_MEMORY = 3
# Made before memory runs out.
_OVER_MEMORY = frames.encode({"over_limit_memory": True})

Operations = Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]


def main(config: config_module.Config, where: home.Home) -> int:
    """Keep `worker.processes` children alive until told to stop."""
    environment = harness.begin("worker")
    harness.setup_logging(environment.name)
    # The heavy import, made before the forks so that the children share its pages.
    from council.serving.compute import operations

    listener = environment.unix_socket("compute", where.socket("worker"))
    rights.confine_service("worker", config, where)
    listener.setblocking(True)
    sys.setrecursionlimit(_RECURSION_MAX)
    gc.freeze()
    _Parent(listener, config.worker, operations.OPERATIONS, environment.ready_line).run()
    return 0


class _Parent:
    def __init__(
        self,
        listener: socket.socket,
        worker: config_module.WorkerConfig,
        operations: Operations,
        ready_line: harness.ReadyLine | None,
    ) -> None:
        self._listener = listener
        self._ready_line = ready_line
        self._worker = worker
        self._operations = operations
        self._children: set[int] = set()
        self._stopping = False
        self._filled_s = time.monotonic()
        self._backoff = backoff.Backoff(_BACKOFF_FIRST_S, _BACKOFF_CEILING_S, _BACKOFF_FORGIVE_S)

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._fill()
        if self._ready_line is not None:
            self._ready_line.send()
        while self._children:
            ended, status = os.wait()
            self._children.discard(ended)
            if not self._stopping:
                self._after_end(ended, os.waitstatus_to_exitcode(status))
                self._fill()

    def _after_end(self, child: int, exit_status: int) -> None:
        """Say why a child ended, and wait a little when children fail one after the other."""
        if exit_status == 0:
            return
        _log.warning("a worker child ended", extra={"child": child, "exit_status": exit_status})
        if exit_status != -signal.SIGALRM:
            lived_s = time.monotonic() - self._filled_s
            time.sleep(self._backoff.after_failure(lived_s))

    def _fill(self) -> None:
        # SIGTERM waits while a child is neither forked nor known, or it would be missed by `_stop`.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            while not self._stopping and len(self._children) < self._worker.processes:
                pid = os.fork()
                if pid == 0:
                    if self._ready_line is not None:
                        # The line is the parent's alone: its end tells that it has no more to say.
                        self._ready_line.drop()
                    _child(self._listener, self._worker, self._operations)
                self._children.add(pid)
                self._filled_s = time.monotonic()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True
        for pid in self._children:
            # One may have been waited for and not been struck off the list yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _child(listener: socket.socket, worker: config_module.WorkerConfig, operations: Operations) -> NoReturn:
    status = 1
    try:
        process.set_parent_death_signal(signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (worker.memory_bytes, worker.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _Child(worker, operations).serve(listener)
        status = 0
    except Exception:  # noqa: BLE001 - logged; nothing may unwind into the parent's frames
        _log.exception("a worker child failed")
    finally:
        logging.shutdown()
        os._exit(status)


class _Child:
    def __init__(self, worker: config_module.WorkerConfig, operations: Operations) -> None:
        self._worker = worker
        self._operations = operations
        self._busy = False
        self._stopping = False

    def serve(self, listener: socket.socket) -> None:
        """Take `jobs_per_child` jobs, one after the other; a stop waits for the running one."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        for _ in range(self._worker.jobs_per_child):
            connection, _ = listener.accept()
            self._busy = True
            with connection:
                connection.settimeout(_RECEIVE_S)
                try:
                    self._job(connection)
                except (OSError, frames.FrameError) as error:
                    _log.info("a caller went away", extra={"reason": str(error)})
            self._busy = False
            if self._stopping:
                return

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True
        if not self._busy:
            os._exit(0)

    def _job(self, connection: socket.socket) -> None:
        request = frames.receive(connection, self._worker.message_bytes_max)
        if request is None:
            return
        harness.request_id.set(str(request.get("request_id", "")))
        # From here the caller counts: an end without a reply after the job's whole time is the timer's doing.
        connection.sendall(frames.encode({"began": True}))
        name = str(request.get("operation"))
        known = name if name in self._operations else "no such operation"
        with traces.answering(request.get("trace"), "worker", known) as answer:
            reply = self._reply(connection, name, request)
        connection.sendall(self._frame({**reply, **answer.told()}, reply))

    def _reply(self, connection: socket.socket, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        signal.setitimer(signal.ITIMER_REAL, self._worker.wall_s)
        try:
            operation = self._operations.get(name)
            return operation(request.get("payload") or {}) if operation else {"error": "no such operation"}
        except MemoryError:
            signal.setitimer(signal.ITIMER_REAL, 0)
            connection.sendall(_OVER_MEMORY)
            os._exit(_EXIT_MEMORY)  # what is left of its memory is in an unknown state
        except Exception as error:  # noqa: BLE001 - whatever an operation raises, its caller gets a reply
            _log.exception("an operation failed", extra={"operation": name[:50]})
            return {"error": type(error).__name__}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _frame(self, told: Mapping[str, Any], reply: Mapping[str, Any]) -> bytes:
        """Return the frame of a reply, with what is told of its trace where there is room for that."""
        try:
            frame = frames.encode(told)
            if len(frame) > self._worker.message_bytes_max:
                frame = frames.encode(reply)
        except TypeError:  # whole numbers beyond 64 bits, for one
            return frames.encode({"error": "the result does not fit into JSON"})
        size = len(frame)
        return frame if size <= self._worker.message_bytes_max else frames.encode({"over_limit_bytes": size})
