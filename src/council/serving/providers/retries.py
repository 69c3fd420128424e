"""A budget for retries: a share of the calls made, so that a failing provider is not buried under them. Pure."""

from dataclasses import dataclass

# The past counts less and less, so that a good hour does not pay for a bad one.
_CALLS_REMEMBERED = 1000.0


@dataclass(slots=True)
class RetryBudget:
    """Each call earns `share` of a retry; up to `spare` are had in advance."""

    share: float
    spare: int
    _saved: float = -1.0

    def earn(self) -> None:
        """Note a call that is no retry."""
        self._saved = min(self.spare + self.share * _CALLS_REMEMBERED, self._held() + self.share)

    def take(self) -> bool:
        """Take one retry; False if there is none left."""
        held = self._held()
        if held < 1.0:
            return False
        self._saved = held - 1.0
        return True

    def _held(self) -> float:
        return float(self.spare) if self._saved < 0 else self._saved
