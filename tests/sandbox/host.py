"""What a job must not reach on this machine, and a way to run a program without any sandbox, to show that it would."""

import contextlib
import functools
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from council.domain import sandbox
from council.kit import accounts
from sandbox.programs import MIB

# Set for the whole test run, before any sandbox starts: no job may find it in anybody's environment.
SECRET_VARIABLE = "PROBE_SECRET"

BARE_WALL_S = 20.0
_BARE_OUTPUT_BYTES = 4 * MIB


class Host:
    """Listeners, files and a process that belong to the machine. `words` names them for the attacks."""

    def __init__(self, folder: Path, account: int | None) -> None:
        self.secret = os.environ.setdefault(SECRET_VARIABLE, secrets.token_hex(16))
        self.marker = f"probe{secrets.token_hex(4)}"
        self.folder = folder
        self.patience_s = 3.0
        self.open_folder = folder / "open"
        self.open_folder.mkdir()
        self.open_folder.chmod(0o777)
        self.secret_file = folder / "secret.txt"
        self.secret_file.write_text(self.secret)
        self.writable_file = self.open_folder / "writable.txt"
        self.writable_file.write_text("as it was")
        self.writable_file.chmod(0o666)
        self.listeners = _Listeners(folder)
        self.victim = subprocess.Popen(
            ["sleep", "3600"], start_new_session=True, user=account, group=account, stdout=-3, stderr=-3
        )
        self.clock_s = time.time()

    @property
    def words(self) -> dict[str, str]:
        """Return what stands between at-signs in the code of attacks."""
        return {
            "ABSTRACT": self.listeners.abstract_name,
            "MARKER": self.marker,
            "OPEN_FOLDER": str(self.open_folder),
            "SECRET": self.secret,
            "SECRET_FILE": str(self.secret_file),
            "SECRET_VARIABLE": SECRET_VARIABLE,
            "SOCKET": str(self.listeners.path),
            "TCP_PORT": str(self.listeners.tcp_port),
            "UDP_PORT": str(self.listeners.udp_port),
            "VICTIM": str(self.victim.pid),
            "WRITABLE_FILE": str(self.writable_file),
        }

    def harm(self) -> str:
        """Return what happened to the machine's things, empty if nothing."""
        if self.listeners.reached:
            return f"reached a listener of the host: {self.listeners.reached}"
        if self.victim.poll() is not None:
            return "ended a process of the host"
        if _state(self.victim.pid) == "T":
            return "stopped a process of the host"
        if self.writable_file.read_text() != "as it was":
            return "changed a file of the host"
        if found := sorted(path.name for path in self.open_folder.iterdir() if path != self.writable_file):
            return f"left files on the host: {found}"
        return ""

    def survivors(self) -> list[int]:
        """Return processes that carry the marker and are still there after a moment."""
        end_s = time.monotonic() + self.patience_s
        while (found := _carriers(self.marker)) and time.monotonic() < end_s:
            time.sleep(0.02)
        return found

    def close(self) -> None:
        """End all of it."""
        self.victim.kill()
        self.victim.wait()
        self.listeners.close()


class _Listeners:
    """TCP and UDP on loopback, a Unix path that anybody may connect to, and an abstract Unix name."""

    def __init__(self, folder: Path) -> None:
        self.reached: list[str] = []
        self.path = folder / "listener.sock"
        self.abstract_name = f"council-{secrets.token_hex(8)}"
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self.tcp_port, self.udp_port = tcp.getsockname()[1], udp.getsockname()[1]
        path, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        path.bind(str(self.path))
        self.path.chmod(0o777)
        abstract.bind(f"\0{self.abstract_name}")
        for listener in (path, abstract):
            listener.listen()
        self._sockets = {"tcp": tcp, "udp": udp, "unix path": path, "unix abstract": abstract}
        for name, listener in self._sockets.items():
            threading.Thread(target=self._serve, args=(name, listener), daemon=True).start()

    def _serve(self, name: str, listener: socket.socket) -> None:
        while True:
            try:
                if name == "udp":
                    listener.recv(100)
                else:
                    listener.accept()[0].close()
            except OSError:
                return
            self.reached.append(name)

    def close(self) -> None:
        for name, listener in self._sockets.items():
            if name != "udp":
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@contextlib.contextmanager
def open_folder(prefix: str) -> Iterator[Path]:
    """Make a folder that everybody may enter, and remove it whatever was done to it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["chmod", "-R", "u+rwX", folder], check=False, stderr=-3)
        subprocess.run(["rm", "-rf", folder], check=True)


def made(account: int | None) -> Iterator[Host]:
    """Make the host's things, and remove them."""
    with open_folder("council-host-") as folder:
        host = Host(folder, account)
        try:
            yield host
        finally:
            host.close()


def bare_account() -> int | None:
    """Return a uid that nothing else runs as, to show attacks with; None for ours where we are an ordinary user."""
    if os.geteuid() != 0:
        return None
    free = (number for number in range(accounts.LAST - 200, accounts.LAST - 128) if not accounts.is_named(number))
    used = {entry.stat().st_uid for entry in Path("/proc").iterdir() if entry.name.isdigit() and entry.exists()}
    return next(number for number in free if number not in used)


@functools.cache
def python_for(account: int | None) -> str:
    """Return a Python that the account may run."""
    for found in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(PermissionError, FileNotFoundError):
            if (
                subprocess.run([found, "-c", ""], user=account, stdout=-3, stderr=-3, cwd="/", check=False).returncode
                == 0
            ):
                return found
    raise RuntimeError("no Python that an ordinary user may run; install python3")


def bare(job: sandbox.Job, account: int | None, folder: Path) -> sandbox.Result:
    """Run the job's code with no sandbox: as the account, in a folder, with bounds that keep the machine from harm."""
    main = folder / sandbox.MAIN_FILES[job.language]
    for name, content in {**job.files, main.name: job.code.encode()}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if account is not None:
        subprocess.run(["chown", "-R", str(account), folder], check=True)
    interpreter = python_for(account) if job.language == "python" else "/bin/bash"
    bounds = ["--as=2147483648", "--cpu=20", "--fsize=67108864", "--core=0", "--nofile=256"]
    if account is not None:
        bounds.append("--nproc=200")
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "COUNCIL_SERVICE": "bare",
        SECRET_VARIABLE: os.environ[SECRET_VARIABLE],
    }
    # Files, not pipes: what the program leaves running may hold them open.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(job.stdin)
        given.seek(0)
        if account is not None:
            os.fchown(out.fileno(), account, account)
        program = subprocess.Popen(
            ["prlimit", *bounds, "--", interpreter, str(main)], cwd=folder, env=environment, user=account,
            group=account, extra_groups=None if account is None else [], start_new_session=True,
            stdin=given, stdout=out, stderr=err,
        )  # fmt: skip
        try:
            code = program.wait(BARE_WALL_S)
            ending = b""
        except subprocess.TimeoutExpired:
            program.kill()
            code = program.wait()
            ending = b"ran on without an end"
        for file in (out, err):
            file.seek(0)
        stdout, stderr = out.read(_BARE_OUTPUT_BYTES), err.read(_BARE_OUTPUT_BYTES) + ending
    return sandbox.Result(
        status=sandbox.Status.OK if code == 0 else sandbox.Status.ERROR,
        exit_code=code,
        stdout=stdout,
        stderr=stderr,
        # As a careless program would collect them: through links, and whatever their size.
        files={name: (folder / name).read_bytes() for name in job.collect if (folder / name).is_file()},
    )


def end_all_of(account: int | None, carriers: list[int]) -> None:
    """End what a bare run left: all of an account that is only ours for this, else what carries the marker."""
    if account is None:
        for pid in carriers:
            os.kill(pid, 9)
    else:
        subprocess.run([sys.executable, "-c", _END_ALL, str(account)], check=False, cwd="/", stdout=-3, stderr=-3)


# kill(-1) reaches every process of the account at once; the account is no other program's.
_END_ALL = "import os, sys; uid = int(sys.argv[1]); os.setgid(uid); os.setuid(uid); assert uid; os.kill(-1, 9)"


def clean_up(account: int | None) -> None:
    """Remove what attacks left in shared places without a sandbox."""
    uid = os.getuid() if account is None else account
    for place in ("/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue"):
        for path in Path(place).glob("council-probe-*"):
            if path.lstat().st_uid == uid:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    if account is not None:
        for kind, option in (("shm", "-m"), ("sem", "-s"), ("msg", "-q")):
            for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]:
                fields = line.split()
                owner = fields[7] if kind != "sem" else fields[4]
                if int(owner) == uid:
                    subprocess.run(["ipcrm", option, fields[1]], check=False)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _carriers(marker: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                named = (entry / "cmdline").read_bytes() + (entry / "comm").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if marker.encode() in named and _state(int(entry.name)) not in {"", "Z", "X"}:
                found.append(int(entry.name))
    return found
