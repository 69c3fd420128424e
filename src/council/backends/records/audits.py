"""What people did with the dashboard, in the records."""

import sqlalchemy

from council.backends.records import schema, sql
from council.domain import audits

_row = schema.audit.c


class SqlAudit(sql.SqlRecords):
    """dashboard_ports.Audit, in the same database as all other records."""

    def add(self, row: audits.Row) -> None:
        """Commit a row."""
        values = {column.name: getattr(row, column.name) for column in schema.audit.c}
        values["action"] = sql.whole_text(row.action)[: audits.ACTION_CHARS_MAX]
        with self._typed(), self._writer.begin() as connection:
            connection.execute(sqlalchemy.insert(schema.audit).values(**values))

    def settle(self, identifier: str, status: int) -> None:
        """Note how it ended."""
        with self._typed(), self._writer.begin() as connection:
            connection.execute(sqlalchemy.update(schema.audit).where(_row.id == identifier).values(status=status))

    def newest(self, limit: int, *, before: str = "") -> list[audits.Row]:
        """Return up to `limit` rows, newest first."""
        query = sqlalchemy.select(schema.audit).order_by(_row.id.desc()).limit(limit)
        if before:
            query = query.where(_row.id < sql.plain_text(before))
        with self._typed(), self._reader.connect() as connection:
            return [audits.Row(*found) for found in connection.execute(query).all()]

    def trim(self, rows_max: int) -> int:
        """Delete all but the newest; return how many went."""
        oldest = sqlalchemy.select(_row.id).order_by(_row.id.desc()).offset(rows_max).limit(1).scalar_subquery()
        with self._typed(), self._writer.begin() as connection:
            return connection.execute(sqlalchemy.delete(schema.audit).where(_row.id <= oldest)).rowcount
