"""The sums of the campaign of the pipeline, its paragraph of README.md and its picture, from results/soak_pipeline.json."""

import collections
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import figures
from patches_live_readme import spread

RESULT = Path(__file__).resolve().parent / "results" / "soak_pipeline.json"
PICTURE = RESULT.with_suffix(".svg")
_LEFT, _WIDTH, _ROW, _EDGE = 190, 600, 30, 30


def soaks() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the circumstances of the campaign's last part and the text beneath them, if one has run."""
    if RESULT.exists():
        merged = json.loads(RESULT.read_text())
        shown = f"![From the proposal to each step, and repairs](results/{PICTURE.name})\n"
        yield list(merged["ran"].values())[-1], f"{table(merged)}\n\n{shown}"


def sums(merged: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a campaign over all parts that have run."""
    ran = list(merged["ran"].values())
    rows = [row for one in ran for row in one["proposals"]]
    good = [row for row in rows if row["good"]]
    steps: dict[str, list[float]] = {}
    for row in good:
        for name, at_s in row["steps_s"].items():
            steps.setdefault(name, []).append(at_s)
    return {
        "good": len(good),
        "applied": sum(row["outcome"] == "applied" for row in good),
        "bad": len(rows) - len(good),
        "ends": dict(sorted(collections.Counter((row["kind"], row["outcome"]) for row in rows).items())),
        "killed": dict(sorted(collections.Counter(row["killed"] for row in rows if row["killed"]).items())),
        "steps_s": steps,
        "repair_s": [row["repair_s"] for row in rows if row["repair_s"] is not None],
        "asked": sum(one["asked"] for one in ran),
        "failed": sum(one["failed"] for one in ran),
        "failed_unexplained": sum(one["failed_unexplained"] for one in ran),
        "violations": [line for one in ran for line in one["violations"]],
    }


def table(merged: Mapping[str, Any]) -> str:
    """Return the merged campaign as text."""
    this, found = merged["campaign"], sums(merged)
    share = figures.short(100 * found["applied"] / found["good"]) if found["good"] else "none"
    lines = [
        f"Proposals through the pipeline at {this['rate']:g} requests a second: seed {this['seed']}, {merged['share']} of "
        f"{this['count']} proposals, {len(found['violations'])} violations.\n",
        f"- good: {found['applied']} of {found['good']} applied ({share} %); bad: {found['bad']}",
        *(f"- {kind}: {outcome} {count}" for (kind, outcome), count in found["ends"].items()),
        f"- killed with -9 meanwhile: {', '.join(f'{name} {count}' for name, count in found['killed'].items()) or 'none'}",
        *(f"- from the proposal to {name}, s: {spread(values)}" for name, values in found["steps_s"].items()),
        f"- from the first bad response to the first good one after, s: {spread(found['repair_s'])}",
        f"- {found['asked']:,} requests, {found['failed']:,} failed, {found['failed_unexplained']} of them by no fault",
        *(f"- violation: {line}" for line in found["violations"]),
    ]
    return "\n".join(lines)


def picture(merged: Mapping[str, Any]) -> str:
    """Return an SVG with a dot for each good proposal at each step, and for each repair, over seconds."""
    found = sums(merged)
    rows = {**found["steps_s"], "repair of a bad one": found["repair_s"]}
    longest_s = max((value for values in rows.values() for value in values), default=1.0)
    width, height = _LEFT + _WIDTH + _EDGE, len(rows) * _ROW + 2 * _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for tick in range(0, int(longest_s) + 1, max(10, int(longest_s) // 60 * 10)):
        at = _LEFT + tick / longest_s * _WIDTH
        parts += [
            f'<line x1="{at:.1f}" y1="{_EDGE - 8}" x2="{at:.1f}" y2="{height - _EDGE}" stroke="#ddd"/>',
            f'<text x="{at:.1f}" y="{height - _EDGE + 16}" text-anchor="middle">{tick} s</text>',
        ]
    for number, (name, values) in enumerate(rows.items()):
        middle = _EDGE + number * _ROW + _ROW / 2
        colour = "#b3261e" if name.startswith("repair") else "#3c5a96"
        parts.append(f'<text x="{_LEFT - 12}" y="{middle + 4}" text-anchor="end">{name} ({len(values)})</text>')
        parts += [
            f'<circle cx="{_LEFT + value / longest_s * _WIDTH:.1f}" cy="{middle}" r="4" fill="{colour}" fill-opacity="0.35"/>'
            for value in values
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
