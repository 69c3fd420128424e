"""A halt: a file that says that something stands still, why, since when and by whom. It is there or it is not.

So it holds whatever else is down, and nobody is needed to pull it. What cannot be read counts as a halt.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from council.kit import durable

_BYTES_MAX = 4096
REASON_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Halt:
    """Why something stands still, who said so, and since when, microseconds of Unix time; 0 where the file cannot tell."""

    reason: str
    by: str = ""
    at_us: int = 0


def standing(file: Path) -> Halt | None:
    """Return the halt in force, None where there is none. Never raises: what cannot be read is one."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Halt(f"The file {file.name} cannot be read ({error.strerror}).")
    try:
        told = orjson.loads(os.read(descriptor, _BYTES_MAX))
        return Halt(str(told["reason"]), str(told["by"]), int(told["at_us"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Halt(f"The file {file.name} is there, and says nothing that can be read.")
    finally:
        os.close(descriptor)


def put(file: Path, wanted: Halt) -> None:
    """Put a halt in force, in the place of one before it; on disk when this returns. Raises OSError."""
    content = orjson.dumps(asdict(wanted))
    assert len(content) <= _BYTES_MAX and len(wanted.reason) <= REASON_CHARS_MAX
    durable.write_whole(file, content, 0o644)
    # Services of other users read it, whatever the umask of who writes it.
    file.chmod(0o644)


def lift(file: Path) -> None:
    """Lift a halt; on disk when this returns. Idempotent. Raises OSError."""
    file.unlink(missing_ok=True)
    durable.sync_folder(file.parent)
