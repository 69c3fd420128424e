"""A circuit breaker for each deployment: after failures in a row it is left alone, then probed by one call at a time. Pure."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from council.domain import config, uses


class State(enum.StrEnum):
    """`closed` lets calls through, `open` none, `half-open` one at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(slots=True)
class Breaker:
    """What is known of one deployment. Times are of a monotonic clock, seconds. `answered` is whether it ever did.

    `answered_s` and `failed_s` are when it last did, `failed_by` is what was said of that failure.
    """

    settings: config.CallsConfig
    failures: int = 0
    answered: bool = False
    answered_s: float | None = None
    failed_s: float | None = None
    failed_by: str = ""
    _opened: int = 0
    _until_s: float = 0.0
    _asked_until_s: float = 0.0
    _probes: int = 0
    _probe: int = 0

    @property
    def fails(self) -> bool:
        """Whether it opened for failures, and no call has gone well since."""
        return self._opened > 0

    def state(self, now_s: float) -> State:
        """Return the state."""
        if self._opened == 0 and now_s >= self._until_s:
            return State.CLOSED
        if now_s < self._until_s:
            return State.OPEN
        return State.HALF_OPEN

    def allows(self, now_s: float) -> bool:
        """Return whether a call may be made; in half-open only while no other one probes."""
        state = self.state(now_s)
        return state is State.CLOSED or (state is State.HALF_OPEN and not self._probe)

    def begin(self, now_s: float) -> int:
        """Note that a call begins; return the number of the probe that it is, on whose end others wait, or 0."""
        if self._probe or self.state(now_s) is not State.HALF_OPEN:
            return 0
        self._probes += 1
        self._probe = self._probes
        return self._probe

    def succeeded(self) -> None:
        """Note that a call went well: everything before is forgotten."""
        self.answered = True
        self.failures = self._opened = 0
        self._until_s = 0.0
        self._probe = 0

    def failed(self, now_s: float, probe: int) -> None:
        """Note that a call failed by the deployment's fault."""
        self.failures += 1
        self.let_go(probe)
        if self._opened and now_s < self._until_s:
            # One of several that were under way when it opened: that tells nothing new.
            return
        if self._opened or self.failures >= self.settings.failures_max:
            wait_s = min(self.settings.open_s_max, self.settings.open_s * 2.0 ** min(self._opened, 16))
            self._opened += 1
            self._until_s = max(self._until_s, now_s + wait_s)

    def leave_alone(self, now_s: float, wait_s: float) -> None:
        """Note that the provider asked to be left alone for `wait_s`; that is no failure."""
        self._until_s = max(self._until_s, now_s + wait_s)
        self._asked_until_s = max(self._asked_until_s, now_s + wait_s)

    def let_go(self, probe: int) -> None:
        """Note that a call ended without telling anything about the deployment."""
        if probe == self._probe:
            self._probe = 0

    def left_s(self, now_s: float) -> float:
        """Return for how long it is left alone still."""
        return max(0.0, self._until_s - now_s)

    def asked_s(self, now_s: float) -> float | None:
        """Return for how long its provider still asks to be left alone, which is worth waiting for; None if it is open."""
        if self._opened and now_s < self._until_s:
            return None
        return max(0.0, self._asked_until_s - now_s)


def seen(breakers: Mapping[str, Breaker], now_s: float, now_us: int) -> list[uses.Use]:
    """Return when each provider last answered and last failed; `breakers` are by `provider/model`, `now_us` is now as well."""
    newest: dict[tuple[uses.Kind, str], tuple[float, str]] = {}
    for key, one in breakers.items():
        name = key.partition("/")[0]
        for kind, at_s, told in (
            (uses.Kind.ANSWERED, one.answered_s, ""),
            (uses.Kind.FAILED, one.failed_s, one.failed_by),
        ):
            if at_s is not None and at_s >= newest.get((kind, name), (at_s, ""))[0]:
                newest[kind, name] = (at_s, told[: uses.TOLD_CHARS_MAX])
    return [
        uses.Use(kind, name, now_us - round((now_s - at_s) * 1e6), told)
        for (kind, name), (at_s, told) in newest.items()
    ]
