from pathlib import Path

import pytest

from council.domain import errors
from council.supervisor import room, specs

MIB = 1024 * 1024


def spec(name: str, mib: int = 0, loads: Path | None = None) -> specs.ServiceSpec:
    return specs.ServiceSpec(name, ("x",), beside_bytes=mib * MIB, loads=loads)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: {4 * 1024 * 1024} kB\nMemAvailable: {600 * 1024} kB\n")
    return tmp_path


def test_what_needs_no_more_than_is_available_may_start(root: Path) -> None:
    room.check([spec("gateway"), spec("model", 600)], root)


def test_one_that_needs_more_is_refused_with_what_is_needed_and_what_there_is(root: Path) -> None:
    with pytest.raises(errors.UnavailableError, match=r"model of both.*601 MiB.*600 MiB are available.*config set"):
        room.check([spec("gateway"), spec("model", 601)], root)


def test_a_file_that_is_read_into_memory_counts_and_one_that_is_not_there_fails_by_itself(root: Path) -> None:
    weights = root / "own.gguf"
    room.check([spec("model", 500, weights)], root)
    with weights.open("wb") as file:
        file.truncate(101 * MIB)
    with pytest.raises(errors.UnavailableError, match="601 MiB"):
        room.check([spec("model", 500, weights)], root)


def test_where_nobody_says_how_much_there_is_only_what_needs_nothing_may_start(tmp_path: Path) -> None:
    room.check([spec("gateway")], tmp_path)
    with pytest.raises(errors.UnavailableError, match="0 MiB"):
        room.check([spec("model", 1)], tmp_path)
