"""Which scheduled jobs there were in a stretch of time, as the records tell of them: digests, the archive's days, looks of the
bots, backups and drills. Snapshots are readings, one each few minutes, and would hide what failed.

A job that left no record is not among them, and no look of a bot that a person asked for can be told from one that was due.
Of digests and days of the archive the moment is that at which they were due.
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
_BOT = "bot "


@dataclass(frozen=True, slots=True)
class Books:
    """The records in which jobs leave something."""

    snapshots: kept_ports.Snapshots
    runs: kept_ports.BotRuns
    backups: kept_ports.Backups


def within(books: Books, settings: observe.ObserveConfig, span: evidence.Span) -> Sequence[evidence.Job]:
    """Return the jobs of a span, the oldest first. Blocking. Raises RecordsUnavailableError."""
    found = [*_days(books.snapshots, settings), *_looks(books.runs, span)]
    found += [_backup(one) for one in books.backups.newest(JOBS_MAX)]
    return sorted((one for one in found if span.holds(one.at_s)), key=lambda one: one.at_s)


def _days(kept: kept_ports.Snapshots, settings: observe.ObserveConfig) -> Iterator[evidence.Job]:
    when = schedule.schedule(settings.digest_at, settings.digest_zone)
    for kind, prefix in (("digest", posting.PREFIX), ("archive", archiving.PREFIX)):
        for day in posting.days(kept.announced(prefix, snapshots.ANNOUNCED_KEPT)):
            yield evidence.Job(kind, when.moment_s(datetime.date.fromisoformat(day)))


def _looks(kept: kept_ports.BotRuns, span: evidence.Span) -> Iterator[evidence.Job]:
    since = ids.ulid_from(max(0, round(span.start_s * 1e6) - 1_000), b"\xff" * 10)
    for one in kept.newest(JOBS_MAX, after=since):
        yield evidence.Job(f"{_BOT}{one.bot}", one.began_us / 1e6, one.outcome is not bots.Outcome.FAILED)


def _backup(one: backup.Run) -> evidence.Job:
    kind = "backup" if one.kind is backup.Kind.RUN else "drill"
    return evidence.Job(kind, one.began_us / 1e6, one.outcome is backup.Outcome.OK)
