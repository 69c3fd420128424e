"""Undoing: each step does what it says, can be carried out twice, and does nothing to what is not its own."""

import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.breaking import guard, managers, undo
from council.domain import errors
from council.domain import home as home_module
from council.kit import durable, process
from council.upkeep.chaos import mark, undoing


@pytest.fixture
def where(tmp_path: Path) -> home_module.Home:
    home = home_module.Home(tmp_path)
    mark.put(home.chaos, mark.Mark("ann", 1))
    return home


@pytest.fixture
def sleeper() -> Iterator[process.Stat]:
    """A process to be broken."""
    one = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    found = process.stat(one.pid)
    assert found is not None
    yield found
    one.kill()
    one.wait()


def _note(where: home_module.Home, *steps: undoing.Step) -> undo.Note:
    made = undo.Note(where, "flood", "", time.time() + 60)
    for step in steps:
        made.add(step)
    return made


def _state(pid: int) -> str:
    return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]


def _until_state(pid: int, *wanted: str) -> None:
    deadline_s = time.monotonic() + 20
    while _state(pid) not in wanted:
        assert time.monotonic() < deadline_s, _state(pid)
        time.sleep(0.005)


def test_a_second_fault_is_refused_while_one_is_in(where: home_module.Home) -> None:
    note = _note(where)
    with pytest.raises(errors.UnavailableError, match="council chaos undo"):
        _note(where)
    assert note.close() == []
    assert _note(where).close() == []


def test_what_is_in_is_on_disk_before_it_is_in_and_gone_afterwards(where: home_module.Home) -> None:
    note = _note(where, undoing.Remove("library/a"))
    assert (
        undo.until_s(where) == note.pending.until_s and (where.chaos / "pending.json").stat().st_mode & 0o777 == 0o600
    )
    note.close()
    assert undo.until_s(where) is None and undo.left(where) == undo.Left()


def test_the_last_step_is_undone_first(where: home_module.Home) -> None:
    (where.root / "copy").write_bytes(b"before")
    note = _note(where, undoing.Remove("file"), undoing.Restore("file", "copy"))
    assert note.close() == [] and not (where.root / "file").exists()


def test_a_process_that_was_stopped_goes_on(where: home_module.Home, sleeper: process.Stat) -> None:
    note = _note(where, undoing.Resume(sleeper.pid, sleeper.start_ticks))
    os.kill(sleeper.pid, signal.SIGSTOP)
    _until_state(sleeper.pid, "T")
    note.close()
    _until_state(sleeper.pid, "S", "R")


def test_another_process_of_that_number_is_left_alone(where: home_module.Home, sleeper: process.Stat) -> None:
    _note(where, undoing.End(sleeper.pid, sleeper.start_ticks + 1)).close()
    assert undo.is_alive(sleeper.pid, sleeper.start_ticks)


def test_pids_of_another_boot_mean_nothing(
    where: home_module.Home, sleeper: process.Stat, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = _note(where, undoing.End(sleeper.pid, sleeper.start_ticks))
    monkeypatch.setattr(process, "boot_id", lambda: "another")
    note.close()
    assert undo.is_alive(sleeper.pid, sleeper.start_ticks)


def test_a_limit_is_what_it_was(where: home_module.Home, sleeper: process.Stat) -> None:
    before = resource.prlimit(sleeper.pid, resource.RLIMIT_FSIZE)
    note = _note(where, undoing.Limit(sleeper.pid, sleeper.start_ticks, resource.RLIMIT_FSIZE, *before))
    resource.prlimit(sleeper.pid, resource.RLIMIT_FSIZE, (4096, before[1]))
    note.close()
    assert resource.prlimit(sleeper.pid, resource.RLIMIT_FSIZE) == before


def test_a_file_gets_its_content_back_and_keeps_its_mode(where: home_module.Home) -> None:
    file, copy = where.root / "file", where.root / "copy"
    file.write_bytes(b"damaged")
    file.chmod(0o440)
    copy.write_bytes(b"before")
    note = _note(where, undoing.Restore("file", "copy"))
    assert note.close() == []
    assert file.read_bytes() == b"before" and file.stat().st_mode & 0o777 == 0o440 and not copy.exists()


@pytest.mark.parametrize(("now", "kept"), [(b"damage and more", False), (b"made anew since", True)])
def test_a_damaged_file_is_removed_unless_it_was_made_anew(where: home_module.Home, now: bytes, kept: bool) -> None:
    (where.root / "index").write_bytes(now)
    _note(where, undoing.RemoveDamaged("index", 6, hashlib.sha256(b"damage").hexdigest())).close()
    assert (where.root / "index").exists() is kept


@pytest.mark.parametrize(("end", "left"), [(b"torn", b"whole\n"), (b"torn no more\n", b"whole\ntorn no more\n")])
def test_only_what_was_appended_is_cut_off(where: home_module.Home, end: bytes, left: bytes) -> None:
    (where.root / "journal").write_bytes(b"whole\n" + end)
    _note(where, undoing.Cut("journal", 6, "torn")).close()
    assert (where.root / "journal").read_bytes() == left


@pytest.mark.parametrize("path", ["../file", "/etc/passwd", "a/../../file"])
def test_nothing_outside_the_home_is_touched(where: home_module.Home, path: str) -> None:
    (failed,) = _note(where, undoing.Remove(path)).close()
    assert "leads out of the home" in failed


def test_one_step_that_fails_keeps_no_other_from_being_undone(where: home_module.Home) -> None:
    (where.root / "file").touch()
    failed = _note(where, undoing.Remove("file"), undoing.Cut("nowhere", 0, "x")).close()
    assert len(failed) == 1 and not (where.root / "file").exists()


def test_a_step_that_failed_stays_written_down_until_it_can_be_undone(where: home_module.Home) -> None:
    (where.root / "copy").write_bytes(b"before")
    _note(where, undoing.Restore("away/file", "copy"), undoing.Remove("file")).close()
    assert undo.until_s(where) is not None
    assert undo.left(where).failed
    (where.root / "away").mkdir()
    (where.root / "away/file").write_bytes(b"damaged, and longer")
    assert undo.left(where) == undo.Left("flood")
    assert (where.root / "away/file").read_bytes() == b"before" and undo.until_s(where) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"steps": [{"kind": "none"}]}'])
def test_a_note_that_cannot_be_read_is_set_aside(where: home_module.Home, content: bytes) -> None:
    path = where.chaos / "pending.json"
    path.write_bytes(content)
    path.chmod(0o600)
    assert not undo.is_minded(where) and undo.until_s(where) is None
    assert "pending.json.set-aside" in undo.left(where).unbelieved
    assert not path.exists() and undo.left(where) == undo.Left()


def test_a_note_that_others_can_write_is_not_carried_out(where: home_module.Home) -> None:
    (where.root / "file").touch()
    _note(where, undoing.Remove("file"))
    (where.chaos / "pending.json").chmod(0o666)
    assert undo.left(where).unbelieved and (where.root / "file").exists()


def test_a_note_behind_a_link_is_not_carried_out(where: home_module.Home) -> None:
    (where.root / "file").touch()
    _note(where, undoing.Remove("file"))
    (where.chaos / "pending.json").rename(where.root / "elsewhere")
    (where.chaos / "pending.json").symlink_to(where.root / "elsewhere")
    assert undo.left(where).unbelieved and (where.root / "file").exists()


def test_a_note_in_a_home_that_is_not_marked_is_left_as_it_is(where: home_module.Home) -> None:
    (where.root / "file").touch()
    _note(where, undoing.Remove("file"))
    mark.remove(where.chaos)
    assert "council chaos allow" in undo.left(where).unbelieved and (where.root / "file").exists()
    mark.put(where.chaos, mark.Mark("ann", 1))
    assert undo.left(where) == undo.Left("flood") and not (where.root / "file").exists()


@pytest.mark.parametrize(
    "step",
    [
        undoing.Remove("library/passwd"),
        undoing.Restore("library/passwd", "copy"),
        undoing.Cut("library/passwd", 0, "root"),
        undoing.RemoveDamaged("library/passwd", 4, hashlib.sha256(b"root").hexdigest()),
        undoing.Restore("link", "copy"),
    ],
)
def test_a_link_out_of_the_home_is_not_followed(
    where: home_module.Home, tmp_path_factory: pytest.TempPathFactory, step: undoing.Step
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "passwd").write_bytes(b"root")
    (where.root / "copy").write_bytes(b"mine")
    (where.root / "library").symlink_to(outside)
    (where.root / "link").symlink_to(outside / "passwd")
    assert len(_note(where, step).close()) == 1
    assert (outside / "passwd").read_bytes() == b"root"


def test_a_second_command_is_refused_while_one_breaks_the_home(where: home_module.Home) -> None:
    with undo.alone(where), pytest.raises(errors.UnavailableError, match="Another command"), undo.alone(where):
        pass
    with undo.alone(where):
        pass


def test_the_note_of_another_is_neither_written_over_nor_removed(where: home_module.Home) -> None:
    note = _note(where)
    (where.chaos / "pending.json").unlink()
    other = undo.Note(where, "process-stopped", "recall", time.time() + 60)
    with pytest.raises(errors.UnavailableError):
        note.add(undoing.Remove("file"))
    note.close()
    assert undo.until_s(where) == other.pending.until_s


def test_council_that_was_killed_is_started_again_but_not_by_its_own_start(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    monkeypatch.setattr(managers, "runs", lambda _: bool(started))
    monkeypatch.setattr(managers, "start", lambda _, port: started.append(port))
    _note(where, undoing.StartAgain(8100))
    assert undo.left(where, starts=False) == undo.Left("flood") and not started
    assert _note(where, undoing.StartAgain(8100)).close() == [] and started == [8100]
    assert _note(where, undoing.StartAgain(8100)).close() == [] and started == [8100]


def test_the_end_of_a_fault_that_keeps_us_from_writing_is_known_all_the_same(
    where: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    note = _note(where)
    monkeypatch.setattr(durable, "write_whole", full)
    note.last(7.0)
    assert note.pending.until_s == 7.0 and note.close() == []


def test_whoever_put_it_in_minds_it_while_alive(where: home_module.Home) -> None:
    assert not undo.is_minded(where)
    note = _note(where)
    assert undo.is_minded(where)
    note.close()
    assert not undo.is_minded(where)


@pytest.mark.long
def test_a_guard_undoes_what_a_killed_command_left_in(where: home_module.Home, sleeper: process.Stat) -> None:
    watching = guard.start(where)
    _note(where, undoing.Resume(sleeper.pid, sleeper.start_ticks))
    os.kill(sleeper.pid, signal.SIGSTOP)
    _until_state(sleeper.pid, "T")
    # As the end of the command does.
    guard.stop(watching)
    assert undo.until_s(where) is None
    _until_state(sleeper.pid, "S", "R")


@pytest.mark.long
def test_a_guard_undoes_a_fault_that_outlives_its_limit_while_its_command_lives_on(
    where: home_module.Home, sleeper: process.Stat
) -> None:
    note = undo.Note(where, "process-stopped", "", time.time() - 60)
    note.add(undoing.Resume(sleeper.pid, sleeper.start_ticks))
    os.kill(sleeper.pid, signal.SIGSTOP)
    _until_state(sleeper.pid, "T")
    watching = guard.start(where)
    try:
        _until_state(sleeper.pid, "S", "R")
        assert watching.poll() is None
    finally:
        guard.stop(watching)
    assert undo.until_s(where) is None
