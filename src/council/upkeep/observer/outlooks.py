"""What will be full, or gone, at the pace of now: the disk, descriptors, the day's budget. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from council.domain import anomalies, digests, evidence
from council.upkeep.observer import forecasts, telling

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class _Filling:
    """One series that runs into another. `of_day`: it begins anew each day, UTC, and nothing after that is foretold."""

    used: str
    size: str
    what: str
    unit: str
    command: str
    horizon_s: float
    of_day: bool = False


_FILLING = (
    _Filling(
        *("council_disk_used_bytes", "council_disk_size_bytes", "The disk of the home", telling.BYTES),
        *("council doctor", 14 * _DAY_S),
    ),
    _Filling("open_fds_total", "fd_soft_limit", "Open descriptors of", "", "council status", 2 * _DAY_S),
    _Filling(
        *("council_spent_today_usd_micros", "council_quota_today_usd_micros", "The budget of the day", telling.MONEY),
        *("council budget", _DAY_S),
        of_day=True,
    ),
)


def foretold(found: evidence.Evidence) -> Iterator[digests.Advice]:
    """Yield what reaches its limit soon, with when, at the earliest and most likely."""
    for one in _FILLING:
        sizes = {track.service: track for track in found.tracks if track.name == one.size and track.points}
        for track in found.tracks:
            if track.name == one.used and (size := sizes.get(track.service)) is not None:
                limit = size.points[-1][1]
                if limit > 0 and (ahead := _ahead(one, track, limit, found.now_s)) is not None:
                    yield _told(one, track, ahead, found)


def _ahead(one: _Filling, track: evidence.Track, limit: float, now_s: float) -> anomalies.Forecast | None:
    if not one.of_day:
        return forecasts.forecast(track.points, limit, one.horizon_s)
    began_s = math.floor(now_s / _DAY_S) * _DAY_S
    today = [point for point in track.points if point[0] >= began_s]
    return forecasts.forecast(today, limit, began_s + one.horizon_s - now_s)


def _told(one: _Filling, track: evidence.Track, ahead: anomalies.Forecast, found: evidence.Evidence) -> digests.Advice:
    query = f'{one.used}{{svc="{track.service}"}}'
    facts = {
        "level": evidence.Fact("level", ahead.level, one.unit or telling.COUNT, query, found.span),
        "limit": evidence.Fact("limit", ahead.limit, one.unit or telling.COUNT, query, found.span),
        "at": telling.moment("full", ahead.at_s, query, found.span),
        "earliest": telling.moment("full at the earliest", ahead.earliest_s, query, found.span),
        "service": telling.word("service", track.service, query, found.span),
    }
    what = f"{one.what} {{service}}" if one.what.endswith(" of") else one.what
    text = f"{what}: {{level}} of {{limit}}, which at the pace of now is reached about {{at}}, at the earliest {{earliest}}."
    return digests.Advice(telling.say(text, **facts), one.command)
