"""Which gates have been red for so long that people are told of it again, and what they are told. Pure.

A red stretch has a name, made of the gate and the second in which it began, which outlives every restart: it is announced under
that name, so once. What is due at one moment is told in one notice: a dozen gates that one cause turned red are no dozen
calls. An alert that somebody has silenced is not told of until the silence is over.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import orjson

from council.domain import alerting, evidence, gates, incidents, watching
from council.kit import ids, shown
from council.upkeep.observer import telling

PREFIX = "escalated:"
_SENTENCES_MAX = 6
_CAUSES_MAX = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """A gate that has been red for too long."""

    line: watching.GateLine

    @property
    def name(self) -> str:
        """What it is announced under."""
        # As the watcher keeps it: to the millisecond, so that its restart moves no second.
        return f"{PREFIX}{self.line.name}:{round(self.line.since_s * 1000) // 1000}"

    @property
    def alert(self) -> str:
        """The alert that goes with the gate."""
        return alerting.NAMED.get(self.line.name, self.line.name)


def due(
    lines: Sequence[watching.GateLine],
    silences: Sequence[incidents.Silence],
    told: Collection[str],
    now_s: float,
    after_s: float,
) -> list[Stretch]:
    """Return the red stretches that are to be told of now."""
    red = [Stretch(one) for one in lines if one.verdict is gates.Verdict.RED and now_s - one.since_s >= after_s]
    at_us = round(now_s * 1e6)
    return [
        one for one in red if one.name not in told and not any(silence.covers(one.alert, at_us) for silence in silences)
    ]


def notice(
    stretches: Sequence[Stretch],
    found: evidence.Evidence,
    explanation: evidence.Explanation,
    incident_id: str,
    at_us: int,
) -> incidents.Notice:
    """Return what people are told. Its id is the same however often it is made of these stretches at one moment."""
    lines = [one.line for one in stretches]
    lasted = shown.duration(max(0.0, at_us / 1e6 - min(one.since_s for one in lines)))
    alerts = telling.listed([incidents.words_of(one.alert, ()) for one in stretches])
    title = incidents.one_line(f"Red for {lasted}: {alerts}", incidents.TEXT_CHARS_MAX)
    data = {"gates": lines, "explanation": explanation, "span": found.span, "missing": found.missing}
    return incidents.Notice(
        id=ids.ulid_from(at_us, hashlib.sha256("\n".join(one.name for one in stretches).encode()).digest()[:10]),
        at_us=at_us,
        kind=incidents.NoticeKind.ESCALATED,
        incident_id=incident_id,
        severity=incidents.Severity.PAGE,
        title=title,
        text="\n".join(_lines(lines, explanation, incident_id)),
        data=orjson.dumps(data).decode(),
    )


def incident_of(stretches: Sequence[Stretch], found: evidence.Evidence) -> str:
    """Return the id of the open incident that an alert of the gates is in, the first gate's first, "" where there is none."""
    return next(
        (
            one.id
            for stretch in stretches
            for one in found.incidents
            if one.standing is incidents.Standing.OPEN
            and any(member.alert.name == stretch.alert and member.fires for member in one.members)
        ),
        "",
    )


def _lines(lines: Sequence[watching.GateLine], explanation: evidence.Explanation, incident_id: str) -> Iterator[str]:
    for line in lines:
        value = "unknown" if line.value is None else f"{line.value:.4g} {line.unit}".strip()
        limit = f"{line.comparator} {line.threshold:g} {line.unit}".strip()
        yield f"{line.name} is {value} and must be {limit}; red since {shown.clock(round(line.since_s * 1e6))}."
    yield from (one.text for one in explanation.happened[:_SENTENCES_MAX])
    if explanation.causes:
        yield "May have to do with it:"
        yield from (f"  {one.sentence.text}" for one in explanation.causes[:_CAUSES_MAX])
    for heading, sentences in (("Done about it:", explanation.done), ("Next:", explanation.next_steps)):
        if sentences:
            yield heading
            yield from (f"  {one.text}" for one in sentences[:_SENTENCES_MAX])
    yield f"More: council incidents show {incident_id}" if incident_id else f"More: council gates {lines[0].name}"
