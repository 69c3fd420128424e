"""The paragraphs of README.md on the soak of patches, from results/soak_patches.json."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import figures

_RESULT = Path(__file__).resolve().parent / "results" / "soak_patches.json"


def soaks() -> Iterator[tuple[dict[str, Any], str]]:
    """Yield, for each campaign, the circumstances of its last part and the text beneath them."""
    if not _RESULT.exists():
        return
    texts = {"patch-faults": _faults, "patch-kills": _kills}
    for name, merged in json.loads(_RESULT.read_text()).items():
        yield list(merged["ran"].values())[-1], texts[name](merged)


def _faults(merged: dict[str, Any]) -> str:
    ran = list(merged["ran"].values())
    rows: dict[str, list[int]] = {}
    for one in ran:
        for name, counts in one["stories"].items():
            points, calls, before, after = rows.setdefault(name, [0, 0, 0, 0])
            rows[name] = [
                points + counts["points"],
                max(calls, counts["calls"]),
                before + counts["before"],
                after + counts["after"],
            ]
    points, calls = (sum(row[place] for row in rows.values()) for place in (0, 1))
    lines = [
        f"Faults at system calls: seed {merged['campaign']['seed']}, {merged['share']}: {points:,} of {calls:,} points with "
        f"EIO, ENOSPC or SIGKILL, **{_violations(ran)} violations**.\n",
        "| what was done | points | of | the base stood | the target stood |",
        "|---|---:|---:|---:|---:|",
        *(f"| {name} | " + " | ".join(f"{count:,}" for count in row) + " |" for name, row in rows.items()),
    ]
    return "\n".join(lines) + "\n"


def _kills(merged: dict[str, Any]) -> str:
    this, ran = merged["campaign"], list(merged["ran"].values())
    mended_s = [time_s for one in ran for time_s in one["mended_s"]]
    killed = {kind: sum(one["kills"][kind]["killed"] for one in ran) for kind in ran[0]["kills"]}
    places = {kind: max(one["kills"][kind]["places"] for one in ran) for kind in ran[0]["kills"]}
    asked = sum(counts["asked"] for one in ran for counts in one["kills"].values())
    rounds = sum(count for one in ran for count in one["crowds"].values())
    lines = [
        f"Kills, crashes and crowds: seed {this['seed']}, {merged['share']}: **{_violations(ran)} violations**.\n",
        *(
            f"- A {kind} patch: killed, or a call failed, at {killed[kind]} of {places[kind]} places."
            for kind in killed
        ),
        f"- {asked:,} requests asked meanwhile, none failed and none answered by two generations."
        if not _violations(ran)
        else f"- {asked:,} requests asked meanwhile.",
        f"- {rounds} crowds of 50 from two processes: {sum(one['taken'] for one in ran):,} of "
        f"{sum(one['submitted'] for one in ran):,} patches taken.",
        f"- {sum(one['worlds'] for one in ran):,} of {this['seeds']:,} simulated worlds, "
        f"{sum(one['patches'] for one in ran):,} patches with crashes at their effects.",
    ]
    if mended_s:
        p50, p99 = (figures.quantile(mended_s, share) for share in (0.5, 0.99))
        lines.insert(
            -2,
            f"- Killed at any moment {len(mended_s)} times, the supervisor too: one generation again in p50 {p50:.2f} s, "
            f"p99 {p99:.2f} s, max {max(mended_s):.2f} s.",
        )
    return "\n".join(lines) + "\n"


def _violations(ran: list[dict[str, Any]]) -> int:
    return sum(len(one["violations"]) for one in ran)
