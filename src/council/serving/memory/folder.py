"""Watches a folder of documents: what is there, what changed, what was left out and why.

The library is untrusted: links are not followed, sizes and counts are bounded, and what is not text is named and left out.
"""

import os
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
    """One root. `left_out` maps a document to the reason that it is not in the index."""

    root: Path
    recall: config_module.RecallConfig
    left_out: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def changes(self) -> list[Change]:
        """Return what changed since the last call. Reads only files whose time or size is new."""
        found: dict[str, tuple[int, int]] = {}
        changes: list[Change] = []
        for path, stamp in self._files():
            source = path.relative_to(self.root).as_posix()
            if len(found) >= self.recall.files_max:
                self.left_out[source] = f"over the limit of {self.recall.files_max} documents"
                continue
            found[source] = stamp
            if self._seen.get(source) != stamp:
                changes.append(Change(source, self._read(path, source, stamp[1])))
        for source in self._seen.keys() - found.keys():
            self.left_out.pop(source, None)
            changes.append(Change(source, None))
        self._seen = found
        return changes

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
                elif entry.is_file() and Path(entry.name).suffix.lower() in documents.SUFFIXES:
                    status = entry.stat(follow_symlinks=False)
                    yield Path(entry.path), (status.st_mtime_ns, status.st_size)

    def _read(self, path: Path, source: str, size_bytes: int) -> list[documents.Section] | None:
        self.left_out.pop(source, None)
        if size_bytes > self.recall.file_bytes_max:
            self.left_out[source] = f"{size_bytes} bytes, over the limit of {self.recall.file_bytes_max}"
            return None
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                raw = file.read(self.recall.file_bytes_max + 1)
            return documents.split(raw[: self.recall.file_bytes_max], self.recall.passage_chars)
        except OSError as error:
            self.left_out[source] = error.strerror or "cannot be read"
        except documents.UnreadableError as error:
            self.left_out[source] = str(error)
        return None
