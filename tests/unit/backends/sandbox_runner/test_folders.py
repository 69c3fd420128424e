"""A job's folder: what goes in, what comes out, and that nothing of it stays."""

import os
import sys
from pathlib import Path

import pytest

from council.backends.sandbox_runner import folders
from council.domain import errors, sandbox


def _job(**files: bytes) -> sandbox.Job:
    return sandbox.Job("python", "print(1)", files=files)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folders.make(tmp_path / "jobs", _job())


def test_a_folder_has_the_code_and_the_files(tmp_path: Path) -> None:
    job = sandbox.Job("bash", "ä", files={"a/b/c.txt": b"x", "d": b"\xff"})
    made = folders.make(tmp_path / "jobs", job)
    assert (made / "main.sh").read_text() == "ä"
    assert (made / "a/b/c.txt").read_bytes() == b"x"
    assert (made / "d").read_bytes() == b"\xff"
    assert made.parent.stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("in the way")
    with pytest.raises(errors.SandboxUnavailableError):
        folders.make(tmp_path / "jobs", _job())


def test_regular_files_come_back(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a/x").write_bytes(b"\xff")
    (folder / "y").write_bytes(b"")
    found = folders.collect(folder, ("a/x", "y"), 100)
    assert found.files == {"a/x": b"\xff", "y": b""}
    assert not found.not_collected


@pytest.mark.parametrize("name", ["", ".", "..", "../secret", "a/../x", "/etc/passwd", "x/", "a//x", "x\0", "y" * 300])
def test_no_name_leads_out(folder: Path, name: str) -> None:
    (folder.parent / "secret").write_text("x")
    (folder / "x").write_text("x")
    found = folders.collect(folder, (name,), 100)
    assert not found.files
    assert found.not_collected[name]


def test_what_is_no_regular_file_does_not_come_back(folder: Path) -> None:
    (folder / "good").write_text("x")
    (folder / "link").symlink_to("good")
    (folder / "up").symlink_to("..")
    (folder / "folder").mkdir()
    (folder / "folder" / "x").write_text("x")
    (folder / "linked").symlink_to("folder")
    os.mkfifo(folder / "pipe")
    names = ("link", "up", "up/x", "folder", "linked/x", "pipe", "absent", "good/x")
    found = folders.collect(folder, names, 100)
    assert not found.files
    assert set(found.not_collected) == set(names)
    assert found.not_collected["link"] == "a link"
    assert found.not_collected["pipe"] == "not a regular file"
    assert found.not_collected["absent"] == "not there"


def test_all_files_together_are_bounded_by_their_length_not_what_they_take(folder: Path) -> None:
    (folder / "a").write_bytes(b"x" * 60)
    (folder / "b").write_bytes(b"x" * 41)
    (folder / "c").write_bytes(b"x" * 40)
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    found = folders.collect(folder, ("sparse", "a", "b", "c"), 100)
    assert list(found.files) == ["a", "c"]
    assert set(found.not_collected) == {"sparse", "b"}


def test_what_lies_there_is_counted_by_what_it_takes(folder: Path) -> None:
    before = folders.used_bytes(folder)
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/x").write_bytes(b"x" * 100_000)
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    assert 100_000 <= folders.used_bytes(folder) - before < 200_000


async def test_a_folder_goes_with_all_in_it(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "stays").write_text("x")
    (folder / "link").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    (folder / "closed/inner").mkdir(parents=True)
    (folder / "closed").chmod(0)
    await folders.remove(folder)
    assert not folder.exists()
    assert (outside / "stays").exists()


async def test_a_folder_deeper_than_any_stack_goes_too(folder: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        for _ in range(sys.getrecursionlimit() * 2):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.fchdir(here)
        os.close(here)
    folders.used_bytes(folder)
    await folders.remove(folder)
    assert not folder.exists()
