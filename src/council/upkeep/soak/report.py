"""The report of a soak: one JSON object, a page that needs nothing beside it, and a picture of each gate."""

import dataclasses
import html
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from council.upkeep.soak import load, pictures, record

_POINTS_MAX = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Soak:
    """What a soak was and what it found. `ran_s` is how long it really ran; `stopped` says that a person ended it."""

    profile: str
    wanted_s: float
    ran_s: float
    warm_up_s: float
    stopped: bool
    began: str
    generation: str
    asked: load.Asked
    seen: record.Record
    rulings: Sequence[record.Ruling]

    @property
    def passed(self) -> bool:
        """Whether it ran to its end, at least one gate was judged, and none failed."""
        outcomes = {one.outcome for one in self.rulings}
        return not self.stopped and record.Outcome.PASSED in outcomes and record.Outcome.FAILED not in outcomes

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        counts = {one: sum(ruling.outcome is one for ruling in self.rulings) for one in record.Outcome}
        told = ", ".join(f"{count} {one}" for one, count in counts.items() if count) or "no gate was seen"
        head = "Passed" if self.passed else "Stopped before its end" if self.stopped else "Failed"
        return f"{head}: {told}."


def quantiles(seconds: Sequence[float]) -> tuple[float, float] | None:
    """Return the median and the 95th percentile, None of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    return ordered[(len(ordered) - 1) // 2], ordered[math.ceil(0.95 * len(ordered)) - 1]


def as_json(soak: Soak) -> dict[str, Any]:
    """Return the report as plain values; the course of each gate in at most a thousand stretches."""
    return {
        "passed": soak.passed,
        "verdict": soak.verdict,
        "profile": soak.profile,
        "began": soak.began,
        "wanted_s": soak.wanted_s,
        "ran_s": round(soak.ran_s, 1),
        "warm_up_s": soak.warm_up_s,
        "stopped": soak.stopped,
        "generation": soak.generation,
        "readings": len(soak.seen.times_s),
        "blind": soak.seen.blind,
        "asked": {kind: dict(counts) for kind, counts in soak.asked.counts.items()},
        "not_asked": soak.asked.late,
        "seconds": {kind: quantiles(one) for kind, one in soak.asked.seconds.items()},
        "gates": [_gate(soak, one) for one in soak.rulings],
    }


def _gate(soak: Soak, ruling: record.Ruling) -> dict[str, Any]:
    course = soak.seen.courses[ruling.gate]
    return {
        "name": ruling.gate,
        "outcome": ruling.outcome,
        "why": ruling.why,
        "seen": {str(verdict): count for verdict, count in ruling.seen.items() if count},
        "low": ruling.low,
        "high": ruling.high,
        "unit": course.line.unit,
        "comparator": course.line.comparator,
        "threshold": course.line.threshold,
        "changes": [
            {"at_s": round(at_s, 1), "verdict": verdict, "reason": why} for at_s, verdict, why in course.changes
        ],
        "course": [
            {"verdict": one.verdict, "high": None if math.isnan(one.high) else one.high}
            for one in _columns(course, _POINTS_MAX)
        ],
    }


def _columns(course: record.Course, width: int = pictures.WIDTH) -> list[pictures.Column]:
    verdicts = [course.verdict(course.first + place) for place in range(len(course.verdicts))]
    return pictures.columns(verdicts, course.values, width)


def page(soak: Soak) -> str:
    """Return the report as a page of HTML."""
    warm_up = min(1.0, soak.warm_up_s / soak.ran_s) if soak.ran_s else 0.0
    rows, drawings = [], []
    for ruling in soak.rulings:
        course = soak.seen.courses[ruling.gate]
        line = course.line
        must = f"{line.comparator} {line.threshold:g} {line.unit}"
        cells = (ruling.gate, str(ruling.outcome), must, ruling.span, ruling.why)
        rows.append(
            f'<tr class="{ruling.outcome.name.lower()}">'
            + "".join(f"<td>{html.escape(one)}</td>" for one in cells)
            + "</tr>"
        )
        if ruling.outcome is not record.Outcome.NOT_APPLICABLE:
            span = f"{soak.ran_s / 60:.1f} min"
            picture = pictures.svg(ruling.gate, _columns(course), line.comparator, line.threshold, warm_up, span)
            drawings.append(f"<h3>{html.escape(f'{ruling.gate}, {line.unit}'.removesuffix(', '))}</h3>{picture}")
    asked = [
        f"<tr><td>{html.escape(kind)}</td><td>{counts.total()}</td><td>{html.escape(_told(counts))}</td>"
        f"<td>{_seconds(soak, kind)}</td></tr>"
        for kind, counts in sorted(soak.asked.counts.items())
    ]
    return _PAGE.format(
        verdict=html.escape(soak.verdict),
        facts=html.escape(facts(soak)),
        gates="\n".join(rows),
        asked="\n".join(asked),
        drawings="\n".join(drawings),
    )


def facts(soak: Soak) -> str:
    """Return when, how long and with what, in a sentence."""
    late = f" {soak.asked.late} were not asked, since too many were open." if soak.asked.late else ""
    blind = f" At {soak.seen.blind} of them the watcher said nothing new." if soak.seen.blind else ""
    return (
        f"Began {soak.began} with profile {soak.profile}, ran {soak.ran_s:.0f} s of {soak.wanted_s:.0f} s, of which the first "
        f"{soak.warm_up_s:.0f} s do not count. {soak.asked.total} questions.{late} {len(soak.seen.times_s)} readings.{blind} "
        f"Generation {soak.generation[:8]}."
    )


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items(), key=lambda one: -one[1]))


def _seconds(soak: Soak, kind: str) -> str:
    found = quantiles(soak.asked.seconds.get(kind, ()))
    return "" if found is None else f"{found[0]:.3g} s, {found[1]:.3g} s"


def write(soak: Soak, folder: Path) -> None:
    """Write `soak.json`, `index.html` and a PNG for each gate that applies. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "soak.json").write_text(json.dumps(as_json(soak), indent=1) + "\n")
    (folder / "index.html").write_text(page(soak))
    warm_up = min(1.0, soak.warm_up_s / soak.ran_s) if soak.ran_s else 0.0
    for ruling in soak.rulings:
        if ruling.outcome is not record.Outcome.NOT_APPLICABLE:
            course = soak.seen.courses[ruling.gate]
            line, span = course.line, f"{soak.ran_s / 60:.1f} min"
            title = f"{ruling.gate}, {line.unit}".removesuffix(", ")
            drawn = pictures.png(title, _columns(course), line.comparator, line.threshold, warm_up, span)
            (folder / f"{ruling.gate}.png").write_bytes(drawn)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A soak of Council</title><style>
body {{ font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; }} td, th {{ padding: .2em .8em .2em 0; text-align: left; vertical-align: top; }}
tr[class] td:nth-child(-n+4) {{ white-space: nowrap; }}
tr.failed td:nth-child(2) {{ color: #b3261e; }} tr.passed td:nth-child(2) {{ color: #2a7f3f; }}
svg {{ max-width: 100%; height: auto; }}
</style></head><body>
<h1>{verdict}</h1>
<p>{facts}</p>
<h2>Gates</h2>
<table><tr><th>gate</th><th>outcome</th><th>must be</th><th>was</th><th>why</th></tr>
{gates}
</table>
<h2>Questions</h2>
<table><tr><th>kind</th><th>asked</th><th>what came of it</th><th>answered in: p50, p95</th></tr>
{asked}
</table>
<h2>Courses</h2>
<p>The line is the gate's number, dashed its limit. The band below is what it said: green, amber, red, violet where it was
unknown. What is shaded is warm-up.</p>
{drawings}
</body></html>
"""
