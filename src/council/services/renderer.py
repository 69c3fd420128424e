"""The renderer: children that make pages of guides for the steward, with limits and nearly without rights.

Guides of the library are untrusted, and the steward holds the forge's token, so the libraries that read Markdown run in a
process of their own: no file of the home, no socket, no more memory than `MEMORY_BYTES`, no longer than `PAGE_S` a guide. A
child that fails is replaced, and the guide that it failed on is named.
"""

import asyncio
import contextlib
import os
import queue
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import council
from council.domain import guides
from council.kit import confine, environment, frames, process

PAGE_S = 10.0
MEMORY_BYTES = 512 * 1024 * 1024
_START_S = 20.0
_ENVIRONMENT = (
    "PATH",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "LD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
)
# Kept this long for the next change; a child takes as much memory as a service.
_IDLE_S = 60.0
_CHILDREN_MAX = 4
# So few are not worth a second child's start.
_PAGES_A_CHILD = 16
_FRAME_BYTES_MAX = 64 * 1024 * 1024
# The pages of some documents are made between two looks for what can be freed: most of the objects go without one.
_COLLECT_AFTER = 50_000


class Renderers:
    """Makes pages, several at a time where there are many. For one task at a time."""

    def __init__(self) -> None:
        self._kept = Renderer()
        self._idle: asyncio.TimerHandle | None = None

    async def make(self, texts: Sequence[str]) -> list[guides.Page | guides.FaultyError]:
        """Return for each text its page, or what is wrong with it."""
        if self._idle is not None:
            self._idle.cancel()
        wanted = max(1, min(_CHILDREN_MAX, os.cpu_count() or 1, len(texts) // _PAGES_A_CHILD))
        children = [self._kept, *(Renderer() for _ in range(wanted - 1))]
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for place in range(len(texts)):
            waiting.put(place)
        made: list[guides.Page | guides.FaultyError] = [guides.FaultyError("its page was not made. Try again.")] * len(
            texts
        )

        def work(child: Renderer) -> None:
            with contextlib.suppress(queue.Empty):
                while True:
                    place = waiting.get_nowait()
                    try:
                        made[place] = child.render(texts[place])
                    except guides.FaultyError as error:
                        made[place] = error

        try:
            await asyncio.gather(*(asyncio.to_thread(work, child) for child in children))
        finally:
            for child in children[1:]:
                child.close()
            self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self._kept.close)
        return made

    def close(self) -> None:
        """End the child. Idempotent."""
        if self._idle is not None:
            self._idle.cancel()
        self._kept.close()


class Renderer:
    """Starts a child with the first text and keeps it. For one thread at a time."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def render(self, text: str) -> guides.Page:
        """Return the page of a text. Raises FaultyError, whatever became of the child."""
        try:
            connection = self._connected()
            connection.settimeout(PAGE_S)
            connection.sendall(frames.encode({"text": text}))
            reply = frames.receive(connection, _FRAME_BYTES_MAX)
        except TimeoutError:
            self.close()
            raise guides.FaultyError(f"its page took longer than {PAGE_S:g} s to make. Split it.") from None
        except (OSError, frames.FrameError, ValueError) as error:
            self.close()
            raise guides.FaultyError(f"the renderer failed ({error}). Try again with `council guides sync`.") from error
        if reply is None:
            self.close()
            raise guides.FaultyError(
                f"its page took more than {MEMORY_BYTES >> 20} MiB, or ended the renderer. Split it."
            )
        if "fault" in reply:
            raise guides.FaultyError(str(reply["fault"]))
        headings = tuple(
            guides.Heading(int(level), str(said), str(anchor)) for level, said, anchor in reply["headings"]
        )
        return guides.Page(str(reply["html"]), headings)

    def close(self) -> None:
        """End the child; a later text starts another."""
        if self._connection is not None:
            self._connection.close()
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        self._child = self._connection = None

    def _connected(self) -> socket.socket:
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._connection is None:
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-P", "-m", "council.services.renderer"]
            with theirs:
                self._child = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    # What else the steward's holds, as the address of the records, may be secret.
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                )
            self._connection = ours
            ours.settimeout(_START_S)
            if frames.receive(ours, 1024) is None:
                self.close()
                raise OSError("it does not start")
        return self._connection


def main() -> int:
    """Serve the socket that is standard input until it is closed."""
    process.set_parent_death_signal(signal.SIGKILL)
    import gc

    from council.upkeep.guides import rendering

    # Loaded before the confinement, so that Python can keep what it compiled, and with one page of all kinds.
    rendering.render("# A\n\n```python\nx = 1\n```\n")
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    confine.seal()
    folders = [*environment.python_folders(), Path(council.__file__).resolve().parents[1]]
    confine.apply(confine.Confinement(folders, [], (), ()))
    with contextlib.suppress(OSError):
        confine.deny_sockets()
    with socket.socket(fileno=0) as connection:
        connection.sendall(frames.encode({"ready": True}))
        while (request := frames.receive(connection, _FRAME_BYTES_MAX)) is not None:
            connection.sendall(frames.encode(_reply(str(request["text"]), rendering.render)))
    return 0


def _reply(text: str, render: Any) -> dict[str, Any]:
    try:
        page = render(text)
    except guides.FaultyError as error:
        return {"fault": str(error)}
    except MemoryError:
        return {"fault": f"its page took more than {MEMORY_BYTES >> 20} MiB. Split it."}
    except RecursionError:
        return {"fault": "it is nested too deep. Make its lists or quotations flatter."}
    except Exception as error:  # noqa: BLE001 - a library may raise anything on such a text; the child goes on
        return {"fault": f"no page could be made of it ({type(error).__name__}). Make it simpler."}
    return {"html": page.html, "headings": [[one.level, one.text, one.anchor] for one in page.headings]}


if __name__ == "__main__":
    sys.exit(main())
