"""A tree has the name that git gives it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from council.domain import errors
from council.upkeep.engine import trees

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
# git sorts the folder `a` after `a-b` and `a.b`, since it compares `a/`.
FILES = {
    "a/x/y": b"1\n",
    "a-b": b"2\n",
    "a.b": b"",
    "a0": b"\0\xff",
    "b/.hidden": b"3",
    "Z": b"4",
    ".council/patch.json": b"{}",
}


def filled(folder: Path) -> Path:
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "a-b").chmod(0o755)
    (folder / "empty").mkdir()
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()


@pytest.mark.parametrize("hashed", ["sha1", "sha256"])
def test_a_folder_is_named_as_git_names_it(tmp_path: Path, hashed: str) -> None:
    folder = filled(tmp_path)
    git(folder, "init", "--quiet", f"--object-format={hashed}")
    git(folder, "add", "--all")
    assert git(folder, "write-tree") in trees.names_of(folder)


def test_what_git_says_of_a_clone_does_not_count(tmp_path: Path) -> None:
    before = trees.names_of(filled(tmp_path))
    git(tmp_path, "init", "--quiet")
    assert trees.names_of(tmp_path) == before
    (tmp_path / "Z").write_bytes(b"5")
    assert not trees.names_of(tmp_path) & before


def test_a_link_has_no_name(tmp_path: Path) -> None:
    (filled(tmp_path) / "b/link").symlink_to("/etc")
    with pytest.raises(errors.BlueprintError, match="b/link"):
        trees.names_of(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.BlueprintError, match="No such file"):
        trees.names_of(tmp_path / "gone")
