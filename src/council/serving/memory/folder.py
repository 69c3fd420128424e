"""Watches a folder of documents: what is there, what changed, what was left out and why.

The library is untrusted: links are not followed, sizes and counts are bounded, and what is not text is named and left out.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from council.domain import config as config_module
from council.serving.memory import documents

_DEPTH_MAX = 16


@dataclass(frozen=True, slots=True)
class Change:
    """A document that is new or different, or gone (`sections` None)."""

    source: str
    sections: list[documents.Section] | None


@dataclass(slots=True)
class Folder:
    """One root. `left_out` maps a document to the reason that it is not in the index.

    It is made anew and put in place whole, since others read it while a thread is in `changes`.
    """

    root: Path
    recall: config_module.RecallConfig
    left_out: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def changes(self) -> list[Change]:
        """Return what changed since the last call. Reads only files whose time or size is new."""
        found: dict[str, tuple[int, int]] = {}
        left_out: dict[str, str] = {}
        changes: list[Change] = []
        for path, stamp in self._files():
            source = self._source(path)
            if len(found) >= self.recall.files_max:
                left_out[source] = f"over the limit of {self.recall.files_max} documents"
                continue
            if self._seen.get(source) != stamp:
                try:
                    sections, reason = self._read(path, stamp[1])
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
                elif Path(entry.name).suffix.lower() in documents.SUFFIXES and (stamp := _stamp(entry)):
                    yield Path(entry.path), stamp

    def _read(self, path: Path, size_bytes: int) -> tuple[list[documents.Section] | None, str]:
        """Return a document's sections, or None and the reason."""
        if size_bytes > self.recall.file_bytes_max:
            return None, f"{size_bytes} bytes, over the limit of {self.recall.file_bytes_max}"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                raw = file.read(self.recall.file_bytes_max + 1)
            return documents.split(raw[: self.recall.file_bytes_max], self.recall.passage_chars), ""
        except FileNotFoundError:
            raise
        except OSError as error:
            return None, error.strerror or "cannot be read"
        except documents.UnreadableError as error:
            return None, str(error) or "cannot be read"


def _stamp(entry: "os.DirEntry[str]") -> tuple[int, int] | None:
    """Return when a plain file last changed, and its size; None if it is no plain file or has just gone.

    The time of the inode's change moves with the content and with the permissions, and nobody can set it back.
    """
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return (status.st_ctime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None
