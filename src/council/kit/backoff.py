"""Exponential back-off with a ceiling and a memory that fades."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """How long to wait before trying again.

    The wait doubles with each failure up to `ceiling_s`; a run of at least `forgive_s` without failure starts over.
    """

    first_s: float
    ceiling_s: float
    forgive_s: float
    failures: int = 0

    def after_failure(self, lasted_s: float) -> float:
        """Return the seconds to wait after a run that lasted `lasted_s`."""
        if lasted_s >= self.forgive_s:
            self.failures = 0
        wait_s = min(self.ceiling_s, self.first_s * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return wait_s
