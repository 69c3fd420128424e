"""Looks for the documents of a guidebook, and reads one.

The library is untrusted: links are not followed, sizes, depth and counts are bounded, and what an editor keeps beside a
document (hidden files, backups, swap files) is none.
"""

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from council.domain import guides

_DEPTH_MAX = 16
_ENTRIES_MAX = 100_000
_FAULTS_MAX = 100
_ENDINGS = tuple(guides.SUFFIXES)


class ChangedError(Exception):
    """A document is gone, or another, since it was looked at: the next look finds it as it is."""


@dataclass(frozen=True, slots=True)
class Guidebook:
    """A folder of guides. `root` is `blueprint` or `library`; `name` stands before a document's path in its source."""

    root: str
    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class File:
    """A document. `stamp` is another after each change."""

    root: str
    source: str
    path: str
    stamp: tuple[int, int, int]
    size_bytes: int

    def changed_within(self, seconds: float, now_ns: int) -> bool:
        """Return whether it changed so lately that it may still be being written. A clock set back makes nothing young."""
        return 0 <= now_ns - self.stamp[0] < seconds * 1e9


def look(books: list[Guidebook], files_max: int) -> tuple[list[File], list[guides.Fault]]:
    """Return the documents in the order of the books and of their names, and what cannot be one."""
    files: list[File] = []
    faults: list[guides.Fault] = []
    for book in books:
        for source, entry, depth in _entries(book, faults):
            reason = _not_one(entry, depth)
            stamp = None if reason else _stamp(entry)
            if stamp and len(files) >= files_max:
                reason = f"over the limit of {files_max:,} guides; take some out, or raise `guides.files_max`"
            if reason:
                faults.append(guides.Fault(book.root, source, 0, reason))
            elif stamp:
                files.append(File(book.root, source, entry.path, stamp, stamp[1]))
    return files, faults[:_FAULTS_MAX]


def read(file: File, bytes_max: int) -> bytes:
    """Return what a document holds, all of one moment. Raises FaultyError, ChangedError."""
    too_large = f"over the limit of {bytes_max:,} bytes; split it, or raise `guides.file_bytes_max`"
    if file.size_bytes > bytes_max:
        raise guides.FaultyError(too_large)
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            raw = opened.read(bytes_max + 1)
            if _stamp_of(os.fstat(opened.fileno())) != file.stamp:
                raise ChangedError(file.source)
    except FileNotFoundError as error:
        raise ChangedError(file.source) from error
    except OSError as error:
        raise guides.FaultyError(f"it cannot be read: {error.strerror}. Let Council read it.") from error
    if len(raw) > bytes_max:
        raise guides.FaultyError(too_large)
    return raw


def now_ns() -> int:
    """Return the time by which files are stamped."""
    return time.time_ns()


def _entries(book: Guidebook, faults: list[guides.Fault]) -> Iterator[tuple[str, "os.DirEntry[str]", int]]:
    """Yield what lies in a book, folders walked into and left out, hidden entries passed over; say which cannot be opened.

    Without `Path`, which takes most of the time of a look at a thousand documents, and a look comes every few seconds.
    """
    if book.folder.is_symlink():
        faults.append(guides.Fault(book.root, book.name, 0, "a symbolic link; copy the documents themselves here"))
        return
    pending = [(os.fspath(book.folder), book.name, 0)]
    seen = 0
    while pending:
        folder, source, depth = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = f"a folder that cannot be opened: {error.strerror}; let Council read it"
            faults.append(guides.Fault(book.root, source, 0, reason))
            continue
        inner = []
        for entry in entries:
            seen += 1
            if entry.name.startswith(".") or seen > _ENTRIES_MAX:
                continue
            beneath = f"{source}/{_said(entry.name)}"
            if entry.is_dir(follow_symlinks=False) and depth < _DEPTH_MAX:
                inner.append((entry.path, beneath, depth + 1))
            elif _is_wanted(entry):
                yield beneath, entry, depth
        pending.extend(reversed(inner))


def _said(name: str) -> str:
    """Return a name; bytes in it that are no text are spelt out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _is_wanted(entry: "os.DirEntry[str]") -> bool:
    return entry.name.lower().endswith(_ENDINGS) or entry.is_dir(follow_symlinks=False)


def _not_one(entry: "os.DirEntry[str]", depth: int) -> str:
    """Return why an entry with a document's name is none, or nothing."""
    if entry.is_symlink():
        return "a symbolic link; copy the document itself here"
    if entry.is_dir(follow_symlinks=False):
        return f"a folder more than {_DEPTH_MAX} deep; move it up" if depth >= _DEPTH_MAX else ""
    return ""


def _stamp(entry: "os.DirEntry[str]") -> tuple[int, int, int] | None:
    """Return when a plain file last changed, its size and which it is; None if it is none, or has just gone."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return _stamp_of(status) if stat.S_ISREG(status.st_mode) else None


def _stamp_of(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ctime_ns, status.st_size, status.st_ino
