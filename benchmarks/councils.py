"""A whole Council, or single services of one, for a benchmark: started, waited for, stopped."""

import contextlib
import dataclasses
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from council import homes
from council.domain import home as home_module
from council.kit import listeners
from council.supervisor import specs

COMMAND = (sys.executable, "-m", "council")
# A benchmark is one caller; the limit on callers is not what it measures.
SETTINGS = {"COUNCIL_GATEWAY_REQUESTS_PER_MINUTE": "10000000"}
_READY_S = 120.0
_STOP_S = 60.0


class NotReadyError(Exception):
    """Something did not start; the text says what it printed."""


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Give a new folder with a short path, since Unix sockets lie in it, and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="cb", dir="/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment as a user's shell would have it.

    Without settings of a Council that someone else runs, and without switches of Python that slow a start, such as the one
    that forbids bytecode.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COUNCIL_", "PYTHON"))}
    return {**kept, **SETTINGS, **more}


def prepare(root: Path, port: int) -> home_module.Home:
    """Make a home with its model and records."""
    for arguments in (("init",), ("models", "prepare")):
        subprocess.run(
            [*COMMAND, *arguments, "--home", str(root)],
            check=True,
            stdout=subprocess.DEVNULL,
            env=environment(COUNCIL_PORT=str(port)),
        )
    return home_module.Home(root)


class Foreground:
    """A command in the foreground, such as `council up`, whose output is followed."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path | None = None):
        self.log = log
        self.started_s = time.monotonic()
        with log.open("ab") as output:
            self._begins_at = output.tell()
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )

    def until_ready(self, wait_s: float = _READY_S) -> float:
        """Return the seconds from the start to the line that begins with `ready `. Raises NotReadyError."""
        while time.monotonic() - self.started_s < wait_s:
            with self.log.open("rb") as lines:
                lines.seek(self._begins_at)
                said = lines.read()
            if b"\nready http" in said:
                return time.monotonic() - self.started_s
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        with self.log.open("rb") as lines:
            lines.seek(self._begins_at)
            raise NotReadyError(lines.read().decode(errors="replace")[-2_000:])

    def stop(self) -> int:
        """Ask it to end as Ctrl-C does, and return its exit status; kill its group after a minute."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()


@contextlib.contextmanager
def running(where: home_module.Home, port: int, **settings: str) -> Iterator[Foreground]:
    """Run `council up` on a prepared home, with settings by their variables."""
    command = [*COMMAND, "up", "--home", str(where.root), "--port", str(port)]
    council = Foreground(command, where.logs / "up.log", environment(**settings))
    try:
        council.until_ready()
        yield council
    finally:
        council.stop()


@dataclasses.dataclass(slots=True)
class Service:
    """One service that this process started as the supervisor does. Close it."""

    pid: int
    popen: "subprocess.Popen[bytes]"
    sockets: Mapping[str, socket.socket]
    started_s: float
    ready_fd: int

    def until_ready(self) -> float:
        """Return the seconds from the start to the ready line. Raises NotReadyError."""
        readable, _, _ = select.select([self.ready_fd], [], [], _READY_S)
        if not readable or not os.read(self.ready_fd, 64).startswith(b"ready"):
            raise NotReadyError("no ready line; see the log in the home")
        return time.monotonic() - self.started_s

    def close(self) -> None:
        """Stop it and give its sockets back."""
        self.popen.terminate()
        try:
            self.popen.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        os.close(self.ready_fd)
        for one in self.sockets.values():
            one.close()


def service_specs(where: home_module.Home, port: int) -> dict[str, specs.ServiceSpec]:
    """Return the table of services of a home by name."""
    generation = homes.prepare(where, {}).generation
    config = homes.load_config(where, None, {}, {"port": port})
    return {spec.name: spec for spec in specs.specs(config, where, generation)}


def start_service(where: home_module.Home, spec: specs.ServiceSpec, python: Path | None = None) -> Service:
    """Start one service with its sockets open and a pipe for its ready line, as the supervisor does.

    `python` is the interpreter of another environment to start it in.
    """
    opened = {one.name: _listen(one) for one in spec.sockets}
    read_fd, write_fd = os.pipe()
    contract = {
        "COUNCIL_SERVICE": spec.name,
        "COUNCIL_REPLICA": "0",
        "COUNCIL_GENERATION": where.current.resolve().name,
        "COUNCIL_SUPERVISOR_PID": str(os.getpid()),
        "COUNCIL_SOCKETS": ",".join(f"{name}:{one.fileno()}" for name, one in opened.items()),
        "COUNCIL_READY_FD": str(write_fd),
    }
    with (where.logs / f"{spec.name}.log").open("ab") as log:
        started_s = time.monotonic()
        popen = subprocess.Popen(
            spec.argv if python is None else (str(python), *spec.argv[1:]),
            env={**environment(), **spec.environment, **contract},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[write_fd, *(one.fileno() for one in opened.values())],
            start_new_session=True,
        )
    os.close(write_fd)
    return Service(popen.pid, popen, opened, started_s, read_fd)


def _listen(one: specs.SocketSpec) -> socket.socket:
    if one.kind == "tcp":
        return listeners.tcp(one.host, one.port)
    return listeners.unix(one.path, one.mode)


def until_socket(path: Path) -> None:
    """Wait until somebody listens on a Unix socket. Raises NotReadyError."""
    deadline_s = time.monotonic() + _READY_S
    while time.monotonic() < deadline_s:
        with socket.socket(socket.AF_UNIX) as caller, contextlib.suppress(OSError):
            caller.connect(str(path))
            return
        time.sleep(0.01)
    raise NotReadyError(f"nobody listens on {path.name}")
