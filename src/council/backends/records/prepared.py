"""Statements compiled once: on the hot path SQLAlchemy's own way to a known statement costs more than the database's work."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy

_COUNTED = {"preserve_rowcount": True}


class Prepared:
    """A statement with named values, for one engine's dialect. Values go to the driver as they are."""

    def __init__(self, statement: sqlalchemy.sql.ClauseElement, engine: sqlalchemy.Engine, names: Sequence[str] = ()):
        """`names` are the columns of an INSERT."""
        compiled = statement.compile(dialect=engine.dialect, column_keys=list(names) or None)
        assert isinstance(compiled, sqlalchemy.sql.compiler.SQLCompiler)
        self._text = str(compiled)
        self._order = compiled.positiontup

    def run(self, connection: sqlalchemy.Connection, values: Sequence[Mapping[str, Any]]) -> int:
        """Execute once for each of `values`, in one go; return how many rows that wrote or deleted."""
        if not values:
            return 0
        arguments = [self._arguments(one) for one in values]
        made = connection.exec_driver_sql(self._text, arguments if len(arguments) > 1 else arguments[0], _COUNTED)
        return made.rowcount

    def scalar(self, connection: sqlalchemy.Connection, values: Mapping[str, Any]) -> Any:
        """Return the first value of the first row, None if there is none."""
        return connection.exec_driver_sql(self._text, self._arguments(values)).scalar()

    def rows(self, connection: sqlalchemy.Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Return every row."""
        return connection.exec_driver_sql(self._text, self._arguments(values)).all()

    def _arguments(self, values: Mapping[str, Any]) -> Any:
        return dict(values) if self._order is None else tuple([values[name] for name in self._order])
