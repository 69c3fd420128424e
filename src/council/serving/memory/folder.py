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
# So many of what is no document are named by themselves: a folder may hold millions.
_NAMED_MAX = 1_000

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
    _passages: dict[str, int] = field(default_factory=dict)
    _crowded: set[str] = field(default_factory=set)
    _count: int = 0
    _full_at: int = 0

    def changes(self) -> list[Change]:
        """Return what changed since the last call. Reads only files whose time or size is new."""
        found: dict[str, tuple[int, int]] = {}
        left_out: dict[str, str] = {}
        changes: list[Change] = []
        begun_s, self.more = time.monotonic(), False
        for path, stamp in self._files(left_out):
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
                sections, reason = self._within_bounds(source, sections, reason)
                changes.append(Change(source, sections))
            else:
                reason = self.left_out.get(source, "")
            found[source] = stamp
            if reason:
                left_out[source] = reason
        gone = sorted(self._seen.keys() - found.keys())
        changes.extend(Change(source, None) for source in gone)
        for source in gone:
            self._hold(source, 0)
        self._try_again(found)
        self.left_out, self._seen = left_out, found
        return changes

    def known(self) -> dict[str, tuple[int | None, str]]:
        """Return of each document met so far how many passages are in the index, and why it or a part of it is left out.

        None of what has not been read at all. Others may ask while a thread is in `changes`.
        """
        passages, left_out = dict(self._passages), self.left_out
        found: dict[str, tuple[int | None, str]] = {name: (passages.get(name, 0), "") for name in self._seen}
        return found | {name: (passages.get(name), reason) for name, reason in left_out.items()}

    def _within_bounds(
        self, source: str, sections: list[documents.Section] | None, reason: str
    ) -> tuple[list[documents.Section] | None, str]:
        """Leave a document out whole that makes the passages too many."""
        self._crowded.discard(source)
        self._hold(source, 0)
        count, most = len(sections or ()), self.recall.passages_max
        if self._count + count > most:
            self._crowded.add(source)
            return None, f"{count:,} passages, over the {most:,} of all; take some out, or raise `recall.passages_max`"
        self._hold(source, count)
        return sections, reason

    def _hold(self, source: str, count: int) -> None:
        self._count += count - self._passages.pop(source, 0)
        if count:
            self._passages[source] = count

    def _try_again(self, found: dict[str, tuple[int, int]]) -> None:
        """Forget the documents that were one too many, once there are fewer passages, so that the next look reads them."""
        self._crowded &= found.keys()
        if self._crowded and self._count < self._full_at:
            for source in self._crowded:
                del found[source]
            self._crowded = set()
        self._full_at = self._count

    @property
    def _suffixes(self) -> frozenset[str]:
        return documents.SUFFIXES if self.read is None else documents.SUFFIXES | documents.TAKEN_APART_SUFFIXES

    def _source(self, path: Path) -> str:
        """Return a document's name; bytes in it that are no text are spelt out, since an index holds only text."""
        return os.fsencode(path.relative_to(self.root)).decode("utf-8", "backslashreplace")

    def _files(self, left_out: dict[str, str]) -> Iterator[tuple[Path, tuple[int, int]]]:
        """Yield the documents in order, and put what cannot be one into `left_out`."""
        pending: list[tuple[Path, int]] = [(self.root, 0)]
        while pending:
            folder, depth = pending.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                if folder != self.root:
                    self._name(
                        left_out, folder, f"a folder that cannot be opened: {error.strerror}; let Council read it"
                    )
                continue
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                if reason := self._no_document(entry, depth):
                    self._name(left_out, path, reason)
                elif entry.is_dir(follow_symlinks=False):
                    pending.append((path, depth + 1))
                elif stamp := _stamp(entry):
                    yield path, stamp

    def _no_document(self, entry: "os.DirEntry[str]", depth: int) -> str:
        """Return why an entry is neither a document nor a folder of them, or nothing."""
        if entry.is_symlink():
            return "a symbolic link; copy the document itself here"
        if entry.is_dir():
            return f"a folder more than {_DEPTH_MAX} deep; move it up" if depth >= _DEPTH_MAX else ""
        if _suffix(entry.name) not in self._suffixes:
            return "of a kind that is not read; save it as Markdown, text, HTML, PDF or CSV"
        return "" if _is_plain(entry) else "a pipe, socket or device; put a plain file here"

    def _name(self, left_out: dict[str, str], path: Path, reason: str) -> None:
        # The guidebook's pictures are part of it; nobody misses them in the index.
        if self.read is not None and len(left_out) < _NAMED_MAX:
            left_out[self._source(path)] = reason

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


def _is_plain(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a plain file, or was one and has just gone."""
    try:
        return stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return True


def _stamp(entry: "os.DirEntry[str]") -> tuple[int, int] | None:
    """Return when a plain file last changed, and its size; None if it is no plain file or has just gone.

    The time of the inode's change moves with the content and with the permissions, and nobody can set it back.
    """
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return (status.st_ctime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None
