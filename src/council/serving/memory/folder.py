"""Watches a folder of documents: what is there, what changed, what was left out and why.

The library is untrusted: links are not followed, sizes and counts are bounded, and what is not text is named and left out.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from council.domain import config as config_module
from council.serving.memory import documents

_DEPTH_MAX = 16
# Documents of one look are read for so long; what is left is for the next, so that the first can be found meanwhile.
_LOOK_S = 2.0

# Reads a document that is more than text, by its suffix, see `services/reader.py`. Raises UnreadableError.
Read = Callable[[str, bytes, int], documents.Document]


@dataclass(frozen=True, slots=True)
class Change:
    """A document that is new or different, or gone (`sections` None)."""

    source: str
    sections: list[documents.Section] | None


@dataclass(slots=True)
class Folder:
    """One root. `left_out` maps a document to the reason that it, or a part of it, is not in the index.

    It is made anew and put in place whole, since others read it while a thread is in `changes`. Without `read`, what is more
    than text is passed over. `more` tells that the last look was not over.
    """

    root: Path
    recall: config_module.RecallConfig
    read: Read | None = None
    more: bool = False
    left_out: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def changes(self) -> list[Change]:
        """Return what changed since the last call. Reads only files whose time or size is new."""
        found: dict[str, tuple[int, int]] = {}
        left_out: dict[str, str] = {}
        changes: list[Change] = []
        begun_s, self.more = time.monotonic(), False
        for path, stamp in self._files():
            source = self._source(path)
            if len(found) >= self.recall.files_max:
                left_out[source] = f"over the limit of {self.recall.files_max} documents"
                continue
            if self._seen.get(source) != stamp:
                if time.monotonic() - begun_s > _LOOK_S:
                    self.more = True
                    if source in self._seen:
                        found[source] = self._seen[source]
                    continue
                try:
                    sections, reason = self._read_file(path, stamp[1])
                except FileNotFoundError:
                    # Removed since it was listed.
                    continue
                changes.append(Change(source, sections))
            else:
                reason = self.left_out.get(source, "")
            found[source] = stamp
            if reason:
                left_out[source] = reason
        changes.extend(Change(source, None) for source in sorted(self._seen.keys() - found.keys()))
        self.left_out, self._seen = left_out, found
        return changes

    @property
    def _suffixes(self) -> frozenset[str]:
        return documents.SUFFIXES if self.read is None else documents.SUFFIXES | documents.TAKEN_APART_SUFFIXES

    def _source(self, path: Path) -> str:
        """Return a document's name; bytes in it that are no text are spelt out, since an index holds only text."""
        return os.fsencode(path.relative_to(self.root)).decode("utf-8", "backslashreplace")

    def _files(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        pending: list[tuple[Path, int]] = [(self.root, 0)]
        while pending:
            folder, depth = pending.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                if entry.is_symlink() or entry.name.startswith("."):
                    continue
                if entry.is_dir() and depth < _DEPTH_MAX:
                    pending.append((Path(entry.path), depth + 1))
                elif _suffix(entry.name) in self._suffixes and (stamp := _stamp(entry)):
                    yield Path(entry.path), stamp

    def _read_file(self, path: Path, size_bytes: int) -> tuple[list[documents.Section] | None, str]:
        """Return a document's sections, or None, and the reason why it or a part of it is left out."""
        most = self.recall.file_bytes_max
        if size_bytes > most:
            return None, f"{size_bytes:,} bytes, over the limit of {most:,}; split it, or raise `recall.file_bytes_max`"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                raw = file.read(most + 1)[:most]
            if self.read is None or _suffix(path.name) in documents.SUFFIXES:
                return documents.split(raw, self.recall.passage_chars), ""
            found = self.read(_suffix(path.name), raw, self.recall.passage_chars)
            return found.sections, found.note
        except FileNotFoundError:
            raise
        except OSError as error:
            return None, error.strerror or "cannot be read"
        except documents.UnreadableError as error:
            return None, str(error) or "cannot be read"


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def _stamp(entry: "os.DirEntry[str]") -> tuple[int, int] | None:
    """Return when a plain file last changed, and its size; None if it is no plain file or has just gone.

    The time of the inode's change moves with the content and with the permissions, and nobody can set it back.
    """
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return (status.st_ctime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None
