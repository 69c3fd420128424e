"""Names in a folder are on disk once the folder was synced, whatever was synced of the files."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Have on disk which names a folder holds. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
