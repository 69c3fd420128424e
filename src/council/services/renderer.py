"""The renderer: children that make pages of guides for the steward, with limits and nearly without rights.

Guides of the library are untrusted, and the steward holds the forge's token, so the libraries that read Markdown run in a
process of their own: no file of the home, no socket, no more memory than `MEMORY_BYTES`, no longer than `PAGE_S` a guide. A
child that fails is replaced, and the guide that it failed on is named.
"""

import asyncio
import contextlib
import os
import queue
import signal
import sys
from collections.abc import Sequence
from typing import Any

from council.domain import guides
from council.kit import frames, process
from council.services import rightless

PAGE_S = 10.0
MEMORY_BYTES = 512 * 1024 * 1024
# One is kept this long for the next change, the others for the next of many; a child takes as much memory as a service.
_IDLE_S, _OTHERS_IDLE_S = 60.0, 2.0
_CHILDREN_MAX = 4
# So few are not worth a second child's start.
_PAGES_A_CHILD = 16
# The pages of some documents are made between two looks for what can be freed: most of the objects go without one.
_COLLECT_AFTER = 50_000


class Renderers:
    """Makes pages, several at a time where there are many. For one task at a time."""

    def __init__(self) -> None:
        self._children = [Renderer()]
        self._idle: asyncio.TimerHandle | None = None

    async def make(self, texts: Sequence[str]) -> list[guides.Page | guides.FaultyError]:
        """Return for each text its page, or what is wrong with it."""
        if self._idle is not None:
            self._idle.cancel()
        wanted = max(1, min(_CHILDREN_MAX, os.cpu_count() or 1, len(texts) // _PAGES_A_CHILD))
        self._children += (Renderer() for _ in range(wanted - len(self._children)))
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
            await asyncio.gather(*(asyncio.to_thread(work, child) for child in self._children[:wanted]))
        finally:
            self._idle = asyncio.get_running_loop().call_later(_OTHERS_IDLE_S, self._keep_one)
        return made

    def _keep_one(self) -> None:
        self._close(self._children[1:])
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self.close)

    def close(self) -> None:
        """End the children. Idempotent."""
        if self._idle is not None:
            self._idle.cancel()
        self._close(self._children)

    def _close(self, children: Sequence["Renderer"]) -> None:
        for child in children:
            child.close()
        del self._children[1:]


class Renderer:
    """Starts a child with the first text and keeps it. For one thread at a time."""

    def __init__(self) -> None:
        self._child = rightless.Child("council.services.renderer")

    def render(self, text: str) -> guides.Page:
        """Return the page of a text. Raises FaultyError, whatever became of the child."""
        try:
            connection = self._child.connection()
            connection.settimeout(PAGE_S)
            connection.sendall(frames.encode({"text": text}))
            reply = frames.receive(connection, rightless.FRAME_BYTES_MAX)
        except TimeoutError:
            self._child.close()
            raise guides.FaultyError(f"its page took longer than {PAGE_S:g} s to make. Split it.") from None
        except (OSError, frames.FrameError, ValueError) as error:
            self._child.close()
            raise guides.FaultyError(f"the renderer failed ({error}). Try again with `council guides sync`.") from error
        if reply is None:
            self._child.close()
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
        self._child.close()


def main() -> int:
    """Serve the socket that is standard input until it is closed."""
    process.set_parent_death_signal(signal.SIGKILL)
    import gc

    from council.upkeep.guides import rendering

    # Loaded before the confinement, so that Python can keep what it compiled, and with one page of all kinds.
    rendering.render("# A\n\n```python\nx = 1\n```\n")
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    return rightless.serve(MEMORY_BYTES, lambda _, request: _reply(str(request["text"]), rendering.render))


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
