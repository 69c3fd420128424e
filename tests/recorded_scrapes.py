"""Scrapes of a made Council in situations where gates go wrong, as rows of (time, samples); seeded."""

import math
import random
from collections.abc import Callable, Iterator, Mapping

Key = tuple[str, tuple[tuple[str, str], ...]]
Scrape = tuple[float, dict[Key, float]]

INTERVAL_S = 15.0
_EDGES = {
    "council_latency_seconds": ("0.1", "0.5", "1.0", "2.5", "+Inf"),
    "council_answer_bytes": ("1024.0", "8192.0", "10240.0", "65536.0", "+Inf"),
}
_OUTCOMES = ("answered", "refused", "wrong", "failed", "invalid", "cancelled")


class Council:
    """The counters and gauges of one made gateway, its watcher, and recall beside it."""

    def __init__(self, chance: random.Random, service: str = "gateway"):
        self._chance, self._service = chance, service
        self.changed = False
        self.down: set[str] = set()
        self.silent: set[str] = set()
        self.extra: dict[Key, float] = {}
        self.began_s = -1e6
        self.fds, self.resident, self.busy = 40.0, 3e8, 12
        self.wrong, self.slow_s, self.marked = 0.02, 0.2, 0
        self.begin()

    def begin(self) -> None:
        """Start anew: every counter is at zero."""
        self._counters: dict[Key, float] = {}
        for outcome in _OUTCOMES:
            self._add("council_requests_total", 0, specialist="general", outcome=outcome)
        for name, label, values in (
            ("council_exchanges_total", "outcome", ("ok", "error", "timeout")),
            ("council_network_calls_total", "outcome", ("ok", "error")),
            ("council_local_answers_total", "local", ("true", "false")),
        ):
            for value in values:
                self._add(name, 0, **{label: value})
        self._add("council_marked_wrong_total", 0)
        self._add("council_cost_usd_micros_total", 0, model="paid")
        for name in _EDGES:
            self._observe(name, math.inf, 0)

    def restart(self) -> None:
        """Start anew as a process that began 45 s before the moment of judgement."""
        self.began_s = -45.0
        self.begin()

    def serve(self) -> None:
        """Let some requests pass, and users mark answers of any time before."""
        self._add("council_marked_wrong_total", self.marked)
        for _ in range(self._chance.randint(0, self.busy)):
            failed = self._chance.random() < self.wrong
            self._add("council_requests_total", 1, specialist="general", outcome="failed" if failed else "answered")
            self._add("council_exchanges_total", 1, outcome="error" if failed else "ok")
            self._add(
                "council_network_calls_total", 1, outcome="error" if self._chance.random() < self.wrong / 2 else "ok"
            )
            paid = self._chance.random() < 0.05
            self._add("council_local_answers_total", 1, local="false" if paid else "true")
            self._add("council_cost_usd_micros_total", 15_000 * paid, model="paid")
            self._observe("council_latency_seconds", self._chance.expovariate(1 / self.slow_s), 1)
            self._observe("council_answer_bytes", self._chance.expovariate(1 / 2000), 1)

    def scrape(self) -> dict[Key, float]:
        """Return what Prometheus would have read now."""
        told: dict[Key, float] = {}
        for service in ("watcher", "recall", self._service):
            if service in self.down:
                told[_key("up", svc=service)] = 0.0
                continue
            told[_key("up", svc=service)] = 1.0
            if service in self.silent:
                continue
            told[_key("open_fds_total", svc=service)] = self.fds if service == self._service else 10.0
            told[_key("fd_soft_limit", svc=service)] = 1024.0
            told[_key("council_process_memory_bytes", svc=service)] = self.resident + self._chance.uniform(0, 3e6)
            told[_key("council_process_start_seconds", svc=service)] = self.began_s
        if self._service not in self.down:
            told |= self._counters
            told[_key("council_users_in_flight", svc=self._service)] = self._chance.randint(0, self.busy)
        if "watcher" not in self.down:
            told |= {
                _key("council_disk_used_bytes", svc="watcher"): 6e10,
                _key("council_disk_size_bytes", svc="watcher"): 1e11,
            }
        return told | self.extra

    def _add(self, metric: str, by: float, **labels: str) -> None:
        key = _key(metric, svc=self._service, **labels)
        self._counters[key] = self._counters.get(key, 0.0) + by

    def _observe(self, metric: str, value: float, times: int) -> None:
        for edge in _EDGES[metric]:
            self._add(f"{metric}_bucket", times * (value <= float(edge)), le=edge)
        self._add(f"{metric}_count", times)


def _key(metric: str, **labels: str) -> Key:
    return metric, tuple(sorted(labels.items()))


def _before(minutes: float, what: Callable[[Council], None]) -> Callable[[Council, float], None]:
    """Let something happen at the first scrape of the last so many minutes."""

    def at(made: Council, left_s: float) -> None:
        if not made.changed and left_s <= minutes * 60:
            made.changed = True
            what(made)

    return at


def _set(**fields: object) -> Callable[[Council], None]:
    def apply(made: Council) -> None:
        for name, value in fields.items():
            setattr(made, name, value)

    return apply


def situations() -> Mapping[str, Callable[[random.Random], Iterator[Scrape]]]:
    """Return each situation by name: what was scraped until the moment of judgement, at time 0."""
    hours = 4.7
    return {
        "steady": _run(0.25),
        "idle": _run(0.25, _before(7, _set(busy=0))),
        "start": _run(2.1 / 60, started=True),
        "reset": _run(0.25, _before(2.2, Council.begin)),
        "reset a moment ago": _run(0.25, _before(0.5, Council.begin)),
        "restarted": _run(0.25, _before(40 / 60, Council.restart)),
        "restarted and idle": _run(1.2, _before(7, _idle_from_anew)),
        "errors": _run(0.25, _before(6, _set(wrong=0.5))),
        "all marked wrong later": _run(0.25, _before(6, _set(busy=0, marked=2))),
        "some marked wrong": _run(0.25, _before(6, _set(marked=8))),
        "slow": _run(0.25, _before(6, _set(slow_s=4.0))),
        "descriptors": _run(0.25, _before(1, _set(fds=900.0))),
        "descriptors while recall is down": _run(0.25, _before(1, _set(fds=900.0, down={"recall"}))),
        "gateway down": _run(0.25, _before(1, _set(down={"gateway"}))),
        "recall down": _run(0.25, _before(1, _set(down={"recall"}))),
        "recall tells nothing": _run(0.25, _before(10, _set(silent={"recall"}))),
        "stale": _run(0.25, until_s=90),
        "NaN": _run(0.25, _set_extra("open_fds_total", math.nan)),
        "infinite": _run(0.25, _set_extra("open_fds_total", math.inf)),
        "leak": _run(hours, lambda made, left_s: setattr(made, "resident", 3e8 - left_s / 3600 * 8e6)),
        "long healthy": _run(hours),
        "young": _run(hours, _before(60, _set(began_s=-3600.0))),
        "two hours old": _run(hours, _set_began(-9100.0)),
        "two generations": _two(0.25),
        "nothing": lambda _: iter(()),
    }


def _idle_from_anew(made: Council) -> None:
    made.busy = 0
    made.begin()


def _set_extra(metric: str, value: float) -> Callable[[Council, float], None]:
    return lambda made, _: made.extra.update({_key(metric, svc="gateway"): value})


def _set_began(at_s: float) -> Callable[[Council, float], None]:
    return lambda made, _: setattr(made, "began_s", at_s)


def _run(
    hours: float, change: Callable[[Council, float], None] | None = None, *, until_s: float = 0.0, started: bool = False
) -> Callable[[random.Random], Iterator[Scrape]]:
    def scrapes(chance: random.Random) -> Iterator[Scrape]:
        made = Council(chance)
        at = -hours * 3600 + chance.uniform(0, INTERVAL_S)
        if started:
            made.began_s = at
        while at <= -until_s:
            made.serve()
            if change:
                change(made, -at)
            yield at, made.scrape()
            at += INTERVAL_S + chance.uniform(-0.1, 0.1)

    return scrapes


def _two(hours: float) -> Callable[[random.Random], Iterator[Scrape]]:
    def scrapes(chance: random.Random) -> Iterator[Scrape]:
        canary = Council(chance, "gateway-canary")
        canary.fds, canary.wrong, canary.slow_s = 1000.0, 0.9, 5.0
        for at, told in _run(hours)(chance):
            canary.serve()
            yield at, canary.scrape() | told

    return scrapes
