"""What became of backups and drills: one more table of the records."""

import orjson
import sqlalchemy

from council.backends.records import schema, sql
from council.domain import backup, errors
from council.kit import plain

_row = schema.backups.c


class SqlBackups(sql.SqlRecords):
    """kept_ports.Backups, in the same database as all other records."""

    def add(self, one: backup.Run) -> None:
        """Keep a run or drill that has ended; of each kind the newest `backup.SNAPSHOTS_MAX` stay."""
        values = {
            "id": one.id,
            "kind": one.kind.value,
            "outcome": one.outcome.value,
            "body": orjson.dumps(one).decode(),
        }
        newest = (
            sqlalchemy.select(_row.id)
            .where(_row.kind == one.kind.value)
            .order_by(_row.id.desc())
            .limit(backup.SNAPSHOTS_MAX)
        )
        old = sqlalchemy.delete(schema.backups).where(_row.kind == one.kind.value, _row.id.not_in(newest))
        with self._typed(), self._writer.begin() as connection:
            connection.execute(sql.insert_if_new(self._reader, schema.backups, "id"), values)
            connection.execute(old)

    def newest(
        self, limit: int, *, kind: backup.Kind | None = None, outcome: backup.Outcome | None = None
    ) -> list[backup.Run]:
        """Return up to `limit` runs and drills, newest first."""
        query = sqlalchemy.select(_row.body).order_by(_row.id.desc()).limit(limit)
        if kind is not None:
            query = query.where(_row.kind == kind.value)
        if outcome is not None:
            query = query.where(_row.outcome == outcome.value)
        with self._typed(), self._reader.connect() as connection:
            bodies = list(connection.execute(query).scalars())
        try:
            return [plain.made(backup.Run, orjson.loads(body)) for body in bodies]
        except ValueError as error:
            raise errors.RecordsUnavailableError(
                "A row of the backups cannot be read: it is damaged, or a newer Council wrote it. Start that one, or restore a "
                "copy of the records.",
                detail=str(error),
            ) from error
