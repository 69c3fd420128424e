"""What every part of the benchmark hands back: rows of figures, the circumstances they were taken in, and their table."""

import dataclasses
import datetime
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OURS = "council"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One figure of one subject. `value` None means that it could not be taken; `note` then says why.

    `target` is an upper bound in the same unit. `samples` is how many values `value` is the median (or quantile) of, and
    `low` and `high` are their extremes.
    """

    figure: str
    subject: str
    value: float | None
    unit: str
    target: float | None = None
    samples: int = 1
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return "met", "MISSED", or nothing where there is no target or no figure."""
        if self.target is None or self.value is None:
            return ""
        return "met" if self.value <= self.target else "MISSED"


def median(
    figure: str, subject: str, values: Sequence[float], unit: str, target: float | None = None, note: str = ""
) -> Row:
    """Return the row of a median with its extremes; without values the row says so."""
    if not values:
        return Row(figure, subject, None, unit, target, 0, note=note or "no value could be taken")
    return Row(
        figure, subject, statistics.median(values), unit, target, len(values), min(values), max(values), note
    )  # fmt: skip


def share(figure: str, subject: str, hits: int, count: int, target: float | None = None, note: str = "") -> Row:
    """Return the row of a share with its 95 % bounds as extremes."""
    low, high = wilson(hits, count)
    return Row(figure, subject, hits / count, "share", target, count, low, high, note)


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the bounds of Wilson's interval of a share."""
    middle = (hits + z * z / 2) / (count + z * z)
    half = z / (count + z * z) * math.sqrt(hits * (count - hits) / count + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of all values lie, between neighbours where it falls between."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def circumstances() -> dict[str, Any]:
    """Return machine, commit, date and how busy the machine is with other work."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def commit() -> str:
    """Return the commit of this checkout, with a plus sign if the tree differs from it."""
    head = _git("rev-parse", "HEAD")
    return f"{head}+" if _git("status", "--porcelain") else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True, cwd=ROOT)
    return done.stdout.strip()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def table(title: str, rows: Sequence[Row]) -> str:
    """Return the rows as text. A ratio is the subject's figure over ours, so above 1 means that ours is smaller."""
    ours = {row.figure: row.value for row in rows if row.subject == OURS}
    head = ("figure", "subject", "value", "unit", "target", "", "ratio", "from .. to (n)", "note")
    cells = [head, *(_cells(row, ours.get(row.figure)) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    right = {2, 4, 6}
    lines = [
        "  ".join(
            text.rjust(width) if column in right else text.ljust(width) for column, (text, width) in enumerate(pairs)
        )
        for pairs in (tuple(zip(row, widths, strict=True)) for row in cells)
    ]
    return "\n".join([f"== {title}", *(line.rstrip() for line in lines)])


def _cells(row: Row, ours: float | None) -> tuple[str, ...]:
    ratio = ""
    if row.subject != OURS and row.value is not None and ours:
        ratio = f"{row.value / ours:.2f}"
    spread = "" if row.low is None or row.high is None else f"{short(row.low)} .. {short(row.high)} ({row.samples})"
    target = "" if row.target is None else f"<= {row.target:g}"
    return (row.figure, row.subject, short(row.value), row.unit, target, row.verdict, ratio, spread, row.note)


def short(value: float | None) -> str:
    """Return a number with three digits that mean something."""
    if value is None:
        return "-"
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows for a JSON file, numbers cut to what was measured, with the verdict."""
    made = []
    for row in rows:
        fields = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in dataclasses.asdict(row).items()
        }
        made.append(
            {name: value for name, value in fields.items() if value not in (None, "")}
            | ({"verdict": row.verdict} if row.verdict else {})
        )
    return made
