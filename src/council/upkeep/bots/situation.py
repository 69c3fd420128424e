"""What bots are told of the system as it is, read from the JSON that their child was given. Pure.

Everything here may hold a stranger's words: titles and summaries of incidents quote logs. A bot compares them with its own
tables and copies none of them into a draft.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of an incident; `service` is "" for the whole."""

    name: str
    service: str
    summary: str


@dataclass(frozen=True, slots=True)
class Cause:
    """What may have brought an incident about, the likeliest first; see `evidence.RankedCause`."""

    kind: str
    subject: str
    weight: float


@dataclass(frozen=True, slots=True)
class Incident:
    """One that goes on. `pages` is whether a person is called for it."""

    id: str
    began_s: float
    pages: bool
    alerts: tuple[Alert, ...]
    causes: tuple[Cause, ...]

    @property
    def names(self) -> frozenset[str]:
        """What its alerts are called."""
        return frozenset(one.name for one in self.alerts)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One provider of a model. Prices in micro-dollars per million tokens, None where nobody said."""

    provider: str
    weight: int
    input_usd_micros: int | None
    output_usd_micros: int | None


@dataclass(frozen=True, slots=True)
class Situation:
    """All of it. `settings` are those that may be tuned, `models` those of providers.yaml; `done` the subjects of before."""

    incidents: tuple[Incident, ...]
    settings: Mapping[str, float]
    models: Mapping[str, tuple[Deployment, ...]]
    share_max: float | None
    done: frozenset[str]


def read(given: Mapping[str, Any]) -> Situation:
    """Return what the child was given; whoever gathered it is ours, so what is missing is a bug."""
    return Situation(
        incidents=tuple(map(_incident, given["incidents"])),
        settings={str(key): float(value) for key, value in given["settings"].items()},
        models={str(name): tuple(map(_deployment, rows)) for name, rows in given["models"].items()},
        share_max=None if given["share_max"] is None else float(given["share_max"]),
        done=frozenset(map(str, given["done"])),
    )


def _incident(row: Mapping[str, Any]) -> Incident:
    alerts: Sequence[Mapping[str, Any]] = row["alerts"]
    return Incident(
        id=str(row["id"]),
        began_s=float(row["began_s"]),
        pages=bool(row["pages"]),
        alerts=tuple(Alert(str(one["name"]), str(one["service"]), str(one["summary"])) for one in alerts),
        causes=tuple(Cause(str(one["kind"]), str(one["subject"]), float(one["weight"])) for one in row["causes"]),
    )


def _deployment(row: Mapping[str, Any]) -> Deployment:
    return Deployment(row["provider"], int(row["weight"]), row["input_usd_micros"], row["output_usd_micros"])
