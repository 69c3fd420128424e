"""A clock that moves only when told."""


class ManualClock:
    """Implements kit.clock.Clock."""

    def __init__(self, now_us: int = 1_800_000_000_000_000):
        self._now_us = now_us
        self._monotonic_s = 1000.0

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        return self._now_us

    def monotonic_s(self) -> float:
        """Seconds, never stepping back."""
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._now_us += round(seconds * 1_000_000)
        self._monotonic_s += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock on or back, as whoever corrects a machine's time does; no time passes."""
        self._now_us += round(seconds * 1_000_000)
