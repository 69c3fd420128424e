"""The sums of the soak of patches on a whole Council, and its paragraph of README.md, from results/soak_patches_live.json."""

import collections
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import figures

RESULT = Path(__file__).resolve().parent / "results" / "soak_patches_live.json"


def soaks() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the circumstances of the campaign's last part and the text beneath them, if one has run."""
    if RESULT.exists():
        merged = json.loads(RESULT.read_text())
        yield list(merged["ran"].values())[-1], _text(merged)


def _text(merged: Mapping[str, Any]) -> str:
    this, found = merged["campaign"], sums(merged)
    ends = ", ".join(f"{kind}: {outcome or 'no end'} {count}" for (kind, outcome), count in found["ends"].items())
    before, switch = (figures.short(found[name]) for name in ("p95_before_ms", "p95_switch_ms"))
    lines = [
        f"Patches on a whole Council at {this['rate']:g} requests a second: seed {this['seed']}, {merged['share']} of "
        f"{this['each']} good and {this['each']} bad patches, **{len(found['violations'])} violations**.\n",
        f"- {found['applied']} of {found['good']} good ones were applied, with a bake of six seconds, in s: "
        f"{spread(found['whole_s'])}.",
        f"- {ends}.",
        f"- {found['asked']:,} requests, {found['failed']:,} failed, {found['failed_unexplained']} of them by no fault; within "
        f"two seconds of the switches of good ones {found['around_failed']} of {found['around']:,}.",
        f"- p95 of the upstream's answers {before} ms in the ten seconds before a good one, {switch} ms around its switch.",
        f"- The switch, in ms: {spread([1000 * one for one in found['switch_s']])}.",
        f"- From the first bad response to the old generation, in s: {spread(found['repair_s'])}; from the fault: "
        f"{spread(found['from_fault_s'])}.",
    ]
    return "\n".join(lines) + "\n"


def sums(merged: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a campaign over all parts that have run."""
    ran = list(merged["ran"].values())
    rows = [row for one in ran for row in one["patches"]]
    good = [row for row in rows if row["good"]]
    before = [took for row in good for took in row["before_ms"]]
    switch = [took for row in good for took in row["switch_ms"]]
    return {
        "good": len(good),
        "applied": sum(row["outcome"] == "applied" for row in good),
        "bad": len(rows) - len(good),
        "ends": dict(sorted(collections.Counter((row["kind"], row["outcome"]) for row in rows).items())),
        "asked": sum(sum(one["asked"].values()) for one in ran),
        "failed": sum(one["failed"] for one in ran),
        "failed_unexplained": sum(one["failed_unexplained"] for one in ran),
        "around": sum(row["around_switch"]["asked"] for row in good),
        "around_failed": sum(row["around_switch"]["failed"] for row in good),
        "p95_before_ms": _quantile(before, 0.95),
        "p95_switch_ms": _quantile(switch, 0.95),
        "switch_s": [row["phases_s"]["switching"] for row in rows if "switching" in row["phases_s"]],
        "whole_s": [row["whole_s"] for row in good],
        "repair_s": [row["repair_s"] for row in rows if row["repair_s"] is not None],
        "from_fault_s": [row["from_fault_s"] for row in rows if row["from_fault_s"] is not None],
        "violations": [line for one in ran for line in one["violations"]],
    }


def _quantile(values: Sequence[float], share: float) -> float | None:
    return figures.quantile(values, share) if values else None


def spread(values: Sequence[float]) -> str:
    """Return the quantiles of some values as text."""
    if not values:
        return "none"
    p50, p95, p99 = (figures.short(figures.quantile(values, share)) for share in (0.5, 0.95, 0.99))
    return f"p50 {p50}, p95 {p95}, p99 {p99}, max {figures.short(max(values))} ({len(values)})"
