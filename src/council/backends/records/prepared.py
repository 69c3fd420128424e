"""Statements compiled once and run on the driver's own cursor: on the hot path SQLAlchemy costs more than the database."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy


class Prepared:
    """A statement with named values, for one engine's dialect. Values go to the driver as they are.

    Raises the driver's errors; see `engines.writing`.
    """

    def __init__(self, statement: sqlalchemy.sql.ClauseElement, engine: sqlalchemy.Engine, names: Sequence[str] = ()):
        """`names` are the columns of an INSERT."""
        compiled = statement.compile(dialect=engine.dialect, column_keys=list(names) or None)
        assert isinstance(compiled, sqlalchemy.sql.compiler.SQLCompiler)
        self._text = str(compiled)
        self._order = compiled.positiontup

    def run(self, cursor: Any, values: Sequence[Mapping[str, Any]]) -> int:
        """Execute once for each of `values`, in one go; return how many rows that wrote or deleted."""
        if not values:
            return 0
        if len(values) == 1:
            cursor.execute(self._text, self._arguments(values[0]))
        else:
            cursor.executemany(self._text, [self._arguments(one) for one in values])
        count: int = cursor.rowcount
        return count

    def scalar(self, cursor: Any, values: Mapping[str, Any]) -> Any:
        """Return the first value of the first row, None if there is none."""
        cursor.execute(self._text, self._arguments(values))
        row = cursor.fetchone()
        return None if row is None else row[0]

    def rows(self, cursor: Any, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Return every row."""
        cursor.execute(self._text, self._arguments(values))
        rows: Sequence[Sequence[Any]] = cursor.fetchall()
        return rows

    def _arguments(self, values: Mapping[str, Any]) -> Any:
        return dict(values) if self._order is None else tuple([values[name] for name in self._order])
