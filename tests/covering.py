"""Notes which cells of the coverage matrix a run of tests proved, or failed to, for `council coverage`.

A test marked `covers(component, column)` counts by how it ended; one that was skipped says nothing. What is noted lies in
`build/coverage-cells.json` of the checkout, the newest result of each test, with the commit that was tested and a digest of
what it was tested with: a change takes the proof away.
"""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from council.domain import coverage
from council.kit import contents

_PROPERTY = "covers"


def name_cells(items: Iterable[pytest.Item]) -> None:
    """Have each report of a marked test carry its cells, also from a worker to whoever it works for."""
    for item in items:
        for mark in item.iter_markers("covers"):
            component, column = mark.args
            item.user_properties.append((_PROPERTY, f"{coverage.Component(component)}/{coverage.Column(column)}"))


class Covering:
    """A plug-in that hears every report of a run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._passed: dict[tuple[str, str], bool] = {}
        self._code = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one report. All cases of a test must pass."""
        if report.skipped or (report.passed and report.when != "call"):
            return
        for name, cell in report.user_properties:
            if name == _PROPERTY:
                self._code = self._code or contents.of_checkout(self._root)
                key = (str(cell), report.nodeid.partition("[")[0])
                self._passed[key] = self._passed.get(key, True) and report.passed

    def pytest_sessionfinish(self) -> None:
        """Note what the run said, beside what earlier ones said of other tests."""
        if not self._passed:
            return
        run = ", ".join(filter(None, (f"tests of {_commit(self._root)}", os.environ.get(coverage.TRY, ""))))
        at_s = round(time.time(), 3)
        # Of what changed while tests ran nobody can say which of the two was tested.
        code = self._code if contents.of_checkout(self._root) == self._code else ""
        rows: dict[tuple[str, str], dict[str, Any]] = {(row["cell"], row["test"]): row for row in read(self._root)}
        for (cell, test), passed in self._passed.items():
            rows[cell, test] = {
                "cell": cell, "test": test, "passed": passed, "at_s": at_s, "run": run, "code": code,
            }  # fmt: skip
        file = self._root / coverage.NOTED
        partial = file.with_name(f"{file.name}.{os.getpid()}")
        # A checkout that cannot be written to proves nothing, and its tests run all the same.
        with contextlib.suppress(OSError):
            file.parent.mkdir(exist_ok=True)
            partial.write_text(json.dumps({"schema": coverage.SCHEMA, "results": list(rows.values())}, indent=1) + "\n")
            partial.replace(file)


def read(root: Path) -> list[dict[str, Any]]:
    """Return what earlier runs noted; nothing where that cannot be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((root / coverage.NOTED).read_text())["results"]
        return [row for row in found if {"cell", "test"} <= row.keys()]
    return []


def _commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", root, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=8", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "an unknown commit"
