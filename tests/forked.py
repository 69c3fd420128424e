"""Runs an action in a forked child, for what cannot be undone in a process."""

import os
import signal
from collections.abc import Callable
from typing import NoReturn

WAIT_S = 20


def outcome(action: Callable[[], object]) -> str:
    """Return what `action` returns, as text, or the name of the error that it raises; run in a child of its own.

    The child is killed after WAIT_S and then tells nothing.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _tell(action, writing)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


def _tell(action: Callable[[], object], writing: int) -> NoReturn:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(WAIT_S)
    try:
        try:
            text = str(action())
        except BaseException as error:
            text = type(error).__name__
        os.write(writing, text.encode())
    finally:
        os._exit(0)
