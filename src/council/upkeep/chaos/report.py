"""What a campaign found, as figures, as a table, as JSON and as a page. Pure but for `write`."""

import dataclasses
import html
import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from council.upkeep.chaos import drawing, outcome

# What is wanted: seconds, and the share of questions that no fault owned which must be answered.
NOTICED_P95_S, REPAIRED_P95_S, REPAIRED_MAX_S = 20.0, 30.0, 90.0
OTHERS_SHARE = 0.99
_BAD = frozenset({outcome.End.UNNOTICED, outcome.End.NOT_REPAIRED, outcome.End.NOT_WELL})


@dataclass(frozen=True, slots=True)
class Act:
    """A playbook that the healer used, what came of it, and after how many seconds; None while it goes on."""

    playbook: str
    outcome: str
    took_s: float | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign. `false_repairs` are what was repaired or alerted of in `calm_s` seconds without a fault.

    `acts` are all repairs from its beginning to its end, `playbooks` the names of those that there are.
    """

    seed: int
    began: str
    ran_s: float
    calm_s: float
    manager: str
    false_repairs: tuple[str, ...] = ()
    struck: tuple[outcome.Struck, ...] = ()
    asked: Mapping[str, int] = field(default_factory=dict)
    gates_before: Mapping[str, str] = field(default_factory=dict)
    gates_after: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    circumstances: Mapping[str, Any] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()
    playbooks: tuple[str, ...] = ()

    @property
    def put_in(self) -> list[outcome.Struck]:
        """The faults that could be put in."""
        return [one for one in self.struck if not one.cannot]

    @property
    def well(self) -> bool:
        """Whether every fault ended green or with a person called, and nothing was repaired without one."""
        return bool(self.put_in) and not any(one.end in _BAD for one in self.put_in) and not self.false_repairs


@dataclass(frozen=True, slots=True)
class Spread:
    """How values lie: how many, their median, 95th percentile and greatest; None of nothing."""

    count: int
    p50: float | None
    p95: float | None
    most: float | None

    @property
    def told(self) -> str:
        """For people."""
        if self.p50 is None or self.p95 is None or self.most is None:
            return "-"
        return f"{self.p50:.1f} / {self.p95:.1f} / {self.most:.1f}"


def spread(values: Sequence[float | None]) -> Spread:
    """Return how the known ones of these lie, by nearest rank."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return Spread(0, None, None, None)
    return Spread(len(known), known[(len(known) - 1) // 2], known[math.ceil(0.95 * len(known)) - 1], known[-1])


HEAD = ("FAULT", "N", "ENDED", "NOTICED p50/p95/max s", "ALERTED", "REPAIRED", "OWN LOST", "OTHERS LOST", "PERSON")


def rows(faults: Sequence[outcome.Struck]) -> list[tuple[str, ...]]:
    """Return a row a fault, in the order in which they were first put in, then one of all."""
    names = list(dict.fromkeys(one.fault for one in faults))
    made = [_row(name, [one for one in faults if one.fault == name]) for name in names]
    return [*made, _row("all", faults)] if len(names) > 1 else made


def _row(name: str, found: Sequence[outcome.Struck]) -> tuple[str, ...]:
    ends = [end for end in outcome.End if any(one.end is end for one in found)]
    told = ", ".join(f"{sum(one.end is end for one in found)} {end}" if len(found) > 1 else str(end) for end in ends)
    return (
        name,
        str(len(found)),
        told,
        spread([one.shown_s for one in found]).told,
        spread([one.alerted_s for one in found]).told,
        spread([one.repair_s for one in found]).told,
        _lost(sum(one.own_lost for one in found), sum(one.own_asked for one in found)),
        _lost(sum(one.others_lost for one in found), sum(one.others_asked for one in found)),
        str(sum(one.end is outcome.End.CALLED for one in found)),
    )


ACTS_HEAD = ("PLAYBOOK", "N", "ENDED", "TOOK p50/p95/max s")


def acts(found: Sequence[Act], playbooks: Collection[str]) -> list[tuple[str, ...]]:
    """Return a row a playbook by name; one that was never used says so."""
    names = sorted({*playbooks, *(one.playbook for one in found)})
    return [_act(name, [one for one in found if one.playbook == name]) for name in names]


def _act(name: str, found: Sequence[Act]) -> tuple[str, ...]:
    ended = Counter(one.outcome for one in found)
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(ended.items()))
    return name, str(len(found)), told or "never used", spread([one.took_s for one in found]).told


def _lost(lost: int, asked: int) -> str:
    return f"{lost} of {asked}"


def targets(faults: Sequence[outcome.Struck], false_repairs: int) -> list[tuple[str, str, str, bool | None]]:
    """Return what is wanted: its name, what it is, what it must be, and whether it is met, None where there is no figure."""
    noticed, repaired = spread([one.shown_s for one in faults]), spread([one.repair_s for one in faults])
    to_notice = [one for one in faults if one.end is not outcome.End.WITHSTOOD]
    of_repaired = f" of {repaired.count} repaired of {len(to_notice)}"
    asked, lost = sum(one.others_asked for one in faults), sum(one.others_lost for one in faults)
    share = (asked - lost) / asked if asked else None
    bad = [one for one in faults if one.end in _BAD]
    return [
        _bound("noticed, p95", noticed.p95, NOTICED_P95_S, f" of {noticed.count} noticed of {len(to_notice)}"),
        _bound("repaired, p95", repaired.p95, REPAIRED_P95_S, of_repaired),
        _bound("repaired, longest", repaired.most, REPAIRED_MAX_S, of_repaired),
        (
            "questions of no fault answered",
            "-" if share is None else f"{100 * share:.2f} % of {asked}",
            f">= {100 * OTHERS_SHARE:g} %",
            None if share is None else share >= OTHERS_SHARE,
        ),
        ("neither green nor a person called", str(len(bad)), "0", not bad),
        ("repairs or alerts without a fault", str(false_repairs), "0", not false_repairs),
    ]


def _bound(name: str, value: float | None, most: float, of: str = "") -> tuple[str, str, str, bool | None]:
    """`of` says which of how many have a value: one that has none is not late, and not in time either."""
    told = "-" if value is None else f"{value:.1f} s{of}"
    return name, told, f"<= {most:g} s", None if value is None else value <= most


def form(one: Campaign) -> dict[str, Any]:
    """Return it for JSON."""
    told = {
        name: getattr(one, name)
        for name in (
            *("seed", "began", "ran_s", "calm_s", "manager", "well", "asked"),
            *("gates_before", "gates_after", "left_out", "circumstances"),
        )
    }
    wanted = [
        {"name": name, "is": value, "must_be": bound, "met": met}
        for name, value, bound, met in targets(one.put_in, len(one.false_repairs))
    ]
    return told | {
        "false_repairs": list(one.false_repairs),
        "targets": wanted,
        "faults": [outcome.form(struck) for struck in one.struck],
        "acts": [dataclasses.asdict(act) for act in one.acts],
        "playbooks": list(one.playbooks),
    }


def page(one: Campaign) -> str:
    """Return it as a page of HTML, which needs nothing beside it."""
    wanted = targets(one.put_in, len(one.false_repairs))
    met = {True: "met", False: "MISSED", None: "not measured"}
    cannot = sorted({f"{struck.fault}: {struck.cannot}" for struck in one.struck if struck.cannot})
    cannot += [f"{name}: {why}" for name, why in sorted(one.left_out.items())]
    changed = [
        f"{name} {was} → {one.gates_after.get(name, 'unknown')}"
        for name, was in sorted(one.gates_before.items())
        if one.gates_after.get(name) != was
    ]
    return _PAGE.format(
        verdict=_verdict(one),
        facts=html.escape(
            f"Seed {one.seed}, began {one.began}, {one.ran_s:.0f} s; {one.calm_s:.0f} s without a fault. What ends is started "
            f"again by {one.manager}. Gates that changed from before to after: {', '.join(changed) or 'none'}."
        ),
        wanted=_table(("WANTED", "IS", "MUST BE", ""), [(*row[:3], met[row[3]]) for row in wanted]),
        faults=_table(HEAD, rows(one.put_in)),
        acts=_table(ACTS_HEAD, acts(one.acts, one.playbooks)),
        times=drawing.times(one.put_in),
        lost=drawing.lost(one.put_in),
        each=_table(
            ("FAULT", "SERVICE", "ENDED", "NOTICED BY", "REMARKS"),
            [(s.fault, s.service, str(s.end), s.noticed_by, "; ".join((*s.repairs, *s.remarks))) for s in one.put_in],
        ),
        cannot=html.escape("; ".join(cannot) or "none"),
    )


def _verdict(one: Campaign) -> str:
    hidden = sum(struck.end is outcome.End.HIDDEN for struck in one.put_in)
    if not one.put_in:
        return "No fault was put in"
    if one.well and hidden:
        return f"No fault ended badly; of {hidden} nobody can say"
    return "Every fault ended well" if one.well else "Not every fault ended well"


def _table(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{html.escape(cell.lower())}</th>" for cell in head)]
    lines += ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in cells]
    return "<table>" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def keep(one: Campaign, folder: Path) -> None:
    """Write `chaos.json` alone, as of a campaign that goes on. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "chaos.json.partial"
    partial.write_text(json.dumps(form(one), indent=1) + "\n")
    partial.replace(folder / "chaos.json")


def write(one: Campaign, folder: Path) -> None:
    """Write `chaos.json`, `index.html`, `times.svg` and `lost.svg`. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    keep(one, folder)
    (folder / "index.html").write_text(page(one))
    (folder / "times.svg").write_text(drawing.times(one.put_in))
    (folder / "lost.svg").write_text(drawing.lost(one.put_in))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A campaign of chaos</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; }} td, th {{ padding: .2em .8em .2em 0; text-align: left; vertical-align: top; }}
svg {{ max-width: 100%; height: auto; }}
</style></head><body>
<h1>{verdict}</h1>
<p>{facts}</p>
{wanted}
<h2>Faults</h2>
<p>Seconds: median / 95th percentile / longest. Repaired counts from when it was noticed, or from when it was taken out.</p>
{faults}
{times}
{lost}
<h2>Playbooks</h2>
{acts}
<h2>Each</h2>
{each}
<p>Not put in: {cannot}.</p>
</body></html>
"""
