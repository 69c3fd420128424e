"""Runs all tests: what `make test` does after the static checks. Exits with 0 if every part of them passed.

What starts servers and whole Councils runs file by file, two at a time. It waits much of its time, for a service to be
ready or for a patch to bake, and unit tests, which only compute, fill what it leaves of the processor, at low priority. What
measures the machine or takes all of it runs last and alone. A part that fails does not keep the others from being told of.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PYTEST = (str(ROOT / ".venv" / "bin" / "pytest"), "-ra")
UNIT = ("tests/unit", "tests/questions")
# The slowest are told of, since all of it has to be through within the time that CI has.
# Unit tests and those of the families of questions share nothing, so every core may run some.
COMPUTING = (*PYTEST, "--durations=10", "-n", "auto", "--dist", "worksteal", "-m", "not alone", *UNIT)
SERVING = (
    *PYTEST,
    "--durations=40",
    "-n",
    "2",
    "--dist",
    "loadfile",
    "-m",
    "not alone",
    *(f"--ignore={folder}" for folder in UNIT),
)
ALONE = (*PYTEST, "--durations=10", "-m", "alone")
MARK = "mark.alone"
# Where Councils of all these runs leave what the next ones need not make anew, see tests/whole.py.
KEPT = "KEPT_OF_COUNCILS"
# It yields to whoever serves, and is still given a share of a processor that is busy for long.
PRIORITY = 10
_END_S = 20.0


def main() -> int:
    """Run them and return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="council-kept", ignore_cleanup_errors=True) as kept:
        os.environ[KEPT] = kept
        with tempfile.TemporaryFile() as said, _beside(COMPUTING, said) as computing:
            failed = _fails(SERVING)
            failed |= computing.wait() != 0
            said.seek(0)
            sys.stdout.write(said.read().decode(errors="replace"))
            sys.stdout.flush()
        return int(_fails((*ALONE, *files_alone(ROOT))) or failed)


def files_alone(root: Path) -> list[str]:
    """Return the files of tests of which some must run alone: to collect all the others would take a minute."""
    found = sorted((root / "tests").rglob("test_*.py"))
    return [file.relative_to(root).as_posix() for file in found if MARK in file.read_text()]


def _fails(command: Sequence[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False).returncode != 0


@contextlib.contextmanager
def _beside(command: Sequence[str], said: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of low priority while the block runs, and end it and all that it started with the block."""
    started = subprocess.Popen(
        ("nice", "-n", str(PRIORITY), *command),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT,
        # Not a session of its own: Linux weighs sessions alike (autogroup(7)), and what nice says within each alone.
        process_group=0,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(_END_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
