"""The scripts of ui/browser from pytest: what they need here, and the deeds beside the page that they ask for."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

import whole

UI = Path(__file__).parents[1] / "ui"
BUILT = UI.parent / "src" / "council" / "dashboard" / "index.html"
LIMIT_S = 900.0
READY_S = 120.0
_SAID_CHARS = 8_000
_LOOK_S = 0.05

Deeds = Mapping[str, Callable[[], object]]


def need(*, served: bool = False) -> None:
    """Skip the test where it cannot run, and say why. `served`: by a gateway."""
    reason = _missing()
    if not reason and served and not BUILT.is_file():
        reason = "the gateway has no dashboard to serve; `make ui` puts it there"
    if reason:
        pytest.skip(reason)


def _missing() -> str:
    if shutil.which("node") is None:
        return "there is no Node"
    if not Path(os.environ.get("CHROMIUM", "/usr/bin/chromium")).exists():
        return "there is no Chromium; install the package chromium, or name one by CHROMIUM"
    if not (UI / "node_modules" / "playwright-core").is_dir() or not (UI / "dist" / "index.html").is_file():
        return "the dashboard is not built; `make ui` builds it"
    return ""


def link(council: whole.Council) -> str:
    """Return a link that signs a browser in."""
    made: str = json.loads(council.command("login", "--json").stdout)["link"]
    return made


def play(script: str, *arguments: str, deeds: Deeds | None = None) -> None:
    """Run a script of ui/browser to its end, and fail as it does.

    Each line that it prints names a deed; it waits for a line in return, which comes once that is done.
    """
    command = ["node", f"browser/{script}", *arguments]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command, cwd=UI, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
        ) as child,
    ):
        assert child.stdin is not None and child.stdout is not None
        late = threading.Timer(LIMIT_S, child.terminate)
        late.start()
        try:
            for line in child.stdout:
                (deeds or {})[line.strip()]()
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write("done\n")
                    child.stdin.flush()
        except BaseException:
            child.terminate()
            raise
        finally:
            late.cancel()
        child.wait()
        said.seek(0)
        assert child.returncode == 0, said.read()[-_SAID_CHARS:]


class Breaking:
    """What befalls a Council, and its end. `over` puts an end to all of it."""

    def __init__(self, council: whole.Council):
        self._council = council
        self._open = contextlib.ExitStack()

    def deeds(self) -> Deeds:
        """Return each by the name that a script knows it by."""
        return {
            "kill the gateway": lambda: os.kill(self._pid("gateway"), signal.SIGKILL),
            "stop the gateway in order": lambda: os.kill(self._pid("gateway"), signal.SIGTERM),
            "keep the model down": lambda: self._open.enter_context(self._kept_down("model")),
            "lock the records": lambda: self._open.enter_context(self._locked()),
            "stop the store": lambda: self._open.enter_context(self._stopped("store")),
            "let all be well": self.over,
        }

    def over(self) -> None:
        """Take back what was done; what was killed comes back by itself."""
        self._open.close()

    def _pid(self, service: str) -> int:
        pid = next(one["pid"] for one in self._council.services() if one["name"] == service)
        assert isinstance(pid, int), service
        return pid

    @contextlib.contextmanager
    def _stopped(self, service: str) -> Iterator[None]:
        """Stop it, and again where it was started anew meanwhile."""
        try:
            with self._again(service, signal.SIGSTOP):
                yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid(service), signal.SIGCONT)

    @contextlib.contextmanager
    def _kept_down(self, service: str) -> Iterator[None]:
        """Kill it as often as it comes back."""
        with self._again(service, signal.SIGKILL):
            yield

    @contextlib.contextmanager
    def _again(self, service: str, number: signal.Signals) -> Iterator[None]:
        """Send it a signal, and that again until the block ends; the first has been sent when the block begins."""
        ending = threading.Event()
        os.kill(self._pid(service), number)
        sender = threading.Thread(target=self._send, args=(service, number, ending))
        sender.start()
        try:
            yield
        finally:
            ending.set()
            sender.join()

    def _send(self, service: str, number: signal.Signals, ending: threading.Event) -> None:
        while not ending.wait(_LOOK_S):
            pid = next((one["pid"] for one in self._council.services() if one["name"] == service), None)
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock for writing of the records."""
        holder = sqlite3.connect(self._council.home / "records" / "council.db", isolation_level=None)
        with contextlib.closing(holder):
            holder.execute("BEGIN IMMEDIATE")
            yield
            holder.execute("ROLLBACK")
