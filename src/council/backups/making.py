"""One run: copy the home, have the copy kept, read it back, and only then remove what is kept no longer. And one drill.

Killed at any step it leaves the snapshots that there were, and perhaps one more that is whole; what lies in the home's folder
`backup` meanwhile the next run clears away.
"""

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from council import care_ports, kept_ports
from council.backups import copying, facts, restoring
from council.domain import backup, errors, home
from council.kit import clock as clock_module
from council.kit import ids

_log = logging.getLogger(__name__)

STAGING, DRILL = "staging", "drill"
_REASON_CHARS = 500
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs and drills lean on. `count` opens a copy of the records and returns its rows by table."""

    where: home.Home
    settings: backup.BackupConfig
    vault: care_ports.Vault
    log: kept_ports.Backups
    sources: copying.Sources
    kinds: tuple[str, str]
    count: Callable[[Path], Mapping[str, int]]
    clock: clock_module.Clock

    @property
    def target(self) -> str:
        """What people are shown of where snapshots go."""
        return backup.target(self.settings.target).shown


def run(parts: Parts, tell: Tell = lambda _: None, *, anew: bool = False) -> backup.Run:
    """Make a snapshot that counts; return what became of it, which the records keep. Raises what made it fail.

    `anew` says that a target which has lost all its snapshots is to begin again.
    """
    return _kept(parts, backup.Kind.RUN, lambda begun: _run(parts, begun, tell, anew))


def drill(parts: Parts, tell: Tell = lambda _: None) -> backup.Run:
    """Restore the newest snapshot on trial; return what became of it, which the records keep. Raises what made it fail."""
    return _kept(parts, backup.Kind.DRILL, lambda begun: _drill(parts, begun, tell))


def _run(parts: Parts, begun: backup.Run, tell: Tell, anew: bool) -> backup.Run:
    at_s = begun.began_us / 1e6
    before = parts.vault.snapshots()
    backup.check_clock(before, at_s)
    if not before and not anew:
        _check_new(parts)
    parts.vault.begin()
    folder = parts.where.backup_work / STAGING
    try:
        with copying.told(parts.where):
            copying.clear(folder)
        copying.check_room(parts.where, folder)
        tell("copies the home")
        copy = copying.make(parts.sources, folder)
        counts = parts.count(folder / "records" / "council.db")
        made = facts.write(copy, parts.where, counts, at_s, parts.kinds)
        tell(f"keeps {len(made.files)} files with {parts.vault.name}")
        saved = parts.vault.save(folder, at_s)
    finally:
        copying.remove(folder)
    tell("reads them back")
    try:
        parts.vault.verify(saved.snapshot.id)
    except errors.BackupError:
        # It must not be taken for a good one.
        with contextlib.suppress(errors.CouncilError):
            parts.vault.remove([saved.snapshot.id])
        raise
    expired = backup.expired(parts.vault.snapshots(), parts.settings)
    if expired:
        tell(f"removes {len(expired)} that are kept no longer")
        parts.vault.remove([one.id for one in expired])
    return replace(
        begun,
        snapshot=saved.snapshot.id,
        size_bytes=saved.snapshot.size_bytes,
        added_bytes=saved.added_bytes,
        files=len(made.files),
    )


def _check_new(parts: Parts) -> None:
    """Raise BackupUnavailableError where snapshots were made at this target, and now there are none: a disk is not mounted."""
    made = parts.log.newest(1, kind=backup.Kind.RUN, outcome=backup.Outcome.OK)
    if made and made[0].target == parts.target:
        raise errors.BackupUnavailableError(
            f"A snapshot was made at {parts.target}, and now there is none. Mount what should be there. To begin anew: "
            "`council backup run --anew`."
        )


def _drill(parts: Parts, begun: backup.Run, tell: Tell) -> backup.Run:
    found = parts.vault.snapshots()
    if not found:
        raise errors.BackupError(
            "There is no snapshot to restore on trial. Make the first: `council backup run`.", reason=backup.Reason.NONE
        )
    folder = parts.where.backup_work / DRILL
    tell(f"restores snapshot {found[0].id} on trial")
    try:
        with copying.told(parts.where):
            copying.clear(folder)
        made = restoring.unpack(parts.vault, found[0].id, folder, parts.count)
    finally:
        copying.remove(folder)
    size_bytes = sum(one.size_bytes for one in made.files.values())
    return replace(begun, snapshot=found[0].id, size_bytes=size_bytes, files=len(made.files))


def _kept(parts: Parts, kind: backup.Kind, work: Callable[[backup.Run], backup.Run]) -> backup.Run:
    now_us = parts.clock.now_us()
    begun = backup.Run(ids.ulid(now_us), kind, backup.Outcome.OK, now_us, now_us, parts.target)
    with alone(parts.where):
        try:
            ended = replace(work(begun), ended_us=parts.clock.now_us())
        except Exception as error:  # whatever it is: one that nobody hears of would be tried anew all the time
            why = error.message if isinstance(error, errors.CouncilError) else f"{type(error).__name__}: {error}"
            failed = replace(
                begun,
                outcome=backup.Outcome.FAILED,
                ended_us=parts.clock.now_us(),
                reason=why[:_REASON_CHARS],
            )
            _note_failure(parts.log, failed)
            raise
    parts.log.add(ended)
    return ended


def _note_failure(log: kept_ports.Backups, failed: backup.Run) -> None:
    try:
        log.add(failed)
    except errors.RecordsUnavailableError as error:
        _log.error("what failed could not be noted", extra={"reason": error.message})


@contextlib.contextmanager
def alone(where: home.Home) -> Iterator[None]:
    """Be the only one who works in the home's folder for backups. Raises BackupError where another is at it."""
    with copying.told(where):
        where.backup_work.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(where.backup_work / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise errors.BackupError(
            "A backup or a drill of this home is under way. Nothing was done; try again when it has ended.",
            reason=backup.Reason.BUSY,
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)
