import json
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from council.breaking import undo
from council.cli import chaos, main, service, unit
from council.domain import errors
from council.domain import home as home_module
from council.upkeep.chaos import catalogue, mark, undoing


@pytest.fixture
def where(tmp_path: Path) -> home_module.Home:
    return home_module.Home(tmp_path)


def _run(*arguments: str) -> Any:
    return CliRunner().invoke(main.cli, arguments)


def test_the_list_says_of_each_fault_what_it_does_and_how_long_it_may_last() -> None:
    listed = json.loads(_run("chaos", "list", "--json").output)
    assert [one["name"] for one in listed] == list(catalogue.BY_NAME)
    assert all(one["does"] and one["hurts"] and one["undone"] and one["limit_s"] for one in listed)
    assert "at most 90 s" in _run("chaos", "list").output


def test_the_list_fits_a_terminal_and_says_whether_the_home_may_be_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    where = home_module.Home(tmp_path)

    def last() -> str:
        lines = _run("chaos", "list", "--home", str(tmp_path)).output.splitlines()
        assert all(len(line) <= 80 or str(tmp_path) in line for line in lines)
        return " ".join(" ".join(lines[-3:]).split())

    assert last().endswith(f"{tmp_path} is not marked: `council chaos allow` does that.")
    mark.put(where.chaos, mark.Mark("ann", 1))
    assert "may be broken on purpose: allowed by ann" in last()


@pytest.mark.parametrize("words", [("run", "process-killed"), ("campaign",)])
def test_a_home_that_is_not_marked_is_refused(where: home_module.Home, words: tuple[str, ...]) -> None:
    done = _run("chaos", *words, "--home", str(where.root))
    assert isinstance(done.exception, errors.ForbiddenError) and "council chaos allow" in str(done.exception)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("campaign", "--part", "3", "2"), "no part 3 of 2"),
        (("campaign", "--part", "1", "2", "--duration", "1h"), "Leave one out"),
        (("run", "flood", "--service", ""), "takes no --service"),
    ],
)
def test_what_would_be_an_empty_round_or_no_service_is_wrong_usage(words: tuple[str, ...], why: str) -> None:
    done = _run("chaos", *words)
    assert done.exit_code == 2 and why in done.output


def test_a_home_is_marked_and_unmarked(where: home_module.Home) -> None:
    assert _run("chaos", "allow", "--home", str(where.root)).exit_code == 0
    assert mark.read(where.chaos) is not None
    assert "no longer be broken" in _run("chaos", "disallow", "--home", str(where.root)).output
    assert mark.read(where.chaos) is None
    assert "was not marked" in _run("chaos", "disallow", "--home", str(where.root)).output


def test_a_home_that_is_not_there_is_not_marked(tmp_path: Path) -> None:
    assert isinstance(_run("chaos", "allow", "--home", str(tmp_path / "none")).exception, errors.SetupError)


def test_what_was_left_in_is_undone_on_demand_and_when_the_mark_goes(where: home_module.Home) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    for command in ("undo", "disallow"):
        (where.root / "file").touch()
        undo.Note(where, "flood", "", time.time() + 60).add(undoing.Remove("file"))
        assert "Undone: flood." in _run("chaos", command, "--home", str(where.root)).output
        assert not (where.root / "file").exists()
    assert "No fault is in." in _run("chaos", "undo", "--home", str(where.root)).output


def test_what_could_not_be_undone_is_told_with_an_exit_status(where: home_module.Home) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    undo.Note(where, "journal-tail", "", time.time() + 60).add(undoing.Cut("nowhere", 0, "x"))
    done = _run("chaos", "undo", "--home", str(where.root))
    assert done.exit_code == 1 and "Not undone of journal-tail" in done.output and "Undone:" not in done.output


@pytest.mark.parametrize("content", ["", "[]"])
def test_a_note_that_cannot_be_read_keeps_neither_council_from_starting_nor_the_mark(
    where: home_module.Home, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    (where.chaos / "pending.json").write_text(content)
    service._undo_chaos(where)
    assert "was not carried out" in capsys.readouterr().out
    (where.chaos / "pending.json").write_text(content)
    _run("chaos", "disallow", "--home", str(where.root))
    assert mark.read(where.chaos) is None


def test_faults_that_need_what_is_not_there_are_told() -> None:
    told = chaos._left_out(["upstream-down", "flood"], ())
    assert list(told) == ["upstream-down"] and "scripted upstream" in told["upstream-down"]


def test_a_service_that_a_fault_cannot_befall_is_wrong_usage(where: home_module.Home) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    done = _run("chaos", "run", "process-stopped", "--service", "model", "--home", str(where.root))
    assert done.exit_code == click.UsageError.exit_code and "recall, sandboxd, gateway, steward" in done.output


def test_the_unit_is_shown_without_being_written(where: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "_program", lambda: Path("/opt/council/bin/council"))
    done = _run("service", "install", "--print", "--home", str(where.root), "--port", "8100")
    assert f"ExecStart=/opt/council/bin/council up --home {where.root} --port 8100" in done.output


def test_the_unit_is_written_and_removed_again(
    where: home_module.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "systemd" / "council.service"
    monkeypatch.setattr(unit, "_program", lambda: Path("/opt/council/bin/council"))
    monkeypatch.setattr(unit, "_path", lambda: path)
    monkeypatch.setattr(unit, "_RUNS", tmp_path / "no-systemd")
    assert "nothing will start it" in _run("service", "install", "--home", str(where.root)).output
    assert "Restart=always" in path.read_text()
    assert "Removed" in _run("service", "uninstall").output and not path.exists()
    assert "There is no unit." in _run("service", "uninstall").output
