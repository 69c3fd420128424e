"""When the digest is due: once for each day, at a time of day in a zone. Pure.

The day of a digest is that of the moment at which it is due, in the zone. Where the clocks are put forward over that time it
is due an hour later by the clock, and where they are put back at the first of the two moments; so each day has one moment. What
was missed is due as soon as anybody looks, the oldest first, as far back as `CAUGHT_UP_MAX` days.
"""

import datetime
import operator
import re
import zoneinfo
from collections.abc import Collection
from dataclasses import dataclass

from council.domain import errors

CAUGHT_UP_MAX = 7
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A time of day, in a zone by its name in the tz database; `UTC` needs no database."""

    hour: int = 3
    minute: int = 0
    zone: str = "UTC"

    @property
    def there(self) -> datetime.tzinfo:
        """The zone."""
        return datetime.UTC if self.zone == "UTC" else zoneinfo.ZoneInfo(self.zone)

    def moment_s(self, day: datetime.date) -> float:
        """Return when the digest of a day is due, seconds of Unix time."""
        return datetime.datetime.combine(day, datetime.time(self.hour, self.minute), self.there).timestamp()

    def day_of(self, at_s: float) -> datetime.date:
        """Return the day whose digest was due last at a moment."""
        day = datetime.datetime.fromtimestamp(at_s, self.there).date()
        return day if self.moment_s(day) <= at_s else day - datetime.timedelta(days=1)

    def span_s(self, day: datetime.date) -> tuple[float, float]:
        """Return what the digest of a day is about: from the moment of the day before to its own, 23 to 25 hours."""
        return self.moment_s(day - datetime.timedelta(days=1)), self.moment_s(day)


def schedule(at: str, zone: str) -> Schedule:
    """Return the schedule of two settings, such as `03:00` and `Europe/Paris`. Raises ConfigError."""
    match = _TIME.fullmatch(at)
    if match is None:
        raise errors.ConfigError(f"The digest's time must be one of day, such as 03:00, not {at!r}. Set it so.")
    made = Schedule(int(match.group(1)), int(match.group(2)), zone)
    try:
        made.moment_s(datetime.date(2026, 1, 1))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise errors.ConfigError(
            f"There is no time zone {zone!r} on this machine. Give a name such as Europe/Paris, or UTC."
        ) from error
    return made


def due(
    when: Schedule, now_s: float, sent: Collection[str], since_s: float, most: int = CAUGHT_UP_MAX
) -> list[datetime.date]:
    """Return the days whose digests are due and not among those `sent` (as `2026-11-30`), the oldest first.

    `since_s` is when Council began here: a day that ended before it has no digest. No more than `most` days back.
    """
    last = when.day_of(now_s)
    days = [last - datetime.timedelta(days=back) for back in reversed(range(most))]
    wanted = [day for day in days if day.isoformat() not in sent and when.moment_s(day) >= since_s]
    # A zone that moves over the date line leaves a day out, of which there is nothing to tell.
    return [day for day in wanted if operator.lt(*when.span_s(day))]


def next_s(when: Schedule, now_s: float) -> float:
    """Return when the next digest is due."""
    return when.moment_s(when.day_of(now_s) + datetime.timedelta(days=1))
