"""Files that are whole or not there, on disk: a name is there once its folder was synced, whatever was synced of the file."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Have on disk which names a folder holds. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(file: Path, content: bytes, mode: int) -> None:
    """Put content in a file's place whole or not at all, on disk when this returns. Raises OSError."""
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    partial.rename(file)
    sync_folder(file.parent)
