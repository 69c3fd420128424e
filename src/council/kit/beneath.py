"""Files beneath a folder that is held by its descriptor: no name leads out of it, and no link is followed.

Names are resolved by openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS and RESOLVE_NO_XDEV, by the
kernel and in one step. So it does not matter what is swapped in between two calls: a call reaches a file beneath the folder, or
fails. What is read must be a plain file with one name: whoever holds another name of it could change it later.

A path here is of names parted by `/`, none of them empty, `.` or `..`.
"""

import contextlib
import ctypes
import errno
import functools
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DEPTH_MAX = 64
_NAME_BYTES_MAX, _PATH_BYTES_MAX = 255, 4_095

# The same number on every architecture.
_OPENAT2 = 437
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_RESOLVE = _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS | _NO_XDEV
_READ_AT_ONCE = 1024 * 1024
# Files that are open and wait to be synced. A process may have 1,024 by default.
_WAITING_MAX = 256


class NotPlainError(Exception):
    """Something that is not what it must be: a plain file, a folder, a path beneath. `path` and `reason` say what."""

    def __init__(self, path: str, reason: str):
        super().__init__(f"{path!r} {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Plain:
    """A file's content, and whether its owner may execute it."""

    content: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """The paths of all files and of all folders beneath one."""

    files: frozenset[str]
    folders: frozenset[str]


@dataclass(slots=True)
class Folder:
    """A folder by its descriptor. Use `held`. Each method raises NotPlainError, and OSError for what the system refuses.

    What is made, renamed or removed is on disk only after `sync`. After an OSError of `sync` nobody knows what is: begin anew.
    """

    descriptor: int
    _unsynced: set[str] = field(default_factory=set, init=False)
    _waiting: list[int] = field(default_factory=list, init=False)

    def read(self, path: str, bytes_max: int) -> Plain:
        """Return a plain file that has one name and at most `bytes_max` bytes."""
        with self._opened(path, os.O_PATH) as looked_at:
            # Before it is opened: to open a device may already do something, and to open a FIFO may wait for ever.
            _check_plain(path, os.fstat(looked_at), bytes_max)
        with self._opened(path, os.O_RDONLY | os.O_NONBLOCK) as descriptor:
            status = os.fstat(descriptor)
            _check_plain(path, status, bytes_max)
            content = _read_up_to(descriptor, bytes_max + 1)
        if len(content) > bytes_max:
            raise NotPlainError(path, f"grew over {bytes_max} bytes while it was read")
        return Plain(content, bool(status.st_mode & stat.S_IXUSR))

    def write(self, path: str, content: bytes, mode: int) -> None:
        """Make a file that must not exist, with exactly this mode, and the folders on the way that are missing."""
        parent, _ = _split(path)
        self._make_folders(parent)
        if len(self._waiting) >= _WAITING_MAX:
            self.sync_files()
        descriptor = self._open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        self._waiting.append(descriptor)
        self._unsynced.add(parent)
        os.fchmod(descriptor, mode)
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        begin_writing(descriptor)

    def make_folder(self, path: str, mode: int = 0o700) -> None:
        """Make one folder that must not exist."""
        parent, name = _split(path)
        with self._folder(parent) as held:
            os.mkdir(name, mode, dir_fd=held)
        self._unsynced |= {parent, path}

    def rename(self, path: str, wanted: str) -> None:
        """Give a file or folder another path, whose folders are made where they are missing.

        A file takes the place of another, a folder only that of an empty one.
        """
        (parent, name), (other_parent, other_name) = _split(path), _split(wanted)
        self._make_folders(other_parent)
        with self._folder(parent) as held, self._folder(other_parent) as other:
            os.rename(name, other_name, src_dir_fd=held, dst_dir_fd=other)
        self._unsynced |= {parent, other_parent}

    def remove(self, path: str) -> None:
        """Remove a file, a link itself, or a folder with all that it holds. A missing one is as wanted."""
        parent, name = _split(path)
        try:
            with self._folder(parent) as held:
                if stat.S_ISDIR(os.stat(name, dir_fd=held, follow_symlinks=False).st_mode):
                    shutil.rmtree(name, dir_fd=held)
                else:
                    os.unlink(name, dir_fd=held)
        except FileNotFoundError:
            return
        self._unsynced.add(parent)

    def sync(self) -> None:
        """Sync every file that was written, then every folder in which something changed, the inner ones first."""
        self.sync_files()
        for path in sorted(self._unsynced, key=_depth, reverse=True):
            # A folder that was removed or renamed since has nothing left to sync.
            with contextlib.suppress(FileNotFoundError), self._folder(path) as held:
                os.fsync(held)
        self._unsynced.clear()

    def sync_files(self) -> None:
        """Sync the files that were written, not yet their names."""
        # Through the descriptors that wrote them, which are sure to be told of an error.
        for descriptor in self._waiting:
            os.fsync(descriptor)
        self.close()

    def close(self) -> None:
        """Let go of the files that were written; those not synced may be lost."""
        while self._waiting:
            os.close(self._waiting.pop())

    def listing(self, entries_max: int) -> Listing:
        """Return all that lies beneath. Raises NotPlainError for what is neither file nor folder, too much, or too deep."""
        files: set[str] = set()
        folders: set[str] = set()
        waiting = [""]
        while waiting:
            above = waiting.pop()
            for name, kind in self._names(above, entries_max):
                path = f"{above}/{name}" if above else name
                if len(files) + len(folders) >= entries_max:
                    raise NotPlainError(path, f"is one of more than {entries_max} files and folders")
                if kind == "folder":
                    if _depth(path) >= DEPTH_MAX:
                        raise NotPlainError(path, f"lies more than {DEPTH_MAX} folders deep")
                    waiting.append(path)
                    folders.add(path)
                elif kind == "file":
                    files.add(path)
                else:
                    raise NotPlainError(path, "is neither a plain file nor a folder")
        return Listing(frozenset(files), frozenset(folders))

    @contextlib.contextmanager
    def inner(self, path: str) -> "Iterator[Folder]":
        """Hold a folder beneath this one."""
        with self._folder(path) as descriptor, contextlib.closing(Folder(descriptor)) as folder:
            yield folder

    def names(self, entries_max: int) -> list[str]:
        """Return what lies in the folder itself, in order, whatever it is."""
        return sorted(name for name, _ in self._names("", entries_max))

    def _names(self, path: str, entries_max: int) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        with self._folder(path) as held, os.scandir(held) as entries:
            for entry in entries:
                if len(found) >= entries_max:
                    raise NotPlainError(path, f"holds more than {entries_max} files and folders")
                is_folder, is_file = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
                found.append((entry.name, "folder" if is_folder else "file" if is_file else "other"))
        return found

    def _make_folders(self, path: str) -> None:
        made = ""
        for name in path.split("/") if path else ():
            made = f"{made}/{name}" if made else name
            with contextlib.suppress(FileExistsError):
                self.make_folder(made)

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """Hold a folder beneath, the folder itself where `path` is empty."""
        if path:
            with self._opened(path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
                yield descriptor
        else:
            yield self.descriptor

    @contextlib.contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        descriptor = self._open(path, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, path: str, flags: int, mode: int = 0) -> int:
        _split(path)
        try:
            return _openat2(self.descriptor, path, flags, mode)
        except OSError as error:
            reason = _REASONS.get(error.errno or 0)
            if reason is None:
                raise
            raise NotPlainError(path, reason) from error


_REASONS = {
    errno.ELOOP: "is a link, or lies behind one",
    errno.EXDEV: "leads out of its folder or file system",
    errno.ENOTDIR: "is or lies behind a file where a folder is wanted",
    errno.ENXIO: "is no plain file",
}


@contextlib.contextmanager
def held(path: Path) -> Iterator[Folder]:
    """Hold the folder at `path`, of which only the last name may not be a link. Raises NotPlainError, OSError.

    OSError with ENOSYS where the kernel has no openat2: Linux before 5.6, or a container that forbids it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _REASONS:
            raise NotPlainError(str(path), "is a link or a file where a folder is wanted") from error
        raise
    try:
        _check_kernel(descriptor)
        with contextlib.closing(Folder(descriptor)) as folder:
            yield folder
    finally:
        os.close(descriptor)


def begin_writing(descriptor: int) -> None:
    """Have the system begin to write what a file holds, so that many that are synced afterwards are written together."""
    # Named for something else, but the one call of Python's that does it. It does not wait, and promises nothing.
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def check(path: str) -> None:
    """Raise NotPlainError for what cannot be a path beneath a folder."""
    _split(path)


def _check_kernel(descriptor: int) -> None:
    try:
        os.close(_openat2(descriptor, ".", os.O_PATH, 0))
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM):
            raise OSError(errno.ENOSYS, "openat2 is missing: Linux before 5.6, or a container forbids it") from error
        raise


def _split(path: str) -> tuple[str, str]:
    """Return the folder and the last name of a path. Raises NotPlainError for what is no path beneath."""
    names = path.split("/")
    raw = [os.fsencode(name) for name in names]
    plain = all(raw) and not {".", ".."} & set(names) and "\0" not in path
    if not plain or max(map(len, raw)) > _NAME_BYTES_MAX or sum(map(len, raw)) + len(raw) > _PATH_BYTES_MAX:
        raise NotPlainError(path[:_PATH_BYTES_MAX], "is no path beneath a folder")
    if len(names) > DEPTH_MAX:
        raise NotPlainError(path, f"lies more than {DEPTH_MAX} folders deep")
    return "/".join(names[:-1]), names[-1]


def _depth(path: str) -> int:
    return path.count("/") + 1 if path else 0


def _check_plain(path: str, status: os.stat_result, bytes_max: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotPlainError(path, "is no plain file")
    if status.st_nlink != 1:
        raise NotPlainError(path, f"has {status.st_nlink} names, of which each could change it")
    if status.st_size > bytes_max:
        raise NotPlainError(path, f"is {status.st_size} bytes; the limit is {bytes_max}")


def _read_up_to(descriptor: int, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    left = bytes_max
    while left and (part := os.read(descriptor, min(left, _READ_AT_ONCE))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


class _How(ctypes.Structure):
    """`struct open_how` of linux/openat2.h."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def _openat2(folder: int, path: str, flags: int, mode: int) -> int:
    how = _How(flags | os.O_CLOEXEC, mode, _RESOLVE)
    name = os.fsencode(path)
    while True:
        descriptor: int = _libc().syscall(
            ctypes.c_long(_OPENAT2), folder, name, ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))
        )
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number), path)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
