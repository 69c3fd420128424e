"""Builds the dashboard of this checkout into src/council/dashboard/, from where the gateway serves it.

    python tools/dashboard.py                what has changed since it was built last
    python tools/dashboard.py --quiet        the same with nothing to read, as `make up` runs it beside the service

It needs Node and npm, which Council itself does not. How far it is stands in src/council/dashboard/building.json, which the
plain page at `/` tells while there is no dashboard. Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import progress

ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "ui"
INTO = ROOT / "src" / "council" / "dashboard"
STATE = "building.json"
BUILT = "built.json"
NODE_MAJOR, NODE_MINOR = 20, 19
_INSTALLED = "node_modules/.council-installed"
_APART = frozenset({"node_modules", "dist"})
_LOOK_S = 20
_SAID_CHARS_MAX = 300
_QUIET_NPM = ("--no-audit", "--no-fund", "--no-progress", "--loglevel=error")
# Node packs as well as anything, and is there: what is worth it lies beside each file, packed.
_PACK = r"""
const fs = require("fs"), path = require("path"), zlib = require("zlib");
const kinds = new Set([".js", ".css", ".html", ".svg", ".json", ".webmanifest", ".txt"]);
const brotli = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } };
for (const entry of fs.readdirSync(process.argv[1], { recursive: true }).sort()) {
  const file = path.join(process.argv[1], entry);
  if (!fs.statSync(file).isFile() || !kinds.has(path.extname(file))) continue;
  const plain = fs.readFileSync(file);
  if (plain.length < 1024) continue;
  fs.writeFileSync(file + ".br", zlib.brotliCompressSync(plain, brotli));
  fs.writeFileSync(file + ".gz", zlib.gzipSync(plain, { level: 9 }));
}
"""


class UnbuildableError(Exception):
    """It cannot be built here; the text says why and what to do."""


def main() -> int:
    """Build, and return the exit status."""
    parser = argparse.ArgumentParser(description="Build the dashboard into src/council/dashboard/.")
    parser.add_argument("--quiet", action="store_true", help="say nothing; the page at / says how far it is")
    arguments = parser.parse_args()
    if arguments.quiet:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
    if not (UI / "package.json").is_file():
        return 0
    try:
        with _alone() as is_alone:
            if not is_alone:
                print("The dashboard is being built already.")
            elif is_current(UI, INTO):
                print("The dashboard is built.")
            else:
                _build(UI, INTO)
    except (UnbuildableError, progress.StepFailedError, OSError, subprocess.SubprocessError) as problem:
        print(f"\nThe dashboard could not be built: {problem}", file=sys.stderr)
        if isinstance(problem, progress.StepFailedError):
            print(problem.tail(), file=sys.stderr)
        return 1
    return 0


def is_current(ui: Path, into: Path) -> bool:
    """Return whether what was built is of these sources."""
    try:
        told = json.loads((into / BUILT).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("sources") == digest(ui) and (into / "index.html").is_file()


def digest(ui: Path) -> str:
    """Return what is another wherever a source of the dashboard is."""
    made = hashlib.sha256()
    for file in sorted(_sources(ui)):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        made.update(f"{content} {file.relative_to(ui).as_posix()}\n".encode())
    return made.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _APART]
        yield from (Path(place, name) for name in names)


def _build(ui: Path, into: Path) -> None:
    """Build, and say at each step how far it is."""
    into.mkdir(exist_ok=True)
    step = "look for npm"
    begins: list[str] = []

    def hear(line: str) -> str:
        begins.append(line)
        return ""

    try:
        npm = check_tools()
        for step, command in steps(ui, npm):
            _note(into, step)
            begins.clear()
            progress.run(f"dashboard: {step}", command, how_far=hear)
        step = "put it into its place"
        _note(into, step)
        place(ui / "dist", into, digest(ui))
    except (UnbuildableError, progress.StepFailedError, OSError, subprocess.SubprocessError) as problem:
        # Programs say first what is wrong, and after it how they are used.
        told = "\n".join(begins) if isinstance(problem, progress.StepFailedError) else str(problem)
        _note(into, step, " ".join(told.replace("npm error", "").split())[:_SAID_CHARS_MAX] or "it said nothing.")
        raise


def steps(ui: Path, npm: str) -> Iterator[tuple[str, list[str]]]:
    """Yield what is to be run: the packages only where the lock file has changed since they were installed."""
    lock = hashlib.sha256((ui / "package-lock.json").read_bytes()).hexdigest()
    noted = ui / _INSTALLED
    if not noted.is_file() or noted.read_text() != lock:
        yield "npm ci", [npm, "ci", "--prefix", str(ui), *_QUIET_NPM]
        noted.write_text(lock)
    yield "npm run build", [npm, "run", "build", "--prefix", str(ui), "--silent"]


def check_tools() -> str:
    """Return the path of npm. Raises UnbuildableError where it, or a Node that is new enough, is missing."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise UnbuildableError(
            "there is no npm here, which builds it. Install Node 20.19 or later with npm: `apt-get install nodejs npm`. "
            "Council runs without, with a plain page."
        )
    done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=_LOOK_S, check=False)
    found = tuple(int(part) for part in done.stdout.strip().lstrip("v").split(".")[:2] if part.isdigit())
    if found < (NODE_MAJOR, NODE_MINOR):
        raise UnbuildableError(f"Node here is {done.stdout.strip() or 'unknown'}; it needs 20.19 or later.")
    return npm


def place(dist: Path, into: Path, sources: str) -> None:
    """Put what was built into its place, packed, in one step for whoever reads there."""
    ready, old = into.with_name(f".{into.name}.next"), into.with_name(f".{into.name}.old")
    for folder in (ready, old):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(dist, ready, ignore=shutil.ignore_patterns(".*"))
    node = shutil.which("node")
    assert node is not None, "it has just built this"
    subprocess.run([node, "-e", _PACK, str(ready)], stdin=subprocess.DEVNULL, timeout=300, check=True)
    (ready / BUILT).write_text(json.dumps({"sources": sources}))
    if into.exists():
        into.rename(old)
    ready.rename(into)
    shutil.rmtree(old, ignore_errors=True)


def _note(into: Path, step: str, problem: str = "") -> None:
    draft = into / f".{STATE}"
    draft.write_text(json.dumps({"step": step, "since_s": time.time(), "problem": problem}))
    draft.replace(into / STATE)


@contextlib.contextmanager
def _alone() -> Iterator[bool]:
    """Give whether nobody else builds in this checkout just now."""
    descriptor = os.open(UI / "package.json", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
