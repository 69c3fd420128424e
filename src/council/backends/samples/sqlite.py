"""Samples kind `sqlite`: the watcher's own file, in which nothing is lost with it but the past.

A scrape is one row, its values packed and compressed. Rows older than `FULL_S` become one in ten minutes: of gauges the least,
which is what tells of leaks, of counters the newest. A file that cannot be read is put aside and begun anew.
"""

import array
import contextlib
import json
import logging
import math
import sqlite3
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from council.domain import errors, evidence, gates, watching

_log = logging.getLogger(__name__)

FULL_S = 5 * 3600.0
BUCKET_S = 600.0
# The most that one history tells, the newest: a gate that flaps changes each few seconds, and there may be 400 days.
VERDICTS_MAX = 5_000
NUMBERS_MAX = 60_000
_PAIR = struct.Struct("<Id")
_UNPACKED_BYTES_MAX = 1 << 24
_BUSY_S = 5.0
# What SQLite keeps beside the file.
_BESIDE = ("-wal", "-shm")
# Compaction takes this many buckets in one transaction.
_BUCKETS_MAX = 60

_TABLES = """
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY, metric TEXT NOT NULL, labels TEXT NOT NULL, UNIQUE (metric, labels));
CREATE TABLE IF NOT EXISTS scrapes (
    service TEXT NOT NULL, at_ms INTEGER NOT NULL, problem TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (service, at_ms)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdicts (
    gate TEXT NOT NULL, at_ms INTEGER NOT NULL, verdict TEXT NOT NULL, value REAL, reason TEXT NOT NULL,
    PRIMARY KEY (gate, at_ms)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (
    gate TEXT NOT NULL, at_ms INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY (gate, at_ms)) WITHOUT ROWID;
"""

_NEXT_SERVICE = "SELECT min(service) FROM scrapes WHERE service > ?"


class SqliteSamples:
    """Implements care_ports.Samples. Blocking; may be used by several threads."""

    def __init__(self, file: Path):
        self._file = file
        self._lock = threading.Lock()
        self._ids: dict[tuple[str, str], int] = {}
        self._connection = self._opened()

    def keep(
        self,
        scrapes: Sequence[watching.Scrape],
        verdicts: Sequence[tuple[str, watching.Past]],
        numbers: Sequence[tuple[str, float, float]],
    ) -> None:
        """Keep scrapes, verdicts that changed, and numbers as (gate, at_s, value), in one transaction. Raises SamplesError."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO scrapes VALUES (?, ?, ?, ?)",
                [(one.service, _ms(one.at_s), one.problem, self._packed(connection, one)) for one in scrapes],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?)",
                [(gate, _ms(one.since_s), str(one.verdict), one.value, one.reason) for gate, one in verdicts],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO numbers VALUES (?, ?, ?)",
                [(gate, _ms(at), value) for gate, at, value in numbers],
            )

    def since(self, start_s: float) -> list[watching.Scrape]:
        """Return the scrapes from a time on, oldest first. Raises SamplesError."""
        with self._transaction() as connection:
            series = {
                number: (metric, tuple((name, value) for name, value in json.loads(labels)))
                for number, metric, labels in connection.execute("SELECT id, metric, labels FROM series")
            }
            rows = connection.execute(
                "SELECT service, at_ms, problem, body FROM scrapes WHERE at_ms >= ? ORDER BY at_ms", (_ms(start_s),)
            )
            return [
                watching.Scrape(
                    service,
                    at_ms / 1000,
                    [watching.Reading(*series[number], value) for number, value in _unpacked(body) if number in series],
                    problem,
                )
                for service, at_ms, problem, body in rows
            ]

    def history(self, gate: str, start_s: float) -> watching.History:
        """Return what a gate said from a time on, and what it said then, as far as bounds allow. Raises SamplesError."""
        with self._transaction() as connection:
            verdicts = connection.execute(
                "SELECT verdict, at_ms, value, reason FROM verdicts WHERE gate = ?1 AND at_ms >= coalesce("
                "(SELECT max(at_ms) FROM verdicts WHERE gate = ?1 AND at_ms <= ?2), ?2) ORDER BY at_ms DESC LIMIT ?3",
                (gate, _ms(start_s), VERDICTS_MAX),
            ).fetchall()
            numbers = connection.execute(
                "SELECT at_ms, value FROM numbers WHERE gate = ? AND at_ms >= ? ORDER BY at_ms DESC LIMIT ?",
                (gate, _ms(start_s), NUMBERS_MAX),
            ).fetchall()
            return watching.History(
                gate,
                [
                    watching.Past(gates.Verdict(verdict), at / 1000, value, reason)
                    for verdict, at, value, reason in reversed(verdicts)
                ],
                [(at / 1000, value) for at, value in reversed(numbers)],
            )

    def tracks(self, metrics: Sequence[str], start_s: float, step_s: float = 0.0) -> list[evidence.Track]:
        """Return the series of some metrics from a time on, the newest point of each step, within the bounds of `evidence`.

        A service at a time, so that whoever keeps what was read waits for none but that. Raises SamplesError.
        """
        asked = list(metrics)[: evidence.METRICS_MAX]
        with self._transaction() as connection:
            named = connection.execute(
                f"SELECT id, metric, labels FROM series WHERE metric IN ({', '.join('?' * len(asked))}) ORDER BY id",  # noqa: S608
                asked,
            ).fetchall()
        series = {number: _Points(step_s) for number, _, _ in named}
        for service in self._services():
            with self._transaction() as connection:
                rows = connection.execute(
                    "SELECT at_ms, body FROM scrapes WHERE service = ? AND at_ms >= ? ORDER BY at_ms",
                    (service, _ms(start_s)),
                ).fetchall()
            for at_ms, body in rows:
                for number, value in _unpacked(body):
                    if number in series and math.isfinite(value):
                        series[number].take(at_ms / 1000, value)
        found = (_track(metric, json.loads(labels), series[number]) for number, metric, labels in named)
        return [one for one in found if one.points][: evidence.TRACKS_MAX]

    def _services(self) -> list[str]:
        """Return whose scrapes there are, by as many look-ups as there are services: to list all rows takes seconds."""
        found: list[str] = []
        with self._transaction() as connection:
            while (told := connection.execute(_NEXT_SERVICE, (found[-1] if found else "",)).fetchone()[0]) is not None:
                found.append(told)
        return found

    def compact(self, now_s: float, keep_s: float) -> bool:
        """Thin what is old and drop what is too old; return whether there is more of it to thin. Raises SamplesError."""
        with self._transaction() as connection:
            oldest_ms = _ms(now_s - keep_s)
            connection.execute("DELETE FROM scrapes WHERE at_ms < ?", (oldest_ms,))
            connection.execute("DELETE FROM numbers WHERE at_ms < ?", (oldest_ms,))
            # The newest verdict before that time still holds.
            connection.execute(
                "DELETE FROM verdicts WHERE at_ms < (SELECT max(at_ms) FROM verdicts AS later "
                "WHERE later.gate = verdicts.gate AND later.at_ms <= ?)",
                (oldest_ms,),
            )
            full_from_ms = _ms((now_s - FULL_S) // BUCKET_S * BUCKET_S)
            crowded = connection.execute(
                "SELECT service, (at_ms - 1) / ?1 AS bucket FROM scrapes WHERE at_ms <= ?2 "
                "GROUP BY service, bucket HAVING count(*) > 1 LIMIT ?3",
                (_ms(BUCKET_S), full_from_ms, _BUCKETS_MAX),
            ).fetchall()
            for service, bucket in crowded:
                self._merge(connection, service, bucket)
        return len(crowded) == _BUCKETS_MAX

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._lock:
            self._connection.close()

    def _merge(self, connection: sqlite3.Connection, service: str, bucket: int) -> None:
        """Make one row of those of a bucket, at the bucket's end."""
        low, high = bucket * _ms(BUCKET_S), (bucket + 1) * _ms(BUCKET_S)
        metrics = dict(connection.execute("SELECT id, metric FROM series"))
        rows = connection.execute(
            "SELECT problem, body FROM scrapes WHERE service = ? AND at_ms > ? AND at_ms <= ? ORDER BY at_ms",
            (service, low, high),
        ).fetchall()
        merged: dict[int, float] = {}
        for _, body in rows:
            for number, value in _unpacked(body):
                counts = watching.is_counter(metrics.get(number, ""))
                merged[number] = value if counts or number not in merged else min(merged[number], value)
        problem = "" if merged else rows[-1][0]
        connection.execute("DELETE FROM scrapes WHERE service = ? AND at_ms > ? AND at_ms <= ?", (service, low, high))
        connection.execute(
            "INSERT INTO scrapes VALUES (?, ?, ?, ?)", (service, high, problem, _compressed(merged.items()))
        )

    def _packed(self, connection: sqlite3.Connection, one: watching.Scrape) -> bytes:
        return _compressed((self._id(connection, reading), reading.value) for reading in one.readings)

    def _id(self, connection: sqlite3.Connection, reading: watching.Reading) -> int:
        key = (reading.metric, json.dumps(reading.labels))
        if key not in self._ids:
            connection.execute("INSERT OR IGNORE INTO series (metric, labels) VALUES (?, ?)", key)
            (number,) = connection.execute("SELECT id FROM series WHERE metric = ? AND labels = ?", key).fetchone()
            self._ids[key] = number
        return self._ids[key]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if not self._file.exists():
                    self._begin_anew()
                with self._connection:
                    yield self._connection
            except (sqlite3.Error, OSError, ValueError) as error:
                # Ids that were given in a transaction that is taken back are those of nothing.
                self._ids.clear()
                if _is_damage(error):
                    self._put_aside(error)
                raise errors.SamplesError(
                    f"{self._file} cannot be used: {error}. Free space on its disk, or move it away; it is made anew.",
                    detail=type(error).__name__,
                ) from error

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            self._move_aside(error)
            return self._connected()

    def _put_aside(self, error: Exception) -> None:
        """Begin anew in the place of a file that turned out to be damaged, for whoever comes next."""
        try:
            self._connection.close()
            self._move_aside(error)
            self._connection = self._connected()
        except (sqlite3.Error, OSError) as failure:
            _log.error("the samples cannot be begun anew", extra={"reason": str(failure)})

    def _begin_anew(self) -> None:
        """Make the file that somebody has moved away."""
        _log.warning("the samples are gone and are begun anew", extra={"file": self._file.name})
        self._connection.close()
        self._ids.clear()
        for suffix in _BESIDE:
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        self._connection = self._connected()

    def _move_aside(self, error: Exception) -> None:
        aside = self._file.with_suffix(".damaged")
        _log.error("the samples cannot be read and are begun anew", extra={"reason": str(error), "file": aside.name})
        for suffix in _BESIDE:
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        self._file.replace(aside)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=_BUSY_S, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.executescript(_TABLES)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


class _Points:
    """The newest point of each step of one series, and of those the newest."""

    def __init__(self, step_s: float):
        self._step_s = step_s
        self._slot = -math.inf
        self.times_s: array.array[float] = array.array("d")
        self.values: array.array[float] = array.array("d")

    def take(self, at_s: float, value: float) -> None:
        slot = at_s // self._step_s if self._step_s > 0 else at_s
        if slot == self._slot:
            self.times_s[-1], self.values[-1] = at_s, value
            return
        self._slot = slot
        self.times_s.append(at_s)
        self.values.append(value)
        if len(self.times_s) >= 2 * evidence.POINTS_MAX:
            del self.times_s[: evidence.POINTS_MAX], self.values[: evidence.POINTS_MAX]


def _track(metric: str, labels: Sequence[Sequence[str]], points: _Points) -> evidence.Track:
    told = evidence.TRACKED.get(metric, evidence.Tracked())
    by_name = {str(name): str(value) for name, value in labels}
    service = by_name.pop("svc", "")
    pairs = list(zip(points.times_s, points.values, strict=True))[-evidence.POINTS_MAX :]
    return evidence.Track(metric, service, told.unit, pairs, tuple(sorted(by_name.items())))


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is broken. A full disk and a lock are sub-classes, and pass."""
    return type(error) is sqlite3.DatabaseError


def _ms(at_s: float) -> int:
    return round(at_s * 1000)


def _compressed(values: Iterable[tuple[int, float]]) -> bytes:
    return zlib.compress(b"".join(_PAIR.pack(number, value) for number, value in values), 1)


def _unpacked(body: bytes) -> Iterator[tuple[int, float]]:
    try:
        plain = zlib.decompressobj().decompress(body, _UNPACKED_BYTES_MAX)
        yield from _PAIR.iter_unpack(plain)
    except (zlib.error, struct.error) as error:
        # One reading that is lost must not take all others, nor the thinning of old ones, with it.
        _log.warning("a reading that was kept is damaged and left out", extra={"reason": str(error)})
