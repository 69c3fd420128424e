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
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NoReturn

from council.domain import config as config_module
from council.domain import home
from council.kit import frames, process
from council.services import harness, rights

_log = logging.getLogger(__name__)

_RECEIVE_S = 5.0
_RECURSION_MAX = 5_000
_EXIT_MEMORY = 3

Operations = Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]


def main(config: config_module.Config, where: home.Home) -> int:
    """Keep `worker.processes` children alive until told to stop."""
    environment = harness.begin()
    harness.setup_logging(environment.name)
    # The heavy import, made before the forks so that the children share its pages.
    from council.serving.compute import operations

    rights.confine_service("worker", config, where)
    listener = environment.sockets["compute"]
    listener.setblocking(True)
    sys.setrecursionlimit(_RECURSION_MAX)
    gc.freeze()
    _Parent(listener, config.worker, operations.OPERATIONS).run(environment)
    return 0


class _Parent:
    def __init__(self, listener: socket.socket, worker: config_module.WorkerConfig, operations: Operations) -> None:
        self._listener = listener
        self._worker = worker
        self._operations = operations
        self._children: set[int] = set()
        self._stopping = False

    def run(self, environment: harness.ServiceEnvironment) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._fill()
        environment.ready()
        while self._children:
            ended, status = os.wait()
            self._children.discard(ended)
            if not self._stopping:
                if status:
                    code = os.waitstatus_to_exitcode(status)
                    _log.warning("a worker child ended", extra={"child": ended, "exit_status": code})
                self._fill()

    def _fill(self) -> None:
        # SIGTERM waits while a child is neither forked nor known, or it would be missed by `_stop`.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            while len(self._children) < self._worker.processes:
                pid = os.fork()
                if pid == 0:
                    _child(self._listener, self._worker, self._operations)
                self._children.add(pid)
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
        # The caller tells from this frame that its job began: an end without a reply is then a limit, not an absence.
        connection.sendall(frames.encode({"began": True}))
        name = str(request.get("operation"))
        signal.setitimer(signal.ITIMER_REAL, self._worker.wall_s)
        try:
            operation = self._operations.get(name)
            reply = operation(request.get("payload") or {}) if operation else {"error": "no such operation"}
        except MemoryError:
            os._exit(_EXIT_MEMORY)
        except Exception as error:  # noqa: BLE001 - whatever an operation raises, its caller gets a reply
            _log.exception("an operation failed", extra={"operation": name[:50]})
            reply = {"error": type(error).__name__}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        connection.sendall(self._frame(reply))

    def _frame(self, reply: Mapping[str, Any]) -> bytes:
        try:
            frame = frames.encode(reply)
        except TypeError:  # whole numbers beyond 64 bits, for one
            return frames.encode({"error": "the result does not fit into JSON"})
        size = len(frame)
        return frame if size <= self._worker.message_bytes_max else frames.encode({"over_limit_bytes": size})
