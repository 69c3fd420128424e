from pathlib import Path

from council.services import store


def starts(folder: Path, times_s: list[float]) -> None:
    for at_s in times_s:
        store.give_up_on_damage(folder, at_s)


def test_data_that_the_server_cannot_read_is_put_aside_after_some_starts(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    starts(tmp_path, [100.0, 100.5, 101.5])
    assert (tmp_path / "appendonlydir").exists()
    starts(tmp_path, [103.5])
    assert not (tmp_path / "appendonlydir").exists()
    assert (tmp_path / "appendonlydir.damaged-103").is_dir()


def test_starts_that_lie_apart_touch_nothing(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    starts(tmp_path, [100.0, 200.0, 300.0, 400.0, 500.0])
    assert (tmp_path / "appendonlydir").exists()


def test_a_note_that_is_damaged_too_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "starts").write_bytes(b"\xff\x00")
    starts(tmp_path, [100.0])
    assert (tmp_path / "starts").read_text() == "1 100.000\n"
