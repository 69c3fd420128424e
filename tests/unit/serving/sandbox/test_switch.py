import errno
from pathlib import Path

import pytest

from council.domain import errors
from council.serving.sandbox import files, switch


def test_it_is_not_thrown_at_first(tmp_path: Path) -> None:
    assert switch.KillSwitch(tmp_path).stopped_by() == ""


def test_it_outlives_the_process_and_names_who_threw_it(tmp_path: Path) -> None:
    thrown = switch.KillSwitch(tmp_path)
    thrown.throw("ada")
    thrown.save("ada", 1)
    assert switch.KillSwitch(tmp_path).stopped_by() == "ada"
    assert (tmp_path / switch.NAME).stat().st_mode & 0o777 == 0o600
    switch.KillSwitch(tmp_path).lift()
    assert thrown.stopped_by() == ""
    thrown.lift()


def test_it_holds_for_others_before_it_is_saved(tmp_path: Path) -> None:
    thrown = switch.KillSwitch(tmp_path)
    thrown.throw("ada")
    assert thrown.stopped_by() == "ada"
    assert switch.KillSwitch(tmp_path).stopped_by() == switch.UNREADABLE


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"by":""}', b"\xff"])
def test_a_file_that_cannot_be_understood_has_stopped_everything(tmp_path: Path, content: bytes) -> None:
    (tmp_path / switch.NAME).write_bytes(content)
    assert switch.KillSwitch(tmp_path).stopped_by() == switch.UNREADABLE


def test_a_file_that_cannot_be_read_has_stopped_everything(tmp_path: Path) -> None:
    (tmp_path / switch.NAME).mkdir()
    assert switch.KillSwitch(tmp_path).stopped_by() == switch.UNREADABLE


def test_on_a_full_disk_it_is_thrown_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "save", full)
    thrown = switch.KillSwitch(tmp_path)
    thrown.throw("ada")
    with pytest.raises(errors.SandboxUnavailableError, match="could not be saved"):
        thrown.save("ada", 1)
    assert thrown.stopped_by() == "ada"
    assert switch.KillSwitch(tmp_path).stopped_by()


def test_where_not_even_a_name_can_be_made_this_process_is_stopped(tmp_path: Path) -> None:
    thrown = switch.KillSwitch(tmp_path / "gone")
    thrown.throw("ada")
    assert thrown.stopped_by() == "ada"


def test_a_switch_that_cannot_be_lifted_says_so(tmp_path: Path) -> None:
    (tmp_path / switch.NAME).mkdir()
    with pytest.raises(errors.SandboxUnavailableError, match="lift it again"):
        switch.KillSwitch(tmp_path).lift()


def test_it_says_why_it_was_thrown_where_somebody_did(tmp_path: Path) -> None:
    thrown = switch.KillSwitch(tmp_path)
    assert thrown.reason() == ""
    thrown.throw("ada")
    assert thrown.reason() == ""
    thrown.save("ada", 1, "Too many jobs.")
    assert switch.KillSwitch(tmp_path).reason() == "Too many jobs."
    thrown.save("ada", 2)
    assert thrown.reason() == ""
    for content in (b"", b"[]", b"\xff"):
        (tmp_path / switch.NAME).write_bytes(content)
        assert thrown.reason() == ""
