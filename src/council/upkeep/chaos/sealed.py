"""Files in a home's folder `chaos` that only we or root can have written: nothing else is believed, least of all by root."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path


class NotSealedError(OSError):
    """A file is not one that only we, or root, can have written; the text says why."""


@contextlib.contextmanager
def folder(path: Path) -> Iterator[int]:
    """Give a descriptor of the folder. Raises FileNotFoundError, NotSealedError, OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
            raise NotSealedError(f"{path} is another user's, or others can write to it")
        yield descriptor
    finally:
        os.close(descriptor)


def read(path: Path, bytes_max: int) -> bytes:
    """Return what a file begins with. Raises FileNotFoundError, NotSealedError, OSError."""
    with folder(path.parent) as inside:
        # Not blocking, since a pipe may be there.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with os.fdopen(os.open(path.name, flags, dir_fd=inside), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise NotSealedError(f"{path} is no file")
            if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o077:
                raise NotSealedError(f"{path} is another user's, or others can use it")
            return file.read(bytes_max)


def set_aside(path: Path) -> Path | None:
    """Give a file that nobody believes another name beside it; return that, None where it cannot be."""
    aside = path.with_name(f"{path.name}.set-aside")
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.rename(path.name, aside.name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    return aside
