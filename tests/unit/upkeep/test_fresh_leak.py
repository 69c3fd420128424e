"""A leak of a process that has just begun, on the recorded memory of Council's own services, and what is none."""

import json
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from council import homes
from council.domain.gates import Verdict
from council.upkeep.sentinels import house, leak

RECORDED = json.loads((Path(__file__).parents[3] / "benchmarks" / "recorded_memory.json").read_text())
STEP_S = 3.0
# The first two minutes are left out of the recording.
FROM_S = 120.0
LIGHT = ("gateway", "sandboxd")


def called_after_s(sizes_mb: Iterable[float], step_s: float = STEP_S, *, is_settled: bool = True) -> float | None:
    """Return after how many seconds a leak is called, None if it never is."""
    watched = leak.LeakWatch(FROM_S)
    for place, size_mb in enumerate(sizes_mb):
        watched.add(place * step_s, round(size_mb * leak.MB), is_settled=is_settled)
        if watched.judge().verdict == "fast leak":
            return place * step_s
    return None


@pytest.mark.parametrize("service", LIGHT)
@pytest.mark.parametrize("each", [1, 2])
def test_what_a_service_does_under_load_that_changes_is_no_leak(service: str, each: int) -> None:
    assert called_after_s(RECORDED[service][::each], STEP_S * each) is None


@pytest.mark.parametrize("service", LIGHT)
@pytest.mark.parametrize("each", [1, 2])
def test_two_megabytes_a_second_are_called_within_half_a_minute_whenever_they_begin(service: str, each: int) -> None:
    step_s, recorded = STEP_S * each, RECORDED[service][::each]
    for place in random.Random(5).sample(range(len(recorded) // 2), 25):
        leaking = (size + number * step_s * 2 for number, size in enumerate(recorded[place : place + 20]))
        found = called_after_s(leaking, step_s)
        assert found is not None and found <= 30, place


def test_what_was_called_stays_so_while_the_line_bends_and_not_once_some_is_given_back() -> None:
    def verdicts(after: Iterable[float]) -> list[str]:
        watched = leak.LeakWatch(FROM_S)
        found = []
        for place, size_mb in enumerate([*(60 + 5.0 * step for step in range(6)), *after]):
            watched.add(place * 2.5, round(size_mb * leak.MB), is_settled=True)
            found.append(watched.judge().verdict)
        return found[5:]

    assert verdicts([85, 99, 99, 112, 113]) == ["fast leak"] * 6
    assert verdicts([85, 70, 70]) == ["fast leak", "fast leak", "unknown", "unknown"]
    assert verdicts([85] * 30)[-1] == "unknown"


@pytest.mark.parametrize(("mb_a_second", "after_s"), [(1.1, 25.0), (1.4, 25.0), (1.6, 12.5), (2.0, 12.5)])
def test_half_of_the_time_is_enough_for_half_as_much_again(mb_a_second: float, after_s: float) -> None:
    assert called_after_s((60 + mb_a_second * 2.5 * step for step in range(20)), 2.5) == after_s


@pytest.mark.parametrize(
    "sizes_mb",
    [
        # Loads in three jumps, then stays.
        [40, 40, 90, 90, 90, 140, 140, 140, 140, 160, *[160] * 20],
        # Loads quickly, and slower and slower.
        [160 - 120 * 0.75**step for step in range(40)],
        # The same by two megabytes a second, for ten seconds.
        [60 + min(5.0 * step, 20) for step in range(40)],
        # Half as much at every other reading.
        [60 + 6.0 * step + 4.0 * (step % 2) for step in range(9)],
        # A tenth of a megabyte less a second than counts.
        [40 + 0.9 * STEP_S * step for step in range(60)],
        # A large answer every half a minute, given back.
        [40 + 60 * (step % 10 < 3) for step in range(60)],
    ],
)
def test_what_begins_and_gets_larger_otherwise_is_no_leak(sizes_mb: list[float]) -> None:
    assert called_after_s(sizes_mb) is None


def test_a_service_that_reads_much_as_it_begins_is_left_alone_until_it_has() -> None:
    growing = [300 + 6.0 * step for step in range(60)]
    assert called_after_s(growing) is not None and called_after_s(growing, is_settled=False) is None


@pytest.mark.parametrize(
    ("service", "read_after_s", "verdict"),
    [
        ("gateway", 0, Verdict.RED),
        ("gateway-canary", 0, Verdict.RED),
        ("recall", 15, Verdict.RED),
        ("recall", 99, Verdict.UNKNOWN),
        ("model", 0, Verdict.UNKNOWN),
    ],
)
def test_the_house_calls_it_within_a_minute_of_a_childs_begin_once_the_service_has_read_what_it_reads(
    service: str, read_after_s: int, verdict: Verdict
) -> None:
    watch, said, began_s = house.House(homes.default_sentinels()), {}, 1_800_000_000.0
    for after_s in range(0, 56, 5):
        values = {"heap_mb": 60 + after_s * 2.0, "council_memory_rebuild_seconds": float(after_s >= read_after_s)}
        said = {
            one.sentinel: one.verdict for one in watch.take(house.Sighting(service, began_s + after_s, began_s, values))
        }
        watch.glance(service, began_s + after_s + 2.6, {"heap_mb": 65 + after_s * 2.0})
    assert said["memory"] is verdict


def test_an_old_process_is_judged_by_what_is_usual_of_it() -> None:
    watched, said = leak.LeakWatch(7200.0), set()
    for place in range(30):
        watched.add(place * STEP_S, round((300 + 6 * place) * leak.MB), is_settled=True)
        said.add(watched.judge().verdict)
    assert said == {"unknown"}
