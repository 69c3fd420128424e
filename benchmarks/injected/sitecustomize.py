"""Faults from inside a service that hold no code of Council: Python imports this module first where it finds it by PYTHONPATH.

The benchmark of detection copies it into a folder of its own and starts Council with that folder in PYTHONPATH. Beside it lie a
datagram socket for each service, on which commands come, and a file `broken-NAME` where that service is to fail at its start.
A command is a verb and a number: `memory 8` grows by 8 MB a second, `descriptors 150` opens 150 a second up to 90 % of the
limit, `heal 0` gives everything back.
"""

import contextlib
import os
import resource
import socket
import sys
import threading
from pathlib import Path

_SERVICES = ("gateway", "recall", "sandboxd", "model")
_TICK_S = 0.1
_DESCRIPTORS_SHARE = 0.9


def _begin() -> None:
    words = sys.orig_argv
    if "run" not in words[:-1]:
        return
    service = words[words.index("run") + 1]
    folder = Path(__file__).resolve().parent
    if (folder / f"broken-{service}").exists():
        os._exit(1)
    if service in _SERVICES:
        # Bound before the service takes its own rights away.
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = folder / f"{service}.ear"
        path.unlink(missing_ok=True)
        ear.bind(str(path))
        threading.Thread(target=_obey, args=(ear,), daemon=True, name="injected").start()


def _obey(ear: socket.socket) -> None:
    verb, amount = "heal", 0.0
    held: list[bytearray] = []
    descriptors: list[int] = []
    while True:
        ear.settimeout(None if verb == "heal" else _TICK_S)
        with contextlib.suppress(TimeoutError):
            verb, number = ear.recv(64).decode().split()
            amount = float(number)
        if verb == "memory":
            # Written to, so that it is resident.
            held.append(bytearray(os.urandom(4096) * max(1, round(amount * _TICK_S * 244))))
        elif verb == "descriptors":
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] * _DESCRIPTORS_SHARE
            wanted = min(round(amount * _TICK_S), max(0, round(most) - len(descriptors)))
            descriptors += [os.dup(ear.fileno()) for _ in range(wanted)]
        else:
            held.clear()
            while descriptors:
                os.close(descriptors.pop())


_begin()
