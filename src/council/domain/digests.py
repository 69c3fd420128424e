"""The daily digest: what it holds, and its form for programs. Pure.

Every number in it is a `Fact`, which says by which query and over which time it is found again. What is not known is None with
its reason; nothing is left out for being bad, and nothing is nought for being unknown. `schema()` is published as
`schema/digest.schema.json`.
"""

import datetime
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from council.domain import evidence, patches

SCHEMA = "council.digest/1"
LISTED_MAX = 50
PLOT_POINTS_MAX = 96
# What came to the form after the first digests of it were made. These are archived after an upgrade, and are still of it.
_LATER = ("services",)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `count` is of how many it is; `reason` says why its value is None, or what to bear in mind."""

    name: str
    fact: evidence.Fact
    count: evidence.Fact | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GateHealth:
    """A gate over the span: its health, and the parts of the time in which it was red and was known."""

    gate: str
    health: evidence.Fact
    red: evidence.Fact
    known: evidence.Fact


@dataclass(frozen=True, slots=True)
class Health:
    """The health of the system, 0 to 100, and of what it is made; None where no gate was ever known."""

    measure: Measure
    known: evidence.Fact
    gates: tuple[GateHealth, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A patch that was applied, refused or rolled back. Title, author and reason are other people's words."""

    cid: str
    title: str
    author: str
    outcome: str
    at: evidence.Fact
    reason: str = ""
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """An incident, with the times that its detection and repair took, and its likeliest cause if any is known."""

    id: str
    title: str
    severity: str
    standing: str
    began: evidence.Fact
    detection: evidence.Fact
    repair: evidence.Fact
    cause: evidence.RankedCause | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, why, and the command that does it. Its evidence is the facts of the sentence."""

    sentence: evidence.Sentence
    command: str


@dataclass(frozen=True, slots=True)
class Leak:
    """What a sentinel says grows in a service."""

    sentinel: str
    service: str
    verdict: str
    since: evidence.Fact
    value: evidence.Fact
    reason: str
    look_next: str


@dataclass(frozen=True, slots=True)
class Starts:
    """A service of which processes began: how many, how often one ended unasked in the last hour, and why the last times."""

    service: str
    begun: evidence.Fact
    ended: evidence.Fact
    reason: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A small picture: points of a series over the span, thinned to the worst of each stretch, and the limit if it has one."""

    name: str
    unit: str
    query: str
    points: tuple[tuple[float, float], ...]
    limit: float | None = None
    comparator: str = "<"


@dataclass(frozen=True, slots=True)
class Digest:
    """A day. `date` is that of its end, in `zone`."""

    date: str
    zone: str
    span: evidence.Span
    made_s: float
    label: patches.Label
    headline: tuple[evidence.Sentence, ...]
    patches_applied: tuple[Change, ...]
    patches_rolled_back: tuple[Change, ...]
    patches_refused: tuple[Change, ...]
    system_health: Health
    incidents: tuple[Trouble, ...]
    cost_efficiency: Measure
    performance: Measure
    local_share: Measure
    autonomy: Measure
    autonomy_low: Measure
    recommendations: tuple[Advice, ...]
    leaks: tuple[Leak, ...]
    services: tuple[Starts, ...]
    plots: tuple[Plot, ...]
    loop: tuple[Measure, ...]
    missing: tuple[evidence.Missing, ...] = ()


def form(one: Digest) -> dict[str, Any]:
    """Return a digest as JSON holds it."""
    return {
        "schema": SCHEMA,
        "date": one.date,
        "zone": one.zone,
        "from": stamp(one.span.start_s),
        "to": stamp(one.span.end_s),
        "made": stamp(one.made_s),
        "generation": one.label.generation,
        "cid": one.label.cid,
        "headline": [_sentence(each) for each in one.headline],
        "patches_applied": [_change(each) for each in one.patches_applied],
        "patches_rolled_back": [_change(each) for each in one.patches_rolled_back],
        "patches_refused": [_change(each) for each in one.patches_refused],
        "system_health": {
            **_measure(one.system_health.measure),
            "known": fact_form(one.system_health.known),
            "gates": [
                {"gate": each.gate, **{name: fact_form(getattr(each, name)) for name in ("health", "red", "known")}}
                for each in one.system_health.gates
            ],
        },
        "incidents": [_trouble(each) for each in one.incidents],
        "cost_efficiency": _measure(one.cost_efficiency),
        "performance": _measure(one.performance),
        "local_share": _measure(one.local_share),
        "autonomy": _measure(one.autonomy),
        "autonomy_low": _measure(one.autonomy_low),
        "recommendations": [{**_sentence(each.sentence), "command": each.command} for each in one.recommendations],
        "leaks": [_leak(each) for each in one.leaks],
        "services": [_starts(each) for each in one.services],
        "plots": [_plot(each) for each in one.plots],
        "loop": [_measure(each) for each in one.loop],
        "missing": [{"what": each.what, "why": each.why} for each in one.missing],
    }


def stamp(at_s: float) -> str:
    """Return a moment as JSON holds it, to the millisecond where it is not of a whole second."""
    whole_s, part_ms = divmod(math.floor(at_s * 1000), 1000)
    told = datetime.datetime.fromtimestamp(whole_s, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{told}.{part_ms:03d}Z" if part_ms else f"{told}Z"


def fact_form(one: evidence.Fact) -> dict[str, Any]:
    """Return a fact as JSON holds it."""
    return {
        "name": one.name,
        "value": one.value,
        "unit": one.unit,
        "query": one.query,
        "from": stamp(one.span.start_s),
        "to": stamp(one.span.end_s),
    }


def _sentence(one: evidence.Sentence) -> dict[str, Any]:
    return {"text": one.text, "evidence": [fact_form(fact) for fact in one.facts]}


def _measure(one: Measure) -> dict[str, Any]:
    count = None if one.count is None else fact_form(one.count)
    return fact_form(one.fact) | {"name": one.name, "n": count, "reason": one.reason}


def _change(one: Change) -> dict[str, Any]:
    words = {name: getattr(one, name) for name in ("cid", "title", "author", "outcome", "reason", "ticket")}
    return words | {"at": fact_form(one.at)}


def _trouble(one: Trouble) -> dict[str, Any]:
    cause = one.cause and {
        "kind": one.cause.kind,
        "subject": one.cause.subject,
        "weight": one.cause.weight,
        **_sentence(one.cause.sentence),
    }
    words = {name: getattr(one, name) for name in ("id", "title", "severity", "standing")}
    return words | {name: fact_form(getattr(one, name)) for name in ("began", "detection", "repair")} | {"cause": cause}


def _leak(one: Leak) -> dict[str, Any]:
    words = {name: getattr(one, name) for name in ("sentinel", "service", "verdict", "reason", "look_next")}
    return words | {"since": fact_form(one.since), "value": fact_form(one.value)}


def _starts(one: Starts) -> dict[str, Any]:
    told = {name: fact_form(getattr(one, name)) for name in ("begun", "ended")}
    return {"service": one.service, **told, "reason": one.reason}


def _plot(one: Plot) -> dict[str, Any]:
    points = [[stamp(at_s), value] for at_s, value in one.points]
    words = {name: getattr(one, name) for name in ("name", "unit", "query", "limit", "comparator")}
    return words | {"points": points}


def schema() -> dict[str, Any]:
    """Return the schema of `form`, JSON Schema 2020-12."""
    measure = _object(_FACT | {"n": _or_null(_ref("fact")), "reason": _TEXT})
    health = _object(measure["properties"] | {"known": _ref("fact"), "gates": _listed(_ref("gate"))})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://council.example/schema/digest.schema.json",
        "title": "The daily digest of a Council",
        "description": "Each number stands with the query and the time range that give it again; null is not known.",
        **_object(_properties(_ref("measure"), health), optional=_LATER),
        "$defs": {
            "fact": _object(_FACT),
            "sentence": _object(_SENTENCE),
            "measure": measure,
            "gate": _object({"gate": _TEXT, "health": _ref("fact"), "red": _ref("fact"), "known": _ref("fact")}),
            "change": _object(_CHANGE),
            "incident": _object(_INCIDENT),
            "leak": _object(_LEAK),
            "service": _object({"service": _TEXT, "begun": _ref("fact"), "ended": _ref("fact"), "reason": _TEXT}),
            "plot": _object(_PLOT),
        },
    }


def _properties(measure: Mapping[str, Any], health: Mapping[str, Any]) -> dict[str, Any]:
    patch_lists = {f"patches_{name}": _listed(_ref("change")) for name in ("applied", "rolled_back", "refused")}
    return {
        "schema": {"const": SCHEMA},
        "date": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": "Of its end, in `zone`."},
        "zone": _TEXT,
        "from": _TIME,
        "to": _TIME,
        "made": _TIME,
        "generation": _TEXT,
        "cid": _or_null(_TEXT),
        "headline": _listed(_ref("sentence")),
        **patch_lists,
        "system_health": health,
        "incidents": _listed(_ref("incident")),
        "cost_efficiency": measure,
        "performance": measure,
        "local_share": measure,
        "autonomy": measure,
        "autonomy_low": measure,
        "recommendations": _listed(_object(_SENTENCE | {"command": _TEXT})),
        "leaks": _listed(_ref("leak")),
        "services": _listed(_ref("service")),
        "plots": _listed(_ref("plot")),
        "loop": _listed(measure),
        "missing": _listed(_object({"what": _TEXT, "why": _TEXT})),
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _listed(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "null"}]}


def _object(properties: Mapping[str, Any], optional: Collection[str] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_TIME = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{3})?Z$"}
_FACT: dict[str, Any] = {
    "name": _TEXT,
    "value": {"type": ["number", "string", "null"]},
    "unit": _TEXT,
    "query": {
        "type": "string",
        "description": "A command, or an expression over a metric, that gives the value again.",
    },
    "from": _TIME,
    "to": _TIME,
}
_SENTENCE: dict[str, Any] = {"text": _TEXT, "evidence": _listed(_ref("fact"))}
_CHANGE: dict[str, Any] = {
    **dict.fromkeys(("cid", "title", "author", "outcome", "reason"), _TEXT),
    "ticket": _or_null({"type": "integer"}),
    "at": _ref("fact"),
}
_INCIDENT: dict[str, Any] = {
    **dict.fromkeys(("id", "title", "severity", "standing"), _TEXT),
    **dict.fromkeys(("began", "detection", "repair"), _ref("fact")),
    "cause": _or_null(_object({"kind": _TEXT, "subject": _TEXT, "weight": _NUMBER, **_SENTENCE})),
}
_LEAK: dict[str, Any] = {
    **dict.fromkeys(("sentinel", "service", "verdict", "reason", "look_next"), _TEXT),
    **dict.fromkeys(("since", "value"), _ref("fact")),
}
_PLOT: dict[str, Any] = {
    **dict.fromkeys(("name", "unit", "query", "comparator"), _TEXT),
    "limit": _or_null(_NUMBER),
    "points": _listed({"type": "array", "prefixItems": [_TIME, _NUMBER], "minItems": 2, "maxItems": 2}),
}
