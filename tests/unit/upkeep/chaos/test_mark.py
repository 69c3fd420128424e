import os
import shutil
import time
from pathlib import Path

import pytest

from council.domain import errors
from council.domain import home as home_module
from council.upkeep.chaos import mark, stand_ins

_ARGV = ("python", "-P", "-m", "council", "run", "recall", "--home", "/h")


@pytest.fixture
def where(tmp_path: Path) -> home_module.Home:
    return home_module.Home(tmp_path)


def _stand_in(until_s: float, service: str = "recall") -> stand_ins.StandIn:
    return stand_ins.StandIn(service, "memory", 2, until_s)


def test_a_home_is_not_broken_before_somebody_allowed_it(where: home_module.Home) -> None:
    with pytest.raises(errors.ForbiddenError, match="council chaos allow"):
        mark.check(where.chaos)
    assert mark.told(where.chaos) == ""


def test_the_mark_says_who_and_when_and_only_the_owner_reads_it(where: home_module.Home) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1_700_000_000_000_000))
    assert mark.check(where.chaos) == mark.Mark("ann", 1_700_000_000_000_000)
    assert (where.chaos / "allowed").stat().st_mode & 0o777 == 0o600
    assert "allowed by ann" in mark.told(where.chaos)


def test_a_mark_that_is_taken_away_is_gone(where: home_module.Home) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    assert mark.remove(where.chaos)
    assert not mark.remove(where.chaos)
    assert mark.read(where.chaos) is None


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"who": "ann"}', '{"who": "ann", "at_us": "soon"}', '{"who": "ann", "at_us": 1}']
)
def test_a_damaged_mark_allows_nothing(where: home_module.Home, content: str) -> None:
    where.chaos.mkdir()
    (where.chaos / "allowed").write_text(content)
    (where.chaos / "allowed").chmod(0o600)
    assert mark.read(where.chaos) is None


def test_a_copy_of_a_marked_home_is_not_marked(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    mark.put(tmp_path / "one" / "chaos", mark.Mark("ann", 1))
    shutil.copytree(tmp_path / "one" / "chaos", tmp_path / "other" / "chaos")
    assert mark.read(tmp_path / "one" / "chaos") is not None
    assert mark.read(tmp_path / "other" / "chaos") is None
    (tmp_path / "one").rename(tmp_path / "moved")
    assert mark.read(tmp_path / "moved" / "chaos") is not None


def test_a_mark_that_others_can_write_allows_nothing(where: home_module.Home) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    (where.chaos / "allowed").chmod(0o666)
    assert mark.read(where.chaos) is None


def test_a_link_in_the_place_of_the_mark_allows_nothing(where: home_module.Home, tmp_path: Path) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    (where.chaos / "allowed").rename(tmp_path / "elsewhere")
    (where.chaos / "allowed").symlink_to(tmp_path / "elsewhere")
    assert mark.read(where.chaos) is None


def test_a_service_is_started_as_itself_where_nothing_stands_in(where: home_module.Home) -> None:
    assert stand_ins.command(where, "recall", _ARGV) == _ARGV


def test_a_stand_in_is_started_in_the_place_of_its_service_alone(where: home_module.Home) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    stand_ins.write(where.chaos, _stand_in(time.time() + 60))
    command = stand_ins.command(where, "recall", _ARGV)
    assert command[:6] == ("python", "-P", "-m", stand_ins.PROGRAM, "memory", "2") and command[6] == "recall"
    assert stand_ins.command(where, "gateway", _ARGV) == _ARGV


def test_nothing_stands_in_where_the_home_is_not_marked(where: home_module.Home) -> None:
    where.chaos.mkdir()
    stand_ins.write(where.chaos, _stand_in(time.time() + 60))
    assert stand_ins.command(where, "recall", _ARGV) == _ARGV


def test_nothing_stands_in_once_its_time_is_over(where: home_module.Home) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    stand_ins.write(where.chaos, _stand_in(100.0))
    assert stand_ins.read(where.chaos, "recall", 99.0) == _stand_in(100.0)
    assert stand_ins.read(where.chaos, "recall", 100.0) is None


def test_a_folder_that_others_may_write_to_is_closed_when_a_home_is_marked(where: home_module.Home) -> None:
    where.chaos.mkdir()
    where.chaos.chmod(0o777)
    assert mark.read(where.chaos) is None
    mark.put(where.chaos, mark.Mark("ann", 1))
    assert where.chaos.stat().st_mode & 0o777 == 0o700 and mark.read(where.chaos) is not None


def test_a_link_in_the_place_of_the_folder_is_not_marked(where: home_module.Home, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    where.chaos.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(errors.SetupError):
        mark.put(where.chaos, mark.Mark("ann", 1))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root marks for another")
def test_what_root_marks_is_of_the_owner_of_the_home(where: home_module.Home, tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1234)
    mark.put(where.chaos, mark.Mark("ann", 1))
    assert where.chaos.stat().st_uid == (where.chaos / "allowed").stat().st_uid == 1234


@pytest.mark.parametrize("content", ["", "[]", '{"service": "recall"}'])
def test_a_note_of_a_stand_in_that_cannot_be_read_is_none(where: home_module.Home, content: str) -> None:
    mark.put(where.chaos, mark.Mark("ann", 1))
    (where.chaos / stand_ins.FILE).write_text(content)
    assert stand_ins.read(where.chaos, "recall", 0.0) is None
