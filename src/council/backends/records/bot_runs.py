"""What bots did: one more table of the records, written by the bots' process and by `council bots run`."""

import orjson
import sqlalchemy

from council.backends.records import schema, sql
from council.domain import bots, errors
from council.kit import plain

_run = schema.bot_runs.c


class SqlBotRuns(sql.SqlRecords):
    """kept_ports.BotRuns, in the same database as all other records."""

    def add(self, one: bots.Run) -> None:
        """Commit a run; the oldest beyond `bots.ROWS_KEPT` go."""
        values = {
            "id": one.id,
            "bot": one.bot,
            "outcome": one.outcome.value,
            "began_us": one.began_us,
            "body": orjson.dumps(one).decode(),
        }
        kept = sqlalchemy.select(_run.id).order_by(_run.id.desc()).offset(bots.ROWS_KEPT).limit(1)
        old = sqlalchemy.delete(schema.bot_runs).where(_run.id <= kept.scalar_subquery())
        with self._typed(), self._writer.begin() as connection:
            connection.execute(sqlalchemy.insert(schema.bot_runs).values(values))
            connection.execute(old)

    def newest(self, limit: int, *, bot: str = "", after: str = "") -> list[bots.Run]:
        """Return up to `limit` runs, newest first; of one bot, if one is named, and only ids that sort after `after`."""
        query = sqlalchemy.select(_run.body).order_by(_run.id.desc()).limit(limit)
        if bot:
            query = query.where(_run.bot == sql.plain_text(bot))
        if after:
            query = query.where(_run.id > sql.plain_text(after))
        with self._typed(), self._reader.connect() as connection:
            bodies = connection.execute(query).scalars().all()
        try:
            return [plain.made(bots.Run, orjson.loads(body)) for body in bodies]
        except ValueError as error:
            raise errors.RecordsUnavailableError(
                "What the bots did cannot be read: a newer Council may have written it.", detail=str(error)
            ) from error
