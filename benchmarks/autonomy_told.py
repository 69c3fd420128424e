"""What the parts of the soak of autonomy come to together: shares with their bounds, and the table. Pure."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import figures

# Decision 23, and the issue: this share of so many operations at the least.
GOAL, LEAST = 0.997, 1_000
# Of the jobs that were due this share must have run: a busy machine puts off a few.
DONE_SHARE = 0.8
_HOURS_A_DAY = 24


def of_report(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return, of what `council report kpi --json` tells, each kind's operations and those that needed a person.

    `beside` is what people did that belongs to no kind. What the report cannot tell is an operation less, and has its reason.
    """
    rows = {row["name"]: row["now"] for row in told["kpis"] if row["name"].startswith("autonomy")}
    of_kinds = {name: _needed(rows[f"autonomy of {name}"]) for name in ("incidents", "patches", "jobs")}
    needed = _needed(rows["autonomy"])[1]
    return {
        "kinds": of_kinds,
        "beside": max(0, needed - sum(one[1] for one in of_kinds.values())),
        "untold": sorted({f"{name}: {row['reason']}" for name, row in rows.items() if row["value"] is None}),
    }


def _needed(row: Mapping[str, Any]) -> list[int]:
    if row["value"] is None:
        return [0, 0]
    return [row["n"], row["n"] - round(row["n"] * row["value"] / 100)]


def due(lasted_s: float, hour_s: float, days: float, names: Sequence[str]) -> dict[str, int]:
    """Return how many jobs of each kind the schedules have in a time, the fewest that may be."""
    hours = lasted_s / hour_s
    looks = {f"bot {name}": int(hours) for name in names}
    return looks | {
        "backup": max(1, int(lasted_s / max(180.0, _HOURS_A_DAY * hour_s))),
        "drill": 1 if days >= 1 else 0,
        "digest": 1,
    }


def kinds(merged: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Return, by kind, how many operations there were and how many of them needed a person.

    An incident that was open at the end, with nobody called, is taken as one that did: nobody knows what became of it.
    """
    found: dict[str, tuple[int, int]] = {}
    for one in merged["ran"].values():
        for name, (count, needed) in one["kinds"].items():
            before = found.get(name, (0, 0))
            left = len(one["open"]) if name == "incidents" else 0
            found[name] = before[0] + count, before[1] + min(count, needed + left)
    return found


def whole(merged: Mapping[str, Any]) -> tuple[int, int]:
    """Return the same of all kinds together, with what people did beside them."""
    found = kinds(merged).values()
    count, beside = sum(one[0] for one in found), sum(one["beside"] for one in merged["ran"].values())
    return count, min(count, beside + sum(one[1] for one in found))


def is_well(merged: Mapping[str, Any], *, quick: bool) -> bool:
    """Whether the goal is met, or may be once all parts have run: a job that did not run went on without nobody."""
    count, needed = whole(merged)
    reached = count > 0 and (count - needed) / count >= GOAL and (quick or not late(merged))
    is_whole = len(merged["ran"]) == merged["campaign"]["parts"] and not quick
    return reached and (count >= LEAST or not is_whole)


def late(merged: Mapping[str, Any]) -> list[str]:
    """Return the kinds of jobs of which fewer than most of those due were done."""
    ran = list(merged["ran"].values())
    asked = _sum(one["due"] for one in ran)
    done = {name: sum(one["jobs"].get(name, {}).get("done", 0) for one in ran) for name in asked}
    return sorted(name for name, count in asked.items() if done[name] < DONE_SHARE * count)


def table(merged: Mapping[str, Any]) -> str:
    """Return what all parts found together."""
    ran = list(merged["ran"].values())
    hours = sum(one["lasted_s"] for one in ran) / merged["campaign"]["hour_s"]
    count, needed = whole(merged)
    lines = [
        f"== autonomy, seed {merged['campaign']['seed']}, {merged['share']}: {hours / _HOURS_A_DAY:.1f} compressed days",
        f"{'operations':<22}{'count':>7}{'share':>8}{'needed':>8}{'alone':>10}{'at least':>10}{'at most':>10}",
        _row("all", count, needed, count),
        *(_row(name, *found, count) for name, found in kinds(merged).items()),
        _verdict(count, needed),
        *_jobs(ran),
        *(f"{name}: too few were done" for name in late(merged)),
        *_lines("patch decisions", _sum(one["patches"] for one in ran)),
        *_lines("looks of bots", _sum(one["bots"] for one in ran)),
        *_lines("faults", Counter(fault["end"] for one in ran for fault in one["faults"])),
        *_lines("questions", _sum(one["asked"] for one in ran)),
    ]
    for what in ("untold", "called", "open", "left_undone", "failed"):
        lines += [f"{what.replace('_', ' ')}: {text}" for one in ran for text in one[what]]
    return "\n".join(lines)


def _row(name: str, count: int, needed: int, of: int) -> str:
    if not count:
        return f"{name:<22}{0:>7}"
    low, high = figures.wilson(count - needed, count)
    shares = "".join(f"{100 * one:>8.2f} %" for one in ((count - needed) / count, low, high))
    return f"{name:<22}{count:>7}{100 * count / of:>6.1f} %{needed:>8}{shares}"


def _verdict(count: int, needed: int) -> str:
    share = 100 * (count - needed) / count if count else 0.0
    met = "met" if count >= LEAST and share >= 100 * GOAL else "MISSED"
    return f"autonomy: {share:.2f} % of {count:,} (must be >= {100 * GOAL:g} % of >= {LEAST:,}) {met}"


def _jobs(ran: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{'jobs':<22}{'due':>7}{'done':>8}{'failed':>8}"
    asked = _sum(one["due"] for one in ran)
    for name in sorted({*asked, *(name for one in ran for name in one["jobs"])}):
        done, failed = (sum(one["jobs"].get(name, {}).get(what, 0) for one in ran) for what in ("done", "failed"))
        yield f"{name:<22}{asked.get(name, 0):>7}{done:>8}{failed:>8}"


def _sum(counts: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total


def _lines(title: str, counts: Counter[str]) -> Iterator[str]:
    if counts:
        yield f"{title}: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def say(text: str) -> None:
    """Print a line of progress on standard error."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
