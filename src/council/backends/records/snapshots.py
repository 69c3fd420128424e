"""Snapshots, what the observer has learned, and what it has had people told: three more tables of the records."""

import logging
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy

from council.backends.records import incidents as sql_incidents
from council.backends.records import schema, sql
from council.domain import digests, errors, incidents, reports, snapshots
from council.kit import plain

_log = logging.getLogger(__name__)

_snapshot, _state, _announced = schema.snapshots.c, schema.observer_state.c, schema.announcements.c
_HOUR_US = 3_600_000_000
_STATE = "detectors"
_BODY_BYTES_MAX = 64 << 20


class SqlSnapshots(sql.SqlRecords):
    """kept_ports.Snapshots, in the same database as all other records."""

    def keep(self, one: snapshots.Snapshot, learned: Mapping[str, Any]) -> bool:
        """Commit a snapshot with what was learned up to it; False, with nothing written, where its id is there."""
        values = {"id": one.id, "occasion": one.occasion.value, "at_us": _us(one.at_s), "body": _packed(one)}
        state = {"name": _STATE, "at_us": _us(one.taken_s), "body": _packed(learned)}
        add = sql.insert_if_new(self._reader, schema.snapshots, "id")
        with self._typed(), self._writer.begin() as connection:
            if not _is_new(connection, add, values):
                return False
            sql_incidents.put(connection, schema.observer_state, state, ("name",))
        return True

    def find(self, identifier: str) -> snapshots.Snapshot | None:
        """Return the snapshot of this id."""
        query = sqlalchemy.select(_snapshot.body).where(_snapshot.id == sql.plain_text(identifier))
        with self._typed(), self._reader.connect() as connection:
            body = connection.execute(query).scalar_one_or_none()
        return None if body is None else _snapshot_of(body)

    def newest(
        self, limit: int, *, before: str = "", occasion: snapshots.Occasion | None = None
    ) -> list[snapshots.Snapshot]:
        """Return up to `limit` snapshots, newest first. One that cannot be read is passed over."""
        found: list[snapshots.Snapshot] = []
        passed, detail = 0, ""
        while len(found) < limit:
            wanted = limit - len(found)
            query = _before(sqlalchemy.select(_snapshot.id, _snapshot.body), wanted, before, occasion)
            with self._typed(), self._reader.connect() as connection:
                rows = connection.execute(query).all()
            for identifier, body in rows:
                before = identifier
                try:
                    found.append(_snapshot_of(body))
                except errors.RecordsUnavailableError as error:
                    passed += 1
                    detail = error.detail
            if len(rows) < wanted:
                break
        if passed:
            _log.warning("snapshots could not be read and are passed over", extra={"count": passed, "reason": detail})
        return found

    def ids(self, limit: int, *, before: str = "", occasion: snapshots.Occasion | None = None) -> list[str]:
        """Return the ids of up to `limit` snapshots, newest first."""
        query = _before(sqlalchemy.select(_snapshot.id), limit, before, occasion)
        with self._typed(), self._reader.connect() as connection:
            return list(connection.execute(query).scalars())

    def learned(self) -> Mapping[str, Any]:
        """Return what was kept with the last snapshot, nothing before the first, or where it cannot be read."""
        query = sqlalchemy.select(_state.body).where(_state.name == _STATE)
        with self._typed(), self._reader.connect() as connection:
            body = connection.execute(query).scalar_one_or_none()
        try:
            return {} if body is None else _unpacked(body)
        except errors.RecordsUnavailableError as error:
            _log.warning("what the observer has learned cannot be read; it begins anew", extra={"reason": error.detail})
            return {}

    def announce(
        self, name: str, parcels: Sequence[incidents.Parcel], at_us: int, digest: digests.Digest | None = None
    ) -> bool:
        """Commit what is to be told, unless something was under this name before; return whether it was not."""
        add = sql.insert_if_new(self._reader, schema.announcements, "name")
        with self._typed(), self._writer.begin() as connection:
            if not _is_new(connection, add, {"name": name, "at_us": at_us}):
                return False
            for parcel in parcels:
                sql_incidents.put(connection, schema.notices, sql_incidents.parcel_values(parcel), ("id", "channel"))
            if digest is not None:
                values = {"name": reports.digest(digest.date), "at_us": at_us, "body": _packed(digest)}
                sql_incidents.put(connection, schema.observer_state, values, ("name",))
        return True

    def put_report(self, name: str, value: Any, at_us: int) -> None:
        """Keep what was made in the place of what is under this name."""
        assert name != _STATE
        values = {"name": name, "at_us": at_us, "body": _packed(value)}
        with self._typed(), self._writer.begin() as connection:
            sql_incidents.put(connection, schema.observer_state, values, ("name",))

    def find_report(self, name: str) -> reports.Kept | None:
        """Return what is kept under a name; None where nothing is, or where it cannot be read."""
        query = sqlalchemy.select(_state.at_us, _state.body).where(_state.name == sql.plain_text(name))
        with self._typed(), self._reader.connect() as connection:
            row = connection.execute(query).one_or_none()
        try:
            return None if row is None else reports.Kept(name, row.at_us, _unpacked(row.body))
        except errors.RecordsUnavailableError as error:
            _log.warning("what was made cannot be read", extra={"made": name, "reason": error.detail})
            return None

    def report_names(self, prefix: str, limit: int, *, before: str = "") -> list[tuple[str, int]]:
        """Return up to `limit` names that begin so, and when each was made; the last by name first."""
        query = (
            sqlalchemy.select(_state.name, _state.at_us)
            .where(_state.name.startswith(prefix, autoescape=True))
            .order_by(_state.name.desc())
            .limit(limit)
        )
        if before:
            query = query.where(_state.name < sql.plain_text(before))
        with self._typed(), self._reader.connect() as connection:
            return [(row.name, row.at_us) for row in connection.execute(query)]

    def announced(self, prefix: str, limit: int) -> list[str]:
        """Return up to `limit` names that begin so, the last of them first."""
        query = (
            sqlalchemy.select(_announced.name)
            .where(_announced.name.startswith(prefix, autoescape=True))
            .order_by(_announced.at_us.desc(), _announced.name.desc())
            .limit(limit)
        )
        with self._typed(), self._reader.connect() as connection:
            return list(connection.execute(query).scalars())

    def thin(self, full_from_us: int, oldest_us: int) -> int:
        """Delete what is older than `oldest_us`, and before `full_from_us` all ticks of an hour but its first.

        Announcements stay while they are among the newest, and those of when it all began for ever. Digests go like snapshots.
        """
        tick = _snapshot.occasion == snapshots.Occasion.TICK.value
        old = sqlalchemy.and_(tick, _snapshot.at_us < full_from_us)
        # A number written out: PostgreSQL takes one that is bound in two places for two expressions.
        hour = _snapshot.at_us // sqlalchemy.literal_column(str(_HOUR_US))
        firsts = sqlalchemy.select(sqlalchemy.func.min(_snapshot.id)).where(old).group_by(hour)
        newest = (
            sqlalchemy.select(_announced.name)
            .order_by(_announced.at_us.desc(), _announced.name.desc())
            .limit(snapshots.ANNOUNCED_KEPT)
        )
        told = sqlalchemy.and_(
            _announced.at_us < oldest_us,
            sqlalchemy.not_(_announced.name.startswith(snapshots.BEGAN_PREFIX, autoescape=True)),
            _announced.name.not_in(newest),
        )
        queries = (
            sqlalchemy.delete(schema.snapshots).where(_snapshot.at_us < oldest_us),
            sqlalchemy.delete(schema.snapshots).where(old, _snapshot.id.not_in(firsts)),
            sqlalchemy.delete(schema.announcements).where(told),
            sqlalchemy.delete(schema.observer_state).where(
                _state.name.startswith(reports.DIGESTS, autoescape=True), _state.at_us < oldest_us
            ),
        )
        with self._typed(), self._writer.begin() as connection:
            return sum(connection.execute(query).rowcount for query in queries)


def _before(
    query: sqlalchemy.Select[Any], limit: int, before: str, occasion: snapshots.Occasion | None
) -> sqlalchemy.Select[Any]:
    query = query.order_by(_snapshot.id.desc()).limit(limit)
    if before:
        query = query.where(_snapshot.id < sql.plain_text(before))
    return query if occasion is None else query.where(_snapshot.occasion == occasion.value)


def _is_new(connection: sqlalchemy.Connection, add: sqlalchemy.Insert, values: Mapping[str, Any]) -> bool:
    """Insert a row; return whether there was none of its key."""
    # Of an insert SQLAlchemy forgets the count otherwise.
    return connection.execute(add, values, execution_options={"preserve_rowcount": True}).rowcount == 1


def _us(at_s: float) -> int:
    return round(at_s * 1e6)


def _packed(value: Any) -> bytes:
    return zlib.compress(orjson.dumps(value))


def _unpacked(body: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads(zlib.decompressobj().decompress(body, _BODY_BYTES_MAX))
    except (zlib.error, ValueError) as error:
        raise _damaged(str(error)) from error
    return found


def _snapshot_of(body: bytes) -> snapshots.Snapshot:
    try:
        return plain.made(snapshots.Snapshot, _unpacked(body))
    except ValueError as error:
        raise _damaged(str(error)) from error


def _damaged(detail: str) -> errors.RecordsUnavailableError:
    return errors.RecordsUnavailableError(
        "A row of the observer's cannot be read: it is damaged, or a newer Council wrote it. Start that one, or restore a copy "
        "of the records.",
        detail=detail,
    )
