"""How often the leak verdict is right: made processes of six kinds, with and without a leak, and two pictures of each.

    make bench ARGS="--only leaks"

Every figure is a share of runs, with the 95 % bounds of Wilson's interval as its extremes. A false alarm is any alarm at
any sample of a run without a leak; a leak is missed if no alarm came by its end. The seeds reported are no others than
`FIRST_SEED` and those after it; the rule was made on other ones.
"""

import concurrent.futures
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import figures
from council.testing import leaks as made
from council.upkeep.sentinels import leak

RUNS = 200
FIRST_SEED = 70_000
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "leaks.svg"

_MISSED_MAX = {"steps": 0.10, "daily": 0.25}
_HISTORY_S = 48 * 3600 + leak.WARM_UP_S


@dataclass(frozen=True, slots=True)
class Case:
    """One column of the table: how long we look, the leak, and when it begins."""

    hours: float
    leak_mb_per_hour: float = 0.0
    leak_from_s: float = 0.0
    sample_s: float = made.SAMPLE_S


@dataclass(frozen=True, slots=True)
class Alarms:
    """When each rule first raised an alarm in one run, None if never."""

    slow_s: float | None
    fast_s: float | None
    naive_s: float | None


def watch(kind: made.Kind, seed: int, case: Case) -> Alarms:
    """Run one made process past the rules."""
    watched = leak.LeakWatch()
    first: dict[str, float] = {}
    for time_s, size_bytes in made.series(
        kind, seed, case.hours, case.leak_mb_per_hour, case.leak_from_s, case.sample_s
    ):
        watched.add(time_s, size_bytes)
        judgement = watched.judge()
        if time_s >= case.leak_from_s:
            first.setdefault(judgement.verdict, time_s)
            if judgement.naive_alarm:
                first.setdefault("naive", time_s)
    return Alarms(first.get("leak"), first.get("fast leak"), first.get("naive"))


def run(say: Callable[[str], None], runs: int = RUNS) -> list[figures.Row]:
    """Return the table."""
    rows: list[figures.Row] = []
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for kind in made.KINDS:
            say(f"leaks: {kind}")
            rows += _of_kind(kind, functools.partial(_alarms, pool, runs, kind))
    PICTURE.write_text(picture())
    return sorted(rows, key=lambda row: row.figure)


def _alarms(pool: concurrent.futures.Executor, runs: int, kind: made.Kind, case: Case) -> list[Alarms]:
    seeds = range(FIRST_SEED, FIRST_SEED + runs)
    return list(pool.map(watch, [kind] * runs, seeds, [case] * runs, chunksize=5))


def _of_kind(kind: made.Kind, alarms_of: Callable[[Case], list[Alarms]]) -> list[figures.Row]:
    rows: list[figures.Row] = []
    healthy = alarms_of(Case(24.0))
    for hours in (4, 24):
        head, target = f"false alarms in {hours} h", 0.02 if hours == 4 else None
        for rule, firsts in (
            ("slow", [one.slow_s for one in healthy]),
            ("fast", [one.fast_s for one in healthy]),
            ("naive", [one.naive_s for one in healthy]),
        ):
            alarmed = [first is not None and first <= hours * 3600 for first in firsts]
            rows.append(_share(f"{head}: {rule} rule", kind, alarmed, None if rule == "naive" else target))
    leaking = alarms_of(Case(4.0, 8.0))
    rows.append(
        _share("8 MB/h missed after 4 h", kind, [one.slow_s is None for one in leaking], _MISSED_MAX.get(kind, 0.05))
    )
    if kind == "daily":
        late = alarms_of(Case(_HISTORY_S / 3600 + 4.01, 8.0, _HISTORY_S))
        missed = [one.slow_s is None for one in late]
        rows.append(_share("8 MB/h missed after 4 h, 48 h known before", kind, missed, 0.05))
        calm = alarms_of(Case(72.0))
        rows.append(_share("false alarms in 72 h: slow rule", kind, [one.slow_s is not None for one in calm], 0.02))
    for rate in (120.0, 200.0, 400.0):
        fast = alarms_of(Case(3 + 180 / 3600, rate, 3 * 3600))
        rows.append(_share(f"{rate:.0f} MB/h missed after 3 min", kind, [one.fast_s is None for one in fast], 0.05))
    return rows


def _share(figure: str, subject: str, found: Sequence[bool], target: float | None = None) -> figures.Row:
    return figures.share(figure, subject, sum(found), len(found), target)


# One panel a kind, healthy beside leaking, on the same scale.
_PANEL_WIDTH, _PANEL_HEIGHT, _GAP = 300, 110, 34


def picture() -> str:
    """Return an SVG with four hours of one process of each kind, as it is and with 8 MB/h, and where the alarm came."""
    width, height = 2 * (_PANEL_WIDTH + _GAP) + _GAP, len(made.KINDS) * (_PANEL_HEIGHT + _GAP) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for row, kind in enumerate(made.KINDS):
        for column, rate in enumerate((0.0, 8.0)):
            left, top = _GAP + column * (_PANEL_WIDTH + _GAP), _GAP + row * (_PANEL_HEIGHT + _GAP)
            parts += _panel(kind, rate, left, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(kind: made.Kind, rate: float, left: int, top: int) -> list[str]:
    samples = list(made.series(kind, FIRST_SEED, 4.0, rate))
    low, high = 250e6, 480e6

    def place(time_s: float, size_bytes: float) -> str:
        size_bytes = min(high, max(low, size_bytes))
        return f"{left + time_s / 14_400 * _PANEL_WIDTH:.1f},{top + (high - size_bytes) / (high - low) * _PANEL_HEIGHT:.1f}"

    line = " ".join(place(time_s, size) for time_s, size in samples[::4])
    floors = [samples[begin : begin + 40] for begin in range(120, 960, 40)]
    dots = [place(bucket[20][0], min(size for _, size in bucket)).split(",") for bucket in floors]
    alarm_s = watch(kind, FIRST_SEED, Case(4.0, rate)).slow_s
    said = "no alarm" if alarm_s is None else f"alarm after {alarm_s / 3600:.1f} h"
    colour = "#2a7f3f" if alarm_s is None else "#b3261e"
    title = f"{kind}, {'leaks 8 MB/h' if rate else 'healthy'}: "
    bottom, right = top + _PANEL_HEIGHT, left + _PANEL_WIDTH
    scale = ((left + 4, top + 12, "start", f"{high / 1e6:.0f} MB"), (left + 4, bottom - 4, "start", f"{low / 1e6:.0f} MB, 0 h"),
             (right - 4, bottom - 4, "end", "4 h"))  # fmt: skip
    return [
        *(
            f'<text x="{x}" y="{y}" font-size="10" fill="#888" text-anchor="{anchor}">{told}</text>'
            for x, y, anchor, told in scale
        ),
        f'<text x="{left}" y="{top - 6}">{title}<tspan fill="{colour}">{said}</tspan></text>',
        f'<rect x="{left}" y="{top}" width="{_PANEL_WIDTH}" height="{_PANEL_HEIGHT}" fill="none" stroke="#bbb"/>',
        f'<polyline points="{line}" fill="none" stroke="#8aa4c8"/>',
        *(f'<circle cx="{x}" cy="{y}" r="2" fill="{colour}"/>' for x, y in dots),
    ]
