"""The backup process: makes the night's snapshot, or restores one on trial, if that is due, and ends. ADR 0040.

The supervisor starts it now and then; what is due it finds out by itself, from the records. It may read all of the home, which
nobody else may, so it runs only as long as that takes: it keeps root where services have users of their own, and writes the
records, its own folder and, where that is one, the target's.
"""

import logging
import os
from pathlib import Path

from council.backups import making, parts
from council.domain import backup, errors, home
from council.domain import config as config_module
from council.services import harness, rights

_log = logging.getLogger(__name__)


def main(config: config_module.Config, where: home.Home) -> int:
    """Do what is due; return 1 where it failed, which the records and the log say, too."""
    environment = harness.begin("backup")
    harness.setup_logging(environment.name)
    temporary = where.backup_work / "tmp"
    temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.update(TMPDIR=str(temporary), SQLITE_TMPDIR=str(temporary), RUST_BACKTRACE="0")
    _make_target(config.backup)
    made = parts.made(config, config.backup, where)
    rights.confine_service("backup", config, where)
    try:
        return 0 if all(_did(made, kind) for kind in backup.Kind) else 1
    finally:
        made.log.close()


def _did(made: making.Parts, kind: backup.Kind) -> bool:
    """Do one thing if it is due; return whether nothing failed."""
    known = [
        one
        for each in backup.Kind
        for outcome in (None, backup.Outcome.OK)
        for one in made.log.newest(1, kind=each, outcome=outcome)
    ]
    if backup.due(known, made.settings, made.clock.now_us()) is not kind:
        return True
    try:
        ended = making.run(made) if kind is backup.Kind.RUN else making.drill(made)
    except errors.CouncilError as error:
        _log.error("a backup failed", extra={"kind": kind.value, "reason": error.message, "detail": error.detail})
        return False
    _log.info(
        "a backup went well",
        extra={
            "kind": kind.value,
            "snapshot": ended.snapshot,
            "bytes": ended.size_bytes,
            "new_bytes": ended.added_bytes,
        },
    )
    return True


def _make_target(settings: backup.BackupConfig) -> None:
    """Have the target's folder be there, so that the confinement can name it. What is wrong with it shows later."""
    target = backup.target(settings.target)
    if target.place is backup.Place.FOLDER:
        try:
            Path(target.path).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            _log.warning("the target cannot be made", extra={"reason": str(error)})
