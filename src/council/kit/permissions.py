"""Whose files are and who may reach them: questions about modes, and changes of owner that no link can lead astray.

Root changes owners in folders that others write to, so each file is held by a descriptor first and changed through it:
what is swapped in meanwhile is not touched. A file with a second name is left alone, since that name may be anywhere.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

READ, WRITE, ENTER = 4, 2, 1
ENTRIES_MAX = 200_000
_DEPTH_MAX = 32

# From whether it is a folder, and its mode now, to its mode.
Mode = Callable[[bool, int], int]


@dataclass(frozen=True, slots=True)
class Who:
    """A user who is not root."""

    uid: int
    groups: frozenset[int] = frozenset()


# Matches no owner and no group: has what everybody has.
ANYBODY = Who(-1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a file or folder should be; None leaves its user as it is. `inner` is for what a folder holds, None for nothing."""

    uid: int | None
    gid: int
    mode: Mode
    inner: Mode | None = None


def barrier(path: Path, who: Who, need: int) -> Path | None:
    """Return the first path that keeps `who` from what `need` names at `path`, None if nothing does.

    `need` adds up READ, WRITE and ENTER; 0 asks only about the way there. A path that cannot be looked at is a barrier.
    Only modes count: an access list that says more is not seen.
    """
    for way in dict.fromkeys((path.absolute(), path.resolve())):
        for folder in reversed(way.parents):
            if not _grants(folder, who, ENTER):
                return folder
        if need and not _grants(way, who, need):
            return way
    return None


def _grants(path: Path, who: Who, need: int) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    shift = 6 if status.st_uid == who.uid else 3 if status.st_gid in who.groups else 0
    return status.st_mode >> shift & need == need


def put_right(path: Path, wanted: Wanted) -> list[Path]:
    """Give a file or folder, and with `inner` what it holds, the wanted owner and mode; return what had to be left alone.

    Left alone are files with a second name and what lies too deep or beyond ENTRIES_MAX. A missing path and links are
    passed over. Idempotent. Raises OSError.
    """
    walk = _Walk(wanted)
    with _held(path, None) as descriptor:
        if descriptor is not None:
            walk.settle(descriptor, path, wanted.mode, 0)
    return walk.left_alone


def follow_owner(folder: Path) -> None:
    """As root, give what root made in somebody's folder to that folder's owner, and to its group where that shares it.

    For others nothing happens.
    """
    if os.geteuid() != 0 or not folder.is_dir():
        return
    owner = folder.stat()
    if owner.st_uid != 0 or owner.st_gid != 0:
        inner = used if owner.st_mode & _SHARED == _SHARED else _as_it_is
        put_right(folder, Wanted(owner.st_uid, owner.st_gid, _as_it_is, inner))


_SHARED = 0o2070


def used(folder: bool, mode: int) -> int:
    """Return the mode at which the group may do what the owner may do now; what is made in a folder is the group's too."""
    return 0o2770 if folder else mode & 0o700 | (mode & 0o700) >> 3


def _as_it_is(_: bool, mode: int) -> int:
    return mode


@dataclass(slots=True)
class _Walk:
    wanted: Wanted
    left_alone: list[Path] = field(default_factory=list)
    entries: int = 0

    def settle(self, descriptor: int, path: Path, mode: Mode, depth: int) -> None:
        status = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(status.st_mode)
        if not is_folder and not stat.S_ISREG(status.st_mode):
            return
        self._change(descriptor, path, status, mode(is_folder, stat.S_IMODE(status.st_mode)))
        if not is_folder or self.wanted.inner is None:
            return
        if depth >= _DEPTH_MAX:
            self.left_alone.append(path)
            return
        # Not the descriptor itself, which only names the folder: this one can be read.
        readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
        try:
            with os.scandir(readable) as found:
                names = sorted(entry.name for entry in found)
            for name in names:
                self.entries += 1
                if self.entries > ENTRIES_MAX:
                    self.left_alone.append(path / name)
                    return
                with _held(Path(name), readable) as inner:
                    if inner is not None:
                        self.settle(inner, path / name, self.wanted.inner, depth + 1)
        finally:
            os.close(readable)

    def _change(self, descriptor: int, path: Path, status: os.stat_result, mode: int) -> None:
        uid = status.st_uid if self.wanted.uid is None else self.wanted.uid
        if (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (uid, self.wanted.gid, mode):
            return
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            self.left_alone.append(path)
            return
        # A descriptor that only names a file cannot be changed by fchown, but through this link it can.
        same = f"/proc/self/fd/{descriptor}"
        os.chown(same, uid, self.wanted.gid)
        # After the owner, whose change takes the set-id bits away.
        os.chmod(same, mode)  # noqa: PTH101 - a descriptor, not a path of ours


@contextlib.contextmanager
def _held(path: Path, folder: int | None) -> Iterator[int | None]:
    """Hold a file without opening it, which would wake what watches it and drop SQLite's locks when closed."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
