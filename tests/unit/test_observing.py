"""What a process reports of itself."""

import asyncio
import mmap
import os
import re

from council import observing, telemetry
from council.kit import native_heap


def _value(name: str) -> float:
    found = re.search(rf'^{name}{{svc="telemetry-test"}} (\S+)$', telemetry.render().decode(), re.MULTILINE)
    assert found, name
    return float(found.group(1))


def test_a_process_reports_its_descriptors_and_their_limit() -> None:
    observing.observe_process("telemetry-test", "0" * 40)
    before = _value("open_fds_total")
    descriptor = os.open("/dev/null", os.O_RDONLY)
    observing.observe_process("telemetry-test", "0" * 40)
    os.close(descriptor)
    assert _value("open_fds_total") == before + 1
    assert _value("fd_soft_limit") > before


def test_memory_that_is_taken_shows_in_heap_private_and_native_bytes() -> None:
    names = ("heap_mb", "council_process_private_bytes", "council_process_native_bytes")
    observing.observe_process("telemetry-test", "0" * 40)
    before = [_value(name) for name in names]
    observing._looks_at.cache_clear()  # private pages are looked at once a minute
    # malloc may give what this process freed before, which is resident already; pages mapped anew are not malloc's.
    with mmap.mmap(-1, 30_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as mapped:
        held = bytearray(b"x") * 30_000_000
        mapped.write(held)
        observing.observe_process("telemetry-test", "0" * 40)
    rises = [_value(name) - earlier for name, earlier in zip(names, before, strict=True)]
    assert held
    assert 28 < rises[0] < 65
    assert 28e6 < rises[1] < 65e6
    assert 28e6 < rises[2] < 35e6


def test_to_fill_what_was_set_aside_is_no_growth_and_more_than_that_is() -> None:
    names = ("council_process_memory_bytes", "heap_mb")
    reserve = observing.Reserve(40_000_000)

    def figures() -> list[float]:
        observing.observe_process("telemetry-test", "0" * 40, reserve)
        return [_value(name) for name in names]

    before = figures()
    assert before[0] == _value("council_process_resident_bytes") + 40e6
    # In parts: malloc may keep what it got for a whole that is freed.
    part = b"x" * 100_000
    with mmap.mmap(-1, 30_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as mapped:
        for _ in range(300):
            mapped.write(part)
        assert figures() == before
        with mmap.mmap(-1, 60_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as more:
            for _ in range(600):
                more.write(part)
            after = figures()
    assert after[0] > before[0] + 35e6
    assert after[1] > before[1] + 35
    assert figures() == before


def test_tasks_are_counted_where_an_event_loop_runs() -> None:
    async def observe() -> float:
        others = [asyncio.create_task(asyncio.sleep(10)) for _ in range(3)]
        observing.observe_process("telemetry-test", "0" * 40)
        for task in others:
            task.cancel()
        return _value("council_process_tasks")

    assert asyncio.run(observe()) == 4


def test_native_bytes_are_known_on_this_c_library() -> None:
    assert isinstance(native_heap.in_use_bytes(), int)


def test_a_process_that_is_of_another_generation_now_says_so_and_no_more_the_one_before() -> None:
    for generation in ("a" * 40, "b" * 40):
        observing.observe_process("telemetry-test-label", generation)
    found = re.findall(
        r'^council_generation_info{generation="(.)\w+",svc="telemetry-test-label"} (\S+)$',
        telemetry.render().decode(),
        re.MULTILINE,
    )
    assert dict(found) == {"a": "0.0", "b": "1.0"}


def test_what_a_process_began_with_is_told_once_and_nothing_where_nobody_knows_it() -> None:
    observing.tell_inputs("telemetry-test-inputs", "")
    assert observing.inputs_of("telemetry-test-inputs") == ""
    assert 'svc="telemetry-test-inputs"' not in telemetry.render().decode()
    observing.tell_inputs("telemetry-test-inputs", "d" * 64)
    assert observing.inputs_of("telemetry-test-inputs") == "d" * 64
    assert f'council_inputs_info{{digest="{"d" * 64}",svc="telemetry-test-inputs"}} 1.0' in telemetry.render().decode()
