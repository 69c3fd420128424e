"""Traces of a process that keeps memory: what they name, what they leave out, and that they end."""

import tracemalloc
from collections.abc import Callable

import pytest

from council.kit import memory_trace


class _Clock:
    """Time that passes only in `sleep`, which does something each time."""

    def __init__(self, then: Callable[[float], None]):
        self.s, self._then = 100.0, then

    def now_s(self) -> float:
        return self.s

    def sleep(self, wait_s: float) -> None:
        self.s += wait_s
        self._then(self.s)


def _trace(then: Callable[[float], None], wall_s: float = 10.0) -> memory_trace.Trace:
    clock = _Clock(then)
    found = memory_trace.trace(wall_s, clock.now_s, clock.sleep)
    assert found is not None
    assert not tracemalloc.is_tracing()
    return found


def test_the_line_that_keeps_more_and_more_comes_first() -> None:
    kept: list[bytes] = []

    def leak(at_s: float) -> None:
        kept.append(b"x" * int(at_s * 1000))

    found = _trace(leak)
    assert found.lines[0].path.endswith("test_memory_trace.py")
    assert found.lines[0].number == leak.__code__.co_firstlineno + 1
    assert found.lines[0].kept_bytes == pytest.approx(sum(map(len, kept)), rel=0.05)
    assert (found.took_s, found.is_short) == (10.0, False)


def test_what_is_given_back_and_what_is_filled_once_are_no_leak() -> None:
    cache: list[bytes] = []
    passing: list[bytes] = []

    def work(at_s: float) -> None:
        passing[:] = [bytes(100_000)]
        if len(cache) < 5:
            cache.append(b"y" * int(at_s * 1000))

    assert [line for line in _trace(work).lines if line.kept_bytes > 10_000] == []


def test_somebody_elses_trace_is_left_on() -> None:
    tracemalloc.start()
    try:
        assert memory_trace.trace(1.0, lambda: 0.0, lambda _: None) is None
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_tracing_ends_where_something_fails() -> None:
    def fail(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _trace(fail)
    assert not tracemalloc.is_tracing()


def test_a_process_that_allocates_too_much_to_trace_ends_it_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_trace, "_TRACES_BYTES_MAX", 200_000)
    kept: list[object] = []
    found = _trace(lambda at_s: kept.extend(float(place) + at_s for place in range(2000)))
    assert found.is_short
    assert found.took_s < 10
