"""The real zygote as a child of the test, as root or as an ordinary user, and runners on it."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import council
import reachable
from council.backends.sandbox_runner.namespaces import runner as namespaces
from council.domain import config
from council.kit import listeners

# Nobody's number on this machine, far from those that sandboxes get, and another one in each worker of xdist: the kernel
# counts processes by user.
ORDINARY_UID = 1_900_000_001 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_READY_S = 60.0
_STOP_S = 30.0
_START = """
import sys
sys.path.insert(0, {source!r})
{before}
from council.services import zygote
zygote.replace_process({listener}, {ready}, {packages!r})
"""


class Zygote:
    """A running zygote; `path` is its socket."""

    def __init__(self, popen: "subprocess.Popen[bytes]", path: Path, log: Path) -> None:
        self.popen = popen
        self.path = path
        self.log = log

    @contextlib.asynccontextmanager
    async def runner(self, settings: config.SandboxConfig) -> AsyncIterator[namespaces.NamespaceRunner]:
        """Connect a runner and close it with the block."""
        made = namespaces.NamespaceRunner(self.path, settings)
        await made.start()
        try:
            yield made
        finally:
            await made.close()


@contextlib.contextmanager
def zygote(
    *, uid: int | None = None, packages: tuple[str, ...] = ("numpy",), before: str = "", path: Path | None = None
) -> Iterator[Zygote]:
    """Start a zygote, wait until it says ready, and end it with the block. `before` is run in its process first.

    `path` is where it listens, else in a folder of its own.
    """
    with tempfile.TemporaryDirectory(prefix="z") as folder:
        Path(folder).chmod(0o755)
        path = path or Path(folder, "zygote.sock")
        # Ready to be connected to by the test; whoever serves it needs no right on it.
        listener = listeners.unix(path, 0o666)
        listener.setblocking(True)
        reading, writing = os.pipe()
        source = str(Path(council.__file__).parent.parent)
        text = _START.format(source=source, listener=listener.fileno(), ready=writing, packages=packages, before=before)
        log = Path(folder, "log")
        with log.open("wb") as output:
            argv = [sys.executable, "-c", text]
            if uid is not None:
                user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
                argv = reachable.command(Path(folder), [*user, *argv])
            popen = subprocess.Popen(
                argv,
                pass_fds=(listener.fileno(), writing),
                cwd="/",
                stdout=output,
                stderr=output,
            )
        os.close(writing)
        listener.close()
        try:
            with os.fdopen(reading, "rb") as line:
                assert line.readline() == b"ready\n", log.read_text()
            yield Zygote(popen, path, log)
        finally:
            popen.terminate()
            try:
                popen.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()
