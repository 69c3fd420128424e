"""How it was run, day by day: what it used, how many processes there were, what was started, changed and went wrong. Pure.

Out of the series that the watcher keeps. Of times more than two hours ago these have one point in ten minutes, so what began
and ended between two points is not in them; and what is older than the watcher keeps is not known.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from council.domain import digests, evidence
from council.upkeep.observer import layouts, starts, telling

SCHEMA = "council.operations/1"
_DAY_S = 86_400.0
_SLOT_S = 600.0
_SHARES = (
    ("disk", "council_disk_used_bytes", "council_disk_size_bytes"),
    ("descriptors", "open_fds_total", "fd_soft_limit"),
    ("graphics memory", "council_gpu_memory_used_bytes", "council_gpu_memory_total_bytes"),
)


@dataclass(frozen=True, slots=True)
class Service:
    """One service on one day. `most` and `least` are how many processes it had at once, `starts` how many began."""

    name: str
    starts: int
    least: int
    most: int
    memory_bytes: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """One day, UTC; `known` is the share of it of which there are series, `shares` each resource at its fullest, percent."""

    date: str
    known: float
    services: tuple[Service, ...]
    shares: Mapping[str, float]
    incidents: int
    applied: int
    rolled_back: int

    @property
    def scaled(self) -> tuple[str, ...]:
        """The services whose number of processes changed, with from and to."""
        return tuple(f"{one.name} {one.least} to {one.most}" for one in self.services if one.least != one.most)


@dataclass(frozen=True, slots=True)
class Report:
    """The days of a span."""

    span: evidence.Span
    days: tuple[Day, ...]
    missing: Sequence[evidence.Missing]


def report(found: evidence.Evidence) -> Report:
    """Return the days of the evidence's span, the last one first."""
    return Report(found.span, tuple(_day(found, part) for part in reversed(list(_parts(found.span)))), found.missing)


def _parts(span: evidence.Span) -> Iterator[evidence.Span]:
    at_s = span.start_s
    while at_s < span.end_s:
        end_s = min(span.end_s, (at_s // _DAY_S + 1) * _DAY_S)
        yield evidence.Span(at_s, end_s)
        at_s = end_s


def _day(found: evidence.Evidence, part: evidence.Span) -> Day:
    began = [track for track in found.tracks if track.name == starts.METRIC]
    names = sorted({track.service for track in began})
    services = [_service(found, name, [one for one in began if one.service == name], part) for name in names]
    slots = {at_s // _SLOT_S for track in began for at_s, _ in track.points if part.holds(at_s)}
    ended = [row for row in found.patches if not row.trial and part.holds(row.ended_s)]
    return Day(
        date=datetime.datetime.fromtimestamp(part.start_s, datetime.UTC).date().isoformat(),
        known=min(1.0, len(slots) * _SLOT_S / (part.end_s - part.start_s)),
        services=tuple(one for one in services if one is not None),
        shares=dict(_fullest(found, part)),
        incidents=sum(part.holds(one.began_us / 1e6) for one in found.incidents),
        applied=sum(row.outcome == "applied" for row in ended),
        rolled_back=sum(row.outcome == "rolled back" for row in ended),
    )


def _service(
    found: evidence.Evidence, name: str, began: Sequence[evidence.Track], part: evidence.Span
) -> Service | None:
    counts: dict[float, int] = {}
    for track in began:
        for slot in {at_s // _SLOT_S for at_s, _ in track.points if part.holds(at_s)}:
            counts[slot] = counts.get(slot, 0) + 1
    if not counts:
        return None
    memory = [
        value
        for track in found.tracks
        if track.name == "council_process_memory_bytes" and track.service == name
        for at_s, value in track.points
        if part.holds(at_s)
    ]
    return Service(
        name, starts.begun(began, part), min(counts.values()), max(counts.values()), max(memory, default=None)
    )


def _fullest(found: evidence.Evidence, part: evidence.Span) -> Iterator[tuple[str, float]]:
    for name, used, size in _SHARES:
        sizes = {
            (track.service, track.labels): track.points[-1][1]
            for track in found.tracks
            if track.name == size and track.points
        }
        shares = [
            100 * value / whole
            for track in found.tracks
            if track.name == used and (whole := sizes.get((track.service, track.labels), 0.0)) > 0
            for at_s, value in track.points
            if part.holds(at_s)
        ]
        if shares:
            yield name, max(shares)


def form(one: Report) -> dict[str, object]:
    """Return a report as JSON holds it."""
    return {
        "schema": SCHEMA,
        "from": digests.stamp(one.span.start_s),
        "to": digests.stamp(one.span.end_s),
        "days": [
            {
                "date": day.date,
                "known_percent": round(100 * day.known, 1),
                "resources_percent": {name: round(value, 1) for name, value in day.shares.items()},
                "services": [
                    {
                        "name": each.name,
                        "starts": each.starts,
                        "processes_least": each.least,
                        "processes_most": each.most,
                        "memory_bytes_most": each.memory_bytes,
                    }
                    for each in day.services
                ],
                "incidents": day.incidents,
                "patches_applied": day.applied,
                "patches_rolled_back": day.rolled_back,
            }
            for day in one.days
        ],
        "missing": [{"what": each.what, "why": each.why} for each in one.missing],
    }


def page(one: Report) -> layouts.Page:
    """Return a report as a page."""
    title = f"Operations, {telling.clock(one.span.start_s)[:10]} to {telling.clock(one.span.end_s)[:10]}"
    blocks: list[layouts.Block] = [layouts.Heading(title, first=True)]
    for day in one.days:
        blocks.append(layouts.Heading(day.date))
        if not day.services:
            blocks.append(layouts.Paragraph("Not known: nothing that the watcher keeps is of this day."))
            continue
        full = ", ".join(f"{name} {telling.percent(value)} %" for name, value in day.shares.items()) or "not known"
        scaled = "; ".join(day.scaled) or "nothing"
        blocks.append(
            layouts.Paragraph(
                f"Known {telling.percent(100 * day.known)} % of the time. Fullest: {full}. Scaled: {scaled}. "
                f"Incidents {day.incidents}, patches applied {day.applied}, rolled back {day.rolled_back}."
            )
        )
        rows = tuple(
            (
                each.name,
                str(each.starts),
                str(each.most) if each.least == each.most else f"{each.least} to {each.most}",
                "unknown" if each.memory_bytes is None else telling.size(each.memory_bytes),
            )
            for each in day.services
        )
        blocks.append(layouts.Table(("SERVICE", "STARTS", "PROCESSES", "MEMORY AT MOST"), rows, frozenset({1, 2, 3})))
    if one.missing:
        blocks += [
            layouts.Heading("Not known"),
            layouts.Listing(tuple((f"{each.what}: {each.why}", "") for each in one.missing)),
        ]
    return layouts.Page(title, tuple(blocks))
