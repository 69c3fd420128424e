"""What NVIDIA's driver is asked, and what becomes of it when it fails. No test here has seen a card."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from council.kit import nvml
from council.testing import cards

TWO = [cards.Memory(6_000, 8_000), cards.Memory(100, 24_000)]


def driver(library: cards.Nvml, answer_s: float = 5.0) -> nvml.Driver:
    return nvml.Driver(lambda: library, answer_s)


def test_each_card_says_how_full_it_is() -> None:
    found = driver(cards.Nvml(TWO)).cards()
    assert [(one.name, one.used_bytes, one.total_bytes) for one in found] == [
        ("NVIDIA T0", 6_000, 8_000),
        ("NVIDIA T1", 100, 24_000),
    ]


def test_the_driver_is_begun_once() -> None:
    library = cards.Nvml(TWO)
    asked = driver(library)
    asked.cards()
    asked.cards()
    assert library.begun == 1


def test_a_process_has_what_it_holds_on_all_cards_and_once_where_it_draws_too() -> None:
    seven = cards.Process(7, 500)
    library = cards.Nvml(TWO, {0: [seven, cards.Process(8, 1)], 1: [cards.Process(7, 20)]}, {0: [seven]})
    assert driver(library).process_bytes(7) == 520


def test_a_process_that_is_not_counted_is_unknown() -> None:
    library = cards.Nvml(TWO, {0: [cards.Process(7, None)]})
    with pytest.raises(nvml.DriverError, match="does not count"):
        driver(library).process_bytes(7)


@pytest.mark.parametrize("why", [cards.NotSupportedError("Not Supported"), cards.NoPermissionError("No permission")])
def test_a_card_that_lists_no_processes_still_says_how_full_it_is(why: cards.NvmlError) -> None:
    asked = driver(cards.Nvml(TWO, {0: [cards.Process(7, 500)]}, unlisted=why))
    assert [one.used_bytes for one in asked.cards()] == [6_000, 100]
    with pytest.raises(nvml.DriverError, match="does not count"):
        asked.process_bytes(7)


@pytest.mark.parametrize(("everywhere", "says"), [(True, "0"), (False, "container")])
def test_a_process_on_no_card_holds_nothing_unless_it_may_have_another_number(
    monkeypatch: pytest.MonkeyPatch, everywhere: bool, says: str
) -> None:
    monkeypatch.setattr(nvml, "_sees_all_processes", lambda: everywhere)
    asked = driver(cards.Nvml(TWO))
    try:
        assert str(asked.process_bytes(7)) == says
    except nvml.DriverError as error:
        assert says in str(error)


def test_a_driver_that_fails_is_begun_anew_and_believed_again() -> None:
    library = cards.Nvml(TWO)
    asked = driver(library)
    asked.cards()
    library.failure = "GPU is lost."
    for _ in range(2):
        with pytest.raises(nvml.DriverError, match=r"^the NVIDIA driver says: GPU is lost$"):
            asked.cards()
    assert library.begun == 0
    library.failure = ""
    assert len(asked.cards()) == 2
    assert library.begun == 1


def test_a_driver_that_hangs_holds_up_one_thread_and_is_believed_once_it_answers() -> None:
    library = cards.Nvml(TWO)
    library.answers.clear()
    asked = driver(library, 0.05)
    before = threading.active_count()
    with pytest.raises(nvml.DriverError, match=r"within 0\.05 s"):
        asked.cards()
    for _ in range(3):
        with pytest.raises(nvml.DriverError, match="not answered yet"):
            asked.cards()
    assert threading.active_count() == before + 1
    library.answers.set()
    assert asked._asking is not None
    asked._asking.join(10)
    assert len(driver(library).cards()) == 2


def test_a_driver_without_its_binding_says_what_is_missing() -> None:
    def missing() -> None:
        raise ImportError

    with pytest.raises(nvml.DriverError, match="nvidia-ml-py, which asks it, is not installed"):
        nvml.Driver(missing).cards()


_ASK = """
from council.kit import nvml
asked = nvml.Driver(nvml._library)
print(asked.cards())
try:
    asked.cards()
except nvml.DriverError as error:
    print(error)
"""


def test_nvidias_own_binding_reads_a_library_of_that_form(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler; install gcc")
    made = tmp_path / "libnvidia-ml.so.1"
    source = Path(__file__).with_name("nvml_library.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(made), str(source)], check=True)
    around = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", _ASK], env=around, capture_output=True, text=True, check=True)
    card = nvml.Card("NVIDIA Made", 6_000_000_000, 8_000_000_000, {7: 512_000_000, 9: None})
    assert done.stdout.splitlines() == [repr((card,)), "the NVIDIA driver says: GPU is lost"]


def test_nvidias_own_binding_says_that_there_is_no_library() -> None:
    asked = nvml.Driver(nvml._library)
    if nvml.here() is None:
        with pytest.raises(nvml.DriverError, match="NVML Shared Library Not Found"):
            asked.cards()
