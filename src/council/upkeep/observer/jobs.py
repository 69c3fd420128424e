"""Which scheduled jobs there were in a stretch of time, as the records tell of them: digests, the archive's days, looks of the
bots, backups and drills. Snapshots are readings, one each few minutes, and would hide what failed.

No look of a bot that a person asked for can be told from one that was due, and one that was due and left no record is not among
them. Of digests and days of the archive the moment is that at which they were due, and so one that never came is among them.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from council import kept_ports
from council.domain import backup, bots, evidence, observe, schedule, snapshots
from council.kit import ids
from council.upkeep.observer import archiving, posting

# Of each kind, the newest.
JOBS_MAX = 5000
# So long after it was due a day that is not there counts as missed: digests are tried for an hour and more, and the archive
# waits for them.
_DIGEST_LATE_S = 2 * 3600.0
_ARCHIVE_LATE_S = archiving.LATE_S + _DIGEST_LATE_S
_DAY_S = 86_400.0
_BOT = "bot "


@dataclass(frozen=True, slots=True)
class Books:
    """The records in which jobs leave something."""

    snapshots: kept_ports.Snapshots
    runs: kept_ports.BotRuns
    backups: kept_ports.Backups


def within(
    books: Books, settings: observe.ObserveConfig, span: evidence.Span, now_s: float, *, archives: bool
) -> Sequence[evidence.Job]:
    """Return the jobs of a span, the oldest first. Blocking. Raises RecordsUnavailableError.

    `archives`: days are put into the forge's archive here.
    """
    found = [*_days(books.snapshots, settings, span, now_s, archives=archives), *_looks(books.runs, span)]
    found += [_backup(one) for one in books.backups.newest(JOBS_MAX)]
    return sorted((one for one in found if span.holds(one.at_s)), key=lambda one: one.at_s)


def _days(
    kept: kept_ports.Snapshots, settings: observe.ObserveConfig, span: evidence.Span, now_s: float, *, archives: bool
) -> Iterator[evidence.Job]:
    """Yield the days that were told and archived, and those of the span that should have been."""
    when = schedule.schedule(settings.digest_at, settings.digest_zone)
    since_s = _known_since_s(kept, when, now_s)
    late = (("digest", posting.PREFIX, _DIGEST_LATE_S), ("archive", archiving.PREFIX, _ARCHIVE_LATE_S))
    for kind, prefix, late_s in late:
        there = posting.days(kept.announced(prefix, snapshots.ANNOUNCED_KEPT))
        for one in there:
            yield evidence.Job(kind, when.moment_s(datetime.date.fromisoformat(one)))
        if kind == "archive" and not archives:
            continue
        most = 1 + round((span.end_s - span.start_s) / _DAY_S)
        for day in schedule.due(when, min(span.end_s, now_s - late_s), there, max(span.start_s, since_s), most):
            yield evidence.Job(kind, when.moment_s(day), went_well=False, is_missed=True)


def _known_since_s(kept: kept_ports.Snapshots, when: schedule.Schedule, now_s: float) -> float:
    """Return from when on a day without an announcement had none: since there is an observer, or since what is still kept."""
    since_s = posting.began_s(kept.announced(posting.BEGAN_PREFIX, posting.BEGAN_MAX), now_s)
    if len(kept.announced("", snapshots.ANNOUNCED_KEPT)) < snapshots.ANNOUNCED_KEPT:
        return since_s
    oldest = min(posting.days(kept.announced(posting.PREFIX, snapshots.ANNOUNCED_KEPT)), default="")
    return max(since_s, when.moment_s(datetime.date.fromisoformat(oldest)) if oldest else now_s)


def _looks(kept: kept_ports.BotRuns, span: evidence.Span) -> Iterator[evidence.Job]:
    since = ids.ulid_from(max(0, round(span.start_s * 1e6) - 1_000), b"\xff" * 10)
    for one in kept.newest(JOBS_MAX, after=since):
        yield evidence.Job(f"{_BOT}{one.bot}", one.began_us / 1e6, one.outcome is not bots.Outcome.FAILED)


def _backup(one: backup.Run) -> evidence.Job:
    kind = "backup" if one.kind is backup.Kind.RUN else "drill"
    return evidence.Job(kind, one.began_us / 1e6, one.outcome is backup.Outcome.OK)
