"""How the tests are run: fewer examples in a quick run, ports of their own for those that run side by side."""

import importlib
import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

import drawn
import side_by_side
import whole
from council import homes
from council.domain import baking, gates_file, trial_file

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run_tests(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("run_tests")


@pytest.mark.parametrize(("asked", "drawn_then"), [(100, 20), (12, 5), (3, 3)])
def test_a_quick_run_draws_a_fifth_and_never_more_than_was_asked_for(asked: int, drawn_then: int) -> None:
    seen = []

    @hypothesis.settings(max_examples=asked, database=None)
    @hypothesis.given(strategies.integers())
    def test(number: int) -> None:
        seen.append(number)

    test()
    assert len(seen) == asked
    seen.clear()
    drawn.draw_fewer(test, drawn.QUICK_SHARE)
    test()
    assert len(seen) == drawn_then


def test_a_test_that_draws_nothing_stays_as_it_is() -> None:
    def test() -> None: ...

    drawn.draw_fewer(test, drawn.QUICK_SHARE)
    assert not vars(test)


def test_workers_that_run_side_by_side_have_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    for worker in range(8):
        monkeypatch.setitem(os.environ, "PYTEST_XDIST_WORKER", f"gw{worker}")
        found += whole.ports_of_worker(18_200, 1_200, 20)
    assert len(found) == len(set(found)) == 8 * 60


def test_a_run_without_workers_has_the_ports_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert whole.ports_of_worker(18_200, 1_200, 20) == range(18_200, 19_400, 20)


def test_every_file_that_is_run_early_is_there() -> None:
    assert len(set(side_by_side.LONGEST)) == len(side_by_side.LONGEST)
    assert [name for name in side_by_side.LONGEST if not (ROOT / name).is_file()] == []


def test_one_worker_runs_a_whole_file_or_all_that_share_a_council() -> None:
    assert side_by_side.scope("tests/sim/test_patch_killed.py::test_it[a::b]") == "tests/sim/test_patch_killed.py"
    told = {side_by_side.scope(f"tests/clients/{name}.py::test_it") for name in ("test_clients", "test_open_webui")}
    assert told == {"tests/clients/"}


def test_every_file_with_a_test_that_runs_alone_is_run_alone(run_tests: Any) -> None:
    found = run_tests.files_alone(ROOT)
    assert {"tests/sandbox/test_attacks.py", "tests/unit/gateway/test_gates.py"} <= set(found)
    assert "tests/acceptance/test_whole.py" not in found
    # The mark is given in the files of tests themselves, where it is looked for.
    elsewhere = [file for file in (ROOT / "tests").rglob("*.py") if not file.name.startswith("test_")]
    assert not [file for file in elsewhere if run_tests.MARK in file.read_text()]


def test_all_runs_share_what_councils_keep(run_tests: Any) -> None:
    assert run_tests.KEPT == whole.KEPT


def test_the_few_questions_that_patches_are_tried_by_are_of_every_kind_and_enough_for_every_gate() -> None:
    shipped = homes.default_files()[baking.FILE]
    few, every = (trial_file.build(homes.parse_yaml(text, baking.FILE)) for text in (whole.few_questions(), shipped))
    assert set(few) < set(every) and {one.kind for one in few} == {one.kind for one in every}
    gates = homes.parse_yaml(homes.default_files()["gates.yaml"], "gates.yaml")
    assert len(few) >= max(one.bake.samples_min for one in gates_file.build(gates, gates))


def test_what_runs_beside_the_others_ends_with_them_and_with_all_that_it_started(
    run_tests: Any, tmp_path: Path
) -> None:
    """A shell that would go on for long, and a child of it."""
    said = tmp_path / "said"
    with said.open("wb") as out, run_tests._beside(("sh", "-c", "sleep 600 & echo $!; wait"), out) as started:
        whole.wait_until(lambda: said.read_text().endswith("\n"), 30)
        lower = min(os.getpriority(os.PRIO_PROCESS, 0) + run_tests.PRIORITY, 19)
        assert os.getpriority(os.PRIO_PROCESS, started.pid) == lower
        child = Path("/proc", said.read_text().strip())
        assert child.exists()
    assert started.returncode is not None
    whole.wait_until(lambda: not child.exists() or "(sleep) Z" in (child / "stat").read_text(), 30)


_TESTS = """
import pathlib, pytest
tried = pathlib.Path(__file__).with_name("tried")
def test_that_a_busy_machine_upsets():
    tried.write_text(tried.read_text() + "x" if tried.exists() else "x")
    assert len(tried.read_text()) > 1
def test_that_holds(): pass
@pytest.mark.parametrize("number", range(FAILING))
def test_that_never_holds(number): assert False
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("failing", "status", "said"),
    [
        (0, True, "Passed at the second try alone, so to be mended:\n  test_it.py::test_that_a_busy_machine_upsets\n"),
        (1, False, "2 failed, and are run once more"),
        (6, False, ""),
    ],
)
def test_what_failed_passes_if_it_holds_alone_is_named_and_only_a_few_are_tried(
    run_tests: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    failing: int,
    status: bool,
    said: str,
) -> None:
    (tmp_path / "test_it.py").write_text(_TESTS.replace("FAILING", str(failing)))
    (tmp_path / "pytest.ini").write_text("[pytest]")
    monkeypatch.setattr(run_tests, "ROOT", tmp_path)
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        monkeypatch.delenv(name)
    one = run_tests.Run((*run_tests.PYTEST, "test_it.py"), tmp_path / "noted")
    one.status = run_tests._status(one.whole)
    assert one.status == 1
    assert run_tests._held([one]) is status
    out = capfd.readouterr().out
    assert said in out and ("once more" in out) == (failing < run_tests.AGAIN_MAX)
    assert not run_tests._held([run_tests.Run((), tmp_path / "none", status=3)])
