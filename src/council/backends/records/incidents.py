"""Incidents, notices and silences: three more tables of the records, written by the watcher and by `council incidents`."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy

from council.backends.records import schema, sql
from council.domain import incidents

_incident, _notice, _silence = schema.incidents.c, schema.notices.c, schema.silences.c


class SqlIncidents(sql.SqlRecords):
    """kept_ports.Incidents, in the same database as all other records."""

    def save(self, changed: Sequence[incidents.Incident], parcels: Sequence[incidents.Parcel]) -> None:
        """Commit all in one transaction, or none of it."""
        if not (changed or parcels):
            return
        with self._typed(), self._writer.begin() as connection:
            for incident in changed:
                put(connection, schema.incidents, _incident_values(incident), ("id",))
            for parcel in parcels:
                put(connection, schema.notices, parcel_values(parcel), ("id", "channel"))

    def find(self, identifier: str) -> incidents.Incident | None:
        """Return the incident of this id."""
        query = sqlalchemy.select(_incident.body).where(_incident.id == sql.plain_text(identifier))
        with self._typed(), self._reader.connect() as connection:
            body = connection.execute(query).scalar_one_or_none()
        return None if body is None else _incident_of(orjson.loads(body))

    def newest(
        self, limit: int, *, before: str = "", standing: incidents.Standing | None = None
    ) -> list[incidents.Incident]:
        """Return up to `limit` incidents, newest first."""
        query = sqlalchemy.select(_incident.body).order_by(_incident.id.desc()).limit(limit)
        if before:
            query = query.where(_incident.id < sql.plain_text(before))
        if standing is not None:
            query = query.where(_incident.standing == standing.value)
        with self._typed(), self._reader.connect() as connection:
            return [_incident_of(orjson.loads(body)) for body in connection.execute(query).scalars()]

    def parcels(self, delivery: incidents.Delivery, limit: int) -> list[incidents.Parcel]:
        """Return up to `limit` parcels that have come so far: the oldest that wait, the newest of the others."""
        waits = delivery is incidents.Delivery.WAITING
        order = (_notice.id, _notice.channel) if waits else (_notice.id.desc(), _notice.channel)
        query = (
            sqlalchemy.select(*schema.notices.c).where(_notice.delivery == delivery.value).order_by(*order).limit(limit)
        )
        with self._typed(), self._reader.connect() as connection:
            return [_parcel_of(row._mapping) for row in connection.execute(query)]

    def counts(self) -> Mapping[incidents.Delivery, int]:
        """Return how many parcels are where."""
        query = sqlalchemy.select(_notice.delivery, sqlalchemy.func.count()).group_by(_notice.delivery)
        with self._typed(), self._reader.connect() as connection:
            found = {incidents.Delivery(delivery): int(count) for delivery, count in connection.execute(query)}
        return {delivery: found.get(delivery, 0) for delivery in incidents.Delivery}

    def silence(self, one: incidents.Silence, most: int) -> bool:
        """Keep a silence in the place of one of the same name; False where `most` others are in force at its time."""
        others = (
            sqlalchemy.select(sqlalchemy.func.count())
            .select_from(schema.silences)
            .where(_silence.until_us > one.at_us, _silence.name != sql.plain_text(one.name))
        )
        texts = {name: sql.plain_text(getattr(one, name)) for name in ("name", "who", "why")}
        values = {"until_us": one.until_us, "at_us": one.at_us, **texts}
        with self._typed(), self._writer.begin() as connection:
            if connection.execute(others).scalar_one() >= most:
                return False
            put(connection, schema.silences, values, ("name",))
        return True

    def unsilence(self, name: str) -> bool:
        """End the silence of this name; False if there is none."""
        query = sqlalchemy.delete(schema.silences).where(_silence.name == sql.plain_text(name))
        with self._typed(), self._writer.begin() as connection:
            return connection.execute(query).rowcount > 0

    def silences(self, at_us: int) -> list[incidents.Silence]:
        """Return the silences in force at a moment, by name."""
        query = sqlalchemy.select(*schema.silences.c).where(_silence.until_us > at_us).order_by(_silence.name)
        with self._typed(), self._reader.connect() as connection:
            return [incidents.Silence(**row._mapping) for row in connection.execute(query)]

    def trim(self, incidents_max: int, notices_max: int, at_us: int) -> int:
        """Delete closed incidents and settled parcels beyond so many, the oldest first, and silences that are over."""
        closed = _incident.standing != incidents.Standing.OPEN.value
        settled = _notice.delivery != incidents.Delivery.WAITING.value
        kept = sqlalchemy.select(_incident.id).order_by(_incident.id.desc()).limit(incidents_max)
        newest = sqlalchemy.select(_notice.id).where(settled).order_by(_notice.id.desc()).offset(notices_max).limit(1)
        queries = (
            sqlalchemy.delete(schema.incidents).where(closed, _incident.id.not_in(kept)),
            sqlalchemy.delete(schema.notices).where(settled, _notice.id <= newest.scalar_subquery()),
            sqlalchemy.delete(schema.silences).where(_silence.until_us <= at_us),
        )
        with self._typed(), self._writer.begin() as connection:
            return sum(connection.execute(query).rowcount for query in queries)


def put(
    connection: sqlalchemy.Connection, table: sqlalchemy.Table, values: Mapping[str, Any], keys: Sequence[str]
) -> None:
    """Write a row in the place of the one with the same keys."""
    same = sqlalchemy.and_(*(table.c[key] == values[key] for key in keys))
    if connection.execute(sqlalchemy.update(table).where(same).values(values)).rowcount == 0:
        connection.execute(sqlalchemy.insert(table).values(values))


def _incident_values(one: incidents.Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "standing": one.standing.value,
        "severity": one.severity.value,
        "began_us": one.began_us,
        "detected_us": one.detected_us,
        "repaired_us": one.repaired_us,
        "body": orjson.dumps(one).decode(),
    }


def parcel_values(one: incidents.Parcel) -> dict[str, Any]:
    """Return a parcel as its row."""
    return {
        "id": one.notice.id,
        "channel": one.channel,
        "delivery": one.delivery.value,
        "tries": one.tries,
        "next_us": one.next_us,
        "reason": sql.plain_text(one.reason),
        "notice": orjson.dumps(one.notice).decode(),
    }


def _incident_of(body: dict[str, Any]) -> incidents.Incident:
    parts = {
        "standing": incidents.Standing(body["standing"]),
        "severity": incidents.Severity(body["severity"]),
        "members": tuple(map(_member_of, body["members"])),
        "causes": tuple(incidents.Cause(**one) for one in body["causes"]),
        "timeline": tuple(incidents.Moment(**one) for one in body["timeline"]),
    }
    return incidents.Incident(**{**body, **parts})


def _member_of(body: dict[str, Any]) -> incidents.Member:
    alert = body["alert"]
    labels = tuple((str(key), str(value)) for key, value in alert["labels"])
    severity = incidents.Severity(alert["severity"])
    parts = {
        "alert": incidents.Alert(**{**alert, "labels": labels, "severity": severity}),
        "ending": incidents.Ending(body["ending"]),
        "told": None if body["told"] is None else incidents.Severity(body["told"]),
    }
    return incidents.Member(**{**body, **parts})


def _parcel_of(row: Mapping[Any, Any]) -> incidents.Parcel:
    body = orjson.loads(row["notice"])
    parts = {"kind": incidents.NoticeKind(body["kind"]), "severity": incidents.Severity(body["severity"])}
    notice = incidents.Notice(**{**body, **parts})
    delivery = incidents.Delivery(row["delivery"])
    return incidents.Parcel(notice, row["channel"], delivery, row["tries"], row["next_us"], row["reason"])
