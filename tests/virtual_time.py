"""An event loop whose time passes only while everybody waits: what is said of durations holds however busy the machine is."""

import asyncio
import selectors


class _Skipping(selectors.DefaultSelector):
    """Waits for no time, and has its loop told how long that would have been."""

    def __init__(self) -> None:
        super().__init__()
        self.passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if not (ready := super().select(0)):
            self.passed_s += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    """Its `time()`, seconds, begins at 0. Threads take none of it while a timer runs."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.passed_s
