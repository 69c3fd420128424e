"""The journal: a folder of segments, files of chained records, each record on disk before what it announces is done.

A segment is named for the number of its first record. A last line that is torn was never synced, so nothing was done for it;
it is cut off when the journal is opened. Any other line that does not follow the one before is damage, and nothing is applied
until a person has looked. Whole records that are missing at the end the chain alone does not show: `lineage` finds them by
checkpoints, and by the heads that are kept elsewhere.

A record of a later form than `FORM` was written by a newer release, which knows how to go on: then all is left as it is.

Whoever appends holds a lock from before it reads until it closes: what was counted from the records, as a quota, still holds
when the next record is written. The lock ends with the process that holds it. Whoever only looks needs none.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from council.domain import errors
from council.kit import chain, durable

SEGMENT_BYTES_MAX = 1024 * 1024
LOCK_WAIT_S = 10.0
# What this release writes and reads. A record says its form where that is not the first.
FORM = 1
_LOCK = "journal.lock"
_LOCK_PAUSE_S = 0.005
_SUFFIX = ".jsonl"
_OWN = frozenset({"seq", "previous", "digest", "form"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its place in the chain."""

    point: chain.Point
    record: Mapping[str, Any]


class Journal:
    """Appends records; nobody else does until it is closed. Use `open_at`."""

    def __init__(
        self, folder: Path, lock: int, descriptor: int, size_bytes: int, entries: list[Entry], segment_bytes_max: int
    ):
        self._folder = folder
        self._lock = lock
        self._descriptor = descriptor
        self._size_bytes = size_bytes
        self._segment_bytes_max = segment_bytes_max
        self._is_unsure = False
        self.entries = entries

    @classmethod
    def open_at(
        cls, folder: Path, segment_bytes_max: int = SEGMENT_BYTES_MAX, wait_s: float = LOCK_WAIT_S
    ) -> "Journal":
        """Open the journal, made where there is none, and read it. Blocks while another holds it, at most `wait_s`.

        Raises JournalError if it is damaged, UnavailableError if another holds it; then nothing is changed. Raises OSError.
        """
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            durable.sync_folder(folder.parent)
        lock = _locked(folder, wait_s)
        try:
            entries, last, whole = _read(folder)
            descriptor = _opened(last or folder / _name(1))
            try:
                # A file that a crash left, or one just made, may not be named on disk yet.
                durable.sync_folder(folder)
                if os.fstat(descriptor).st_size > whole:
                    os.ftruncate(descriptor, whole)
                    os.fsync(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
        except BaseException:
            os.close(lock)
            raise
        return cls(folder, lock, descriptor, whole, entries, segment_bytes_max)

    @property
    def head(self) -> chain.Point:
        """Where the chain ends."""
        return self.entries[-1].point if self.entries else chain.Point()

    @property
    def records(self) -> Sequence[Mapping[str, Any]]:
        """What was written, oldest first."""
        return [one.record for one in self.entries]

    def append(self, record: Mapping[str, Any]) -> chain.Point:
        """Write a record and sync it. After an OSError the journal must be opened anew: nobody knows what is on disk.

        Until then every further record is refused, for it would follow half a line.
        """
        if self._is_unsure:
            raise OSError(errno.EIO, "a record before could not be written")
        assert "form" not in record
        line, point = chain.seal({**record, **({"form": FORM} if FORM > 1 else {})}, self.head)
        self._is_unsure = True
        if self._size_bytes and self._size_bytes + len(line) > self._segment_bytes_max:
            self._begin_segment(point.seq)
        written = os.write(self._descriptor, line)
        if written != len(line):
            raise OSError(f"{written} of {len(line)} bytes were written")
        os.fsync(self._descriptor)
        self._is_unsure = False
        self._size_bytes += written
        self.entries.append(Entry(point, dict(record)))
        return point

    def close(self) -> None:
        """Let go of the journal, so that another may append."""
        os.close(self._descriptor)
        os.close(self._lock)

    def _begin_segment(self, seq: int) -> None:
        descriptor = _opened(self._folder / _name(seq))
        os.close(self._descriptor)
        self._descriptor, self._size_bytes = descriptor, 0
        durable.sync_folder(self._folder)


def read(folder: Path) -> list[Entry]:
    """Return all that a journal holds, for whoever only looks: a torn last line is left out, and left where it is.

    Raises JournalError if it is damaged. Raises OSError.
    """
    return _read(folder)[0] if folder.is_dir() else []


def _locked(folder: Path, wait_s: float) -> int:
    """Return a descriptor that holds the journal until it is closed. Raises UnavailableError, OSError."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    deadline_s = time.monotonic() + wait_s
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError as error:
                if time.monotonic() >= deadline_s:
                    raise errors.UnavailableError(
                        "Another process writes the journal of patches. Nothing has changed; try again when it has ended."
                    ) from error
            time.sleep(_LOCK_PAUSE_S)
    except BaseException:
        os.close(descriptor)
        raise


def _read(folder: Path) -> tuple[list[Entry], Path | None, int]:
    """Return the records, the last segment, and how many bytes of it are whole lines."""
    segments = sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
    entries: list[Entry] = []
    point, whole = chain.Point(), 0
    for path in segments:
        if path.name != _name(point.seq + 1):
            raise _damaged(path, 1, f"a segment that begins with record {point.seq + 1} should stand here")
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content) and path is not segments[-1]:
            raise _damaged(path, content.count(b"\n") + 1, "the line is not whole, and others follow it")
        for entry in _lines(path, content[:whole], point):
            entries.append(entry)
            point = entry.point
    return entries, segments[-1] if segments else None, whole


def _lines(path: Path, content: bytes, point: chain.Point) -> Iterator[Entry]:
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        try:
            record, following = chain.read(line)
            chain.check_follows(record, point)
        except chain.ChainError as error:
            raise _damaged(path, number, str(error)) from error
        if record.get("form", 1) != 1 and not (isinstance(record["form"], int) and 1 <= record["form"] <= FORM):
            raise _newer(path, number, record["form"])
        point = following
        yield Entry(point, {name: value for name, value in record.items() if name not in _OWN})


def _damaged(path: Path, number: int, why: str) -> errors.JournalError:
    return errors.JournalError(
        f"The journal of patches is damaged at line {number} of {path.name}: {why}. Nothing is applied until a person has "
        "looked: find out who wrote to it, and put a copy from before in its place."
    )


def _newer(path: Path, number: int, form: object) -> errors.JournalError:
    return errors.JournalError(
        f"A newer release of Council wrote the journal of patches: line {number} of {path.name} has form {str(form)[:20]}, and "
        f"this release knows forms up to {FORM}. It is left as it is, and nothing is applied. Have that newer release go on "
        "with it: with `council up` of it, or where it is pinned by a commit of your own to the blueprint that pins it again, "
        "then `council down` and `council up`."
    )


def _name(seq: int) -> str:
    return f"{seq:012d}{_SUFFIX}"


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
