"""Makes `.venv-clients` hold what requirements-clients.lock names: the real clients that tests/clients runs.

Where a package cannot be had, as without a network, it says so and ends well: the tests that need it are skipped then, and say
why. A stamp, written last, says what is installed. Run it after setup_env.py, whose interpreter it takes.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import time
from pathlib import Path

import progress

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv-clients"
LOCK = ROOT / "requirements-clients.lock"
STAMP = VENV / "council-setup.txt"
BASE = ROOT / ".venv" / "bin" / "python"


def main() -> int:
    """Set up, and return the exit status: 0 even where it could not be done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--pip", action="store_true", help="use venv and pip even if uv is there")
    with_uv = not parser.parse_args().pip and shutil.which("uv") is not None
    wanted = f"{VENV} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"
    if STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    began_s = time.monotonic()
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        for number, (title, command) in enumerate(_steps(with_uv), 1):
            progress.run(f"[{number}/2] {title}", command)
    except (progress.StepFailedError, OSError) as failure:
        told = failure.tail() if isinstance(failure, progress.StepFailedError) else f"    {failure}"
        print(f"\nThe clients for tests/clients cannot be had, so these tests are skipped:\n{told}", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        return 0
    STAMP.write_text(wanted)
    print(f"clients ready in {time.monotonic() - began_s:.1f} s", flush=True)
    return 0


def _steps(with_uv: bool) -> list[tuple[str, list[str]]]:
    python = str(VENV / "bin" / "python")
    create = ["uv", "venv", "--quiet", "--no-project", "--python", str(BASE), str(VENV)]
    install = ["uv", "pip", "install", "--python", python]
    if not with_uv:
        create = [str(BASE), "-m", "venv", str(VENV)]
        # Most of what is installed is never imported, and to compile it takes longer than to unpack it.
        install = [python, "-m", "pip", "install", "--no-compile", "--no-input", "--no-color", "--progress-bar", "off"]
    exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)]
    return [("create .venv-clients", create), (f"install what {LOCK.name} pins", [*install, *exact])]


if __name__ == "__main__":
    sys.exit(main())
