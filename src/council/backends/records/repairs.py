"""Repairs, and what people did themselves: two more tables of the records, written by the steward and by commands."""

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy

from council.backends.records import incidents as sql_incidents
from council.backends.records import schema, sql
from council.domain import incidents, repairs
from council.kit import plain

_log = logging.getLogger(__name__)

_repair, _intervention = schema.repairs.c, schema.interventions.c


class SqlRepairs(sql.SqlRecords):
    """kept_ports.Repairs, in the same database as all other records."""

    def save(
        self,
        one: repairs.Repair,
        parcels: Sequence[incidents.Parcel] = (),
        acted: repairs.Intervention | None = None,
    ) -> None:
        """Commit a repair, in the place of one of the same id, with what people are told of it and had to do."""
        with self._typed(), self._writer.begin() as connection:
            sql_incidents.put(connection, schema.repairs, _values(one), ("id",))
            for parcel in parcels:
                sql_incidents.put(connection, schema.notices, sql_incidents.parcel_values(parcel), ("id", "channel"))
            if acted is not None:
                _put_intervention(connection, acted)

    def begin(self, one: repairs.Repair) -> bool:
        """Commit a repair unless one of its id is there, or its component has one under way; return whether it was."""
        under_way = sqlalchemy.and_(
            _repair.outcome == repairs.Outcome.UNDER_WAY.value, _repair.component == sql.plain_text(one.component)
        )
        query = sqlalchemy.select(_repair.id).where(sqlalchemy.or_(_repair.id == sql.plain_text(one.id), under_way))
        with self._typed(), self._writer.begin() as connection:
            if connection.execute(query.limit(1)).first() is not None:
                return False
            connection.execute(sqlalchemy.insert(schema.repairs).values(_values(one)))
        return True

    def find(self, identifier: str) -> repairs.Repair | None:
        """Return the repair of this id."""
        query = sqlalchemy.select(_repair.body).where(_repair.id == sql.plain_text(identifier))
        with self._typed(), self._reader.connect() as connection:
            body = connection.execute(query).scalar_one_or_none()
        return next(iter(_readable([] if body is None else [body])), None)

    def newest(self, limit: int, *, before: str = "", incident: str = "") -> list[repairs.Repair]:
        """Return up to `limit` repairs, newest first."""
        query = sqlalchemy.select(_repair.body).order_by(_repair.id.desc()).limit(limit)
        if before:
            query = query.where(_repair.id < sql.plain_text(before))
        if incident:
            query = query.where(_repair.incident_id == sql.plain_text(incident))
        with self._typed(), self._reader.connect() as connection:
            return _readable(connection.execute(query).scalars())

    def since(self, start_us: int, end_us: int, limit: int) -> list[repairs.Repair]:
        """Return up to `limit` repairs that began in a stretch of time, newest first."""
        query = (
            sqlalchemy.select(_repair.body)
            .where(_repair.began_us >= start_us, _repair.began_us < end_us)
            .order_by(_repair.id.desc())
            .limit(limit)
        )
        with self._typed(), self._reader.connect() as connection:
            return _readable(connection.execute(query).scalars())

    def intervene(self, one: repairs.Intervention) -> None:
        """Commit what a person did. Idempotent by its id."""
        with self._typed(), self._writer.begin() as connection:
            _put_intervention(connection, one)

    def interventions(self, start_us: int, end_us: int, limit: int) -> list[repairs.Intervention]:
        """Return up to `limit` interventions of a stretch of time, newest first; of kinds that this release knows."""
        known = [kind.value for kind in repairs.InterventionKind]
        query = (
            sqlalchemy.select(*schema.interventions.c)
            .where(_intervention.at_us >= start_us, _intervention.at_us < end_us, _intervention.kind.in_(known))
            .order_by(_intervention.at_us.desc(), _intervention.id.desc())
            .limit(limit)
        )
        with self._typed(), self._reader.connect() as connection:
            rows = [row._mapping for row in connection.execute(query)]
        return [repairs.Intervention(**{**row, "kind": repairs.InterventionKind(row["kind"])}) for row in rows]

    def counts(self) -> Mapping[repairs.InterventionKind, int]:
        """Return how many interventions of each kind there were, ever."""
        query = sqlalchemy.select(_intervention.kind, sqlalchemy.func.count()).group_by(_intervention.kind)
        with self._typed(), self._reader.connect() as connection:
            found = {str(kind): int(count) for kind, count in connection.execute(query)}
        return {kind: found.get(kind.value, 0) for kind in repairs.InterventionKind}

    def trim(self, most: int) -> int:
        """Delete repairs that have ended beyond the newest `most`; return how many."""
        kept = sqlalchemy.select(_repair.id).order_by(_repair.id.desc()).limit(most)
        ended = _repair.outcome != repairs.Outcome.UNDER_WAY.value
        query = sqlalchemy.delete(schema.repairs).where(ended, _repair.id.not_in(kept))
        with self._typed(), self._writer.begin() as connection:
            return connection.execute(query).rowcount

    def compact(self) -> None:
        """Give back what the database's log takes on the disk; a server does so by itself."""
        if self._reader.dialect.name == "sqlite":
            with self._typed(), self._reader.connect() as connection:
                connection.execute(sqlalchemy.text("PRAGMA wal_checkpoint(TRUNCATE)"))


def _put_intervention(connection: sqlalchemy.Connection, one: repairs.Intervention) -> None:
    texts = {name: sql.plain_text(getattr(one, name)) for name in ("id", "who", "what")}
    values = {"kind": one.kind.value, "at_us": one.at_us, **texts}
    sql_incidents.put(connection, schema.interventions, values, ("id",))


def _values(one: repairs.Repair) -> dict[str, Any]:
    return {
        "id": one.id,
        "incident_id": sql.plain_text(one.incident_id),
        "component": sql.plain_text(one.component),
        "outcome": one.outcome.value,
        "began_us": one.began_us,
        "body": orjson.dumps(one).decode(),
    }


# The healer reads the newest thousand every few seconds, and hardly one of them has changed.
@functools.lru_cache(maxsize=1024)
def _made(body: str) -> repairs.Repair:
    return plain.made(repairs.Repair, orjson.loads(body))


def _readable(bodies: Any) -> list[repairs.Repair]:
    found: list[repairs.Repair] = []
    passed = 0
    for body in bodies:
        try:
            found.append(_made(body))
        except ValueError:
            passed += 1
    if passed:
        _log.warning("repairs could not be read and are passed over", extra={"count": passed})
    return found
