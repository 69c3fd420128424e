"""Runs all tests: what `make test` does after the static checks. Exits with 0 if every part of them passed.

What starts servers and whole Councils runs file by file, two at a time. It waits much of its time, for a service to be
ready or for a patch to bake, and unit tests, which only compute, fill what it leaves of the processor, at low priority. What
measures the machine or takes all of it runs last and alone. A part that fails does not keep the others from being told of.

A few tests that failed are run once more, with nothing beside them. What then passes does not fail the run, and is named at its
end: it is a test that a busy machine upsets, or a race of ours that it brought to light, and in both cases to be mended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
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
# Hypothesis draws half of the examples; `make test ARGS=tests` draws all.
SHARE = ("--share", "2")
# The slowest are told of, since all of it has to be through within the time that CI has.
# Unit tests and those of the families of questions share nothing, so every core may run some.
COMPUTING = (*PYTEST, "--durations=10", "-n", "auto", "--dist", "worksteal", "-m", "not alone", *SHARE, *UNIT)
SERVING = (
    *PYTEST,
    "--durations=40",
    "-n",
    "2",
    "--dist",
    "loadfile",
    "-m",
    "not alone",
    *SHARE,
    *(f"--ignore={folder}" for folder in UNIT),
)
ALONE = (*PYTEST, "--durations=10", "-m", "alone")
MARK = "mark.alone"
# Where Councils of all these runs leave what the next ones need not make anew, see tests/whole.py.
KEPT = "KEPT_OF_COUNCILS"
# It yields to whoever serves, and is still given a share of a processor that is busy for long.
PRIORITY = 10
# What the Councils of all these tests need embedded, by one of them before the others begin.
EMBEDDING = (str(ROOT / ".venv" / "bin" / "python"), "tests/embedding.py")
# More than so many that fail are no accident.
AGAIN_MAX = 6
_TESTS_FAILED = 1
_END_S = 20.0


def main() -> int:
    """Run them and return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="council-kept", ignore_cleanup_errors=True) as folder:
        kept, *runs = (Path(folder, name) for name in ("kept", "computing", "serving", "alone"))
        kept.mkdir()
        os.environ[KEPT] = str(kept)
        computing, serving, alone = (
            Run(command, noted)
            for command, noted in zip((COMPUTING, SERVING, (*ALONE, *files_alone(ROOT))), runs, strict=True)
        )
        with tempfile.TemporaryFile() as said, _beside(computing.whole, said) as started:
            subprocess.run(EMBEDDING, cwd=ROOT, check=False)
            serving.status = _status(serving.whole)
            computing.status = started.wait()
            said.seek(0)
            sys.stdout.write(said.read().decode(errors="replace"))
            sys.stdout.flush()
        alone.status = _status(alone.whole)
        return int(not _held((computing, serving, alone)))


@dataclasses.dataclass
class Run:
    """One run of pytest, which notes in a folder of its own what failed."""

    command: Sequence[str]
    noted: Path
    status: int = 0

    @property
    def whole(self) -> tuple[str, ...]:
        """Its command."""
        return (*self.command, "-o", f"cache_dir={self.noted}")

    def failed(self) -> list[str]:
        """Return the tests that failed."""
        file = self.noted / "v" / "cache" / "lastfailed"
        return sorted(json.loads(file.read_text())) if file.exists() else []


def _held(runs: Sequence[Run]) -> bool:
    """Return whether all passed, or passed when a few were run once more; say which those are."""
    if all(run.status == 0 for run in runs):
        return True
    again = [name for run in runs for name in run.failed()]
    if not again or len(again) > AGAIN_MAX or any(run.status not in (0, _TESTS_FAILED) for run in runs):
        return False
    print(f"\n{len(again)} failed, and are run once more with nothing beside them:", *again, sep="\n  ", flush=True)
    if _status((*PYTEST, *again)) != 0:
        return False
    print("\nPassed at the second try alone, so to be mended:", *again, sep="\n  ", flush=True)
    return True


def files_alone(root: Path) -> list[str]:
    """Return the files of tests of which some must run alone: to collect all the others would take a minute."""
    found = sorted((root / "tests").rglob("test_*.py"))
    return [file.relative_to(root).as_posix() for file in found if MARK in file.read_text()]


def _status(command: Sequence[str]) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


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
