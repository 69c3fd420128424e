"""Files of a home that are opened without following a link on the way, so that nothing outside the home is touched."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from council.domain import home as home_module

_MODES = {os.O_RDONLY: "rb", os.O_RDWR: "r+b", os.O_WRONLY: "wb"}
_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR


@contextlib.contextmanager
def folder(where: home_module.Home, path: str) -> Iterator[tuple[int, str]]:
    """Give a descriptor of the folder that holds a path in the home, and its name there.

    Raises ValueError for a path that leads out, OSError where a folder on the way is none, or is a link.
    """
    parts = Path(path).parts
    if not parts or ".." in parts or Path(path).is_absolute():
        raise ValueError(f"{path} leads out of the home")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(where.root, flags)
    try:
        for part in parts[:-1]:
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor, parts[-1]
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened(where: home_module.Home, path: str, flags: int = os.O_RDONLY, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """Give a file, opened by these flags. Raises ValueError as `folder` does and for what is no file, OSError."""
    with folder(where, path) as (inner, name):
        descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode, dir_fd=inner)
        with os.fdopen(descriptor, _MODES[flags & _ACCESS]) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError(f"{path} is no file")
            yield file


@contextlib.contextmanager
def writable(where: home_module.Home, path: str) -> Iterator[IO[bytes]]:
    """Give a file to read and write also where its owner may only read it; it keeps its mode. Raises as `opened` does."""
    with opened(where, path) as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        os.fchmod(file.fileno(), mode | 0o200)
        try:
            with opened(where, path, os.O_RDWR) as found:
                yield found
        finally:
            os.fchmod(file.fileno(), mode)


def remove(where: home_module.Home, path: str) -> None:
    """Remove a file, should it be there. Raises as `folder` does."""
    with contextlib.suppress(FileNotFoundError), folder(where, path) as (inner, name):
        os.unlink(name, dir_fd=inner)


def head_digest(where: home_module.Home, path: str, size_bytes: int) -> str:
    """Return the SHA-256 of a file's first bytes, "" where there is no file. Raises as `opened` does."""
    try:
        with opened(where, path) as file:
            return hashlib.sha256(file.read(size_bytes)).hexdigest()
    except FileNotFoundError:
        return ""
