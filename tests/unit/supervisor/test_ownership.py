import json
import os
import subprocess
from pathlib import Path

import pytest

from council.domain import errors
from council.domain import home as home_module
from council.kit import process
from council.supervisor import logs, ownership


@pytest.fixture
def home(tmp_path: Path) -> home_module.Home:
    return home_module.Home(tmp_path)


def test_a_home_has_one_supervisor(home: home_module.Home) -> None:
    held = ownership.lock(home)
    with pytest.raises(errors.SetupError, match=f"pid {os.getpid()}") as raised:
        ownership.lock(home)
    assert "council status" in raised.value.message and "council down" in raised.value.message
    held.release()
    ownership.lock(home).release()
    assert list(home.run.iterdir()) == []


def test_a_lock_file_left_by_a_killed_supervisor_is_taken_over(home: home_module.Home) -> None:
    home.run.mkdir()
    (home.run / "supervisor.lock").write_text("4711\n")
    held = ownership.lock(home)
    assert held.path.read_text() == f"{os.getpid()}\n"
    held.release()


def test_leftovers_are_ended(home: home_module.Home) -> None:
    home.run.mkdir()
    with subprocess.Popen(["sleep", "600"]) as left:
        found = process.stat(left.pid)
        assert found is not None
        ownership.note_children(home, [("a", left.pid, found.start_ticks)])
        assert ownership.end_leftovers(home, 5.0) == [left.pid]
        assert left.wait() == -15


def test_a_pid_that_is_someone_elses_by_now_is_left_alone(home: home_module.Home) -> None:
    home.run.mkdir()
    with subprocess.Popen(["sleep", "600"]) as other:
        found = process.stat(other.pid)
        assert found is not None
        ownership.note_children(home, [("a", other.pid, found.start_ticks - 1)])
        assert ownership.end_leftovers(home, 5.0) == []
        assert other.poll() is None
        ownership.note_children(home, [("a", other.pid, found.start_ticks)])
        path = home.run / "children.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"boot_id": "another boot"}))
        assert ownership.end_leftovers(home, 5.0) == []
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"boot_id": 1}', "null", '{"boot_id": "BOOT", "children": [{"pid": "x"}]}']
)
def test_a_damaged_list_of_children_ends_nobody(home: home_module.Home, text: str) -> None:
    home.run.mkdir()
    (home.run / "children.json").write_text(text.replace("BOOT", process.boot_id()))
    assert ownership.end_leftovers(home, 5.0) == []


def test_a_list_that_cannot_be_written_does_not_stop_the_supervisor(home: home_module.Home) -> None:
    home.run.write_text("a file where the folder should be")
    ownership.note_children(home, [("a", 1, 1)])


def test_a_log_over_its_size_is_turned_over_and_appending_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as appending:
        appending.write(b"a" * 100 + b"b" * 100)
        assert logs.turn_over(log, 200) is False
        appending.write(b"c" * 50)
        assert logs.turn_over(log, 100) is True
        appending.write(b"d")
    assert log.read_bytes() == b"d"
    assert (tmp_path / "a.log.1").read_bytes() == b"b" * 50 + b"c" * 50


def test_a_log_that_is_not_there_yet_is_no_error(tmp_path: Path) -> None:
    assert logs.turn_over(tmp_path / "a.log", 100) is False
