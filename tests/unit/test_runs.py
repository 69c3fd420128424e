"""How the tests are run: fewer examples in a quick run, ports of their own for those that run side by side."""

import os
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies

import drawn
import side_by_side
import whole


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
    drawn.draw_fewer(test)
    test()
    assert len(seen) == drawn_then


def test_a_test_that_draws_nothing_stays_as_it_is() -> None:
    def test() -> None: ...

    drawn.draw_fewer(test)
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
    root = Path(__file__).parents[2]
    assert len(set(side_by_side.LONGEST)) == len(side_by_side.LONGEST)
    assert [name for name in side_by_side.LONGEST if not (root / name).is_file()] == []


def test_one_worker_runs_a_whole_file_or_all_that_share_a_council() -> None:
    assert side_by_side.scope("tests/sim/test_patch_killed.py::test_it[a::b]") == "tests/sim/test_patch_killed.py"
    told = {side_by_side.scope(f"tests/clients/{name}.py::test_it") for name in ("test_clients", "test_open_webui")}
    assert told == {"tests/clients/"}
