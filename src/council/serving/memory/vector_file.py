"""The vectors of passages on disk, so that a start need not embed anything again. A view: lost or damaged it is made anew.

Each row is checked when it is read, by a checksum and by its length being 1, since a number that is none would be nearest to
everything. What goes is overwritten: from a vector one can guess what a text was about.
"""

import hashlib
import logging
import math
import sqlite3
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

_log = logging.getLogger(__name__)

# Another number for another way to embed passages, or another form of rows.
_FORM = 1
_NAMES_A_QUERY = 500
_LENGTH_TOLERANCE = 1e-3
_SUM_BYTES = 8
_PRAGMAS = (
    "PRAGMA trusted_schema = OFF",
    # Of the usual size a page holds two vectors and a third of nothing.
    "PRAGMA page_size = 16384",
    "PRAGMA auto_vacuum = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA synchronous = NORMAL",
)
_SCHEMA = """
    CREATE TABLE about (made_by TEXT NOT NULL);
    CREATE TABLE vectors (name TEXT PRIMARY KEY, sum BLOB NOT NULL, vector BLOB NOT NULL);
"""
# The file is as good as it was; there is nothing to make anew.
_DISK_FAILS = frozenset(
    {
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM),
    }
)

_T = TypeVar("_T")


class VectorFile:
    """Vectors by name, all of one model. For one thread. A failure of the disk is logged, and then nothing is kept."""

    def __init__(self, path: Path, model: str, width: int):
        """Open the file, empty where it is missing, damaged, or of another model or form."""
        self._path = path
        self._made_by = f"{_FORM} {model} {width}"
        self._bytes = struct.calcsize(f"={width}f")
        self._width = width
        self._database: sqlite3.Connection | None = None
        self._failed = False
        self._guarded(lambda: None)

    def read(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the vectors of these names that are there and sound."""
        found: dict[str, bytes] = {}
        for start in range(0, len(names), _NAMES_A_QUERY):
            part = names[start : start + _NAMES_A_QUERY]
            found.update(self._guarded(lambda part=part: self._read(part)) or {})  # type: ignore[misc]
        return found

    def write(self, vectors: Mapping[str, bytes]) -> None:
        """Keep these vectors, all or none."""
        rows = [(name, self._sum(name, vector), vector) for name, vector in vectors.items()]
        self._guarded(lambda: self._many("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows))

    def remove(self, names: Collection[str]) -> None:
        """Remove these vectors; those that are not there are passed over."""
        self._guarded(lambda: self._many("DELETE FROM vectors WHERE name = ?", [(name,) for name in names]))

    def keep_only(self, names: Collection[str]) -> None:
        """Remove what has none of these names, as after documents went while nobody looked."""
        there = self._guarded(self._names) or []
        self.remove([name for name in there if name not in names])

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _read(self, names: Sequence[str]) -> dict[str, bytes]:
        assert self._database is not None
        marks = ", ".join("?" * len(names))
        # Asked for by size, so that a row of another is never loaded.
        rows = self._database.execute(
            f"SELECT name, sum, vector FROM vectors WHERE name IN ({marks}) AND length(vector) = ?",  # noqa: S608 - marks
            (*names, self._bytes),
        ).fetchall()
        found = {name: vector for name, checked, vector in rows if self._is_sound(name, checked, vector)}
        if len(found) < len(rows):
            _log.warning("vectors of passages are damaged and made again", extra={"count": len(rows) - len(found)})
        return found

    def _names(self) -> list[str]:
        assert self._database is not None
        return [name for (name,) in self._database.execute("SELECT name FROM vectors")]

    def _many(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        assert self._database is not None
        if rows:
            with self._database:
                self._database.executemany(statement, rows)

    def _sum(self, name: str, vector: bytes) -> bytes:
        return hashlib.blake2b(name.encode() + vector, digest_size=_SUM_BYTES).digest()

    def _is_sound(self, name: object, checked: object, vector: object) -> bool:
        if not isinstance(name, str) or not isinstance(vector, bytes) or self._sum(name, vector) != checked:
            return False
        squares = sum(number * number for number in struct.unpack(f"={self._width}f", vector))
        # Not the other way about, which a NaN would pass.
        return math.isfinite(squares) and abs(squares - 1.0) < _LENGTH_TOLERANCE

    def _guarded(self, work: Callable[[], _T]) -> _T | None:
        """Run it on the open file, made anew once if it is damaged. Return None where the disk fails."""
        for fresh in (False, True):
            try:
                if fresh:
                    self.close()
                    remove(self._path)
                if self._database is None:
                    self._database = self._open()
                done = work()
            except (sqlite3.Error, OSError) as error:
                if fresh or isinstance(error, OSError) or _primary(error) in _DISK_FAILS:
                    self._fail(error)
                    break
                _log.warning("the vectors of passages are damaged and made again", extra={"reason": str(error)})
            else:
                self._failed = False
                return done
        return None

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path)
        try:
            for pragma in _PRAGMAS:
                database.execute(pragma)
            if not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                database.executescript(_SCHEMA)
                with database:
                    database.execute("INSERT INTO about VALUES (?)", (self._made_by,))
            made_by = database.execute("SELECT made_by FROM about").fetchone()
            if made_by != (self._made_by,):
                raise sqlite3.DatabaseError(f"made by {str(made_by)[:100]}, not by {self._made_by}")
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _fail(self, error: Exception) -> None:
        if not self._failed:
            _log.warning("vectors of passages cannot be kept on disk", extra={"reason": str(error)})
        self._failed = True
        self.close()


def remove(path: Path) -> None:
    """Remove the file and what SQLite has beside it. Raises OSError."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _primary(error: Exception) -> int:
    # Its upper bits say more exactly what happened. What raised it here itself has none.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
