"""What will be full, or gone, at the pace of now: disk, descriptors, the budget; and which keys are about to end. Pure."""

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass

from council.domain import anomalies, digests, evidence, timeseries
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


_EXPIRES = "council_expires_ts"
_EXPIRES_WITHIN_S = 30 * _DAY_S
# By kind, what it is, and what somebody has to do.
_KINDS = {
    "tls": (
        "The gateway's TLS certificate",
        "put a new one and its key in their places, `gateway.tls_cert_file` and `gateway.tls_key_file`, and start it anew",
    ),
    "signer": (
        "The first key of somebody who signs patches",
        "extend it, or make another, and list it anew with `council keys add`",
    ),
}


def foretold(found: evidence.Evidence) -> Iterator[digests.Advice]:
    """Yield what reaches its limit soon after the span, with when, at the earliest and most likely; and keys that end."""
    yield from _ending(found)
    for one in _FILLING:
        sizes = {track.service: _until(track, found.span) for track in found.tracks if track.name == one.size}
        for track in found.tracks:
            if track.name == one.used and (size := sizes.get(track.service)):
                limit = size[-1][1]
                ahead = _ahead(one, _until(track, found.span), limit, found.span.end_s) if limit > 0 else None
                if ahead is not None:
                    yield _told(one, track, ahead, found)


def _until(track: evidence.Track, span: evidence.Span) -> timeseries.Points:
    """Return the points up to the end of a span: what was read after it says nothing of how it stood then."""
    return track.points[: bisect.bisect_left(track.points, span.end_s, key=lambda point: point[0])]


def _ending(found: evidence.Evidence) -> Iterator[digests.Advice]:
    for track in found.tracks:
        kind = dict(track.labels).get("kind", "")
        if track.name != _EXPIRES or kind not in _KINDS or not (points := _until(track, found.span)):
            continue
        at_s = points[-1][1]
        if at_s - found.span.end_s <= _EXPIRES_WITHIN_S:
            at = telling.moment("ends", at_s, f'{_EXPIRES}{{kind="{kind}"}}', found.span)
            over = at_s <= found.span.end_s
            what, step = _KINDS[kind]
            text = f"{what} {'ended' if over else 'ends'} at {{at}}. {'Now' if over else 'Before that'}, {step}."
            yield digests.Advice(telling.say(text, at=at), "council security check")


def _ahead(one: _Filling, points: timeseries.Points, limit: float, end_s: float) -> anomalies.Forecast | None:
    if not one.of_day:
        return forecasts.forecast(points, limit, one.horizon_s)
    began_s = math.floor(end_s / _DAY_S) * _DAY_S
    today = [point for point in points if point[0] >= began_s]
    return forecasts.forecast(today, limit, began_s + one.horizon_s - end_s)


def _told(one: _Filling, track: evidence.Track, ahead: anomalies.Forecast, found: evidence.Evidence) -> digests.Advice:
    used, size = (f'{name}{{svc="{track.service}"}}' for name in (one.used, one.size))
    query = f"forecast({used}, {size})"
    facts = {
        "level": evidence.Fact("level", ahead.level, one.unit or telling.COUNT, query, found.span),
        "limit": evidence.Fact("limit", ahead.limit, one.unit or telling.COUNT, size, found.span),
        "at": telling.moment("full", ahead.at_s, query, found.span),
        "earliest": telling.moment("full at the earliest", ahead.earliest_s, query, found.span),
        "service": telling.word("service", track.service, query, found.span),
    }
    what = f"{one.what} {{service}}" if one.what.endswith(" of") else one.what
    text = f"{what}: {{level}} of {{limit}}, which at the pace of now is reached about {{at}}, at the earliest {{earliest}}."
    return digests.Advice(telling.say(text, **facts), one.command)
