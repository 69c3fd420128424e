"""A halt: there or not, and what cannot be read is one."""

from pathlib import Path

import pytest

from council.kit import halt


def test_a_halt_is_in_force_at_once_and_until_it_is_lifted(tmp_path: Path) -> None:
    file = tmp_path / "pause.json"
    assert halt.standing(file) is None
    one = halt.Halt("Look first.", "ann", 7)
    halt.put(file, one)
    assert halt.standing(file) == one and file.stat().st_mode & 0o777 == 0o644
    halt.put(file, halt.Halt("Still."))
    found = halt.standing(file)
    assert found is not None and found.reason == "Still."
    halt.lift(file)
    halt.lift(file)
    assert halt.standing(file) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"reason": "x"}', b"\xff"])
def test_what_says_nothing_is_a_halt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pause.json").write_bytes(content)
    assert halt.standing(tmp_path / "pause.json") is not None


def test_a_folder_or_a_link_in_its_place_is_a_halt(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to(tmp_path / "nowhere")
    assert halt.standing(tmp_path / "a") is not None and halt.standing(tmp_path / "b") is not None
