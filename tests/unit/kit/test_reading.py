"""What one process uses, on real ones."""

import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from council.kit import nvml, process, reading
from council.testing import cards


def _wait_for(fact: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def _own() -> reading.Reading:
    who = reading.identity(os.getpid())
    assert who is not None
    seen = reading.read(who)
    assert seen is not None
    return seen


def test_descriptors_and_sockets_are_counted_exactly() -> None:
    before = _own()
    pipe = os.pipe()
    after = _own()
    for descriptor in pipe:
        os.close(descriptor)
    assert isinstance(before.open_fds, int)
    assert after.open_fds == before.open_fds + 2
    assert after.sockets == before.sockets


def test_memory_that_is_touched_is_heap() -> None:
    before = _own().heap_bytes
    # Pages of its own: malloc may give what this process freed before, which is resident already.
    with mmap.mmap(-1, 20_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        held.write(b"x" * 20_000_000)
        after = _own().heap_bytes
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert 18_000_000 < after - before < 42_000_000


def test_a_child_that_nobody_collects_is_a_zombie_and_no_process_of_its_own() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        _wait_for(lambda: reading.identity(child.pid) is None)
        seen = _own()
        assert isinstance(seen.zombies, int)
        assert seen.zombies >= 1
    after = _own().zombies
    assert after == seen.zombies - 1


def test_a_pid_that_is_another_process_by_now_is_not_read() -> None:
    found = process.stat(os.getpid())
    assert found is not None
    assert reading.read(process.Stat(found.pid, found.parent_pid, found.group_id, found.start_ticks + 1)) is None


def test_an_age_is_known_from_the_start_ticks() -> None:
    with subprocess.Popen(["sleep", "30"]) as child:
        who = reading.identity(child.pid)
        assert who is not None
        assert 0 <= reading.age_s(who) < 20
        child.kill()


def test_gpu_memory_is_what_the_driver_counts_or_why_it_does_not() -> None:
    library = cards.Nvml([cards.Memory(1, 2)], {0: [cards.Process(7, 520)]})
    driver = nvml.Driver(lambda: library)
    assert reading.gpu_bytes(7, driver) == 520
    library.failure = "GPU is lost"
    assert reading.gpu_bytes(7, driver) == reading.Unknown("the NVIDIA driver says: GPU is lost")


def test_open_files_without_a_name_and_in_temporary_folders_are_counted(tmp_path: Path) -> None:
    before = _own()
    with tempfile.TemporaryFile(), tempfile.NamedTemporaryFile(), (tmp_path / "gone").open("w"):
        (tmp_path / "gone").unlink()
        during = _own()
    descriptor = os.memfd_create("memory")
    after = _own()
    os.close(descriptor)
    assert isinstance(before.temp_files, int)
    assert during.temp_files == before.temp_files + 3
    assert after.temp_files == before.temp_files


def test_looks_read_private_pages_once_a_minute() -> None:
    who = reading.identity(os.getpid())
    assert who is not None
    looks = reading.Looks(who)

    def private_bytes(time_s: float) -> int:
        seen = looks.read(time_s)
        assert seen is not None
        assert isinstance(seen.private_bytes, int)
        return seen.private_bytes

    before = private_bytes(1000.0)
    with mmap.mmap(-1, 20_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as mapped:
        mapped.write(b"x" * 20_000_000)
        assert private_bytes(1059.0) == before
        assert private_bytes(1060.0) > before + 10_000_000


def test_memory_alone_is_what_a_whole_reading_says() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        who = reading.identity(child.pid)
        assert who is not None

        def agree() -> bool:
            seen = reading.read(who)
            return seen is not None and reading.heap_bytes(who) == seen.heap_bytes

        # A program that is just being loaded grows between two readings.
        _wait_for(agree)
        child.kill()
        _wait_for(lambda: reading.heap_bytes(who) is None)
