"""The coverage matrix: every cell is there, what it claims is true of the code, and only runs prove it."""

import ast
import dataclasses
import functools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from click.testing import CliRunner

import covering
from council import care_telemetry, telemetry
from council.cli import coverage as coverage_command
from council.cli import main
from council.domain import coverage, coverage_table
from council.kit import contents

ROOT = Path(__file__).resolve().parents[3]
CELL = coverage_table.CELLS[0]


def result(
    passed: bool, at_s: float, test: str = "t", cell: str = CELL.name, *, is_stale: bool = False
) -> coverage.Result:
    return coverage.Result(cell, test, passed, at_s, "a run", is_stale)


def test_there_are_twenty_four_cells_each_once() -> None:
    names = [one.name for one in coverage_table.CELLS]
    assert names == [f"{component}/{column}" for component in coverage.Component for column in coverage.Column]
    assert len(names) == 24


@pytest.mark.parametrize("cell", coverage_table.CELLS, ids=lambda one: one.name)
def test_a_cell_names_a_metric_and_a_page_that_there_are(cell: coverage.Cell) -> None:
    known = telemetry.names()
    assert care_telemetry.MEMORY_MISSED is not None
    assert {cell.metric, f"{cell.metric}_count"} & known
    assert (ROOT / cell.document).is_file()


@functools.cache
def marked(file: str) -> dict[str, set[str]]:
    """Return the cells of each test of a file, by its marks."""
    found: dict[str, set[str]] = {}
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.covers":
                    found.setdefault(node.name, set()).add("/".join(ast.literal_eval(one) for one in mark.args))
    return found


@pytest.mark.parametrize("cell", coverage_table.CELLS, ids=lambda one: one.name)
def test_a_cell_has_tests_that_are_there_and_marked_with_it(cell: coverage.Cell) -> None:
    assert cell.tests
    for test in cell.tests:
        file, _, name = test.partition("::")
        assert cell.name in marked(file).get(name, set()), test


def test_what_is_marked_with_a_cell_is_among_its_tests() -> None:
    """One that is marked and not run by `council coverage --run` would leave its cell half proven."""
    files = [one for one in (ROOT / "tests").rglob("test_*.py") if "mark.covers(" in one.read_text()]
    found = {
        (f"{file.relative_to(ROOT)}::{test}", cell)
        for file in files
        for test, cells in marked(str(file.relative_to(ROOT))).items()
        for cell in cells
    }
    assert found == {(test, cell.name) for cell in coverage_table.CELLS for test in cell.tests}


def test_without_a_run_nothing_is_proven() -> None:
    assert not any(one.is_proven for one in coverage.standing(coverage_table.CELLS, []))


TWO = dataclasses.replace(CELL, tests=("t", "u"), fault="f")


def state(*results: coverage.Result, cell: coverage.Cell = TWO) -> coverage.State:
    return coverage.standing([cell], results)[0].state


def test_the_newest_result_of_each_test_counts_and_all_of_them_must_have_passed() -> None:
    proven, failed, unproven = coverage.State.PROVEN, coverage.State.FAILED, coverage.State.NOT
    other = result(True, 1, "u")
    assert state(result(True, 1), other) is proven
    assert state(result(True, 1)) is unproven
    assert state(result(True, 1), result(False, 2), other) is failed
    assert state(result(False, 1), result(True, 2), other) is proven
    assert state(result(True, 5), result(False, 2, "u")) is failed
    assert state(result(True, 1), result(True, 1, "u", "router/gate")) is unproven
    assert state(result(True, 1, coverage.of_fault("f"))) is proven
    assert state(result(True, 1, coverage.of_fault("g"))) is unproven


def test_what_ran_on_other_code_than_is_here_now_neither_proves_nor_fails_a_cell() -> None:
    stale, old = coverage.State.STALE, {"is_stale": True}
    assert state(result(True, 1, **old), result(True, 1, "u")) is stale
    assert state(result(False, 1, **old)) is stale
    assert state(result(True, 1, **old), result(True, 2), result(True, 2, "u")) is coverage.State.PROVEN
    assert state(result(True, 1, coverage.of_fault("f"), **old)) is stale


def report(nodeid: str, outcome: str, when: str = "call", cell: str = CELL.name) -> Any:
    ended = {name: name == outcome for name in ("passed", "failed", "skipped")}
    return cast(Any, SimpleNamespace(nodeid=nodeid, when=when, user_properties=[("covers", cell)], **ended))


def test_a_run_notes_what_passed_and_what_failed_and_keeps_what_earlier_ones_said(tmp_path: Path) -> None:
    first = covering.Covering(tmp_path)
    for one in (
        report("a.py::t[x]", "passed"),
        report("a.py::t[y]", "failed"),
        report("a.py::u", "passed", "setup"),
        report("a.py::u", "passed"),
        report("a.py::v", "skipped"),
        report("a.py::w", "failed", "setup"),
    ):
        first.pytest_runtest_logreport(one)
    first.pytest_sessionfinish()
    second = covering.Covering(tmp_path)
    second.pytest_runtest_logreport(report("a.py::t[x]", "passed"))
    second.pytest_sessionfinish()
    noted = {row["test"]: row["passed"] for row in covering.read(tmp_path)}
    assert noted == {"a.py::t": True, "a.py::u": True, "a.py::w": False}
    covering.Covering(tmp_path / "nothing").pytest_sessionfinish()
    assert not (tmp_path / "nothing").exists()


def test_what_a_run_notes_goes_with_the_code_that_it_ran_on(tmp_path: Path) -> None:
    for name in ("config", "docs", "src", "tests"):
        (tmp_path / name).mkdir()
    for name in ("pyproject.toml", "src/a.py"):
        (tmp_path / name).write_text("x")

    def ran(meanwhile: str = "x") -> str:
        noting = covering.Covering(tmp_path)
        noting.pytest_runtest_logreport(report("a.py::t", "passed"))
        (tmp_path / "src/a.py").write_text(meanwhile)
        noting.pytest_sessionfinish()
        (row,) = covering.read(tmp_path)
        return str(row["code"])

    assert ran() == contents.of_checkout(tmp_path) != ""
    assert ran("y") == "", "of what changed while it ran nobody can say"
    assert ran("y") == contents.of_checkout(tmp_path)


def test_only_results_of_a_test_that_is_the_cells_count_and_of_other_code_they_are_stale(tmp_path: Path) -> None:
    (mine, *_) = CELL.tests
    row = {"cell": CELL.name, "passed": True, "at_s": 1, "run": "r"}
    noted = [{**row, "test": mine, "code": "c"}, {**row, "test": mine, "code": "d"}, {**row, "test": mine},
             {**row, "test": "tests/x.py::gone", "code": "c"}]  # fmt: skip
    (tmp_path / "noted.json").write_text(json.dumps({"results": [*noted, "no row"]}))

    def read(code: str) -> list[bool]:
        return [one.is_stale for one in coverage_command._of_tests(tmp_path / "noted.json", code)]

    assert read("c") == [False, True, True]
    assert read("") == [True, True, True], "where the code cannot be read, nothing is known to be of it"


@pytest.mark.parametrize(("end", "proven"), [("healed", True), ("a person was called", True), ("withstood", False)])
def test_a_fault_that_nothing_came_of_proves_nothing(tmp_path: Path, end: str, proven: bool) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "chaos.json").write_text(json.dumps({"faults": [{"fault": "index-corrupt", "end": end}]}))
    assert [one.passed for one in coverage_command._of_campaigns(tmp_path, "c")] == [proven]


def campaign(root: Path, *struck: dict[str, str], code: str) -> None:
    folder = root / "chaos" / "2026-11-30"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "chaos.json").write_text(json.dumps({"faults": struck, "circumstances": {"code": code}}))


def test_a_campaign_of_the_home_proves_the_cells_whose_faults_ended_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage_command, "_checkout", lambda: None)
    struck = (
        {"fault": "index-corrupt", "end": "healed", "cannot": ""},
        {"fault": "bad-patch", "end": "not well in time", "cannot": ""},
        {"fault": "of another day", "end": "healed"},
    )

    def shown(*arguments: str) -> str:
        done = CliRunner().invoke(main.cli, ["coverage", "--home", str(tmp_path), *arguments])
        assert done.exit_code == 1
        return done.output

    campaign(tmp_path, *struck, code=contents.of_code())
    cells = {f"{one['component']}/{one['column']}": one for one in json.loads(shown("--json"))["cells"]}
    assert cells["memory/healing"]["proven"] and cells["memory/healing"]["by"] == "campaign 2026-11-30"
    assert not cells["router/healing"]["proven"] and cells["router/healing"]["state"] == "not proven"
    assert "1 of 24 proven." in shown()
    campaign(tmp_path, *struck, code="of another release")
    text = shown()
    assert "0 of 24 proven." in text and "  healing        stale" in text and "--run" in text
    assert all(len(line) <= 80 for line in text.splitlines() if "campaign 2026" in line)


class Endless:
    """A run of tests that goes on until it is told to end."""

    newest: "Endless"

    def __init__(self, command: list[str], **more: Any) -> None:
        self.command, self.environment = command, more["env"]
        self.told: list[int] = []
        Endless.newest = self

    def __enter__(self) -> "Endless":
        return self

    def __exit__(self, *_: object) -> None: ...

    def wait(self, limit_s: float) -> int:
        if not self.told:
            raise subprocess.TimeoutExpired("pytest", limit_s)
        return 2

    def send_signal(self, number: int) -> None:
        self.told.append(number)


class Once:
    """A run in which a test fails that passes the next time."""

    commands: ClassVar[list[list[str]]] = []
    root = Path()

    def __init__(self, command: list[str], **more: Any) -> None:
        self.commands.append(command)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(coverage.TRY, more["env"].get(coverage.TRY, ""))
            noting = covering.Covering(self.root)
            for test in CELL.tests:
                if test in command:
                    is_first = test == CELL.tests[0] and len(self.commands) == 1
                    noting.pytest_runtest_logreport(report(test, "failed" if is_first else "passed"))
            noting.pytest_sessionfinish()

    def __enter__(self) -> "Once":
        return self

    def __exit__(self, *_: object) -> None: ...

    def wait(self, _: float) -> int:
        return 1


def test_what_failed_is_tried_once_more_and_what_that_proves_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("config", "docs", "src", "tests"):
        (tmp_path / name).mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(covering, "_commit", lambda _: "a commit")
    monkeypatch.setattr(subprocess, "Popen", Once)
    monkeypatch.setattr(Once, "root", tmp_path)
    coverage_command._run(tmp_path)
    first, second = Once.commands
    assert [one for one in second if "::" in one] == [CELL.tests[0]] and len(second) < len(first)
    assert f"Once more: {CELL.tests[0]}\n" in capsys.readouterr().err
    found = coverage_command._of_tests(tmp_path / coverage.NOTED, contents.of_checkout(tmp_path))
    assert {one.test: (one.passed, one.run.endswith(", second try")) for one in found} == {
        test: (True, test == CELL.tests[0]) for test in CELL.tests
    }


# Runs a test of its own, as a shell does in its background.
BESIDE = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.SIG_IGN)
from council.cli import coverage
with coverage._ended_by_signals():
    coverage._tested(Path(sys.argv[1]), ["test_waits.py"], float("inf"))
"""
WAITS = """
import time
from pathlib import Path
def test_waits():
    Path("began").touch()
    try:
        time.sleep(60)
    finally:
        Path("ended").touch()
"""


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_in_the_background_of_a_shell_ends_with_its_tests_where_it_is_told_to(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "test_waits.py").write_text(WAITS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts =\n")
    with subprocess.Popen([sys.executable, "-c", BESIDE, tmp_path], stderr=subprocess.DEVNULL) as run:
        deadline_s = time.monotonic() + 60
        while not (tmp_path / "began").exists():
            assert run.poll() is None and time.monotonic() < deadline_s
            time.sleep(0.05)
        run.send_signal(number)
        assert run.wait(30) != 0
    assert (tmp_path / "ended").exists()


def test_a_run_is_of_every_test_of_a_cell_and_one_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Endless)
    monkeypatch.setenv("COUNCIL_PORT", "9")
    coverage_command._run(tmp_path)
    made = Endless.newest
    assert set(made.command) >= {test for cell in coverage_table.CELLS for test in cell.tests}
    assert made.environment["PYTHONPATH"] == str(tmp_path / "src") and "COUNCIL_PORT" not in made.environment
    assert made.told == [signal.SIGINT] and "are ended" in capsys.readouterr().err
