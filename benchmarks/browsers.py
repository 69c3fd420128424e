"""A real browser before a real Council: what that needs here, and the scripts of ui/browser that drive it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import figures

UI = figures.ROOT / "ui"
_SAID_CHARS = 8_000


class WentWrongError(Exception):
    """A script did not come to its end; the text is what it said."""


def missing() -> str:
    """Return what is not here for a dashboard in a browser, "" where all is."""
    if shutil.which("node") is None:
        return "there is no Node"
    if not Path(os.environ.get("CHROMIUM", "/usr/bin/chromium")).exists():
        return "there is no Chromium; install the package chromium, or name one by CHROMIUM"
    if not (UI / "node_modules" / "playwright-core").is_dir():
        return "the dashboard's tools are not installed; `make ui` installs them"
    if not (figures.ROOT / "src" / "council" / "dashboard" / "index.html").is_file():
        return "the gateway has no dashboard to serve; `make ui` puts it there"
    return ""


def lines(
    script: str, wish: Mapping[str, Any], environment: Mapping[str, str], hear: Callable[[dict[str, Any]], None]
) -> list[dict[str, Any]]:
    """Run a script of ui/browser, have `hear` each object that it tells, and return them all. Raises WentWrongError."""
    command = ["node", f"browser/{script}", json.dumps(wish)]
    with subprocess.Popen(
        command, cwd=UI, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        try:
            told = [_heard(line, hear) for line in _lines(child.stdout)]
            said = child.stderr.read()
        except BaseException:
            child.terminate()
            raise
    if child.returncode:
        raise WentWrongError(said[-_SAID_CHARS:])
    return told


def _lines(output: Any) -> Iterator[str]:
    yield from (line for line in output if line.strip())


def _heard(line: str, hear: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line)
    hear(told)
    return told
