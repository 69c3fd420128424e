"""Reads a digest out of its form for programs, as a notice carries it: the other way of `digests.form`. Pure.

The names of the facts behind figures are not in the form; whatever is shown of a digest comes back.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from council.domain import digests, evidence, patches

_Told = Mapping[str, Any]


def read(told: _Told) -> digests.Digest:
    """Return the digest of a form. Raises ValueError for what is none."""
    try:
        if told["schema"] != digests.SCHEMA:
            raise ValueError("a digest of another form")
        return _digest(told)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no digest: {type(error).__name__}") from error


def _digest(told: _Told) -> digests.Digest:
    return digests.Digest(
        date=told["date"],
        zone=told["zone"],
        span=_span(told),
        made_s=_moment_s(told["made"]),
        label=patches.Label(told["generation"], told["cid"]),
        headline=tuple(map(_sentence, told["headline"])),
        patches_applied=tuple(map(_change, told["patches_applied"])),
        patches_rolled_back=tuple(map(_change, told["patches_rolled_back"])),
        patches_refused=tuple(map(_change, told["patches_refused"])),
        system_health=_health(told["system_health"]),
        incidents=tuple(map(_trouble, told["incidents"])),
        cost_efficiency=_measure(told["cost_efficiency"]),
        performance=_measure(told["performance"]),
        local_share=_measure(told["local_share"]),
        autonomy=_measure(told["autonomy"]),
        autonomy_low=_measure(told["autonomy_low"]),
        recommendations=tuple(digests.Advice(_sentence(one), one["command"]) for one in told["recommendations"]),
        leaks=tuple(map(_leak, told["leaks"])),
        services=tuple(map(_starts, told.get("services", ()))),
        plots=tuple(map(_plot, told["plots"])),
        loop=tuple(map(_measure, told["loop"])),
        missing=tuple(evidence.Missing(one["what"], one["why"]) for one in told["missing"]),
    )


def _moment_s(stamp: str) -> float:
    return datetime.datetime.fromisoformat(stamp).timestamp()


def _span(told: _Told) -> evidence.Span:
    return evidence.Span(_moment_s(told["from"]), _moment_s(told["to"]))


def _fact(told: _Told) -> evidence.Fact:
    return evidence.Fact(told["name"], told["value"], told["unit"], told["query"], _span(told))


def _sentence(told: _Told) -> evidence.Sentence:
    return evidence.Sentence(told["text"], tuple(map(_fact, told["evidence"])))


def _measure(told: _Told) -> digests.Measure:
    count = None if told["n"] is None else _fact(told["n"])
    return digests.Measure(told["name"], _fact(told), count, told["reason"])


def _health(told: _Told) -> digests.Health:
    gates = (
        digests.GateHealth(one["gate"], _fact(one["health"]), _fact(one["red"]), _fact(one["known"]))
        for one in told["gates"]
    )
    return digests.Health(_measure(told), _fact(told["known"]), tuple(gates))


def _words(told: _Told, names: Sequence[str]) -> dict[str, Any]:
    return {name: told[name] for name in names}


def _change(told: _Told) -> digests.Change:
    words = _words(told, ("cid", "title", "author", "outcome", "reason", "ticket"))
    return digests.Change(**words, at=_fact(told["at"]))


def _trouble(told: _Told) -> digests.Trouble:
    words = _words(told, ("id", "title", "severity", "standing"))
    cause = None if told["cause"] is None else _cause(told["cause"])
    began, detection, repair = (_fact(told[name]) for name in ("began", "detection", "repair"))
    return digests.Trouble(**words, began=began, detection=detection, repair=repair, cause=cause)


def _cause(told: _Told) -> evidence.RankedCause:
    return evidence.RankedCause(told["kind"], told["subject"], told["weight"], _sentence(told))


def _leak(told: _Told) -> digests.Leak:
    words = _words(told, ("sentinel", "service", "verdict", "reason", "look_next"))
    return digests.Leak(**words, since=_fact(told["since"]), value=_fact(told["value"]))


def _starts(told: _Told) -> digests.Starts:
    return digests.Starts(told["service"], _fact(told["begun"]), _fact(told["ended"]), told["reason"])


def _plot(told: _Told) -> digests.Plot:
    points = tuple((_moment_s(at), value) for at, value in told["points"])
    return digests.Plot(**_words(told, ("name", "unit", "query", "limit", "comparator")), points=points)
