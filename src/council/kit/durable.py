"""Files that are whole or not there, on disk: a name is there once its folder was synced, whatever was synced of the file."""

import contextlib
import os
from pathlib import Path

_ENDING = ".partial"
# What is so much older than another that was just written is nobody's any more.
_LEFT_S = 3600.0


def sync_folder(folder: Path) -> None:
    """Have on disk which names a folder holds. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(file: Path, content: bytes, mode: int) -> None:
    """Put content in a file's place whole or not at all, on disk when this returns. For one writer. Raises OSError."""
    partial = file.with_name(f"{file.name}{_ENDING}")
    partial.unlink(missing_ok=True)
    _write(partial, content, mode)
    partial.rename(file)
    sync_folder(file.parent)


def write_among_others(file: Path, content: bytes, mode: int, *, replace: bool = True) -> os.stat_result:
    """As `write_whole`, where others may write the same file at the same moment: each is whole, and the last one stays.

    `mode` holds whatever the umask. Returns what was told of the file before it had its name, so of no other one. Raises
    OSError, and FileExistsError for a name that is taken where it must not `replace`.
    """
    partial = file.with_name(f".{file.name}.{os.urandom(8).hex()}{_ENDING}")
    try:
        written = _write(partial, content, mode, exact=True)
        _sweep(partial)
        if replace:
            partial.rename(file)
        else:
            # A rename would write over one that has come in the meantime.
            os.link(partial, file, follow_symlinks=False)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(file.parent)
    return written


def remove(file: Path) -> None:
    """Remove a file, so that it does not come back after a power cut. Raises OSError."""
    file.unlink()
    sync_folder(file.parent)


def _write(partial: Path, content: bytes, mode: int, *, exact: bool = False) -> os.stat_result:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(partial, flags, mode), "wb") as opened:
        opened.write(content)
        if exact:
            os.fchmod(opened.fileno(), mode)
        opened.flush()
        os.fsync(opened.fileno())
        return os.fstat(opened.fileno())


def _sweep(own: Path) -> None:
    """Remove what those left who were killed while they wrote."""
    before_s = own.stat().st_mtime - _LEFT_S
    for one in own.parent.iterdir():
        if one.name.startswith(".") and one.name.endswith(_ENDING):
            with contextlib.suppress(OSError):
                if one.lstat().st_mtime < before_s:
                    one.unlink()
