"""The freeze: a file that says nothing may be applied. It is there or it is not, so that no service is needed to pull it.

Whoever switches holds the lock while it looks and switches, and whoever freezes holds it while it writes: once `freeze` has
returned, nothing switches any more. What cannot be read counts as frozen. A rollback does not ask.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from council.kit import durable

_FILE = "freeze.json"
_LOCK = "freeze.lock"
_BYTES_MAX = 4096
REASON_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Freeze:
    """Why nothing is applied, who said so, and since when, microseconds of Unix time; 0 where the file cannot tell."""

    reason: str
    by: str = ""
    at_us: int = 0


def standing(folder: Path) -> Freeze | None:
    """Return the freeze in force, None where there is none. Never raises: what cannot be read is a freeze."""
    try:
        if not folder.is_dir():
            return Freeze(f"The folder of the freeze is away: {folder}.")
        descriptor = os.open(folder / _FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Freeze(f"The freeze cannot be read ({error.strerror}).")
    try:
        told = orjson.loads(os.read(descriptor, _BYTES_MAX))
        return Freeze(str(told["reason"]), str(told["by"]), int(told["at_us"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Freeze("The file of the freeze is there, and says nothing that can be read.")
    finally:
        os.close(descriptor)


def freeze(folder: Path, wanted: Freeze) -> None:
    """Put the freeze in force, in the place of one before it; on disk when this returns. Raises OSError."""
    content = orjson.dumps(asdict(wanted))
    assert len(content) <= _BYTES_MAX and len(wanted.reason) <= REASON_CHARS_MAX
    with lock(folder):
        durable.write_whole(folder / _FILE, content, 0o600)


def thaw(folder: Path) -> None:
    """Lift the freeze; on disk when this returns. Idempotent. Raises OSError."""
    with lock(folder):
        (folder / _FILE).unlink(missing_ok=True)
        durable.sync_folder(folder)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold what both who freezes and who switches must hold. Waits for whoever holds it; raises OSError."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
