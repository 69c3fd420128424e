"""What the isolation self-test runs inside a sandbox: it tries each wall, and says which it got through.

Only the text of this file goes in, so it leans on the standard library alone. `isolation.py` says what is behind the walls.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CONNECT_S = 1.0


def files(known: Mapping[str, Any]) -> bool:
    """Return whether a folder of the home can be seen."""
    found = Path(known["path"]).stat()
    return bool([found.st_dev, found.st_ino] == known["file"])


def root(known: Mapping[str, Any]) -> bool:
    """Return whether something could be written where programs lie; it is taken away again."""
    path = Path(known["programs"], f".council-self-test-{known['nonce']}")
    path.touch(mode=0o600, exist_ok=False)
    path.unlink()
    return True


def processes(known: Mapping[str, Any]) -> bool:
    """Return whether the process that runs the self-test can be seen: its number may be another's here, its start is not."""
    text = Path(f"/proc/{known['pid']}/stat").read_text(errors="replace")
    return bool(int(text[text.rindex(")") + 2 :].split()[19]) == known["start_ticks"])


def network(known: Mapping[str, Any]) -> bool:
    """Return whether a port of the machine can be reached."""
    socket.create_connection(("127.0.0.1", known["port"]), CONNECT_S).close()
    return True


def calls(known: Mapping[str, Any]) -> bool:
    """Return whether a system call is let through that is on no list."""
    os.close(os.memfd_create(str(known["nonce"])))
    return True


def rights(_: Mapping[str, Any]) -> bool:
    """Return whether the job has a capability."""
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(told["CapEff"], 16) != 0


WALLS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "files": files,
    "root": root,
    "processes": processes,
    "network": network,
    "calls": calls,
    "rights": rights,
}


def through(known: Mapping[str, Any]) -> list[str]:
    """Return which of the walls that are to be tried do not hold."""
    found = []
    for name in known["walls"]:
        try:
            is_through = WALLS[name](known)
        except OSError:
            is_through = False
        if is_through:
            found.append(name)
    return found


if __name__ == "__main__":
    asked = json.loads(sys.stdin.buffer.read())
    print(json.dumps({"nonce": asked["nonce"], "through": through(asked)}))
