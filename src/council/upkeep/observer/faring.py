"""How the observer itself fares, as the records tell of it: for the digest, whoever makes one."""

import datetime
from collections.abc import Collection

from council import kept_ports
from council.domain import evidence, incidents, observe, schedule, snapshots
from council.upkeep.observer import archiving, digests, posting

_DAY_S = 86_400.0


def here_since_s(kept: kept_ports.Snapshots, now_s: float) -> float:
    """Return since when there is an observer here, `now_s` where none has been. Blocking. Raises RecordsUnavailableError."""
    return posting.began_s(kept.announced(posting.BEGAN_PREFIX, posting.BEGAN_MAX), now_s)


def loop(
    kept: kept_ports.Snapshots,
    notices: kept_ports.Incidents,
    settings: observe.ObserveConfig,
    span: evidence.Span,
    now_s: float,
) -> digests.Loop:
    """Return how it fared in a span, and how notices, digests and the archive stand.

    Blocking. Raises RecordsUnavailableError.
    """
    when = schedule.schedule(settings.digest_at, settings.digest_zone)
    ticks = kept.ids(posting.TICKS_MAX, before=snapshots.identifier(span.end_s), occasion=snapshots.Occasion.TICK)
    taken, missed = posting.ticks(
        span, settings.interval_s, here_since_s(kept, now_s), ticks, now_s - settings.full_days * _DAY_S
    )
    counts = notices.counts()
    return digests.Loop(
        snapshots_taken=taken,
        snapshots_missed=missed,
        notices_waiting=counts.get(incidents.Delivery.WAITING, 0),
        notices_failed=counts.get(incidents.Delivery.FAILED, 0),
        last_digest_s=_last_s(when, posting.days(kept.announced(posting.PREFIX, 1))),
        archive_merged_s=_last_s(when, posting.days(kept.announced(archiving.PREFIX, 1))),
    )


def _last_s(when: schedule.Schedule, days: Collection[str]) -> float | None:
    return max((when.moment_s(datetime.date.fromisoformat(one)) for one in days), default=None)
