"""The local forge's housekeeping where git hangs, fails or was killed: what it holds is let go, and what it has done stays."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from council.backends.forge import git
from council.domain import errors, forge
from council.kit import process

MAIN = "refs/heads/main"
# Stands in for git, and does something else where it is to repack: the first word that matches decides.
STUB = """#!/bin/sh
case " $* " in
*" repack "*{where}*) {instead} ;;
*) exec {git} "$@" ;;
esac
"""
HANGS = "sleep 300 & echo $! > {pid}; wait"


def made(folder: Path, commits: int = 3) -> git.Repository:
    repository = git.Repository(folder)
    repository.create()
    for number in range(commits):
        with repository.locked():
            words = forge.Words("Change something", "Ann", "ann@example.org", number)
            before = repository.ref(MAIN)
            commit = repository.add_commit(before or "", {"x.txt": forge.File(b"%d" % number)}, words)
            assert repository.swap(MAIN, commit, before)
    return repository


def tidied(repository: git.Repository) -> bool:
    with repository.locked():
        return repository.tidy()


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    def put(where: str, instead: str) -> None:
        real, folder = shutil.which("git"), tmp_path / "bin"
        folder.mkdir()
        (folder / "git").write_text(STUB.format(where=where, instead=instead, git=real))
        (folder / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return put


def test_where_it_takes_too_long_all_that_it_started_ends_and_nobody_waits_for_its_locks(
    tmp_path: Path, stub: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, pid = made(tmp_path / "forge.git"), tmp_path / "pid"
    before = repository.refs(), repository.loose()
    stub("", HANGS.format(pid=pid))
    monkeypatch.setattr(git, "_TIDY_S", 1.0)
    with pytest.raises(errors.ForgeUnavailableError, match="did not finish within 1 s"):
        tidied(repository)
    child = int(pid.read_text())
    try:
        monkeypatch.setattr(git, "_LOCK_WAIT_S", 1.0)
        with repository.locked():
            assert (repository.refs(), repository.loose()) == before
        until_s = time.monotonic() + 20
        # Whoever adopts it may not collect it.
        while (found := process.stat(child)) is not None and "Z" not in _state(child):
            assert time.monotonic() < until_s, found
            time.sleep(0.01)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, 9)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return "Z"


def test_what_lies_loose_is_packed_even_where_all_cannot_be(tmp_path: Path, stub: Callable[[str, str], None]) -> None:
    repository = made(tmp_path / "forge.git")
    refs = repository.refs()
    stub('" -a "', "echo full >&2; exit 1")
    with pytest.raises(errors.ForgeUnavailableError, match="full"):
        tidied(repository)
    assert repository.loose() == 0 and repository.refs() == refs
    assert repository.commit(refs[MAIN]) is not None


def test_what_those_left_who_were_killed_while_they_packed_goes_once_it_is_old(tmp_path: Path) -> None:
    repository = made(tmp_path / "forge.git")
    packs = tmp_path / "forge.git" / "objects" / "pack"
    old, young = (
        (packs / ".tmp-7-pack-0.pack", packs / "tmp_pack_0"),
        (packs / ".tmp-8-pack-1.pack", packs / "tmp_pack_1"),
    )
    at_s = time.time() - 3600
    for one in (*old, *young):
        one.write_bytes(b"half")
    for one in old:
        os.utime(one, (at_s, at_s))
    assert tidied(repository)
    assert not any(one.exists() for one in old) and all(one.exists() for one in young)
