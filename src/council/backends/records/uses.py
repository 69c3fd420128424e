"""When tokens and providers were last used, in the records: the newest use of each, whichever process saw it."""

from collections.abc import Sequence

import sqlalchemy

from council.backends.records import schema, sql
from council.domain import uses

_row = schema.uses.c


class SqlUses(sql.SqlRecords):
    """dashboard_ports.Uses, in the same database as all other records."""

    def note(self, found: Sequence[uses.Use]) -> None:
        """Keep each use that is newer than what is kept of its kind and name."""
        if not found:
            return
        # The dialect that is not in use costs a tenth of a second to import.
        if self._reader.dialect.name == "sqlite":
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        add = insert(schema.uses)
        newer = add.on_conflict_do_update(
            index_elements=["kind", "name"],
            set_={"at_us": add.excluded.at_us, "told": add.excluded.told},
            where=_row.at_us < add.excluded.at_us,
        )
        values = [
            {
                "kind": one.kind.value,
                "name": sql.plain_text(one.name),
                "at_us": one.at_us,
                "told": sql.whole_text(one.told)[: uses.TOLD_CHARS_MAX],
            }
            for one in found
        ]
        with self._typed(), self._writer.begin() as connection:
            connection.execute(newer, values)

    def all(self) -> list[uses.Use]:
        """Return the newest use of each, of the kinds that this release knows."""
        query = sqlalchemy.select(_row.kind, _row.name, _row.at_us, _row.told).where(
            _row.kind.in_([one.value for one in uses.Kind])
        )
        with self._typed(), self._reader.connect() as connection:
            return [
                uses.Use(uses.Kind(kind), name, at_us, told) for kind, name, at_us, told in connection.execute(query)
            ]
