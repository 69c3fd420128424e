"""What people are shown on the forge while it lasts: a gate that was escalated, a series that stays unlike itself. Pure.

Each has a name that is the same however often it is looked at, so it is proposed once: that of the red stretch for a gate, and
the series with the moment of its anomaly for a series.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from council.domain import forge, gates, incidents, snapshots, watching
from council.upkeep.observer import archiving, escalating

SCHEMA = "council.alarm/1"
OPENED, OVER = "alarm:", "alarm-over:"
ODD = "odd:"
CONTENT_BYTES_MAX = 1024 * 1024
# A level that lasts a day is the series' own by then.
LASTS_S_MAX = 86_400.0
_SLUG_CHARS_MAX = 80
_WELL = (gates.Verdict.GREEN, gates.Verdict.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is to be shown: `text` for people, `evidence` as JSON."""

    name: str
    title: str
    text: str
    evidence: str

    @property
    def slug(self) -> str:
        """What its branch and its file are named by."""
        return slug(self.name)

    @property
    def body(self) -> str:
        """The words of its pull request; what others wrote stands in it as it is, and is no markup."""
        head = "The evidence is in the file that this adds. It changes nothing that serves. Council closes it once it is over."
        quoted = "\n".join(f"    {line}" for line in archiving.masked(self.text.encode()).decode().splitlines())
        return forge.cut(f"{head}\n\n{quoted}", forge.BODY_CHARS_MAX)

    @property
    def files(self) -> dict[str, forge.File | None]:
        """What its branch adds to the archive."""
        told = {"schema": SCHEMA, "name": self.name, "title": self.title, "text": self.text, "evidence": self.evidence}
        content = orjson.dumps(told, option=orjson.OPT_INDENT_2)
        if len(content) > CONTENT_BYTES_MAX:
            content = orjson.dumps({**told, "evidence": ""}, option=orjson.OPT_INDENT_2)
        return {f"alarms/{self.slug}.json": forge.File(archiving.masked(content[:CONTENT_BYTES_MAX]) + b"\n")}


def slug(name: str) -> str:
    """Return a name as branches and files may have it, no two the same."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_SLUG_CHARS_MAX]
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def branch(name: str) -> str:
    """Return the branch on which an alarm is proposed."""
    return f"observer-alarm-{slug(name)}"


def gate_goes_on(name: str, lines: Iterable[watching.GateLine]) -> bool:
    """Return whether the red stretch that was announced under a name goes on; one that nobody can tell of does."""
    gate = name.removeprefix(escalating.PREFIX).rpartition(":")[0]
    line = next((one for one in lines if one.name == gate), None)
    if line is None or line.verdict in _WELL:
        return False
    return line.verdict is not gates.Verdict.RED or escalating.Stretch(line).name == name


def of_gate(name: str, parcels: Iterable[incidents.Parcel]) -> Alarm | None:
    """Return the alarm of a stretch by what people were told of it, None where that is no longer kept."""
    gate, _, second = name.removeprefix(escalating.PREFIX).rpartition(":")
    for one in parcels:
        notice = one.notice
        if notice.kind is incidents.NoticeKind.ESCALATED and (gate, second) in _turned(notice.data):
            return Alarm(name, f"Red: {gate}", f"{notice.title}\n{notice.text}", notice.data)
    return None


def _turned(data: str) -> set[tuple[str, str]]:
    """Return which gates a notice is of, each with the second in which it turned red."""
    try:
        lines = orjson.loads(data)["gates"]
        return {(str(line["name"]), str(round(float(line["since_s"]) * 1000) // 1000)) for line in lines}
    except (ValueError, KeyError, TypeError):
        return set()


def odd(ticks: Sequence[snapshots.Snapshot], after_s: float) -> list[Alarm]:
    """Return the series that have stayed unlike themselves for so long, by snapshots of ticks, newest first.

    One has where each value since an anomaly lies beyond what was expected then, on the same side.
    """
    if not ticks:
        return []
    found = {}
    for place, tick in enumerate(ticks):
        since = [*reversed(ticks[:place])]
        for one in tick.anomalies:
            lasted_s = ticks[0].at_s - one.at_s
            if after_s <= lasted_s <= LASTS_S_MAX and since and all(_is_beyond(one, each) for each in since):
                # The oldest of them is its beginning.
                found[_title(one)] = _of_series(one)
    return list(found.values())


def _is_beyond(one: snapshots.Anomaly, tick: snapshots.Snapshot) -> bool:
    title = _title(one)
    value = next((fact.value for fact in tick.metrics if fact.name == title), None)
    if value is None or isinstance(value, str) or one.low is None or one.high is None:
        return False
    return value > one.high if one.value > one.high else value < one.low


def _of_series(one: snapshots.Anomaly) -> Alarm:
    title = _title(one)
    text = (
        f"{title} was {one.value:.4g} {one.unit}".rstrip()
        + f", and {one.low:.4g} to {one.high:.4g} was expected; it has "
        "been beyond that since.\nMore: council observe trends, council observe history"
    )
    return Alarm(f"{ODD}{title}:{int(one.at_s)}", f"Not as expected: {title}", text, orjson.dumps(one).decode())


def _title(one: snapshots.Anomaly) -> str:
    name, _, labels = one.name.partition(" ")
    return " ".join(filter(None, (name, f"svc={one.service}" if one.service else "", labels)))
