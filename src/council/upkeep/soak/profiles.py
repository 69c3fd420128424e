"""How much a soak asks, and of what: data. Rates lie below the limit that a token without one of its own has."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# What is asked most can be computed or looked up. A model of this machine takes seconds, so it is asked one in twenty-five.
_MIXED = {"math": 42, "logic": 26, "knowledge": 28, "code": 1, "general": 3}
_QUICK = {"math": 48, "logic": 28, "knowledge": 24}


@dataclass(frozen=True, slots=True)
class Profile:
    """Questions a second in the mean, and for `burst_s` of every minute `burst_rate`. `at_once_max` bounds what is open."""

    doc: str
    rate: float
    at_once_max: int
    mix: Mapping[str, int]
    burst_rate: float = 0.0
    burst_s: float = 0.0

    def rate_at(self, second: float) -> float:
        """Return the questions a second at a time since the start."""
        return self.burst_rate if second % 60 >= 60 - self.burst_s else self.rate

    def moments(self, chance: random.Random, slower: float = 1.0) -> Iterator[float]:
        """Yield the seconds since the start at which to ask, without end; `slower` stretches the time between them."""
        at_s = 0.0
        while True:
            at_s += chance.expovariate(self.rate_at(at_s) / slower)
            yield at_s


PROFILES: Mapping[str, Profile] = {
    "light": Profile("half a question a second, of every kind", 0.5, 16, _MIXED),
    "steady": Profile("two questions a second, of every kind", 2.0, 32, _MIXED),
    "quick": Profile("five questions a second, none for a model", 5.0, 32, _QUICK),
    "burst": Profile("one question a second, and eight for ten seconds of every minute", 1.0, 64, _QUICK, 8.0, 10.0),
}
