"""A process that undoes a fault should the command that put it in be killed, or let the fault outlive its limit.

    python -m council.breaking.guard --home HOME       with a pipe on its standard input, which the command holds open

It is in a session of its own, so that what ends the command's group does not end it. Closed pipe or late: it undoes, and goes.
"""

import argparse
import os
import select
import subprocess
import sys
import time
from pathlib import Path

from council.breaking import undo
from council.domain import home as home_module
from council.upkeep.chaos import catalogue

_LOOK_S = 1.0


def start(where: home_module.Home) -> "subprocess.Popen[bytes]":
    """Start one, which lives until `stop` or our end."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, "--home", str(where.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop(one: "subprocess.Popen[bytes]") -> None:
    """End it, and wait; it undoes what is still in."""
    if one.stdin is not None:
        one.stdin.close()
    one.wait()


def main() -> None:
    """Wait for the end of the pipe, undoing what is late meanwhile."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    where = home_module.Home(parser.parse_args().home)
    os.set_blocking(0, False)
    while True:
        readable, _, _ = select.select([0], [], [], _LOOK_S)
        due_s = undo.until_s(where)
        if due_s is not None and (readable or time.time() > due_s + catalogue.SLACK_S):
            _told(undo.left(where))
        if readable:
            return


def _told(left: undo.Left) -> None:
    for failed in left.failed:
        print(f"council   a step of {left.fault} could not be undone: {failed}", file=sys.stderr)


if __name__ == "__main__":
    main()
