"""Overrides: a table of the records, written by the healer and by `council overrides`, read by whoever they are for."""

import logging
from collections.abc import Iterable
from typing import Any

import sqlalchemy

from council.backends.records import engines, schema, sql
from council.domain import errors, overrides

_log = logging.getLogger(__name__)
# Rows are read again each second: of one that cannot be read it is told once. More than are ever kept.
_TOLD_MAX = 4_096

_override = schema.overrides.c


class SqlOverrides(sql.SqlRecords):
    """kept_ports.Overrides, in the same database as all other records."""

    def __init__(self, url: str, busy_s: float = 5.0, *, synchronous: engines.Synchronous = "NORMAL"):
        super().__init__(url, busy_s, synchronous=synchronous)
        self._told: set[str] = set()

    def put(self, one: overrides.Override, most: int) -> bool:
        """Keep an override in the place of the one in force of its kind and target; False where `most` others are in force."""
        overrides.checked(one)
        same = sqlalchemy.and_(_override.kind == one.kind.value, _override.target == one.target)
        there = sqlalchemy.select(_override.id).where(_override.id == one.id)
        others = (
            sqlalchemy.select(sqlalchemy.func.count())
            .select_from(schema.overrides)
            .where(_holds(one.began_us), sqlalchemy.not_(same))
        )
        # Of those before it none is left, one that a wrong clock began among them.
        ended = sqlalchemy.update(schema.overrides).where(
            same, _override.lifted_us == 0, _override.until_us > one.began_us
        )
        values = {column.name: getattr(one, column.name) for column in schema.overrides.c}
        with self._typed(), self._writer.begin() as connection:
            _one_at_a_time(connection)
            if connection.execute(there).first() is not None:
                return True
            if connection.execute(others).scalar_one() >= most:
                return False
            connection.execute(ended.values(lifted_us=one.began_us))
            connection.execute(sqlalchemy.insert(schema.overrides), {**values, "kind": one.kind.value})
        return True

    def lift(self, identifier: str, at_us: int) -> bool:
        """End an override before its time; False if none of this id is in force."""
        query = (
            sqlalchemy.update(schema.overrides)
            .where(_override.id == sql.plain_text(identifier), _override.lifted_us == 0, _override.until_us > at_us)
            .values(lifted_us=at_us)
        )
        with self._typed(), self._writer.begin() as connection:
            return connection.execute(query).rowcount > 0

    def in_force(self, at_us: int) -> list[overrides.Override]:
        """Return the overrides in force at a moment, oldest first."""
        query = sqlalchemy.select(*schema.overrides.c).where(_holds(at_us)).order_by(_override.began_us, _override.id)
        with self._typed(), self._reader.connect() as connection:
            rows = connection.execute(query).all()
        return list(self._readable(row._mapping for row in rows))

    def newest(self, limit: int, *, kind: overrides.Kind | None = None) -> list[overrides.Override]:
        """Return up to `limit` overrides, of one kind if it is given, in force or over, newest first."""
        order = (_override.began_us.desc(), _override.id.desc())
        query = sqlalchemy.select(*schema.overrides.c).order_by(*order).limit(limit)
        if kind is not None:
            query = query.where(_override.kind == kind.value)
        with self._typed(), self._reader.connect() as connection:
            rows = connection.execute(query).all()
        return list(self._readable(row._mapping for row in rows))

    def trim(self, most: int, at_us: int) -> int:
        """Delete those that are over beyond the newest `most` of all; return how many."""
        order = (_override.began_us.desc(), _override.id.desc())
        kept = sqlalchemy.select(_override.id).order_by(*order).limit(most)
        over = sqlalchemy.or_(_override.lifted_us != 0, _override.until_us <= at_us)
        query = sqlalchemy.delete(schema.overrides).where(over, _override.id.not_in(kept))
        with self._typed(), self._writer.begin() as connection:
            return connection.execute(query).rowcount

    def _readable(self, rows: Iterable[Any]) -> Iterable[overrides.Override]:
        """Yield what this release understands: a newer one may know kinds and values that it does not."""
        for row in rows:
            try:
                one = overrides.Override(**{**row, "kind": overrides.Kind(row["kind"])})
                yield overrides.checked(one)
            except (ValueError, errors.InvalidRequestError):
                self._tell_once(str(row["id"])[:64])

    def _tell_once(self, identifier: str) -> None:
        if identifier in self._told:
            return
        if len(self._told) >= _TOLD_MAX:
            self._told.clear()
        self._told.add(identifier)
        _log.warning("an override cannot be read and is left out", extra={"override": identifier})


def _holds(at_us: int) -> sqlalchemy.ColumnElement[bool]:
    """Return `overrides.Override.in_force`, for the database."""
    return sqlalchemy.and_(
        _override.lifted_us == 0, _override.until_us > at_us, _override.until_us <= at_us + overrides.SPAN_US_MAX
    )


def _one_at_a_time(connection: sqlalchemy.Connection) -> None:
    """Have two that put one at the same moment not both find a place; SQLite's writers go one by one anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE overrides IN SHARE ROW EXCLUSIVE MODE")
