"""The coverage matrix: every cell is there, what it claims is true of the code, and only runs prove it."""

import ast
import functools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner

import covering
from council import care_telemetry, telemetry
from council.cli import coverage as coverage_command
from council.cli import main
from council.domain import coverage, coverage_table

ROOT = Path(__file__).resolve().parents[3]
CELL = coverage_table.CELLS[0]


def result(passed: bool, at_s: float, test: str = "t", cell: str = CELL.name) -> coverage.Result:
    return coverage.Result(cell, test, passed, at_s, "a run")


def test_there_are_twenty_four_cells_each_once() -> None:
    names = [one.name for one in coverage_table.CELLS]
    assert names == [f"{component}/{column}" for component in coverage.Component for column in coverage.Column]
    assert len(names) == 24


@pytest.mark.parametrize("cell", coverage_table.CELLS, ids=lambda one: one.name)
def test_a_cell_names_a_metric_and_a_page_that_there_are(cell: coverage.Cell) -> None:
    known = telemetry.names()
    assert care_telemetry.MEMORY_FOUND_AGAIN is not None
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


@pytest.mark.parametrize("cell", [one for one in coverage_table.CELLS if one.test], ids=lambda one: one.name)
def test_the_test_of_a_cell_is_there_and_marked_with_it(cell: coverage.Cell) -> None:
    file, _, name = cell.test.partition("::")
    assert cell.name in marked(file).get(name, set())


def test_without_a_run_nothing_is_proven() -> None:
    assert not any(one.is_proven for one in coverage.standing(coverage_table.CELLS, []))


def test_the_newest_result_of_each_test_counts_and_all_of_them_must_have_passed() -> None:
    def proven(*results: coverage.Result) -> bool:
        return coverage.standing([CELL], results)[0].is_proven

    assert proven(result(True, 1))
    assert not proven(result(True, 1), result(False, 2))
    assert proven(result(False, 1), result(True, 2))
    assert not proven(result(True, 5), result(False, 2, "another"))
    assert not proven(result(True, 1, cell="router/gate"))


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


def test_only_results_of_a_test_that_is_the_cells_count(tmp_path: Path) -> None:
    rows = [
        {"cell": CELL.name, "test": test, "passed": True, "at_s": 1, "run": "r"}
        for test in (CELL.test, "tests/x.py::gone")
    ]
    (tmp_path / "noted.json").write_text(json.dumps({"results": rows}))
    assert [one.test for one in coverage_command._of_tests(tmp_path / "noted.json")] == [CELL.test]


@pytest.mark.parametrize(("end", "proven"), [("healed", True), ("a person was called", True), ("withstood", False)])
def test_a_fault_that_nothing_came_of_proves_nothing(tmp_path: Path, end: str, proven: bool) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "chaos.json").write_text(json.dumps({"faults": [{"fault": "index-corrupt", "end": end}]}))
    assert [one.passed for one in coverage_command._of_campaigns(tmp_path)] == [proven]


def test_a_campaign_of_the_home_proves_the_cells_whose_faults_ended_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage_command, "_checkout", lambda: None)
    folder = tmp_path / "chaos" / "2026-11-30"
    folder.mkdir(parents=True)
    struck = [
        {"fault": "index-corrupt", "end": "healed", "cannot": ""},
        {"fault": "bad-patch", "end": "not well in time", "cannot": ""},
        {"fault": "disk-full", "end": "not well in time", "cannot": "no small disk"},
        {"fault": "of another day", "end": "healed"},
    ]
    (folder / "chaos.json").write_text(json.dumps({"faults": struck}))
    shown = CliRunner().invoke(main.cli, ["coverage", "--json", "--home", str(tmp_path)])
    assert shown.exit_code == 1
    cells = {f"{one['component']}/{one['column']}": one for one in json.loads(shown.output)["cells"]}
    assert cells["memory/healing"]["proven"] and cells["memory/healing"]["by"] == "campaign 2026-11-30"
    assert not cells["router/healing"]["proven"]
    assert not cells["infrastructure/gate"]["proven"] and cells["infrastructure/gate"]["by"] is None
    text = CliRunner().invoke(main.cli, ["coverage", "--home", str(tmp_path)]).output
    assert "of 24 proven." in text
