"""Starting one child process and learning of its readiness and end. No decisions here."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from council.domain import orders
from council.kit import memory_trace, process
from council.supervisor import specs, users

_log = logging.getLogger(__name__)

ENDED_WELL = "ended by itself"

_SAID_BYTES_MAX = 4096
_PING_EVERY_S = 0.05
_PING_REPLY_S = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to start: a service's spec with the place and generation of this one child."""

    spec: specs.ServiceSpec
    replica: int
    generation: str
    sockets: Mapping[str, socket.socket]
    log_file: Path
    # What it serves in place of the sockets of the same names once its generation is live.
    waiting: Mapping[str, socket.socket] = field(default_factory=dict)
    # Where it finds the other services.
    peers: Mapping[str, Path] = field(default_factory=dict)
    # None: the supervisor's own user.
    account: users.Account | None = None
    # What it finds on its standard input.
    given: bytes = b""


class ChildProcess:
    """A started child. Calls `on_ready` at most once and `on_exit` exactly once, from the running loop.

    `behind` counts the orders that it was given and has not carried out yet; `on_obeyed` is called when it becomes 0.

    Raises OSError from the constructor if the child cannot be started. Construct it in the main thread: the kernel ties
    a child's parent-death signal to the thread that started it.
    """

    def __init__(
        self,
        order: Order,
        on_ready: Callable[[], None],
        on_exit: Callable[[str], None],
        on_obeyed: Callable[[], None] = lambda: None,
    ):
        self._loop = asyncio.get_running_loop()
        self._on_ready = on_ready
        self._on_exit = on_exit
        self._on_obeyed = on_obeyed
        self._ready_fd: int | None = None
        self._orders_fd: int | None = None
        self.behind = 0
        self._is_ready = False
        self._stirred_s: float | None = None
        self._asked_s: float | None = None
        self._pinging: asyncio.Task[None] | None = None
        self._popen = self._start(order)
        self.pid = self._popen.pid
        try:
            # The kernel's own notice of the end: no polling, and no other code's waiting can take it from us.
            self._pid_fd = os.pidfd_open(self.pid)
        except OSError:
            self._close_ready()
            self.destroy()
            self._popen.wait()
            raise
        found = process.stat(self.pid)
        # Even an ended child has its entry until we collect it.
        assert found is not None, self.pid
        self.start_ticks = found.start_ticks
        self._loop.add_reader(self._pid_fd, self._exited)
        if order.spec.ready == "ping":
            self._pinging = self._loop.create_task(self._ping(order.spec.ping_path))

    def _start(self, order: Order) -> "subprocess.Popen[bytes]":
        environment, account = _environment(order), order.account
        passed = [listener.fileno() for listener in (*order.sockets.values(), *order.waiting.values())]
        write_fd: int | None = None
        read_fd: int | None = None
        given_fd = _readable(order.given) if order.given else None
        order.log_file.parent.mkdir(parents=True, exist_ok=True)
        log_fd = os.open(order.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if order.spec.ready == "notify":
                self._ready_fd, write_fd = os.pipe()
                environment["COUNCIL_READY_FD"] = str(write_fd)
                read_fd, self._orders_fd = os.pipe()
                os.set_blocking(self._orders_fd, False)
                environment["COUNCIL_ORDERS_FD"] = str(read_fd)
                passed += [write_fd, read_fd]
            popen = subprocess.Popen(
                order.spec.argv,
                env=environment,
                stdin=subprocess.DEVNULL if given_fd is None else given_fd,
                stdout=log_fd,
                stderr=log_fd,
                pass_fds=passed,
                # A group of its own: Ctrl-C reaches only the supervisor, and what the child leaves can be found.
                start_new_session=True,
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else account.groups,
            )
        except OSError:
            self._close_ready()
            raise
        finally:
            os.close(log_fd)
            for descriptor in (write_fd, read_fd, given_fd):
                if descriptor is not None:
                    os.close(descriptor)
        if self._ready_fd is not None:
            os.set_blocking(self._ready_fd, False)
            self._loop.add_reader(self._ready_fd, self._ready_readable)
        return popen

    @property
    def silent_s(self) -> float:
        """How long ago it last stirred; 0 for one that never tells."""
        return 0.0 if self._stirred_s is None else self._loop.time() - self._stirred_s

    @property
    def is_deaf(self) -> bool:
        """Whether it was asked to end, and has not stirred since, though it tells whether it does."""
        return self._asked_s is not None and self._stirred_s is not None and self._stirred_s < self._asked_s

    def tell(self, order: orders.Order) -> None:
        """Give the child an order; one without a pipe for them gets none."""
        if self._orders_fd is None:
            return
        # A full pipe is that of a child that has long ceased to read, as one with no event loop.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._orders_fd, order.line)
            self.behind += 1

    def terminate(self) -> None:
        """Ask the child to drain and end."""
        self._asked_s = self._loop.time()
        if self._popen.returncode is None:
            self._popen.send_signal(signal.SIGTERM)

    def trace(self) -> None:
        """Ask the child to trace its memory; for one that knows the signal, once it is ready."""
        if self._popen.returncode is None:
            self._popen.send_signal(memory_trace.SIGNAL)

    def destroy(self) -> None:
        """End the child and its process group at once."""
        if self._popen.returncode is None:
            process.signal_group(self.pid, signal.SIGKILL)

    def _ready_readable(self) -> None:
        assert self._ready_fd is not None
        said = os.read(self._ready_fd, _SAID_BYTES_MAX)
        if not said:
            # The child has closed it or ended. Without the line before, its deadline or its end will tell.
            self._close_ready()
            return
        # From the ready line on: what hangs at its first request has never said more.
        self._stirred_s = self._loop.time()
        if self.behind and (carried_out := said.count(b"!")):
            self.behind = max(0, self.behind - carried_out)
            if not self.behind:
                self._on_obeyed()
        if not self._is_ready and b"ready" in said:
            self._is_ready = True
            self._on_ready()

    def _close_ready(self) -> None:
        descriptor, self._ready_fd = self._ready_fd, None
        if descriptor is not None:
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        # Who says nothing more is asked for nothing more, and does not count as hung.
        self._stirred_s = None
        descriptor, self._orders_fd = self._orders_fd, None
        if descriptor is not None:
            os.close(descriptor)
        if self.behind:
            self.behind = 0
            self._on_obeyed()

    async def _ping(self, path: Path) -> None:
        while True:
            if await _answers(path):
                break
            await asyncio.sleep(_PING_EVERY_S)
        self._on_ready()

    def _exited(self) -> None:
        self._loop.remove_reader(self._pid_fd)
        os.close(self._pid_fd)
        self._close_ready()
        if self._pinging is not None:
            self._pinging.cancel()
        # While the ended leader is not collected its group number cannot be given to others, so this hits only what
        # it left behind.
        process.signal_group(self.pid, signal.SIGKILL)
        self._on_exit(_reason(self._popen.wait()))


def _readable(given: bytes) -> int:
    """Return a descriptor that gives these bytes. A file in memory: a pipe would have to be filled while it is read."""
    descriptor = os.memfd_create("given")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(given)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _environment(order: Order) -> dict[str, str]:
    # What is root's home to us is closed to a user of its own.
    homeless = {} if order.account is None else {"HOME": "/nonexistent"}
    return {
        **specs.inherited(order.spec, os.environ),
        **homeless,
        **order.spec.environment,
        "COUNCIL_SERVICE": order.spec.name,
        "COUNCIL_REPLICA": str(order.replica),
        "COUNCIL_GENERATION": order.generation,
        "COUNCIL_SUPERVISOR_PID": str(os.getpid()),
        "COUNCIL_SOCKETS": _named(order.sockets),
        "COUNCIL_WAITING": _named(order.waiting),
        "COUNCIL_PEERS": json.dumps({name: str(path) for name, path in order.peers.items()}),
    }


def _named(sockets: Mapping[str, socket.socket]) -> str:
    return ",".join(f"{name}:{listener.fileno()}" for name, listener in sockets.items())


async def _answers(path: Path) -> bool:
    """Return whether a Redis-like server at `path` answers PING; one that still loads its data does not."""
    try:
        async with asyncio.timeout(_PING_REPLY_S):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                writer.write(b"PING\r\n")
                return (await reader.readline()).startswith(b"+PONG")
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False


def _reason(status: int) -> str:
    if status < 0:
        return f"stopped by signal {-status}"
    return f"ended with status {status}" if status else ENDED_WELL
