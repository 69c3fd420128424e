"""Statements compiled once: on the hot path SQLAlchemy's own way to a known statement costs more than the database's work."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy


class Prepared:
    """A statement with named values, for one engine's dialect. Values go to the driver as they are."""

    def __init__(self, statement: sqlalchemy.sql.ClauseElement, engine: sqlalchemy.Engine, names: Sequence[str] = ()):
        """`names` are the columns of an INSERT."""
        compiled = statement.compile(dialect=engine.dialect, column_keys=list(names) or None)
        assert isinstance(compiled, sqlalchemy.sql.compiler.SQLCompiler)
        self._text = str(compiled)
        self._order = compiled.positiontup

    def run(self, connection: sqlalchemy.Connection, values: Sequence[Mapping[str, Any]]) -> None:
        """Execute once for each of `values`; in one go, and not at all for none."""
        if len(values) == 1:
            connection.exec_driver_sql(self._text, self._arguments(values[0]))
        elif values:
            connection.exec_driver_sql(self._text, [self._arguments(one) for one in values])

    def scalar(self, connection: sqlalchemy.Connection, values: Mapping[str, Any]) -> Any:
        """Return the first value of the first row, None if there is none."""
        return connection.exec_driver_sql(self._text, self._arguments(values)).scalar()

    def _arguments(self, values: Mapping[str, Any]) -> Any:
        return dict(values) if self._order is None else tuple([values[name] for name in self._order])
