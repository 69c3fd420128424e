"""The journal: one file of chained records, each on disk before what it announces is done.

A last line that is torn was never synced, so nothing was done for it; it is cut off when the file is opened. Any other line
that does not follow the one before is damage, and nothing is applied until a person has looked. Whole records that are missing
at the end the chain alone does not show: checkpoints and the heads kept elsewhere will.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from council.domain import errors
from council.kit import chain


class Journal:
    """Appends records; one process at a time. Use `open_at`."""

    def __init__(self, descriptor: int, point: chain.Point, records: list[dict[str, Any]]):
        self._descriptor = descriptor
        self._point = point
        self.records = records

    @classmethod
    def open_at(cls, path: Path) -> "Journal":
        """Open the file, made where there is none, and read it.

        Raises JournalError if it is damaged; then nothing is changed. Raises OSError.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            read = list(_read(content[:whole]))
            if whole < len(content):
                os.ftruncate(descriptor, whole)
                os.fsync(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, read[-1][1] if read else chain.Point(), [record for record, _ in read])

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a record and sync it. After an OSError the journal must be opened anew: nobody knows what is on disk."""
        line, point = chain.seal(record, self._point)
        written = os.write(self._descriptor, line)
        if written != len(line):
            raise OSError(f"{written} of {len(line)} bytes were written")
        os.fsync(self._descriptor)
        self._point = point
        self.records.append(dict(record))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def _read(content: bytes) -> Iterator[tuple[dict[str, Any], chain.Point]]:
    point = chain.Point()
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        try:
            record, following = chain.read(line)
            chain.check_follows(record, point)
        except chain.ChainError as error:
            raise errors.JournalError(
                f"The journal of patches is damaged at line {number}: {error}. Nothing is applied until a person has "
                "looked: find out who wrote to it, and put a copy from before in its place."
            ) from error
        point = following
        yield {name: value for name, value in record.items() if name not in ("seq", "previous", "digest")}, point
