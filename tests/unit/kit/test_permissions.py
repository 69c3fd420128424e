import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from council.kit import permissions

SOMEBODY = permissions.Who(60_600, frozenset({60_601}))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path, whose parents are closed to other users.
    made = Path(tempfile.mkdtemp(prefix="council"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


def to(number: int) -> permissions.Mode:
    return lambda folder, _: 0o700 | number if folder else number


def mine(top: permissions.Mode, inner: permissions.Mode | None = None) -> permissions.Wanted:
    return permissions.Wanted(os.getuid(), os.getgid(), top, inner)


def test_the_first_closed_folder_on_the_way_is_named(folder: Path) -> None:
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    assert permissions.barrier(deep, SOMEBODY, permissions.READ | permissions.ENTER) is None
    (folder / "a").chmod(0o700)
    assert permissions.barrier(deep, SOMEBODY, 0) == folder / "a"
    # 0 asks about the way only.
    assert permissions.barrier(folder / "a", SOMEBODY, 0) is None
    assert permissions.barrier(folder / "a", SOMEBODY, permissions.ENTER) == folder / "a"


def test_both_ends_of_a_link_count(folder: Path) -> None:
    closed = folder / "closed"
    (closed / "inside").mkdir(parents=True)
    (folder / "link").symlink_to(closed / "inside")
    assert permissions.barrier(folder / "link", SOMEBODY, 0) is None
    closed.chmod(0o700)
    assert permissions.barrier(folder / "link", SOMEBODY, 0) == closed


def test_what_is_not_there_is_a_barrier(folder: Path) -> None:
    assert permissions.barrier(folder / "no" / "file", SOMEBODY, permissions.READ) == folder / "no"


@as_root
@pytest.mark.parametrize(
    ("uid", "gid", "mode", "open_"),
    [
        (60_600, 0, 0o400, True),
        (60_600, 0, 0o044, False),  # the owner's bits alone count for the owner
        (0, 60_601, 0o040, True),
        (0, 60_601, 0o404, False),
        (0, 0, 0o004, True),
        (0, 0, 0o660, False),
    ],
)
def test_the_bits_of_owner_group_and_others_count_as_in_the_kernel(
    folder: Path, uid: int, gid: int, mode: int, open_: bool
) -> None:
    file = folder / "file"
    file.touch()
    os.chown(file, uid, gid)
    file.chmod(mode)
    assert (permissions.barrier(file, SOMEBODY, permissions.READ) is None) is open_


def test_a_tree_is_put_right_and_stays_so(folder: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").touch(0o644)
    wanted = mine(to(0o710), to(0o600))
    assert permissions.put_right(folder, wanted) == []
    paths = (folder, folder / "a", folder / "a" / "b", folder / "a" / "b" / "file")
    assert [mode(path) for path in paths] == [0o710, 0o700, 0o700, 0o600]
    before = [path.stat().st_ctime_ns for path in paths]
    permissions.put_right(folder, wanted)
    assert [path.stat().st_ctime_ns for path in paths] == before


def test_without_inner_only_the_folder_itself_changes(folder: Path) -> None:
    (folder / "file").touch(0o644)
    permissions.put_right(folder, mine(to(0o700)))
    assert (mode(folder), mode(folder / "file")) == (0o700, 0o644)


def test_links_are_not_followed(folder: Path) -> None:
    target = folder / "target"
    target.mkdir()
    (target / "file").touch(0o644)
    inside = folder / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(target / "file")
    (inside / "folder").symlink_to(target)
    (folder / "top").symlink_to(target)
    for path in (inside, folder / "top"):
        assert permissions.put_right(path, mine(to(0o700), to(0o600))) == []
    assert mode(target / "file") == 0o644


def test_a_file_with_a_second_name_is_left_alone_and_named(folder: Path) -> None:
    inside = folder / "inside"
    inside.mkdir()
    (folder / "file").touch(0o644)
    os.link(folder / "file", inside / "file")
    assert permissions.put_right(inside, mine(to(0o700), to(0o600))) == [inside / "file"]
    assert mode(folder / "file") == 0o644
    # It needs no change, so there is nothing to be careful about.
    assert permissions.put_right(inside, mine(to(0o700), to(0o644))) == []


def test_what_is_missing_is_passed_over_and_a_pipe_is_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert permissions.put_right(folder / "missing", mine(to(0o700))) == []
    assert permissions.put_right(folder, mine(to(0o700), to(0o600))) == []


def test_a_tree_that_is_too_deep_is_named(folder: Path) -> None:
    deep = folder.joinpath(*["d"] * 40)
    deep.mkdir(parents=True)
    (left,) = permissions.put_right(folder, mine(to(0o700), to(0o600)))
    assert folder in left.parents and left in deep.parents


@as_root
def test_what_root_made_in_somebodys_folder_becomes_theirs(folder: Path) -> None:
    os.chown(folder, 60_600, 60_600)
    (folder / "council.db").touch(0o600)
    permissions.follow_owner(folder)
    found = (folder / "council.db").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (60_600, 60_600, 0o600)


def test_in_our_own_folder_nothing_changes_hands(folder: Path) -> None:
    (folder / "council.db").touch(0o640)
    permissions.follow_owner(folder)
    permissions.follow_owner(folder / "missing")
    assert (folder / "council.db").stat().st_uid == os.getuid() and mode(folder / "council.db") == 0o640
