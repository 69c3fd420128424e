"""Leaks of a process that has just begun: growth by a megabyte a second or more, in a line.

Of a young process nobody knows what is usual, and what begins takes memory by and by. So this rule asks for growth that is far
beyond the fast rate and nearly the same at each reading, which most of it is not; and it is asked only once a service has read
what it reads as it begins, for reading can be as even as a leak. Half a minute tells it; half of that is enough where growth
is half as fast again, and more even.
"""

from dataclasses import dataclass

from council.upkeep.sentinels import line

# Until then `fast_leak` does not know what is usual: its warm-up, and the minutes of which it needs to have seen growth.
YOUNG_S = 4500.0


@dataclass(frozen=True, slots=True)
class _Look:
    """`times`: the least rate, of the rate that is called fast."""

    times: float
    form: line.Form


_EVEN = {"step_least": 0.5, "step_most": 1.75, "late_least": 0.8}
_LOOKS = (
    _Look(54, line.Form(6, covered_min_s=12.0, window_s=17.0, **_EVEN)),
    _Look(36, line.Form(6, covered_min_s=24.0, window_s=32.0, **_EVEN)),
)
# What is called a leak has been one for so long.
HELD_S = min(one.form.covered_min_s for one in _LOOKS)
# What was called a leak is one for as long, unless some of it is given back: a busy machine bends the line now and then.
_STAYS_S = 60.0


class FreshWatch:
    """Takes samples of one process in order, from its beginning on; bounded in memory, and in time a sample."""

    def __init__(self, fast_mb_per_hour: float) -> None:
        self._fast_mb_per_hour = fast_mb_per_hour
        self._line = line.Line()
        # The rate that was called last, when, and at which size.
        self._called: tuple[float, float, float] | None = None

    def add(self, time_s: float, size_mb: float) -> float | None:
        """Take a sample; return the rate in MB an hour if this is a leak."""
        self._line.add(time_s, size_mb)
        for look in _LOOKS:
            a_second = self._line.a_second(look.form)
            if a_second is not None and a_second * 3600 >= look.times * self._fast_mb_per_hour:
                self._called = (a_second * 3600, time_s, size_mb)
                return a_second * 3600
        if self._called is None:
            return None
        rate, called_s, called_mb = self._called
        return rate if time_s - called_s <= _STAYS_S and size_mb >= called_mb else None
