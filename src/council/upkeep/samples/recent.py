"""The samples of the last hours, in memory: what both the gates' windows and the sentinels' rules are computed of.

Young samples are kept as they came. From ten minutes on one in fifteen seconds is kept, as Prometheus would have it, so that
the longest window costs little.
"""

import array
import bisect
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from council.domain import timeseries, watching

_log = logging.getLogger(__name__)

DENSE_S = 600.0
SPARSE_S = 15.0
UP = "up"
_TIDY_S = 60.0
_ENDS_MAX = 1000

_Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class _Kept:
    labels: dict[str, str]
    times_s: "array.array[float]" = field(default_factory=lambda: array.array("d"))
    values: "array.array[float]" = field(default_factory=lambda: array.array("d"))
    ends_s: "array.array[float]" = field(default_factory=lambda: array.array("d"))
    thinned_to_s: float = -math.inf

    def end(self, at_s: float) -> None:
        """Note that the series is not told any more, once."""
        if self.times_s and (not self.ends_s or self.ends_s[-1] < self.times_s[-1]):
            self.ends_s.append(at_s)

    def tidy(self, oldest_s: float, dense_from_s: float) -> None:
        """Drop what is too old and thin what is not young any more; what was thinned before stays as it is."""
        first = bisect.bisect_left(self.times_s, oldest_s)
        begin = max(first, bisect.bisect_left(self.times_s, self.thinned_to_s))
        end = max(begin, bisect.bisect_left(self.times_s, dense_from_s))
        slot = self.times_s[begin - 1] // SPARSE_S if begin > first else -math.inf
        times, values = self.times_s[first:begin], self.values[first:begin]
        for at_s, value in zip(self.times_s[begin:end], self.values[begin:end], strict=True):
            if at_s // SPARSE_S > slot:
                times.append(at_s)
                values.append(value)
                slot = at_s // SPARSE_S
        self.times_s, self.values = times + self.times_s[end:], values + self.values[end:]
        self.thinned_to_s = dense_from_s
        self.ends_s = array.array("d", [at for at in self.ends_s if at >= oldest_s][-_ENDS_MAX:])


class Recent:
    """Every series of the last `keep_s` seconds. Not safe to share between threads."""

    def __init__(self, keep_s: float, series_max: int):
        self._keep_s = keep_s
        self._series_max = series_max
        self._by_metric: dict[str, dict[_Key, _Kept]] = {}
        self._by_service: dict[str, dict[_Key, _Kept]] = {}
        self._count = 0
        self._tidied_s = -math.inf
        self._left_out = 0

    def take(self, scrape: watching.Scrape) -> None:
        """Add what a service said. What it said before and says no more has ended; so has all of one that says nothing."""
        up = watching.Reading(UP, (("svc", scrape.service),), 0.0 if scrape.problem else 1.0)
        told = set()
        for one in (up, *scrape.readings):
            key = (one.metric, one.labels)
            kept = self._find(scrape.service, key)
            if kept is None:
                continue
            told.add(key)
            # A clock that was set back must not put samples out of order.
            if not kept.times_s or kept.times_s[-1] < scrape.at_s:
                kept.times_s.append(scrape.at_s)
                kept.values.append(one.value)
        for key, kept in self._by_service.get(scrape.service, {}).items():
            if key not in told:
                kept.end(scrape.at_s)
        if scrape.at_s - self._tidied_s >= _TIDY_S:
            self._tidied_s = scrape.at_s
            self._tidy(scrape.at_s)

    def forget(self, service: str, at_s: float) -> None:
        """End every series of a service that is not watched any more."""
        for kept in self._by_service.get(service, {}).values():
            kept.end(at_s)

    def clear(self) -> None:
        """Forget everything."""
        self._by_metric, self._by_service, self._count, self._tidied_s = {}, {}, 0, -math.inf

    def select(self, metric: str, start_s: float) -> Iterator[timeseries.Series]:
        """Yield the series of a metric that have samples at or after a time."""
        for kept in self._by_metric.get(metric, {}).values():
            if kept.times_s and kept.times_s[-1] >= start_s:
                yield timeseries.Series(kept.labels, kept.times_s, kept.values, kept.ends_s)

    def newest(self, metric: str, now_s: float) -> Iterable[tuple[dict[str, str], float]]:
        """Yield labels and value of each series of a metric that is told now."""
        for one in self.select(metric, now_s - timeseries.LOOKBACK_S):
            if (last := one.last(now_s)) is not None:
                yield dict(one.labels), last[1]

    def _find(self, service: str, key: _Key) -> _Kept | None:
        of_service = self._by_service.setdefault(service, {})
        kept = of_service.get(key)
        if kept is None:
            if self._count >= self._series_max:
                self._left_out += 1
                return None
            kept = of_service[key] = _Kept(dict(key[1]))
            self._by_metric.setdefault(key[0], {})[key] = kept
            self._count += 1
        return kept

    def _tidy(self, now_s: float) -> None:
        for of_service in self._by_service.values():
            for key, kept in list(of_service.items()):
                kept.tidy(now_s - self._keep_s, now_s - DENSE_S)
                if not kept.times_s:
                    del of_service[key], self._by_metric[key[0]][key]
                    self._count -= 1
        if self._left_out:
            _log.warning("more series are told than are kept", extra={"left_out": self._left_out})
            self._left_out = 0
