"""How questions went, what people thought of the answers, and what they said beside it: three more tables of the records.

Every thumb belongs to a request of the ledger and to the user who made it. What is deleted is overwritten in the database's
file (`secure_delete`), and leaves its log with the next checkpoint.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy

from council.backends.records import schema, sql
from council.domain import answers, learning

_row, _thumb, _remark = schema.learning.c, schema.thumbs.c, schema.remarks.c
_TABLES = (schema.learning, schema.thumbs, schema.remarks)
# Users who ever reach their bound are few; those beyond so many are trimmed with the next call.
_USERS_TRIMMED_MAX = 1_000


class SqlLearning(sql.SqlRecords):
    """ports.LearningRecords, in the same database as all other records."""

    def __init__(self, url: str, busy_s: float = 5.0):
        super().__init__(url, busy_s)
        self._add = sql.insert_if_new(self._reader, schema.learning, "request_id")
        self._add_thumb = sql.insert_if_new(self._reader, schema.thumbs, "request_id")
        self._add_remark = sql.insert_if_new(self._reader, schema.remarks, "request_id")

    def keep(self, rows: Sequence[learning.Row]) -> None:
        """Commit the rows, or none; a request that is there already is left as it is."""
        if not rows:
            return
        with self._typed(), self._writer.begin() as connection:
            connection.execute(self._add, [_values(one) for one in rows])

    def judge(self, thumb: learning.Thumb, words: str = "") -> learning.Taken:
        """Keep a thumb and what was said beside it in the place of an earlier one, if the ledger knows that user's request."""
        asked = sqlalchemy.select(schema.ledger.c.id).where(
            schema.ledger.c.request_id == thumb.request_id, schema.ledger.c.user_id == thumb.user_id
        )
        values = {**dataclasses.asdict(thumb), "verdict": thumb.verdict.value, "route": thumb.route or ""}
        with self._typed(), self._writer.begin() as connection:
            if connection.execute(asked).first() is None:
                return learning.Taken.UNKNOWN
            before = connection.execute(
                sqlalchemy.select(_thumb.verdict).where(_thumb.request_id == thumb.request_id)
            ).scalar()
            changed = sqlalchemy.update(schema.thumbs).where(_thumb.request_id == thumb.request_id).values(values)
            if connection.execute(changed).rowcount == 0:
                connection.execute(self._add_thumb, [values])
            connection.execute(sqlalchemy.delete(schema.remarks).where(_remark.request_id == thumb.request_id))
            if words:
                told = {"request_id": thumb.request_id, "user_id": thumb.user_id, "at_us": thumb.at_us, "words": words}
                connection.execute(self._add_remark, [told])
        return learning.Taken.SAME if before == thumb.verdict else learning.Taken.NEW

    def trim(self, bounds: learning.Bounds) -> int:
        """Delete what is too old or too much, the oldest first; return how many rows and thumbs went."""
        gone = 0
        with self._typed(), self._writer.begin() as connection:
            for table in _TABLES:
                old = table.c.at_us < bounds.before_us
                went = connection.execute(sqlalchemy.delete(table).where(old)).rowcount
                went += _beyond(connection, table, bounds.rows_max, sqlalchemy.true())
                for user_id in _users_beyond(connection, table, bounds.rows_user_max):
                    went += _beyond(connection, table, bounds.rows_user_max, table.c.user_id == user_id)
                gone += 0 if table is schema.remarks else went
        return gone

    def forget(self, user_id: str) -> int:
        """Delete all rows and thumbs of a user for good; return how many."""
        with self._typed(), self._writer.begin() as connection:
            connection.execute(sqlalchemy.delete(schema.remarks).where(_remark.user_id == user_id))
            return sum(
                connection.execute(sqlalchemy.delete(table).where(table.c.user_id == user_id)).rowcount
                for table in (schema.learning, schema.thumbs)
            )

    def opinions(self, user_id: str | None, limit: int, before_us: int = 0) -> list[learning.Opinion]:
        """Return the newest thumbs of a user, or of all, each with what was said beside it; newest first."""
        joined = schema.thumbs.outerjoin(
            schema.remarks, (_remark.request_id == _thumb.request_id) & (_remark.user_id == _thumb.user_id)
        )
        query = sqlalchemy.select(*schema.thumbs.c, _remark.words).select_from(joined)
        if user_id is not None:
            query = query.where(_thumb.user_id == user_id)
        if before_us:
            query = query.where(_thumb.at_us < before_us)
        query = query.order_by(_thumb.at_us.desc(), _thumb.request_id.desc()).limit(limit)
        with self._typed(), self._reader.connect() as connection:
            found = connection.execute(query).all()
        return [learning.Opinion(_thumb_from(one[:-1]), one[-1] or "") for one in found]

    def kept(self, user_id: str) -> learning.Kept:
        """Return how much is kept of a user."""
        count, oldest = sqlalchemy.func.count(), sqlalchemy.func.min
        with self._typed(), self._reader.connect() as connection:
            rows, first_row = connection.execute(
                sqlalchemy.select(count, oldest(_row.at_us)).where(_row.user_id == user_id)
            ).one()
            thumbs, first_thumb = connection.execute(
                sqlalchemy.select(count, oldest(_thumb.at_us)).where(_thumb.user_id == user_id)
            ).one()
        return learning.Kept(int(rows), int(thumbs), min((one for one in (first_row, first_thumb) if one), default=0))

    def learned(self, limit: int) -> list[tuple[learning.Row, learning.Thumb | None]]:
        """Return the newest rows, oldest of them first, each with what its user thought of the answer."""
        joined = schema.learning.outerjoin(
            schema.thumbs, (_thumb.request_id == _row.request_id) & (_thumb.user_id == _row.user_id)
        )
        query = (
            sqlalchemy.select(*schema.learning.c, *schema.thumbs.c)
            .select_from(joined)
            .order_by(_row.at_us.desc(), _row.request_id.desc())
            .limit(limit)
        )
        width = len(schema.learning.c)
        with self._typed(), self._reader.connect() as connection:
            found = connection.execute(query).all()
        return [(_row_of(one[:width]), _thumb_of(one[width:])) for one in reversed(found)]


def _users_beyond(connection: sqlalchemy.Connection, table: sqlalchemy.Table, most: int) -> Sequence[str]:
    query = (
        sqlalchemy.select(table.c.user_id)
        .group_by(table.c.user_id)
        .having(sqlalchemy.func.count() > most)
        .limit(_USERS_TRIMMED_MAX)
    )
    return connection.execute(query).scalars().all()


def _beyond(
    connection: sqlalchemy.Connection, table: sqlalchemy.Table, most: int, whose: sqlalchemy.ColumnElement[bool]
) -> int:
    """Delete all but the newest `most` of those meant; return how many went."""
    kept = (
        sqlalchemy.select(table.c.request_id)
        .where(whose)
        .order_by(table.c.at_us.desc(), table.c.request_id.desc())
        .limit(most)
    )
    return connection.execute(sqlalchemy.delete(table).where(whose, table.c.request_id.not_in(kept))).rowcount


def _values(one: learning.Row) -> dict[str, Any]:
    values = {column.name: getattr(one, column.name) for column in schema.learning.c}
    told = {"specialist": str(one.specialist), "level": str(one.level), "passed_on": ",".join(one.passed_on)}
    return {**values, **told}


def _row_of(found: Sequence[Any]) -> learning.Row:
    request_id, user_id, at_us, seen, specialist, level, confidence, escalated, passed_on = found
    return learning.Row(
        request_id,
        user_id,
        at_us,
        bytes(seen),
        answers.Route(specialist),
        answers.Level(level),
        confidence,
        bool(escalated),
        tuple(map(answers.Route, filter(None, passed_on.split(",")))),
    )


def _thumb_of(found: Sequence[Any]) -> learning.Thumb | None:
    return None if found[0] is None else _thumb_from(found)


def _thumb_from(found: Sequence[Any]) -> learning.Thumb:
    request_id, user_id, at_us, verdict, route = found
    return learning.Thumb(
        request_id, user_id, at_us, learning.Verdict(verdict), answers.Route(route) if route else None
    )
