"""A whole Council for acceptance tests: real processes, a home of its own, a port of its own.

`with whole.running(folder, 18200) as council:` starts it with `council up --detach` and stops it with `council down`; whatever
happens in between, nothing of it is left running. `whole.served` is the instance that the tests of one session share.
"""

import asyncio
import atexit
import contextlib
import dataclasses
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from council import care_app, homes
from council.backends.records import guard
from council.cli import patch_rows
from council.domain import baking, gates
from council.domain import home as home_module
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import history

UP_S = 120.0
DOWN_S = 60.0
_PORTS_EACH = 1_200
_WORKERS_MAX = 8
# Of the services, and of those tried beside them.
_PORTS_USED = (0, 1, 2, 4, 5, 6, 20, 21, 22, 24, 25, 26)
_KILL_S = 10.0
# Of a patch. Short enough to wait for, with readings enough for every gate's bake form.
SHORT_BAKE = {"COUNCIL_BAKE_DURATION_S": "6", "COUNCIL_BAKE_INTERVAL_S": "0.5"}
# Where a gateway is made to hang: its patch has ended when nothing of it is left, and it is killed when it had so long.
SHORT_END = {"COUNCIL_GATEWAY_DRAIN_S": "5", "COUNCIL_SUPERVISOR_STOP_S": "20"}
_PATCHES_MAX = 50


def ports_of_worker(first: int, number: int, step: int) -> range:
    """Return base ports, `step` apart, from the `number` from `first` on that are this worker's of xdist alone.

    For a free port is not held until it is used, and another worker may look at the same time.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    assert worker < _WORKERS_MAX, "no ports are left for so many workers"
    return range(first + worker * number, first + (worker + 1) * number, step)


_BASE_PORTS = ports_of_worker(18_200, _PORTS_EACH, 40)


@dataclass(frozen=True)
class Council:
    """A running service. `output` is what `council up` printed, the `ready` line last."""

    home: Path
    port: int
    output: str
    environment: Mapping[str, str]

    @property
    def token(self) -> str:
        """The first token, with role admin."""
        return (self.home / "token").read_text().strip()

    @property
    def base_url(self) -> str:
        """Where the gateway answers; OpenAI clients add /v1."""
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run `council` with this home and port; never raises for its exit status."""
        return _command(self.environment, *arguments, timeout_s=timeout_s)

    def services(self) -> list[dict[str, Any]]:
        """Return the services that `council status --json` lists.

        Without the command: to wait for something by one after the other would keep a processor busy with starts of Python.
        """
        told = asyncio.run(care_app.runtime(home_module.Home(self.home)).status(everywhere=True))
        return [dataclasses.asdict(one) for one in told]

    def patches(self) -> list[dict[str, Any]]:
        """Return what `council patch history --json` lists, newest first; without the command."""
        return [history.told(one) for one in patch_rows.newest(home_module.Home(self.home), _PATCHES_MAX)]

    def supervisor_pid(self) -> int:
        """Who holds the home."""
        return int((self.home / "run" / "supervisor.lock").read_text())

    def gateway_of(self, generation: str) -> int:
        """Return the pid of a generation's gateway.

        Without asking a command, which on a busy machine takes as long as the bake of a test.
        """
        [pid] = [pid for pid in _processes_of(self.home) if _is_gateway(pid, generation)]
        return pid

    def start(self) -> None:
        """Start again after `stop`."""
        _up(self.environment)

    def stop(self) -> None:
        """Stop with `council down`. Nothing happens if it is down already."""
        if (self.home / "run" / "supervisor.lock").exists():
            done = self.command("down", timeout_s=DOWN_S)
            assert done.returncode == 0, done.stderr


def free_port() -> int:
    """Return a base port of which every port that a Council opens is free now."""
    return next(base for base in _BASE_PORTS if all(is_free(base + offset) for offset in _PORTS_USED))


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of loopback."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def wait_until(holds: Callable[[], bool], limit_s: float, found: Callable[[], object] = lambda: "") -> None:
    """Return once `holds` does; fail after `limit_s`, with what is `found` then.

    One that takes long is looked at half of the time at most.
    """
    first_s = began_s = time.monotonic()
    while not holds():
        ended_s = time.monotonic()
        assert ended_s < first_s + limit_s, f"not so within {limit_s:g} s: {found()}"
        time.sleep(max(0.05, ended_s - began_s))
        began_s = time.monotonic()


@contextlib.contextmanager
def anew(environment: Mapping[str, str] | None = None) -> Iterator[Council]:
    """Start a Council in a new home on a free port; yield it once it is ready; stop it, and remove the home."""
    with (
        tempfile.TemporaryDirectory(prefix="council") as folder,
        running(Path(folder, ".council"), free_port(), environment) as council,
    ):
        yield council


def surroundings(home: Path, port: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which commands mean the Council in `home` and nothing of this machine's own."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("COUNCIL_")}
    return around | {"COUNCIL_HOME": str(home), "COUNCIL_PORT": str(port), **environment}


@contextlib.contextmanager
def running(home: Path, port: int, environment: Mapping[str, str] | None = None) -> Iterator[Council]:
    """Start a Council in `home`, a short path since a Unix socket's is limited; yield once it is ready; stop it.

    `environment` may add settings, as in {"COUNCIL_GATEWAY_DRAIN_S": "1"}.
    """
    around = surroundings(home, port, environment or {})
    try:
        _lend_model(home)
        lend_meanings(home)
        council = Council(home, port, _up(around), around)
        _keep_model(home)
        yield council
        council.stop()
        check_records(home)
        keep_meanings(home)
    finally:
        _end_leftovers(home)


def check_records(home: Path) -> None:
    """Fail where a process wanted a table of the records that its row does not name: what it needed it may do without."""
    for log in home_module.Home(home).logs.glob("*.log"):
        refused = [line for line in log.read_text(errors="replace").splitlines() if guard.REFUSED in line]
        assert not refused, refused[:3]


@pytest.fixture(scope="session")
def served() -> Iterator[Council]:
    """Share one Council between the tests of a session. A test that stops it starts it again."""
    with tempfile.TemporaryDirectory(prefix="council") as folder, running(Path(folder, ".council"), free_port()) as one:
        yield one


# The first Council of a test run prepares the packaged model, and embeds a thousand passages in the background, most of a
# minute of a processor's time. The later ones, of every worker, get a copy of both, so that they start in seconds and leave
# that time to others.
KEPT = "KEPT_OF_COUNCILS"


@functools.cache
def _kept() -> Path:
    if KEPT in os.environ:
        return Path(os.environ[KEPT])
    folder = tempfile.mkdtemp(prefix="council-kept")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _keep_model(home: Path) -> None:
    if not (kept := _kept() / "models").exists():
        draft = _kept() / f"models.{os.getpid()}"
        shutil.copytree(home / "models", draft)
        # Another worker may have been first.
        with contextlib.suppress(OSError):
            draft.rename(kept)


def _lend_model(home: Path) -> None:
    """`homes.prepare` may have made the folder, with nothing in it."""
    if (kept := _kept() / "models").exists() and not any((home / "models").glob("*")):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copytree(kept, home / "models", dirs_exist_ok=True)


def keep_meanings(home: Path) -> None:
    """Keep what a Council that was stopped came to embed, if that is more than any before it, and it has closed the file."""
    made, kept = home_module.Home(home).meanings_file, _kept() / "meanings.db"
    closed = made.exists() and not made.with_name(f"{made.name}-journal").exists()
    if closed and (not kept.exists() or kept.stat().st_size < made.stat().st_size):
        draft = _kept() / f"meanings.{os.getpid()}"
        shutil.copyfile(made, draft)
        draft.replace(kept)


def lend_meanings(home: Path) -> None:
    """Give a home that has none the meanings that were kept: its recall goes on from there, and drops what it does not need."""
    kept, meanings = _kept() / "meanings.db", home_module.Home(home).meanings_file
    if kept.exists() and not meanings.exists():
        for folder in (home, meanings.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(kept, meanings)
        meanings.chmod(0o600)


def _command(environment: Mapping[str, str], *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "council", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def _up(environment: Mapping[str, str]) -> str:
    done = _command(environment, "up", "--detach", timeout_s=UP_S + 30)
    scheme = "https" if "COUNCIL_GATEWAY_TLS_CERT_FILE" in environment else "http"
    ready = f"ready {scheme}://127.0.0.1:{environment['COUNCIL_PORT']}"
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines and lines[-1] == ready, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def _end_leftovers(home: Path) -> None:
    """Kill the supervisor of `home`, should it still run; the kernel then ends its services."""
    with contextlib.suppress(OSError, ValueError):
        supervisor = int((home / "run" / "supervisor.lock").read_text())
        os.kill(supervisor, signal.SIGKILL)
    deadline_s = time.monotonic() + _KILL_S
    while left := _processes_of(home):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert time.monotonic() < deadline_s, f"still running: {left}"
        time.sleep(0.05)


def _processes_of(home: Path) -> list[int]:
    """Return the processes of this home: each names it on its command line, the bundled Valkey too."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"council" in words or any(b"valkey" in word for word in words[:1]):
                    found += [int(entry.name)] if any(_is_inside(word, home) for word in words) else []
    return found


def _is_gateway(pid: int, generation: str) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    said = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return b"gateway" in words and f"COUNCIL_GENERATION={generation}".encode() in said


def _is_inside(word: bytes, home: Path) -> bool:
    # Valkey writes its socket's path into the middle of a word.
    return word == os.fsencode(home) or os.fsencode(home) + b"/" in word


def bear_a_busy_machine(where: home_module.Home, *, few: bool = True) -> None:
    """Have no patch be refused since the machine is slow, and by default each be tried with `few_questions`.

    What is shown is how patches go, and not how fast the machine is. For a home that has not begun yet.
    """
    homes.prepare(where, {"COUNCIL_HOME": str(where.root)})
    text = (where.current / gates.FILE).read_text()
    wider = text.replace('limit: "<1000ms"\n    amber: 800\n', 'limit: "<60000ms"\n    amber: 50000\n')
    assert wider != text
    changes = {gates.FILE: wider.encode()} | ({baking.FILE: few_questions()} if few else {})
    blueprint.commit(where, changes, "Bear a busy machine")


# Those that take the longest, since a model writes or a sandbox runs what they ask for.
_SLOW_KINDS = ("general", "code")


def few_questions() -> bytes:
    """Return a `trial.yaml` with all that is computed or looked up, and one of each kind that takes longer."""
    asked = homes.parse_yaml(homes.default_files()[baking.FILE], baking.FILE)[baking.KEY]
    slow = [next(one for one in asked if one["kind"] == kind) for kind in _SLOW_KINDS]
    quick = [one for one in asked if one["kind"] not in _SLOW_KINDS]
    return yaml.safe_dump({baking.KEY: [*quick, *slow]}).encode()
