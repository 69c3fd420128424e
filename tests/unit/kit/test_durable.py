"""Files that are whole or not there, whoever else writes them, and on disk with their names."""

import os
import stat
import threading
from pathlib import Path

import pytest

from council.kit import durable


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were brought to disk."""
    found: list[Path] = []
    monkeypatch.setattr(durable, "sync_folder", found.append)
    return found


def test_a_name_is_on_disk_once_it_is_there_and_once_it_is_gone(tmp_path: Path, synced: list[Path]) -> None:
    durable.write_whole(tmp_path / "a", b"one", 0o600)
    durable.write_among_others(tmp_path / "a", b"two", 0o600)
    durable.remove(tmp_path / "a")
    assert synced == [tmp_path] * 3 and list(tmp_path.iterdir()) == []


def test_two_who_write_one_file_at_once_both_do_and_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier, real, failed = threading.Barrier(2), os.fsync, []

    def fsync(descriptor: int) -> None:
        # Both have a half of their own before either has its name.
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            barrier.wait(20)
        real(descriptor)

    def write(content: bytes) -> None:
        try:
            durable.write_among_others(tmp_path / "a", content, 0o640)
        except OSError as error:
            failed.append(error)

    monkeypatch.setattr(os, "fsync", fsync)
    contents = [b"a" * 10_000, b"b" * 10_000]
    threads = [threading.Thread(target=write, args=(one,)) for one in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and (tmp_path / "a").read_bytes() in contents
    assert os.listdir(tmp_path) == ["a"] and stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_what_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    durable.write_among_others(tmp_path / "a", b"one", 0o600, replace=False)
    with pytest.raises(FileExistsError):
        durable.write_among_others(tmp_path / "a", b"two", 0o600, replace=False)
    assert (tmp_path / "a").read_bytes() == b"one" and os.listdir(tmp_path) == ["a"]


def test_what_was_left_half_long_ago_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    left, other = tmp_path / ".a.0123.partial", tmp_path / ".b.4567.partial"
    left.write_bytes(b"a secret")
    other.write_bytes(b"half")
    os.utime(left, (1, 1))
    durable.write_among_others(tmp_path / "a", b"one", 0o600)
    assert sorted(os.listdir(tmp_path)) == [".b.4567.partial", "a"]
