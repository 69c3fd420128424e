"""The digest on its way to people: as a notice, announced under the name of its day, so once. Pure."""

import datetime
import hashlib
from collections.abc import Collection, Iterable

import orjson

from council.domain import digests as digest_forms
from council.domain import evidence, incidents, schedule, snapshots
from council.kit import ids
from council.upkeep.observer import layouts, renderings

PREFIX = "digest:"
# Announced with nobody told: since when there is an observer here.
BEGAN_PREFIX = snapshots.BEGAN_PREFIX
BEGAN_MAX = 10
# More than a day has at the shortest interval.
TICKS_MAX = 1600
# What takes a digest and shows it to nobody; the last is what others are made of.
_TELLS_NOBODY = frozenset({"log", "alertmanager", incidents.EVERY_CHANNEL})
_TRIES_MAX = 3
_AGAIN_S, _AGAIN_S_MAX = 30.0, 3600.0
DAYS_MAX = 2 * schedule.CAUGHT_UP_MAX


class Tries:
    """How often the digest of each day was begun in vain, and from when on it may be begun again. Times are monotonic."""

    def __init__(self) -> None:
        self._begun: dict[datetime.date, tuple[int, float]] = {}

    def may(self, day: datetime.date, at_s: float) -> bool:
        """Whether one may be begun."""
        return at_s >= self._begun.get(day, (0, at_s))[1]

    def begin(self, day: datetime.date, at_s: float) -> None:
        """Note that one is begun: the next one later, twice as long each time."""
        count = self._begun.get(day, (0, at_s))[0] + 1
        self._begun[day] = count, at_s + min(_AGAIN_S_MAX, _AGAIN_S * 2.0 ** (count - 1))

    def forget(self, day: datetime.date) -> None:
        """Take it that none was begun."""
        self._begun.pop(day, None)

    def is_hopeless(self, day: datetime.date) -> bool:
        """Whether this is one try more than are made in earnest."""
        return self._begun.get(day, (0, 0.0))[0] > _TRIES_MAX


def name(day: str) -> str:
    """Return what the digest of a day, as `2026-11-30`, is announced under."""
    return f"{PREFIX}{day}"


def began_s(announced: Collection[str], now_s: float) -> float:
    """Return since when there is an observer here, `now_s` where nothing earlier was announced: a clock may have been ahead."""
    return min([float(one.removeprefix(BEGAN_PREFIX)) for one in announced] + [float(round(now_s))])


def days(announced: Collection[str]) -> set[str]:
    """Return the days of what is announced day by day, as digests are, and what is archived."""
    return {one.partition(":")[2] for one in announced}


def ticks(
    span: evidence.Span, interval_s: float, began_s: float, taken: Collection[str], full_from_s: float = 0.0
) -> tuple[int, int | None]:
    """Return how many snapshots there are of a span, by the ids of the ticks that are kept, and how many lack.

    Before `full_from_s` they are thinned, and nobody knows how many lack.
    """
    start_s = max(span.start_s, began_s)
    inside = sum(snapshots.identifier(start_s) <= one < snapshots.identifier(span.end_s) for one in taken)
    wanted = max(0, int(span.end_s // interval_s) - int(start_s // interval_s))
    return inside, None if start_s < full_from_s else max(0, wanted - inside)


def delivered(parcels: Iterable[incidents.Parcel]) -> set[str]:
    """Return the days whose digests reached somebody, by the parcels that were sent."""
    got = [one for one in parcels if one.delivery is incidents.Delivery.SENT and one.channel not in _TELLS_NOBODY]
    return {day for one in got if (day := _day_of(one.notice))}


def undelivered(parcels: Iterable[incidents.Parcel]) -> str:
    """Return why the newest digest among parcels that failed, the newest first, was not delivered; "" where there is none."""
    return next((f"{one.channel}: {one.reason}" for one in parcels if _day_of(one.notice)), "").removesuffix(".")


def _day_of(notice: incidents.Notice) -> str:
    """Return the day of a digest, "" for another notice."""
    if notice.kind is not incidents.NoticeKind.DIGEST:
        return ""
    try:
        return str(orjson.loads(notice.data)["date"])
    except (ValueError, KeyError, TypeError):
        return ""


def notice(one: digest_forms.Digest, at_us: int) -> incidents.Notice:
    """Return what people are told. Its id is the same however often it is made of one day at one moment."""
    page = layouts.page(one)
    return incidents.Notice(
        id=ids.ulid_from(at_us, hashlib.sha256(name(one.date).encode()).digest()[:10]),
        at_us=at_us,
        kind=incidents.NoticeKind.DIGEST,
        incident_id="",
        severity=incidents.Severity.WARNING,
        title=incidents.one_line(page.title, incidents.TEXT_CHARS_MAX),
        text=renderings.text(page),
        html=renderings.page_html(page),
        data=orjson.dumps(digest_forms.form(one)).decode(),
    )
