"""Says when something beneath a folder has changed: inotify(7) of Linux, over the folder and those in it.

Only that there was something is told, not what: events are lost when a queue is full, and a folder may move between two of
them, so whoever is told looks for himself. Network file systems tell nothing of what other machines change. For both reasons
nobody should rely on events alone, but look at intervals as well.
"""

import asyncio
import ctypes
import errno
import functools
import os
import struct
from pathlib import Path

# Of <sys/inotify.h>.
_ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x4, 0x8, 0x40, 0x80
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_Q_OVERFLOW, _IGNORED, _ONLYDIR, _DONT_FOLLOW, _EXCL_UNLINK = 0x4000, 0x8000, 0x1000000, 0x2000000, 0x4000000
_ISDIR = 0x40000000
# Not each write: a document that is being written is of use once it is closed.
_CHANGES = _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_WANTED = _CHANGES | _ONLYDIR | _DONT_FOLLOW | _EXCL_UNLINK
# After these there may be folders that are not watched yet, or the folder itself is another.
_ANEW = _ISDIR | _Q_OVERFLOW | _DELETE_SELF | _MOVE_SELF
_EVENT = struct.Struct("iIII")
_READ_BYTES = 64 * 1024
_FOLDERS_MAX = 10_000
_DEPTH_MAX = 16


class FolderEvents:
    """Watches a folder, which may come and go. For one event loop; `problem` says why events are not, or not all, to be had."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._changed = asyncio.Event()
        self._watched: dict[int, bytes] = {}
        self._descriptor = -1
        self.problem = ""
        try:
            self._descriptor = _checked(_libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
            self._watch_all()
        except OSError as error:
            self.problem = _said(error)
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    async def wait(self, longest_s: float) -> bool:
        """Return True once something has changed since the last call, False where nothing did for so long."""
        try:
            async with asyncio.timeout(longest_s):
                await self._changed.wait()
        except TimeoutError:
            # A folder that was not there has no events, and one that could not be watched may be by now.
            self._anew()
            return False
        self._changed.clear()
        return True

    async def settle(self, quiet_s: float, longest_s: float) -> None:
        """Return once nothing has changed for `quiet_s`, or after `longest_s`: a burst of changes is one."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + longest_s
        while (left_s := end_s - loop.time()) > 0 and await self._again(min(quiet_s, left_s)):
            pass

    async def _again(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def close(self) -> None:
        """Watch no more. Idempotent."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)

    def _read(self) -> None:
        anew = False
        while True:
            try:
                raw = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                break
            place = 0
            while place < len(raw):
                watch, mask, _, length = _EVENT.unpack_from(raw, place)
                place += _EVENT.size + length
                if mask & _IGNORED:
                    self._watched.pop(watch, None)
                anew = anew or bool(mask & _ANEW)
        if anew:
            self._anew()
        self._changed.set()

    def _anew(self) -> None:
        if self._descriptor < 0:
            return
        try:
            self._watch_all()
            self.problem = ""
        except OSError as error:
            self.problem = _said(error)

    def _watch_all(self) -> None:
        """Watch each folder; one that is watched already stays so, whatever it is called now. Raises OSError."""
        pending = [(os.fsencode(self._folder), 0)]
        found = 0
        while pending:
            path, depth = pending.pop()
            watch = self._watch(path)
            if watch is None:
                continue
            found += 1
            if found >= _FOLDERS_MAX:
                raise OSError(errno.ENOSPC, f"there are more than {_FOLDERS_MAX:,} folders")
            if self._watched.get(watch) != path:
                self._watched[watch] = path
                # What came into a new folder before it was watched has no event.
                self._changed.set()
            if depth < _DEPTH_MAX:
                pending += [(inner, depth + 1) for inner in _folders(path)]

    def _watch(self, path: bytes) -> int | None:
        watch: int = _libc().inotify_add_watch(self._descriptor, path, _WANTED)
        if watch >= 0:
            return watch
        number = ctypes.get_errno()
        # Gone meanwhile, no folder any more, a link, or closed to us: there is nothing to be told of it.
        if number in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES):
            return None
        raise OSError(number, os.strerror(number))


def _folders(path: bytes) -> list[bytes]:
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _said(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EMFILE):
        return f"{error.strerror}; raise fs.inotify.max_user_watches or max_user_instances with sysctl"
    return error.strerror or "unknown"
