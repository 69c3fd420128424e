"""Runs commands as steps of a set-up: what, how far and how long; a command's own noise only when it fails.

Standard library only, and older syntax on purpose: the scripts that use it must still be able to say, when started by a
Python that is too old, that it is too old.
"""

from __future__ import annotations

import collections
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

TAIL_LINES = 20
_LINES_KEPT = 400
_STOP_WAIT_S = 10
# How often the line is drawn again: on a terminal as a sign of life, elsewhere (a CI log) only on long steps.
_TERMINAL_INTERVAL_S = 0.1
_LOG_INTERVAL_S = 15.0
_SPINNER = "|/-\\"


class StepFailedError(Exception):
    """A command ended with a status other than 0. `output` is what it last said."""

    def __init__(self, title: str, command: Sequence[str], status: int, output: str):
        super().__init__(f"{title}: status {status}")
        self.title = title
        self.command = command
        self.status = status
        self.output = output

    def tail(self) -> str:
        """Return the last lines of the output, indented for showing below a message."""
        lines = self.output.rstrip().splitlines()[-TAIL_LINES:]
        return "\n".join("    " + line[:300] for line in lines) or "    (it said nothing)"


def run(
    title: str,
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    how_far: Callable[[str], str] | None = None,
) -> str:
    """Run a command to its end and return its last output.

    `how_far` gets each output line and returns what to show beside the title, or "" to leave that as it is. Raises
    StepFailedError. At Ctrl-C the command is stopped before KeyboardInterrupt goes on.
    """
    display = _Display(title)
    kept: collections.deque[str] = collections.deque(maxlen=_LINES_KEPT)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    assert process.stdout is not None
    try:
        for line in _lines(process.stdout.fileno(), display):
            kept.append(line)
            display.note = (how_far(line) if how_far else "") or display.note
        status = process.wait()
    except BaseException:
        _stop(process)
        display.end("interrupted")
        raise
    finally:
        process.stdout.close()
    display.end("failed" if status else "done")
    output = "\n".join(kept)
    if status:
        raise StepFailedError(title, command, status, output)
    return output


def _lines(descriptor: int, display: _Display) -> collections.abc.Iterator[str]:
    rest = b""
    while True:
        readable, _, _ = select.select([descriptor], [], [], _TERMINAL_INTERVAL_S)
        display.refresh()
        if not readable:
            continue
        chunk = os.read(descriptor, 65536)
        if not chunk:
            break
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")
    if rest:
        yield rest.decode(errors="replace")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Display:
    """One line that lives on a terminal; in a log, a line at the start, at the end, and now and then between."""

    def __init__(self, title: str):
        self.note = ""
        self._title = title
        self._terminal = sys.stdout.isatty()
        self._started_s = self._drawn_s = time.monotonic()
        self._frame = 0
        if not self._terminal:
            print(title, flush=True)

    def refresh(self) -> None:
        now_s = time.monotonic()
        if now_s - self._drawn_s < (_TERMINAL_INTERVAL_S if self._terminal else _LOG_INTERVAL_S):
            return
        self._drawn_s = now_s
        self._frame += 1
        state = ", ".join(part for part in (self.note, f"{now_s - self._started_s:.0f} s") if part)
        if self._terminal:
            text = f"{_SPINNER[self._frame % len(_SPINNER)]} {self._title} ({state})"
            print(f"\r\033[K{text[: _columns() - 1]}", end="", flush=True)
        else:
            print(f"  {state} so far", flush=True)

    def end(self, word: str) -> None:
        took = f"{word} in {time.monotonic() - self._started_s:.1f} s"
        print(f"\r\033[K{self._title}: {took}" if self._terminal else f"  {took}", flush=True)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80
