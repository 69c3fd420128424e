"""How long a home of a gigabyte takes to be kept and to come back, in archives and with restic.

    make bench ARGS="--only backup"

The home is made here: records of random rows and a library of random files, which nothing can make smaller, with Council at
rest. Restored is into a new home on the same disk, checked as `council backup restore` checks, up to its renaming.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import figures
from council import homes
from council.backends.vault import archive
from council.backups import making, parts, restoring
from council.domain import backup, home

RECORDS_BYTES = 700 * 1024 * 1024
LIBRARY_BYTES = 300 * 1024 * 1024
_FILE_BYTES = 1024 * 1024
_ROW_BYTES = 16 * 1024
TARGET_S = 120.0


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return what each kind took."""
    with tempfile.TemporaryDirectory(prefix="council-backup-") as name:
        root = Path(name)
        where = _home(root / "home", say)
        rows: list[figures.Row] = []
        for kind in ("archive", "restic"):
            if kind == "restic" and shutil.which("restic") is None:
                rows.append(figures.Row("restored", kind, None, "s", TARGET_S, note="there is no restic"))
                continue
            rows += _measured(kind, where, root, say)
        return rows


def _measured(kind: str, where: home.Home, root: Path, say: Callable[[str], None]) -> list[figures.Row]:
    settings = backup.BackupConfig(target=str(root / kind))
    made = parts.made(homes.load_config(where, None, {}, {}), settings, where)
    if kind == "archive":
        made = replace(made, vault=archive.ArchiveVault(root / kind, where.secrets, parts.label(where)))
    rows = []
    for title in ("first snapshot, read back", "second snapshot, read back"):
        began_s = time.monotonic()
        ended = making.run(made, lambda text: say(f"{kind}: {text}"))
        rows.append(figures.Row(title, kind, time.monotonic() - began_s, "s", note=f"{ended.size_bytes / 1e9:.2f} GB"))
        rows.append(figures.Row(f"{title}: stored anew", kind, ended.added_bytes / 1e6, "MB"))
    began_s = time.monotonic()
    restoring.restore(made.vault, "latest", root / "new", parts.count, lambda _: None)
    rows.append(figures.Row("restored and checked", kind, time.monotonic() - began_s, "s", TARGET_S))
    made.log.close()
    for folder in (root / "new", root / kind):
        shutil.rmtree(folder)
    return rows


def _home(root: Path, say: Callable[[str], None]) -> home.Home:
    say("makes a home of a gigabyte")
    where = home.Home(root)
    homes.prepare(where, {})
    where.backup_passphrase_file.write_text("a passphrase for figures\n")
    for number in range(LIBRARY_BYTES // _FILE_BYTES):
        (where.library / f"{number:05d}.bin").write_bytes(os.urandom(_FILE_BYTES))
    with sqlite3.connect(where.records / "council.db") as records:
        for number in range(RECORDS_BYTES // _ROW_BYTES):
            row = (f"{number:016d}", "tick", number, os.urandom(_ROW_BYTES))
            records.execute("INSERT INTO snapshots (id, occasion, at_us, body) VALUES (?, ?, ?, ?)", row)
    records.close()
    return where
