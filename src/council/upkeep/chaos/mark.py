"""The mark of a home that may be broken on purpose: a file that only its owner reads, with who allowed it, when, and where.

A copy of the home, or one that was made of a backup, is not marked: nobody allowed that.
"""

import contextlib
import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

from council.domain import errors
from council.kit import shown
from council.upkeep.chaos import sealed

_FILE = "allowed"
_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Mark:
    """Who allowed it, and when, microseconds since the Unix epoch."""

    who: str
    at_us: int


def put(folder: Path, one: Mark) -> None:
    """Mark a home, whose folder `chaos` this is; folder and mark are the home's owner's. Raises SetupError."""
    try:
        owner = folder.parent.stat()
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _put(inside, one, owner)
        finally:
            os.close(inside)
    except OSError as error:
        raise errors.SetupError(f"The mark cannot be written: {error.strerror}. Look at {folder}.") from error


def _put(folder: int, one: Mark, owner: os.stat_result) -> None:
    if os.fstat(folder).st_uid not in (0, os.geteuid(), owner.st_uid):
        raise PermissionError(errno.EPERM, "the folder is another user's")
    partial = f"{_FILE}.partial"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(partial, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(partial, flags, 0o600, dir_fd=folder), "w") as file:
        json.dump({"who": one.who, "at_us": one.at_us, "home": owner.st_ino}, file)
        for descriptor in (file.fileno(), folder):
            if os.geteuid() == 0:
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.fchmod(folder, 0o700)
    os.rename(partial, _FILE, src_dir_fd=folder, dst_dir_fd=folder)


def remove(folder: Path) -> bool:
    """Take the mark away; False where there was none. Raises SetupError."""
    try:
        (folder / _FILE).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise errors.SetupError(f"The mark cannot be removed: {error.strerror}. Look at {folder}.") from error
    return True


def read(folder: Path) -> Mark | None:
    """Return the mark, None where there is none that counts.

    Others must not be able to write it, and it must be whole, and of this home.
    """
    try:
        raw = json.loads(sealed.read(folder / _FILE, _BYTES_MAX))
        if raw["home"] != folder.parent.stat().st_ino:
            return None
        return Mark(str(raw["who"]), int(raw["at_us"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


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
