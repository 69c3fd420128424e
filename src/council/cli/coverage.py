"""coverage: the 24 cells of what is kept well, and which of them a run has proven."""

import contextlib
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import council
from council import care_records
from council.cli import options
from council.domain import coverage, coverage_table, errors, home, reports
from council.kit import clock, contents

_BYTES_MAX = 64 * 1024 * 1024
_CAMPAIGNS_MAX = 200
# As campaigns call the ends that are well and that something came of.
_WELL = frozenset({"healed", "a person was called"})
# The tests of all cells take some minutes on two quiet cores. One that hangs is ended with the rest, and its parts with it.
_RUN_S_MAX, _END_S_MAX = 3600.0, 120.0
# Where more fail, that is no accident of a busy machine.
_AGAIN_MAX = 8


@click.command("coverage")
@click.option("--run", "runs", is_flag=True, help="Run the tests that prove the cells first; only in a checkout.")
@options.home
@options.as_json
def show(runs: bool, where: home.Home, as_json: bool) -> None:
    """Show six components by health gate, sentinel, healing and documentation: what keeps each cell, and what proved it.

    A cell is proven by a run: by its tests, which break the part and watch it recover, or by a fault of a chaos campaign of
    this home. A run of other code than is here now proves nothing: its cell is stale. Exit status 1 where one is not proven.
    The dashboard shows it as it was told last.
    """
    root = _checkout()
    if runs:
        if root is None:
            raise errors.InvalidRequestError(
                "Tests are run in a checkout, and this Council is installed. Run `council chaos campaign` instead."
            )
        _run(root)
    standing = note(where)
    if as_json:
        options.print_json(coverage.form(standing))
    else:
        _print(standing)
    if not all(one.is_proven for one in standing):
        sys.exit(1)


def note(where: home.Home) -> Sequence[coverage.Standing]:
    """Return how the cells stand, and have the records of the home hold it for the dashboard, where there are any."""
    root = _checkout()
    results = [*_of_campaigns(where.chaos, contents.of_code())]
    if root is not None:
        results += _of_tests(root / coverage.NOTED, contents.of_checkout(root))
    standing = coverage.standing(coverage_table.CELLS, results)
    if not where.records.is_dir():
        return standing
    try:
        kept = care_records.snapshots(options.known_config(where), where)
        try:
            told = {**coverage.form(standing), "code": contents.of_code()}
            kept.put_report(reports.COVERAGE, told, clock.SystemClock().now_us())
        finally:
            kept.close()
    except errors.CouncilError as error:
        click.echo(f"The dashboard does not show this: {error.message}", err=True)
    return standing


def _print(standing: Sequence[coverage.Standing]) -> None:
    """Print a row a cell, which fits a terminal, and below them what there is to say of those that are not proven."""
    rows = []
    for component in coverage.Component:
        rows.append((component.value, "", "", ""))
        rows += [_row(one) for one in standing if one.cell.component is component]
    options.print_table(("CELL", "STATE", "AT (UTC)", "BY"), rows)
    click.echo(f"{sum(one.is_proven for one in standing)} of {len(standing)} proven.")
    for one in standing:
        if one.state is coverage.State.FAILED and one.result is not None:
            click.echo(f"{one.cell.name} failed: {one.result.test}")
    if any(one.state is coverage.State.STALE for one in standing):
        click.echo("What is stale was proven of other code than is here now. `council coverage --run` proves it anew.")


def _row(one: coverage.Standing) -> tuple[str, str, str, str]:
    at, run = ("", "") if one.result is None else (coverage.moment(one.result.at_s), one.result.run)
    return f"  {one.cell.column}", one.state.value, at[:16].replace("T", " "), run


# Where results come from


def _checkout() -> Path | None:
    root = Path(council.__file__).resolve().parents[2]
    return root if (root / "tests" / "covering.py").is_file() else None


def _run(root: Path) -> None:
    """Run the tests of all cells, each told on stderr as it ends, and once more what failed: machines have other work, too.

    What a second try proved says so.
    """
    if importlib.util.find_spec("pytest") is None:
        raise errors.SetupError(
            "The tests need pytest, which is not installed here. `make check` installs it with all else."
        )
    # To the millisecond, as results are noted.
    began_s, until_s = math.floor(time.time() * 1000) / 1000, time.monotonic() + _RUN_S_MAX
    found = dict.fromkeys(test for one in coverage_table.CELLS for test in one.tests)
    # Those first that start no Council.
    nodes = sorted(found, key=lambda test: not test.startswith("tests/unit/"))
    with _ended_by_signals():
        if not _tested(root, nodes, until_s):
            return
        noted = [
            one
            for one in _of_tests(root / coverage.NOTED, contents.of_checkout(root))
            if one.at_s >= began_s and not one.is_stale
        ]
        failed = sorted({one.test for one in noted if not one.passed})
        if 0 < len(failed) <= _AGAIN_MAX:
            click.echo(f"Once more: {', '.join(failed)}", err=True)
            _tested(root, failed, until_s, {coverage.TRY: "second try"})


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGINT and SIGTERM end what is run, also where a shell that began this in its background had SIGINT ignored.

    What is begun meanwhile ignores neither of them.
    """

    def end(number: int, _: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tested(root: Path, nodes: Sequence[str], until_s: float, more: Mapping[str, str] | None = None) -> bool:
    """Return whether these tests came to their end, however each of them ended."""
    # Coverage of lines is another matter, and a run of few tests would only say that most is not covered.
    options_given = ("-n0", "-v", "--no-header", "--tb=short", "-p", "no:cacheprovider")
    # Nothing that is set for a Council of one's own is for those that tests start.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNCIL_")}
    environment = {**kept, "PYTHONPATH": str(root / "src"), **(more or {})}
    command = [sys.executable, "-m", "pytest", *options_given, *nodes]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=sys.stderr) as tests:
        try:
            tests.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            click.echo(f"The tests took more than {_RUN_S_MAX / 60:g} minutes, and are ended.", err=True)
            _end(tests)
            return False
        except BaseException:
            _end(tests)
            raise
    return True


def _end(tests: "subprocess.Popen[bytes]") -> None:
    """Have tests stop what they started, and note what they know."""
    tests.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        tests.wait(_END_S_MAX)
        return
    tests.kill()


def _of_tests(file: Path, code: str) -> Iterator[coverage.Result]:
    """Yield what tests noted that are a cell's now; one that ran on other code than `code` is stale."""
    known = coverage.by_name(coverage_table.CELLS)
    found = _parsed(file)
    for row in found.get("results", []) if isinstance(found, Mapping) else []:
        try:
            is_stale = not code or row.get("code") != code
            one = coverage.Result(
                str(row["cell"]), str(row["test"]), bool(row["passed"]), float(row["at_s"]), str(row["run"]), is_stale
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        # One of a test that was the cell's once proves nothing of it now.
        if one.cell in known and one.test in known[one.cell].tests:
            yield one


def _of_campaigns(folder: Path, code: str) -> Iterator[coverage.Result]:
    """Yield what campaigns of this home say of the faults that cells name; one that cannot be put in says nothing."""
    cells: dict[str, list[str]] = {}
    for cell in coverage_table.CELLS:
        if cell.fault:
            cells.setdefault(cell.fault, []).append(cell.name)
    for file in sorted(folder.glob("*/chaos.json"))[-_CAMPAIGNS_MAX:]:
        found = _parsed(file)
        if not isinstance(found, Mapping):
            continue
        around = found.get("circumstances")
        is_stale = not code or not isinstance(around, Mapping) or around.get("code") != code
        for fault, is_well in _ended(found.get("faults", []), cells).items():
            for name in cells[fault]:
                yield coverage.Result(
                    name,
                    coverage.of_fault(fault),
                    is_well,
                    file.stat().st_mtime,
                    f"campaign {file.parent.name}",
                    is_stale,
                )


def _ended(struck: Any, faults: Mapping[str, object]) -> Mapping[str, bool]:
    """Return whether each of these faults ended well, every time that it was put in."""
    ended: dict[str, bool] = {}
    for row in struck if isinstance(struck, list) else []:
        if isinstance(row, Mapping) and not row.get("cannot") and str(row.get("fault")) in faults:
            fault = str(row["fault"])
            ended[fault] = ended.get(fault, True) and row.get("end") in _WELL
    return ended


def _parsed(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            return json.loads(opened.read(_BYTES_MAX))
    except (OSError, ValueError):
        return {}
