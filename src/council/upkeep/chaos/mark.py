"""The mark of a home that may be broken on purpose: a file that only its owner reads, with who allowed it and when."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from council.domain import errors
from council.kit import shown

_FILE = "allowed"
_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Mark:
    """Who allowed it, and when, microseconds since the Unix epoch."""

    who: str
    at_us: int


def put(folder: Path, one: Mark) -> None:
    """Mark a home, whose folder `chaos` this is. Raises SetupError."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        partial = folder / f"{_FILE}.partial"
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"who": one.who, "at_us": one.at_us}, file)
        partial.replace(folder / _FILE)
    except OSError as error:
        raise errors.SetupError(f"The mark cannot be written: {error.strerror}. Look at {folder}.") from error


def remove(folder: Path) -> bool:
    """Take the mark away; False where there was none."""
    try:
        (folder / _FILE).unlink()
    except FileNotFoundError:
        return False
    return True


def read(folder: Path) -> Mark | None:
    """Return the mark, None where there is none that counts: others must not be able to write it, and it must be whole."""
    try:
        descriptor = os.open(folder / _FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            raw = json.loads(file.read(_BYTES_MAX))
        mark = Mark(str(raw["who"]), int(raw["at_us"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return mark if not found.st_mode & 0o077 and found.st_uid in (0, os.geteuid()) else None


def told(folder: Path) -> str:
    """Return in a line who allowed a home to be broken, "" where nobody did."""
    found = read(folder)
    return "" if found is None else f"may be broken on purpose: allowed by {found.who}, {shown.clock(found.at_us)}"


def check(folder: Path) -> Mark:
    """Return the mark. Raises ForbiddenError where the home may not be broken."""
    found = read(folder)
    if found is None:
        raise errors.ForbiddenError(
            f"Nobody allowed to break the Council in {folder.parent}. Where its users may lose answers, mark it: "
            "`council chaos allow`."
        )
    return found
