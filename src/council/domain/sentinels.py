"""The sentinels: which signal of which services each reads, by which rule, and what to do then: `sentinels.yaml`.

A signal is a figure that a service reports under the name of a metric, such as `heap_mb`. A rule is one of eight; what it
does with the signal is in `upkeep/sentinels/`. A sentinel judges every service that reports its signal, or those it names.
"""

from dataclasses import dataclass

FILE = "sentinels.yaml"
KEY = "sentinels"


@dataclass(frozen=True, slots=True)
class Leak:
    """Memory, in millions of bytes, that grows: amber from the slow rate, red from the fast one."""

    slow_mb_per_hour: float
    fast_mb_per_hour: float


# What is foretold rises by a tenth of the whole in twelve seconds, so that the rest takes no longer.
SOON_MAX_S = 120.0


@dataclass(frozen=True, slots=True)
class Share:
    """Percent of another signal, `by`; red as well where it rises in a line that ends within `soon_s`, 0 for never.

    What `soon_but` counts is left out of that line: of connections as many come as people make.
    """

    by: str
    amber: float
    red: float
    soon_s: float = 0.0
    soon_but: str = ""


@dataclass(frozen=True, slots=True)
class Lasting:
    """At least so many, for so long without a break."""

    for_s: float
    amber: float
    red: float


@dataclass(frozen=True, slots=True)
class Pile:
    """The least number in each of twelve buckets rises nearly always, by `rise_min` in all; red where that doubled it."""

    bucket_s: float
    rise_min: float


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue that is not empty at any moment of the window, and longer at its end; red where it holds `red` or more."""

    window_s: float
    red: float


@dataclass(frozen=True, slots=True)
class Fills:
    """Something of the size `by` is full in fewer than so many hours, at the pace of now."""

    by: str
    amber_h: float
    red_h: float


@dataclass(frozen=True, slots=True)
class Drift:
    """What is spent since midnight UTC is beyond the quota `by` by the day's end, at the pace of now; red within `red_h`."""

    by: str
    red_h: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """A counter with one series for each destination: amber for one never seen, red for `times` the most of any hour.

    Less than `least` in an hour is never red.
    """

    times: float
    least: float


Rule = Leak | Share | Lasting | Pile | Queue | Fills | Drift | Pattern


@dataclass(frozen=True, slots=True)
class Sentinel:
    """One rule over one signal. `services` empty: all. `optional`: a service without the signal is none that it is about.

    Red becomes a page after `page_after_s`.
    """

    name: str
    signal: str
    rule: Rule
    unit: str
    services: tuple[str, ...]
    optional: bool
    page_after_s: float
    look_next: str
    playbooks: tuple[str, ...] = ()


def signals(one: Sentinel) -> frozenset[str]:
    """Return the names of what a sentinel reads."""
    named = (getattr(one.rule, field, "") for field in ("by", "soon_but"))
    return frozenset(name for name in (one.signal, *named) if name)
