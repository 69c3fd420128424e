"""What is remembered of users: one more table of the records. Every query names one user, or counts."""

import contextlib
import dataclasses
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy

from council.backends.records import engines, guard, prepared, schema, sql
from council.domain import memory

_log = logging.getLogger(__name__)

# Both databases have a bound on the values of one statement.
_IDS_A_STATEMENT = 500
# What a search asks for is read by a statement that was compiled before: 0.1 instead of 0.5 ms.
_FEW_IDS = tuple(f"id_{number}" for number in range(20))
# A database is written anew after a deletion up to this size; above it, writers would wait too long. See `_erase`.
_REWRITTEN_BYTES_MAX = 512 * 1024 * 1024

_row, _change = schema.memories.c, schema.memory_changes.c
# The log is cut after so many lines of one process.
_CUT_EVERY = 500
_SOURCE_CHARS_MAX = 200
_MEMORY_COLUMNS = tuple(_row[field.name] for field in dataclasses.fields(memory.Memory))


class SqlMemories(sql.SqlRecords):
    """kept_ports.MemoryRecords, in the same database as all other records."""

    def __init__(self, url: str, busy_s: float = 5.0):
        super().__init__(url, busy_s)
        self._unerased = False
        self._noted = 0
        self._add = sql.insert_if_new(self._reader, schema.memories, "id")
        few = (
            sqlalchemy.select(*_MEMORY_COLUMNS)
            .where(_row.user_id == sqlalchemy.bindparam("user"), _row.id.in_(map(sqlalchemy.bindparam, _FEW_IDS)))
            .order_by(_row.id)
        )
        self._few = prepared.Prepared(few, self._reader)

    def add_memories(
        self,
        rows: Sequence[tuple[memory.Memory, bytes]],
        digest: str,
        superseded: Mapping[str, str] | None = None,
        noted: memory.Noted | None = None,
    ) -> None:
        """Commit rows with their vectors, or none; an id that is there is left as it is."""
        if not rows:
            return
        values = [_values(one, vector, digest) for one, vector in rows]
        born = {one.id: one for one, _ in rows}
        with self._typed(), self._writer.begin() as connection:
            connection.execute(self._add, values)
            for old, new in (superseded or {}).items():
                connection.execute(
                    sqlalchemy.update(schema.memories)
                    .where(_row.user_id == born[new].user_id, _row.id == old)
                    .values(superseded_by=new, superseded_us=born[new].at_us)
                )
            self._note(connection, noted, len(rows))
        if self._unerased:
            self._erase_typed()

    def memories(
        self, user_id: str, selection: memory.Selection, limit: int, *, newest_first: bool = False
    ) -> list[memory.Memory]:
        """Return up to `limit` memories in the order of their ids."""
        wanted = selection.ids
        if wanted and selection == memory.Selection(ids=wanted) and len(wanted) <= min(limit, len(_FEW_IDS)):
            return self._some(user_id, wanted, newest_first=newest_first)
        order = _row.id.desc() if newest_first else _row.id
        query = sqlalchemy.select(*_MEMORY_COLUMNS).where(*_chosen(user_id, selection)).order_by(order).limit(limit)
        with self._typed(), self._reader.connect() as connection:
            return [_memory(found) for found in connection.execute(query).all()]

    def _some(self, user_id: str, wanted: Sequence[str], *, newest_first: bool) -> list[memory.Memory]:
        # The places that are left repeat an id, which changes nothing.
        padded = [*wanted, *[wanted[0]] * (len(_FEW_IDS) - len(wanted))]
        values = {"user": user_id, **dict(zip(_FEW_IDS, padded, strict=True))}
        with self._typed(), engines.reading(self._reader) as cursor:
            found = [_memory(one) for one in self._few.rows(cursor, values)]
        return found[::-1] if newest_first else found

    def facts(self, user_id: str, subject: str, attribute: str) -> list[memory.Memory]:
        """Return the facts about an attribute that hold, newest first."""
        query = (
            sqlalchemy.select(*_MEMORY_COLUMNS)
            .where(
                _row.user_id == user_id,
                _row.kind == memory.Kind.FACT.value,
                _row.subject == subject,
                _row.attribute == attribute,
                _row.superseded_by == "",
            )
            .order_by(_row.at_us.desc(), _row.id.desc())
        )
        with self._typed(), self._reader.connect() as connection:
            return [_memory(found) for found in connection.execute(query).all()]

    def vectors(self, user_id: str, before: str, limit: int) -> list[tuple[str, str, bytes, str]]:
        """Return up to `limit` memories as id, text, vector and digest, newest first; only older ones than `before`."""
        conditions = [_row.user_id == user_id, *([_row.id < before] if before else [])]
        query = (
            sqlalchemy.select(_row.id, _row.text, _row.vector, _row.vector_model)
            .where(*conditions)
            .order_by(_row.id.desc())
            .limit(limit)
        )
        with self._typed(), self._reader.connect() as connection:
            return [(one, text, bytes(vector), digest) for one, text, vector, digest in connection.execute(query)]

    def set_vectors(self, user_id: str, vectors: Sequence[tuple[str, bytes]], digest: str) -> None:
        """Replace vectors by id."""
        with self._typed(), self._writer.begin() as connection:
            for identifier, vector in vectors:
                connection.execute(
                    sqlalchemy.update(schema.memories)
                    .where(_row.user_id == user_id, _row.id == identifier)
                    .values(vector=vector, vector_model=digest)
                )

    def forget(self, user_id: str, selection: memory.Selection, noted: memory.Noted | None = None) -> list[str]:
        """Delete memories for good, so that nothing of them is left in the database's files; return their ids."""
        deleted: list[str] = []
        with self._typed(), self._writer.begin() as connection:
            for part in _parts(selection):
                statement = sqlalchemy.delete(schema.memories).where(*_chosen(user_id, part)).returning(_row.id)
                deleted += connection.execute(statement).scalars().all()
            self._note(connection, noted if deleted else None, len(deleted))
        if deleted or self._unerased:
            self._erase_typed()
        return deleted

    def correct(self, row: memory.Memory, vector: bytes, digest: str, at_us: int) -> bool:
        """Have a memory be as `row`; nothing of what it was is left in the database's files."""
        values = _values(row, vector, digest)
        del values["id"], values["user_id"]
        statement = (
            sqlalchemy.update(schema.memories).where(_row.user_id == row.user_id, _row.id == row.id).values(values)
        )
        with self._typed(), self._writer.begin() as connection:
            done = connection.execute(statement).rowcount == 1
            # In words that every release knows.
            for did in (memory.Did.FORGOT, memory.Did.KEPT) if done else ():
                self._note(connection, memory.Noted(at_us, row.user_id, did, row.source), 1)
        if done or self._unerased:
            self._erase_typed()
        return done

    def note(self, noted: memory.Noted, count: int) -> None:
        """Write a line of the change log by itself."""
        with self._typed(), self._writer.begin() as connection:
            self._note(connection, noted, count)

    def changes(self, limit: int) -> list[memory.Change]:
        """Return the newest lines of the change log, newest first."""
        query = (
            sqlalchemy.select(_change.at_us, _change.user_id, _change.did, _change.count, _change.source)
            .order_by(_change.number.desc())
            .limit(limit)
        )
        with self._typed(), self._reader.connect() as connection:
            return [
                memory.Change(at_us, user_id, memory.Did(did), count, source)
                for at_us, user_id, did, count, source in connection.execute(query)
            ]

    def _note(self, connection: sqlalchemy.Connection, noted: memory.Noted | None, count: int) -> None:
        if noted is None:
            return
        source = sql.plain_text(noted.source)[:_SOURCE_CHARS_MAX]
        values = {
            "at_us": noted.at_us,
            "user_id": noted.user_id,
            "did": noted.did.value,
            "count": count,
            "source": source,
        }
        connection.execute(sqlalchemy.insert(schema.memory_changes), values)
        self._noted += 1
        if self._noted % _CUT_EVERY == 1:
            last = sqlalchemy.select(sqlalchemy.func.max(_change.number) - memory.CHANGES_MAX).scalar_subquery()
            connection.execute(sqlalchemy.delete(schema.memory_changes).where(_change.number <= last))

    def counts(self) -> dict[str, int]:
        """Return how many memories each user has."""
        query = sqlalchemy.select(_row.user_id, sqlalchemy.func.count()).group_by(_row.user_id)
        with self._typed(), self._reader.connect() as connection:
            return {str(user_id): int(count) for user_id, count in connection.execute(query)}

    def _erase_typed(self) -> None:
        with self._typed():
            self._unerased = not self._erase()
        if self._unerased:
            _log.warning("a reader keeps deleted memories in the database's log; it is emptied with the next change")

    def _erase(self) -> bool:
        """Take out of the files what was deleted; return whether nobody kept us from it.

        SQLite has overwritten the rows themselves (`secure_delete`), but a page that was rearranged may hold an older copy
        of a row, and so may the write-ahead log. So the file is written anew, and the log emptied.
        """
        if self._reader.dialect.name == "postgresql":
            with self._reader.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM memories")
            return True
        # The driver's own connection, since neither may stand in a transaction.
        with contextlib.closing(self._reader.raw_connection()) as raw:
            if Path(self._url.database or "").stat().st_size <= _REWRITTEN_BYTES_MAX:
                assert isinstance(raw.driver_connection, sqlite3.Connection)
                with guard.lifted(raw.driver_connection):
                    raw.cursor().execute("VACUUM")
            busy, _, _ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy


def _parts(selection: memory.Selection) -> list[memory.Selection]:
    """Part a selection by ids into pieces that one statement can hold."""
    if selection.ids is None:
        return [selection]
    starts = range(0, len(selection.ids), _IDS_A_STATEMENT)
    pieces = (selection.ids[start : start + _IDS_A_STATEMENT] for start in starts)
    return [dataclasses.replace(selection, ids=piece) for piece in pieces]


def _chosen(user_id: str, selection: memory.Selection) -> list[sqlalchemy.ColumnElement[bool]]:
    conditions = [_row.user_id == user_id]
    if selection.session_id is not None:
        conditions.append(_row.session_id == selection.session_id)
    if selection.kind is not None:
        conditions.append(_row.kind == selection.kind.value)
    if selection.ids is not None:
        conditions.append(_row.id.in_(selection.ids))
    if selection.after:
        conditions.append(_row.id > selection.after)
    return conditions


def _values(one: memory.Memory, vector: bytes, digest: str) -> dict[str, Any]:
    values = {column.name: getattr(one, column.name) for column in _MEMORY_COLUMNS}
    return {**values, "kind": one.kind.value, "vector": vector, "vector_model": digest}


def _memory(found: Sequence[Any]) -> memory.Memory:
    identifier, user_id, session_id, kind, *rest = found
    return memory.Memory(identifier, user_id, session_id, memory.Kind(kind), *rest)
