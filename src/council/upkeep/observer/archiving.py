"""What the archive holds of a day, what is due, what it forgets, and whether a proposed change of it is sound. Pure.

The archive is a branch of the forge, a folder for each kind and a file for each day, JSON alone: a title or a log line in it
is somebody else's text. Day and span are those of the day's digest. `days/` says of each day which rows there are and their
SHA-256; a day is archived once its file is there.
"""

import datetime
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from council.domain import digests, evidence, incidents, schedule, snapshots
from council.kit import plain

SCHEMA = "council.archive/1"
BRANCH = "observer-archive"
README = "README.md"
# In the records, with nobody told: this day is merged.
PREFIX = "archived:"
CAUGHT_UP_MAX = 31
# So long a day waits for a digest that nobody has sent.
LATE_S = 6 * 3600.0
ROWS_MAX = 200
FILE_BYTES_MAX = 8 * 1024 * 1024
# In one night; the rest in those after it.
COMPACTED_MAX = 7
REMOVED_MAX = 31
_PLACE = re.compile(r"(days|digest|snapshots|incidents)/(\d{4})/(\d{2})/(\d{2})\.(jsonl?)")
_ENDINGS = {"days": "json", "digest": "json", "snapshots": "jsonl", "incidents": "jsonl"}
_ALARM = re.compile(r"alarms/[a-z0-9-]{1,150}\.json")
_SECRET = re.compile(
    rb"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt]))(?:sk-|ghp_|gho_|ghs_|github_pat_|glpat-|xox[abpors]-|AKIA|AIza|eyJhbGciOi)[A-Za-z0-9_.\-]{12,}"
    rb"|cncl_[A-Za-z0-9_\-]{43}"
    rb"|-----BEGIN [A-Z ]+-----"
)
_MASKED = b"[masked]"
_HOUR_CHARS = len("20261130T06")
_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and what its digest is about."""

    day: datetime.date
    zone: str
    span: evidence.Span


def branch(day: datetime.date) -> str:
    """Return the branch on which a day is proposed."""
    return f"observer-logs-{day.isoformat()}"


def path(kind: str, day: datetime.date) -> str:
    """Return where the rows of a kind lie that are of a day."""
    return f"{kind}/{day:%Y/%m/%d}.{_ENDINGS[kind]}"


def day_of(place: str) -> datetime.date | None:
    """Return which day a file of the archive is of, None for what is no such file."""
    match = _PLACE.fullmatch(place)
    if match is None or _ENDINGS[match[1]] != match[5]:
        return None
    try:
        return datetime.date(int(match[2]), int(match[3]), int(match[4]))
    except ValueError:
        return None


def days(paths: Iterable[str]) -> list[datetime.date]:
    """Return the days that are archived, the newest first."""
    return sorted({day for one in paths if one.startswith("days/") and (day := day_of(one))}, reverse=True)


def strangers(paths: Iterable[str]) -> list[str]:
    """Return the files that are none of the archive's."""
    return sorted(one for one in paths if one != README and day_of(one) is None and _ALARM.fullmatch(one) is None)


def masked(content: bytes) -> bytes:
    """Return what was written with a word in the place of each thing that looks like a secret."""
    return _SECRET.sub(_MASKED, content)


def due(
    when: schedule.Schedule, now_s: float, archived: Collection[str], told: Collection[str], since_s: float
) -> list[Day]:
    """Return the days that are to be archived, the oldest first: their digest is among those `told`, or none came."""
    found = schedule.due(when, now_s, archived, since_s, CAUGHT_UP_MAX)
    ready = [day for day in found if day.isoformat() in told or now_s >= when.moment_s(day) + LATE_S]
    return [Day(day, when.zone, evidence.Span(*when.span_s(day))) for day in ready]


def chosen(ids: Iterable[str], span: evidence.Span) -> list[str]:
    """Return the ids that the archive keeps of a span, oldest first: the first tick of each hour, and those of incidents."""
    first, last = snapshots.identifier(span.start_s), snapshots.identifier(span.end_s)
    inside = sorted(one for one in ids if first <= one < last)
    ticks: dict[str, str] = {}
    for one in inside:
        if "-" not in one:
            ticks.setdefault(one[:_HOUR_CHARS], one)
    kept = set(ticks.values())
    return [one for one in inside if "-" in one or one in kept]


def digest_of(day: datetime.date, parcels: Iterable[incidents.Parcel]) -> bytes:
    """Return the digest that people were told of a day, b"" where none of the parcels holds it."""
    for one in parcels:
        if one.notice.kind is incidents.NoticeKind.DIGEST and _is_digest(one.notice.data.encode(), day):
            return one.notice.data.encode()
    return b""


def files(
    one: Day,
    taken: Sequence[snapshots.Snapshot],
    wrong: Sequence[incidents.Incident],
    digest: bytes,
    made_s: float,
    *,
    more: int = 0,
) -> dict[str, bytes]:
    """Return the files of a day. What cannot be kept is said in that of `days/`, as are `more` snapshots than were read."""
    left_out: list[dict[str, str]] = []
    if more > 0:
        left_out.append({"what": f"{more} snapshots", "why": "there are too many"})
    held = {path("snapshots", one.day): _lines("snapshots", snapshots.Snapshot, taken, left_out)}
    held[path("incidents", one.day)] = _lines("incidents", incidents.Incident, wrong, left_out)
    if digest and len(digest) <= FILE_BYTES_MAX:
        held[path("digest", one.day)] = _SECRET.sub(_MASKED, digest) + b"\n"
    else:
        why = "it is too large" if digest else "none was sent"
        left_out.append({"what": "digest", "why": why})
    return _with_index(one, held, made_s, left_out, _cids(taken, one.span))


def _cids(taken: Iterable[snapshots.Snapshot], span: evidence.Span) -> list[str]:
    """Return the patches that came to an end in a span."""
    rows = (row for one in taken for row in one.patches)
    return sorted({row.cid for row in rows if row.ended_s and span.holds(row.ended_s)})


def _lines(what: str, kind: type[_Kind], rows: Sequence[_Kind], left_out: list[dict[str, str]]) -> bytes:
    """Return rows as lines of JSON, of which each can be read again and all together are not too large."""
    found: list[bytes] = []
    size, lost = 0, max(0, len(rows) - ROWS_MAX)
    for row in rows[:ROWS_MAX]:
        line = _SECRET.sub(_MASKED, orjson.dumps(row)) + b"\n"
        if size + len(line) > FILE_BYTES_MAX or _misfits(kind, line):
            lost += 1
            continue
        found.append(line)
        size += len(line)
    if lost:
        left_out.append({"what": f"{lost} {what}", "why": "there are too many, they are too large or cannot be read"})
    return b"".join(found)


def _with_index(
    one: Day, held: Mapping[str, bytes], made_s: float, left_out: Sequence[Mapping[str, str]], cids: Sequence[str]
) -> dict[str, bytes]:
    index = {
        "schema": SCHEMA,
        "day": one.day.isoformat(),
        "zone": one.zone,
        "from": digests.stamp(one.span.start_s),
        "to": digests.stamp(one.span.end_s),
        "made_s": round(made_s),
        "files": {place: _told(content) for place, content in held.items()},
        "patches": cids,
        "left_out": left_out,
        "compacted": False,
    }
    return {**held, path("days", one.day): _page(index)}


def _told(content: bytes) -> dict[str, Any]:
    return {"rows": content.count(b"\n"), "sha256": hashlib.sha256(content).hexdigest()}


def _page(index: Mapping[str, Any]) -> bytes:
    return orjson.dumps(index, option=orjson.OPT_INDENT_2) + b"\n"


def too_old(paths: Iterable[str], day: datetime.date, keep_days: int) -> list[str]:
    """Return the files that are to be removed with the night of a day, those of the oldest days."""
    first = day - datetime.timedelta(days=keep_days)
    found = [(of, place) for place in paths if (of := day_of(place)) is not None and of < first]
    oldest = sorted({of for of, _ in found})[:REMOVED_MAX]
    return sorted(place for of, place in found if of in oldest)


def old_enough(paths: Iterable[str], day: datetime.date, full_days: int) -> list[datetime.date]:
    """Return the days that have lately become old enough to be compacted, the oldest first."""
    last = day - datetime.timedelta(days=full_days)
    first = last - datetime.timedelta(days=CAUGHT_UP_MAX)
    return [one for one in reversed(days(paths)) if first <= one < last]


def is_compacted(index: bytes) -> bool:
    """Return whether a day, by its file, was compacted, or cannot be."""
    try:
        found = orjson.loads(index)
    except orjson.JSONDecodeError:
        return True
    return not isinstance(found, dict) or bool(found.get("compacted", True))


def compacted(day: datetime.date, index: bytes, taken: bytes) -> dict[str, bytes]:
    """Return the files of a day with its first tick alone, and the snapshots of incidents."""
    kept: list[bytes] = []
    has_tick = False
    for line in taken.splitlines(keepends=True):
        is_tick = not orjson.loads(line).get("incident_id")
        if not is_tick or not has_tick:
            kept.append(line)
        has_tick = has_tick or is_tick
    place, told = path("snapshots", day), orjson.loads(index)
    content = b"".join(kept)
    told["files"][place] = _told(content)
    told["compacted"] = True
    return {place: content, path("days", day): _page(told)}


def readme(paths: Iterable[str]) -> bytes:
    """Return the page that says what there is."""
    months: dict[str, list[str]] = {}
    for one in days(paths):
        months.setdefault(f"{one:%Y-%m}", []).append(f"[{one:%d}](days/{one:%Y/%m/%d}.json)")
    rows = "".join(f"| {month} | {' '.join(reversed(found))} |\n" for month, found in months.items())
    return (
        "# What Council saw\n\n"
        "Council's observer adds a day each night. Nothing here is part of what serves. Read it with\n"
        "`council observe history`, or as it is:\n\n"
        "- `days/`: which rows there are of a day, their SHA-256, and what was left out\n"
        "- `digest/`: the digest of the day\n"
        "- `snapshots/`: the first snapshot of each hour and those of incidents, one a line\n"
        "- `incidents/`: those that began or ended on the day, one a line\n\n"
        "Titles and reasons in it are what somebody wrote: read them as text.\n\n"
        f"| month | days |\n|---|---|\n{rows}"
    ).encode()


def problems(day: datetime.date, changed: Mapping[str, bytes | None], paths: Collection[str]) -> list[str]:
    """Return what is wrong with a night's change: what each path is to hold, None for removed; all `paths` after it."""
    # Those of alarms come by pull requests of their own.
    strange = [place for place in changed if place != README and day_of(place) is None]
    found = [f"{place!r} is no file of the archive" for place in strange]
    if path("days", day) not in changed:
        found.append(f"there is no {path('days', day)}")
    if changed.get(README) != readme(paths):
        found.append(f"{README} does not list what there is")
    told: dict[str, Any] = {}
    for place, content in changed.items():
        of = day_of(place)
        if of is None or content is None:
            continue
        if of > day:
            found.append(f"{place} is of a day to come")
        elif why := _wrong(place, of, content):
            found.append(f"{place} {why}")
        elif place.startswith("days/"):
            told |= orjson.loads(content)["files"]
    for place, content in changed.items():
        is_rows = content is not None and day_of(place) is not None and not place.startswith("days/")
        if is_rows and told.get(place) != _told(content or b""):
            found.append(f"{place} is not what days/ says of it")
    lacking = sorted(place for place in told if place not in paths)
    return found + [f"there is no {place}" for place in lacking]


def _wrong(place: str, of: datetime.date, content: bytes) -> str:
    """Return why a file is not of the form of its kind, "" where it is."""
    if len(content) > FILE_BYTES_MAX:
        return "is too large"
    if _SECRET.search(content):
        return "holds what looks like a secret"
    match place.partition("/")[0]:
        case "snapshots":
            fits = not any(_misfits(snapshots.Snapshot, line) for line in content.splitlines())
        case "incidents":
            fits = not any(_misfits(incidents.Incident, line) for line in content.splitlines())
        case "digest":
            fits = _is_digest(content, of)
        case _:
            fits = _is_index(content, of)
    return "" if fits else "is not of the form of its kind"


def _misfits(kind: type[Any], line: bytes) -> bool:
    try:
        plain.made(kind, orjson.loads(line))
    except ValueError:
        return True
    return False


def _is_digest(content: bytes, of: datetime.date) -> bool:
    found = _object(content)
    required = digests.schema()["required"]
    return (
        found.get("schema") == digests.SCHEMA and found.get("date") == of.isoformat() and found.keys() >= set(required)
    )


def _is_index(content: bytes, of: datetime.date) -> bool:
    found = _object(content)
    held = found.get("files")
    return (
        (found.get("schema"), found.get("day")) == (SCHEMA, of.isoformat())
        and isinstance(held, dict)
        and all(day_of(place) == of for place in held)
        and isinstance(found.get("patches"), list)
        and isinstance(found.get("made_s"), int)
    )


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def read_snapshots(content: bytes) -> list[snapshots.Snapshot]:
    """Return the snapshots of a file, newest first. What an older Council wrote and this one cannot read is passed over."""
    lines = [line for line in content[:FILE_BYTES_MAX].splitlines() if not _misfits(snapshots.Snapshot, line)]
    return [plain.made(snapshots.Snapshot, orjson.loads(line)) for line in reversed(lines)]


def explained(index: bytes, of: datetime.date) -> dict[str, float]:
    """Return when the patches that a day tells of were put into the archive, by CID, Unix seconds."""
    if not _is_index(index, of):
        return {}
    found = _object(index)
    return {str(cid): float(found["made_s"]) for cid in found["patches"]}


def begins(day: datetime.date) -> str:
    """Return what sorts before every id of a snapshot that may be of a day, in whatever zone."""
    return f"{day - datetime.timedelta(days=2):%Y%m%d}"


def may_hold(day: datetime.date, identifier: str) -> bool:
    """Return whether the snapshot of an id may be of a day, in whatever zone."""
    return begins(day) <= identifier[:8] <= f"{day + datetime.timedelta(days=1):%Y%m%d}"


def around(start_s: float, end_s: float) -> tuple[datetime.date, datetime.date]:
    """Return the first and the last day that may tell of a span."""
    first, last = (datetime.datetime.fromtimestamp(at_s, datetime.UTC).date() for at_s in (start_s, end_s))
    return first - datetime.timedelta(days=1), last + datetime.timedelta(days=CAUGHT_UP_MAX)
