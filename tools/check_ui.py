"""Checks the dashboard's sources and builds them: format, lint, types, unit tests, and how much a browser loads first.

Where there is no npm, or it cannot fetch the packages, it says so and ends well: the tests in a browser are skipped then, and
say why. Standard library only.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import progress

ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "ui"
NODE_MIN = (20, 19)
# As tools/dashboard.py notes it, so that neither installs what the other has.
STAMP = UI / "node_modules" / ".council-installed"
_LOOK_S = 20
_QUIET = ("--no-audit", "--no-fund", "--no-progress", "--loglevel=error")


def main() -> int:
    """Check and build, and return the exit status: 0 too where it could not be done here."""
    began_s = time.monotonic()
    missing = what_is_missing()
    if missing:
        print(f"The dashboard is not checked: {missing}", flush=True)
        return 0
    lock = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()
    try:
        if not STAMP.is_file() or STAMP.read_text() != lock:
            progress.run("ui: npm ci", ["npm", "ci", "--prefix", str(UI), *_QUIET])
            STAMP.write_text(lock)
    except progress.StepFailedError as failure:
        print(f"\nThe dashboard is not checked, since its packages cannot be had:\n{failure.tail()}", flush=True)
        return 0
    steps = [
        ("format, lint, types, unit tests", ["npm", "run", "--silent", "--prefix", str(UI), "check"]),
        ("build", [sys.executable, str(ROOT / "tools" / "dashboard.py")]),
    ]
    # What serves may be built while the folder that it was built in is gone; the tests in a browser look there.
    if not (UI / "dist" / "index.html").is_file():
        steps.insert(1, ("first build", ["npm", "run", "--silent", "--prefix", str(UI), "build"]))
    for title, command in steps:
        try:
            progress.run(f"ui: {title}", command)
        except progress.StepFailedError as failure:
            print(failure.output, flush=True)
            return 1
    print(f"dashboard checked and built in {time.monotonic() - began_s:.1f} s", flush=True)
    return 0


def what_is_missing() -> str:
    """Return why the dashboard cannot be checked here, "" where it can."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return "there is no npm. Install Node 20.19 or later with npm, as by `apt-get install nodejs npm`."
    told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=_LOOK_S, check=False).stdout
    found = tuple(int(part) for part in told.strip().lstrip("v").split(".")[:2] if part.isdigit())
    if found < NODE_MIN:
        return f"Node is {told.strip() or 'unknown'}, and it needs 20.19 or later."
    return ""


if __name__ == "__main__":
    sys.exit(main())
