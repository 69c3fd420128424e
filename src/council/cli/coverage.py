"""coverage: the 24 cells of what is kept well, and which of them a run has proven."""

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import council
from council.cli import options
from council.domain import coverage, coverage_table, errors, home

# In a checkout, what its tests noted; tests/covering.py writes it.
_NOTED = Path("build") / "coverage-cells.json"
_BYTES_MAX = 64 * 1024 * 1024
_CAMPAIGNS_MAX = 200
# As campaigns call the ends that are well.
_WELL = frozenset({"healed", "a person was called"})


@click.command("coverage")
@click.option("--run", "runs", is_flag=True, help="Run the tests that prove the cells first; only in a checkout.")
@options.home
@options.as_json
def show(runs: bool, where: home.Home, as_json: bool) -> None:
    """Show six components by health gate, sentinel, healing and documentation: what keeps each cell, and what proved it.

    A cell is proven by a run: by its test, which breaks the part and watches it recover, or by a fault of a chaos campaign of
    this home. Exit status 1 where a cell is not proven.
    """
    root = _checkout()
    if runs:
        if root is None:
            raise errors.InvalidRequestError(
                "Tests are run in a checkout, and this Council is installed. Run `council chaos campaign` instead."
            )
        _run(root)
    results = [*_of_campaigns(where.root / "chaos"), *([] if root is None else _of_tests(root / _NOTED))]
    standing = coverage.standing(coverage_table.CELLS, results)
    if as_json:
        options.print_json(form(standing))
    else:
        _print(standing)
    if not all(one.is_proven for one in standing):
        sys.exit(1)


def form(standing: Sequence[coverage.Standing]) -> dict[str, object]:
    """Return the matrix as JSON holds it."""
    return {
        "schema": coverage.SCHEMA,
        "proven": sum(one.is_proven for one in standing),
        "cells": [
            {
                "component": one.cell.component,
                "column": one.cell.column,
                "title": one.cell.title,
                "mechanism": one.cell.mechanism,
                "metric": one.cell.metric,
                "document": one.cell.document,
                "test": one.cell.test or None,
                "fault": one.cell.fault or None,
                "proven": one.is_proven,
                "proven_at": _moment(one.result.at_s) if one.result is not None and one.is_proven else None,
                "by": one.result.run if one.result is not None else None,
            }
            for one in standing
        ],
    }


def _print(standing: Sequence[coverage.Standing]) -> None:
    rows = []
    for one in standing:
        state = "proven" if one.is_proven else "FAILED" if one.result is not None else "not proven"
        at, run = ("", "") if one.result is None else (_moment(one.result.at_s), one.result.run)
        if one.result is None and not one.cell.test and not one.cell.fault:
            run = "nothing proves it yet"
        rows.append((one.cell.component.value, one.cell.column.value, one.cell.title, state, at, run))
    options.print_table(("COMPONENT", "COLUMN", "WHAT", "STATE", "AT", "BY"), rows)
    click.echo(f"{sum(one.is_proven for one in standing)} of {len(standing)} proven.")


def _moment(at_s: float) -> str:
    return datetime.datetime.fromtimestamp(int(at_s), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Where results come from


def _checkout() -> Path | None:
    root = Path(council.__file__).resolve().parents[2]
    return root if (root / "tests" / "covering.py").is_file() else None


def _run(root: Path) -> None:
    nodes = sorted({one.test for one in coverage_table.CELLS if one.test})
    # Coverage of lines is another matter, and a run of few tests would only say that most is not covered.
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "--no-header", "-p", "no:cacheprovider", *nodes]
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    # What failed stands in the table, too.
    subprocess.run(command, cwd=root, env=environment, check=False, stdout=sys.stderr)


def _of_tests(file: Path) -> Iterator[coverage.Result]:
    known = coverage.by_name(coverage_table.CELLS)
    found = _parsed(file)
    for row in found.get("results", []) if isinstance(found, Mapping) else []:
        try:
            one = coverage.Result(
                str(row["cell"]), str(row["test"]), bool(row["passed"]), float(row["at_s"]), str(row["run"])
            )
        except (KeyError, TypeError, ValueError):
            continue
        # One of a test that was the cell's once proves nothing of it now.
        if one.cell in known and one.test == known[one.cell].test:
            yield one


def _of_campaigns(folder: Path) -> Iterator[coverage.Result]:
    """Yield what campaigns of this home say of the faults that cells name; one that cannot be put in says nothing."""
    cells: dict[str, list[str]] = {}
    for cell in coverage_table.CELLS:
        if cell.fault:
            cells.setdefault(cell.fault, []).append(cell.name)
    for file in sorted(folder.glob("*/chaos.json"))[-_CAMPAIGNS_MAX:]:
        found = _parsed(file)
        struck = found.get("faults", []) if isinstance(found, Mapping) else []
        ended: dict[str, bool] = {}
        for row in struck if isinstance(struck, list) else []:
            if isinstance(row, Mapping) and not row.get("cannot") and str(row.get("fault")) in cells:
                fault = str(row["fault"])
                ended[fault] = ended.get(fault, True) and row.get("end") in _WELL
        for fault, is_well in ended.items():
            for name in cells[fault]:
                yield coverage.Result(
                    name, f"fault {fault}", is_well, file.stat().st_mtime, f"campaign {file.parent.name}"
                )


def _parsed(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            return json.loads(opened.read(_BYTES_MAX))
    except (OSError, ValueError):
        return {}
