"""What a backup is: its settings, where it goes, what is known of each, which are kept, and when the next is due. Pure.

A *snapshot* of a backup is a copy of the home as it was at one moment, in a repository that the passphrase opens. It counts
once it has been read back; what a killed run left behind is no snapshot.
"""

import datetime
import enum
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from council.domain import errors, schedule
from council.domain.options import option

# A clock may be so far behind the newest snapshot before nothing is made any more.
CLOCK_SLACK_S = 300.0
# Most snapshots that a repository may hold of one home; retention removes them long before.
SNAPSHOTS_MAX = 10_000
PASSPHRASE_CHARS_MIN = 12
# A run that failed is tried again after this, not at once.
RETRY_S = 3600.0
_DAY_S = 86_400.0


class Reason(enum.StrEnum):
    """Why a backup could not be made, read or restored."""

    PASSPHRASE = "passphrase"  # noqa: S105 - a word, no secret
    DAMAGED = "damaged"
    NO_ROOM = "no_room"
    CLOCK = "clock"
    NOT_EMPTY = "not_empty"
    NO_PROGRAM = "no_program"
    BUSY = "busy"
    NONE = "none"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class BackupConfig:
    """Snapshots of the home, each night, in a place of your own."""

    target: str = option(
        "",
        "Where snapshots go: a folder's path, `s3:https://HOST/BUCKET/FOLDER`, `sftp://USER@HOST:PORT/FOLDER`; empty: nowhere.",
    )
    at: str = option("02:30", "The time of day from which the night's snapshot is made.")
    zone: str = option("UTC", "The time zone of `backup.at`, such as Europe/Paris.")
    every_h: float = option(
        24.0, "How often a snapshot is made, counted from that time of day, hours; 24: each night.", low=0.05, high=24
    )
    keep_daily: int = option(7, "Days of which the last snapshot is kept.", low=1, high=3660)
    keep_weekly: int = option(5, "Weeks of which the last snapshot is kept.", low=0, high=520)
    keep_monthly: int = option(12, "Months of which the last snapshot is kept.", low=0, high=120)
    drill_days: float = option(
        7.0, "So often the newest snapshot is restored on trial, days; 0: never.", low=0, high=366
    )
    late_h: float = option(
        36.0, "People are told when the last good snapshot is older than this, hours.", low=1, high=720
    )
    upload_kib_s: int = option(
        0, "Most that is sent in a second, KiB, to S3 and SFTP; 0: no bound.", low=0, high=1 << 30
    )
    limit_s: float = option(21_600.0, "Longest a run or a drill may take, seconds.", low=60, high=604_800)
    others_keys: bool = option(
        False, "Whether keys that others gave (providers, notices, forge) and keys that bots sign with are in it, too."
    )


class Place(enum.StrEnum):
    """The kinds of places for snapshots."""

    FOLDER = "folder"
    S3 = "s3"
    SFTP = "sftp"


@dataclass(frozen=True, slots=True)
class Target:
    """Where snapshots go. `path` is the folder there; of S3 `host` is the URL up to the path, which begins with the bucket."""

    place: Place
    path: str
    host: str = ""
    user: str = ""
    port: int = 0

    @property
    def shown(self) -> str:
        """What people are shown; it holds no secret."""
        match self.place:
            case Place.FOLDER:
                return self.path
            case Place.S3:
                return f"s3:{self.host}/{self.path}"
            case Place.SFTP:
                port = f":{self.port}" if self.port else ""
                host = f"[{self.host}]" if ":" in self.host else self.host
                return f"sftp://{self.user}@{host}{port}/{self.path}"


# What begins with `-` would be an option of ssh, and neither has a blank, so that it stays one word.
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}|[0-9A-Fa-f:.]{2,45}")
_FORMS = "Give a folder as `/path/to/folder`, or `s3:https://HOST/BUCKET/FOLDER`, or `sftp://USER@HOST:PORT/FOLDER`."


def target(text: str) -> Target:
    """Return the target that a setting names. Raises ConfigError, also for one with a password in it."""
    if not text.isprintable() or len(text) > 1024:
        raise errors.ConfigError(f"`backup.target` must be one line of at most 1,024 characters. {_FORMS}")
    if text.startswith("/"):
        return Target(Place.FOLDER, text.rstrip("/") or "/")
    place, parts = _parts(text)
    if parts is None or not _HOST.fullmatch(parts.hostname or ""):
        raise errors.ConfigError(f"`backup.target` is {text[:200]!r}, which is no place for snapshots. {_FORMS}")
    if parts.password is not None or (place is Place.S3 and parts.username):
        raise errors.ConfigError(
            "`backup.target` holds a password or key, which everybody who reads the settings would see. Leave it out: it "
            "belongs in the home's `secrets/backup.s3` or `secrets/backup.ssh_key`."
        )
    path = parts.path.strip("/") if place is Place.S3 else parts.path.removeprefix("/").rstrip("/")
    if not path or parts.query or parts.fragment or (place is Place.SFTP and not _USER.fullmatch(parts.username or "")):
        raise errors.ConfigError(
            f"`backup.target` names no {'bucket' if place is Place.S3 else 'user or folder'}. {_FORMS}"
        )
    if place is Place.S3:
        return Target(place, path, f"{parts.scheme}://{parts.netloc}")
    return Target(place, path, (parts.hostname or ""), parts.username or "", parts.port or 0)


def _parts(text: str) -> tuple[Place, urllib.parse.SplitResult | None]:
    place = Place.S3 if text.startswith("s3:") else Place.SFTP
    try:
        parts = urllib.parse.urlsplit(text.removeprefix("s3:"))
        parts.port  # noqa: B018 - a port that is no number is a ValueError here
    except ValueError:
        return place, None
    schemes = ("http", "https") if place is Place.S3 else ("sftp",)
    return place, parts if parts.scheme in schemes else None


def check(config: BackupConfig) -> None:
    """Raise ConfigError for a target, a time or a zone that there is none of."""
    if config.target:
        target(config.target)
    try:
        when(config)
    except errors.ConfigError as error:
        raise errors.ConfigError(error.message.replace("The digest's time", "`backup.at`")) from error


def when(config: BackupConfig) -> schedule.Schedule:
    """Return when the night's snapshot is due. Raises ConfigError."""
    return schedule.schedule(config.at, config.zone)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One copy of a home in a repository. `size_bytes` is 0 where the repository does not say; `home` tells homes apart."""

    id: str
    at_s: float
    size_bytes: int = 0
    home: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot that was made: what the copy holds, and what had to be stored of it anew."""

    snapshot: Snapshot
    added_bytes: int


class Kind(enum.StrEnum):
    """What was done."""

    RUN = "run"
    DRILL = "drill"


class Outcome(enum.StrEnum):
    """How it ended."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A run or a drill that has ended, as the records keep it. `reason` is a message for people, "" where it went well."""

    id: str
    kind: Kind
    outcome: Outcome
    began_us: int
    ended_us: int
    target: str = ""
    snapshot: str = ""
    size_bytes: int = 0
    added_bytes: int = 0
    files: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a copy: its size, SHA-256 in hex, and mode."""

    size_bytes: int
    sha256: str
    mode: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy of a home must be, written into it when it was made, and checked against wherever it is restored.

    `tree_sha256` is of the live generation's files, `lineage_*` of the last record of the journal. `records_from` and
    `store_from` say whether they were the home's own. `left_out` names what is not in it, for people.
    """

    form: int
    version: str
    at_s: float
    generation: str
    tree_sha256: str
    lineage_seq: int
    lineage_digest: str
    records_from: str
    store_from: str
    counts: Mapping[str, int]
    files: Mapping[str, File]
    left_out: Sequence[str] = field(default_factory=tuple)


FORM = 1


def late(last_good_us: int | None, since_us: int, config: BackupConfig, now_us: int) -> str:
    """Return why people are told that there is no good snapshot of late, "" where there is one.

    `since_us` is since when anybody waits for the first.
    """
    limit_us = round(config.late_h * 3600e6)
    if last_good_us is None:
        return "no snapshot has been made yet" if now_us - since_us > limit_us else ""
    if now_us - last_good_us <= limit_us:
        return ""
    return f"the last good snapshot is {(now_us - last_good_us) / 3600e6:.0f} h old"


def due(runs: Sequence[Run], config: BackupConfig, now_us: int) -> Kind | None:
    """Return what is due: the run of this night or hour, or else a drill; None for neither. `runs` are the last of each kind.

    What failed is due again after `RETRY_S`, or with the next run. Where nothing is known, as in a new home, a run is due.
    """
    if not config.target:
        return None
    again_s = min(RETRY_S, config.every_h * 3600.0)
    if _is_due(runs, Kind.RUN, round(_due_s(config, now_us) * 1e6), now_us, again_s):
        return Kind.RUN
    good = _newest(runs, Kind.RUN, Outcome.OK)
    if not config.drill_days or good is None:
        return None
    # At the hour of the night, too, and an hour early rather than a day late.
    since_us = now_us - round((config.drill_days * _DAY_S - 3600.0) * 1e6)
    return Kind.DRILL if _is_due(runs, Kind.DRILL, since_us, now_us, RETRY_S) else None


def _due_s(config: BackupConfig, now_us: int) -> float:
    """Return when a run was due last. A day may have 25 hours, and has one night all the same."""
    timing, every_s = when(config), config.every_h * 3600.0
    night_s = timing.moment_s(timing.day_of(now_us / 1e6))
    return night_s if every_s >= _DAY_S else night_s + (now_us / 1e6 - night_s) // every_s * every_s


def _is_due(runs: Sequence[Run], kind: Kind, since_us: int, now_us: int, again_s: float) -> bool:
    good, last = _newest(runs, kind, Outcome.OK), _newest(runs, kind, None)
    # What bears a time to come was made under another clock.
    if good is not None and since_us <= good.began_us <= now_us:
        return False
    return last is None or last.outcome is Outcome.OK or not 0 <= now_us - last.ended_us < again_s * 1e6


def _newest(runs: Sequence[Run], kind: Kind, outcome: Outcome | None) -> Run | None:
    found = [one for one in runs if one.kind is kind and outcome in (None, one.outcome)]
    return max(found, key=lambda one: one.began_us, default=None)


def expired(snapshots: Sequence[Snapshot], config: BackupConfig) -> list[Snapshot]:
    """Return which snapshots are kept no longer, the oldest first: all but the last of each day, week and month that counts.

    Days, weeks and months are those of `backup.zone`, and only those with a snapshot count. The newest always stays.
    """
    zone = when(config).there
    newest_first = sorted(snapshots, key=lambda one: (one.at_s, one.id), reverse=True)
    rules: tuple[tuple[int, Callable[[datetime.datetime], str]], ...] = (
        (config.keep_daily, lambda at: at.strftime("%Y-%m-%d")),
        (config.keep_weekly, lambda at: at.strftime("%G-%V")),
        (config.keep_monthly, lambda at: at.strftime("%Y-%m")),
    )
    kept = {one.id for one in newest_first[:1]}
    for most, span_of in rules:
        last: dict[str, str] = {}
        for one in newest_first:
            last.setdefault(span_of(datetime.datetime.fromtimestamp(one.at_s, zone)), one.id)
        kept.update(list(last.values())[:most])
    return [one for one in reversed(newest_first) if one.id not in kept]


def check_clock(snapshots: Sequence[Snapshot], now_s: float) -> None:
    """Raise BackupError where the clock is behind what has been made: retention would remove the wrong ones."""
    newest = max((one.at_s for one in snapshots), default=now_s)
    if newest - now_s > CLOCK_SLACK_S:
        there = datetime.datetime.fromtimestamp(newest, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
        raise errors.BackupError(
            f"The clock of this machine is behind: the newest snapshot is of {there} UTC. Nothing was made or removed. Set the "
            "clock, then try again.",
            reason=Reason.CLOCK,
        )


def check_passphrase(text: str) -> None:
    """Raise ConfigError for a passphrase that is too short, or more than one line."""
    if len(text) < PASSPHRASE_CHARS_MIN or not text.isprintable():
        raise errors.ConfigError(
            f"The passphrase must be one line of at least {PASSPHRASE_CHARS_MIN} characters. `council backup passphrase` makes "
            "one."
        )
