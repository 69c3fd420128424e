"""A freeze is in force when its command returns, and whatever cannot be read is one."""

import os
import threading
from pathlib import Path

import pytest

from council.upkeep.patchctl import freeze

ROUNDS = 500
WANTED = freeze.Freeze("The audit runs until Friday.", "ann", 1_790_000_000_000_000)


def test_a_freeze_stands_until_it_is_lifted(tmp_path: Path) -> None:
    assert freeze.standing(tmp_path) is None
    freeze.freeze(tmp_path, WANTED)
    assert freeze.standing(tmp_path) == WANTED
    freeze.freeze(tmp_path, freeze.Freeze("Another reason.", "bob"))
    assert freeze.standing(tmp_path) == freeze.Freeze("Another reason.", "bob")
    freeze.thaw(tmp_path)
    freeze.thaw(tmp_path)
    assert freeze.standing(tmp_path) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b'{"reason":"x"}', b"\xff" * 9000, b'{"reason":"x","by":"y","at_us":"z"}']
)
def test_a_file_that_says_nothing_is_a_freeze(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "freeze.json").write_bytes(content)
    found = freeze.standing(tmp_path)
    assert found is not None and "nothing that can be read" in found.reason
    freeze.thaw(tmp_path)
    assert freeze.standing(tmp_path) is None


def test_a_folder_that_is_away_is_a_freeze(tmp_path: Path) -> None:
    found = freeze.standing(tmp_path / "none")
    assert found is not None and "is away" in found.reason


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "loop"])
def test_what_is_no_plain_file_is_a_freeze_and_is_waited_for_by_nobody(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "freeze.json"
    if kind == "link":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert freeze.standing(tmp_path) is not None


def test_a_folder_that_may_not_be_read_is_a_freeze(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    found = freeze.standing(tmp_path)
    assert found is not None and found.reason == "The freeze cannot be read (Permission denied)."


@pytest.mark.long
def test_nothing_is_switched_after_a_freeze_has_returned(tmp_path: Path) -> None:
    switched = 0
    ends = threading.Event()

    def switch() -> None:
        nonlocal switched
        while not ends.is_set():
            with freeze.lock(tmp_path):
                if freeze.standing(tmp_path) is None:
                    switched += 1

    switching = threading.Thread(target=switch)
    switching.start()
    races = 0
    try:
        for _ in range(ROUNDS):
            freeze.freeze(tmp_path, WANTED)
            before = switched
            for _ in range(3):
                with freeze.lock(tmp_path):
                    pass
            assert switched == before
            freeze.thaw(tmp_path)
            for _ in range(10_000):
                if switched > before:
                    break
                with freeze.lock(tmp_path):
                    pass
            races += switched > before
    finally:
        ends.set()
        switching.join()
    assert races > ROUNDS // 2, "the other thread hardly ever came to switch"
