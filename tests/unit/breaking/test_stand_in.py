"""A child with a fault inside: each harm, in a process of its own, since none of them ends by itself."""

import subprocess
import sys

import pytest

from council.breaking import stand_in
from council.upkeep.chaos import stand_ins

pytestmark = pytest.mark.long
_BEGIN = "import os, resource, signal, sys, time; from council.breaking import stand_in\n"


def _child(code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", _BEGIN + code], stdout=subprocess.PIPE, text=True)


def _said(code: str) -> str:
    with _child(code) as one:
        assert one.stdout is not None
        return one.stdout.readline().strip()


def test_every_sort_that_a_note_may_name_is_there() -> None:
    assert set(stand_in._SORTS) == set(stand_ins.SORTS)


def test_a_leak_of_descriptors_ends_at_nine_tenths_of_the_limit() -> None:
    code = """
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
stand_in._SORTS["descriptors"](1000)
while (count := len(os.listdir("/proc/self/fd"))) < 180:
    time.sleep(0.01)
print(count < 200)
"""
    assert _said(code) == "True"


def test_a_leak_of_memory_is_resident() -> None:
    code = """
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
before = resident()
stand_in._SORTS["memory"](100)
while resident() < before + (20 << 20):
    time.sleep(0.01)
print("grown")
"""
    assert _said(code) == "grown"


def test_a_stepped_clock_is_ahead_and_its_monotonic_one_is_not() -> None:
    code = """
before, steady = time.time(), time.monotonic()
stand_in._SORTS["clock"](300)
print(time.time() - before > 299, time.time_ns() / 1e9 - before > 299, time.monotonic() - steady < 200)
"""
    assert _said(code) == "True True True"


@pytest.mark.parametrize("sort", ["spin", "deadlock"])
def test_the_main_thread_goes_on_until_it_is_told_to_hang(sort: str) -> None:
    code = f"""
stand_in._SORTS["{sort}"](0)
print("goes on", flush=True)
signal.raise_signal(signal.SIGALRM)
print("not reached", flush=True)
"""
    with _child(code) as one:
        assert one.stdout is not None and one.stdout.readline().strip() == "goes on"
        with pytest.raises(subprocess.TimeoutExpired):
            one.wait(0.3)
        one.kill()
        assert one.stdout.read() == ""
