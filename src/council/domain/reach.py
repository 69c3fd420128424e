"""What one process may reach of the records: tables, and of some only columns, to read; tables to write. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

WHOLE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reach:
    """The tables that `process` may read, each with its columns or `WHOLE`, and those that it may write."""

    process: str
    reads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    writes: frozenset[str] = frozenset()

    def may_read(self, table: str, column: str) -> bool:
        """Return whether a column may be read. "" is what a count of rows reads."""
        columns = self.reads.get(table)
        return columns is not None and (not columns or not column or column in columns)

    def may_write(self, table: str) -> bool:
        """Return whether rows may be added, changed and deleted."""
        return table in self.writes
