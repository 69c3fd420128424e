from pathlib import Path

import pytest

from council.domain import errors
from council.kit import nvml
from council.supervisor import room, specs
from council.testing import cards

MIB = 1024 * 1024
LIVE, OTHER = 4711, 4712


def spec(name: str, mib: int = 0, loads: Path | None = None) -> specs.ServiceSpec:
    return specs.ServiceSpec(name, ("x",), beside_bytes=mib * MIB, loads=loads)


def file(path: Path, mib: int) -> Path:
    with path.open("wb") as opened:
        opened.truncate(mib * MIB)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: {4 * 1024 * 1024} kB\nMemAvailable: {600 * 1024} kB\n")
    return tmp_path


def test_what_needs_no_more_than_is_available_may_start(root: Path) -> None:
    room.check([spec("gateway"), spec("model", 600)], root=root)


def test_one_that_needs_more_is_refused_with_what_is_needed_and_what_there_is(root: Path) -> None:
    with pytest.raises(
        errors.NoRoomError, match=r"model of both.*601 MiB of memory.*600 MiB are available.*config set"
    ):
        room.check([spec("gateway"), spec("model", 601)], root=root)


def test_a_file_that_is_read_into_memory_counts_and_one_that_is_not_there_fails_by_itself(root: Path) -> None:
    room.check([spec("model", 500, root / "own.gguf")], root=root)
    with pytest.raises(errors.NoRoomError, match="601 MiB"):
        room.check([spec("model", 500, file(root / "own.gguf", 101))], root=root)


def test_where_nobody_says_how_much_there_is_only_what_needs_nothing_may_start(tmp_path: Path) -> None:
    room.check([spec("gateway")], root=tmp_path)
    with pytest.raises(errors.NoRoomError, match="0 MiB"):
        room.check([spec("model", 1)], root=tmp_path)


def test_what_stops_first_gives_back_what_it_was_given(root: Path) -> None:
    live = [room.Running(spec("model", 2000), [LIVE])]
    with pytest.raises(errors.NoRoomError):
        room.check([spec("model", 2000)], live, root=root)
    room.check([spec("model", 2600)], live, stopping=True, root=root)
    with pytest.raises(errors.NoRoomAtAllError, match=r"Even alone, model.*2601 MiB.*2600 MiB would be available"):
        room.check([spec("model", 2601)], live, stopping=True, root=root)


def test_one_that_does_not_run_gives_nothing_back(root: Path) -> None:
    with pytest.raises(errors.NoRoomAtAllError, match="Even alone"):
        room.check([spec("model", 2000)], [room.Running(spec("model", 2000), [])], stopping=True, root=root)


def graphics(used_mib: int, held_mib: int | None, **more: object) -> nvml.Driver:
    """Return a driver of two cards of 1000 MiB, the model on the second."""
    made = cards.Nvml(
        [cards.Memory(999 * MIB, 1000 * MIB), cards.Memory(used_mib * MIB, 1000 * MIB)],
        {1: [cards.Process(LIVE, None if held_mib is None else held_mib * MIB), cards.Process(OTHER, 5 * MIB)]},
        **more,  # type: ignore[arg-type]
    )
    return nvml.Driver(lambda: made)


SERVING = (room.Running(spec("gateway"), [OTHER]), room.Running(spec("model", 100), [LIVE]))
WANTED = [spec("gateway"), spec("model", 100)]


def test_a_second_model_needs_as_much_of_the_card_as_the_one_that_computes_there(root: Path) -> None:
    room.check(WANTED, SERVING, root=root, driver=graphics(600, 400))
    with pytest.raises(
        errors.NoRoomError, match=r"model of both.*needs 401 MiB of the memory of NVIDIA T1, and 399 MiB are"
    ):
        room.check(WANTED, SERVING, root=root, driver=graphics(601, 401))


def test_a_card_that_the_model_leaves_before_is_free_for_the_next(root: Path) -> None:
    room.check(WANTED, SERVING, stopping=True, root=root, driver=graphics(900, 800))


def test_a_larger_file_needs_more_of_the_card_too(root: Path) -> None:
    old, new = file(root / "old.gguf", 100), file(root / "new.gguf", 250)
    live = [room.Running(spec("model", 1, old), [LIVE])]
    room.check([spec("model", 1, new)], live, root=root, driver=graphics(450, 400))
    with pytest.raises(errors.NoRoomError, match="needs 550 MiB of the memory of NVIDIA T1, and 549 MiB are"):
        room.check([spec("model", 1, new)], live, root=root, driver=graphics(451, 400))
    with pytest.raises(errors.NoRoomAtAllError, match=r"Even alone.*needs 550 MiB.*500 MiB would be"):
        room.check([spec("model", 1, new)], live, stopping=True, root=root, driver=graphics(900, 400))


@pytest.mark.parametrize(
    "driver",
    [
        graphics(990, None),
        graphics(990, 400, failure="GPU is lost"),
        graphics(990, 400, unlisted=cards.NotSupportedError("no")),
        nvml.Driver(lambda: cards.Nvml([cards.Memory(990 * MIB, 1000 * MIB)])),
    ],
    ids=["not counted", "driver fails", "not listed", "model is on none"],
)
def test_where_nobody_says_what_the_model_holds_cards_are_not_asked(root: Path, driver: nvml.Driver) -> None:
    room.check(WANTED, SERVING, root=root, driver=driver)


def test_cards_are_not_asked_for_what_needs_no_memory_of_its_own(root: Path) -> None:
    room.check([spec("gateway")], SERVING, root=root, driver=graphics(990, 400))
