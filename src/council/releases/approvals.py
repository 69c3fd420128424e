"""Which releases the owner of this machine has approved to be run, if the blueprint pins them.

The regime of users starts one process by a release's own Python as root, and `council up` goes on as it. What names it lies in
a generation, which patchctl writes; so the word of somebody stands beside it in a file that no service may write.

HOME/secrets/releases.approved    the digest of one release a line, with what it was called, in the order of their last approval

Once a release serves, what was approved before it counts no more unless it is still installed: otherwise whoever gets into
patchctl could bring back an older one with what was wrong in it.
"""

import contextlib
import fcntl
import os
import re
import stat
import time
from collections.abc import Collection, Iterator, Sequence

from council.domain import errors, home, release_pin
from council.kit import durable

_BYTES_MAX = 256 * 1024
_LINE = re.compile(r"([0-9a-f]{64})(?: .*)?\Z")
_LOCK_WAIT_S = 10.0
_LOCK_PAUSE_S = 0.02


def approved(where: home.Home) -> frozenset[str]:
    """Return the digests of the releases that may be run. Raises SetupError where others could have written them."""
    return frozenset(digest for line in _lines(where) if (digest := _digest(line)))


def retire(where: home.Home, live: str, installed: Collection[str]) -> list[str]:
    """Take out what was approved before the release that serves and is not installed any more; return these digests.

    Raises SetupError. Where the live release is not in the list, nothing is known to be older.
    """
    if not _outdated(_lines(where), live, installed):
        return []
    with _locked(where):
        lines = _lines(where)
        if gone := _outdated(lines, live, installed):
            _write(where, [line for line in lines if _digest(line) not in gone])
        return gone


def _outdated(lines: Sequence[str], live: str, installed: Collection[str]) -> list[str]:
    digests = [_digest(line) for line in lines]
    if live not in digests:
        return []
    return [one for one in digests[: digests.index(live)] if one and one not in installed]


def _digest(line: str) -> str:
    match = _LINE.match(line)
    return match[1] if match else ""


def _lines(where: home.Home) -> list[str]:
    path = where.approved_releases_file
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise errors.SetupError(f"{path} cannot be read: {error.strerror}. Mend that and try again.") from error
    with os.fdopen(descriptor, "rb") as opened:
        found = os.fstat(opened.fileno())
        if found.st_uid not in (0, os.geteuid()) or stat.S_IMODE(found.st_mode) & 0o022:
            raise errors.SetupError(
                f"{path} can be written by others than the user that runs Council, so nothing in it counts. Remove it, and "
                "approve the releases again: `council approve-release FOLDER`."
            )
        return opened.read(_BYTES_MAX).decode(errors="replace").splitlines()


def approve(where: home.Home, digest: str, version: str) -> bool:
    """Have a release approved; return whether it was not yet. Raises SetupError.

    One that is in the list goes to its end: somebody means it anew, so it is not older than the release that serves.
    """
    assert release_pin.is_digest(digest), digest
    with _locked(where):
        lines = _lines(where)
        others = [line for line in lines if _digest(line) != digest]
        wanted = [*others, f"{digest} {version}"]
        if wanted != lines:
            _write(where, wanted)
        return len(others) == len(lines)


@contextlib.contextmanager
def _locked(where: home.Home) -> Iterator[None]:
    """Hold what both who approves and the supervisor must hold to read the list and write it anew. Raises SetupError.

    It is the folder's, which only the user that runs Council can open, so that no file lies about for it.
    """
    until_s = time.monotonic() + _LOCK_WAIT_S
    try:
        descriptor = os.open(where.secrets, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritten(where, error) from error
    try:
        while not _took(descriptor, where):
            if time.monotonic() >= until_s:
                raise errors.SetupError(
                    f"Another process has been writing {where.approved_releases_file} for {_LOCK_WAIT_S:g} seconds. Nothing "
                    "has changed; try again when it has ended."
                )
            time.sleep(_LOCK_PAUSE_S)
        yield
    finally:
        os.close(descriptor)


def _took(descriptor: int, where: home.Home) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _unwritten(where, error) from error
    return True


def _write(where: home.Home, lines: Sequence[str]) -> None:
    """Write the list anew, as readable as it was. Wants to be `_locked`."""
    path = where.approved_releases_file
    try:
        before = path.stat() if path.exists() else None
        mode = 0o600 if before is None else stat.S_IMODE(before.st_mode)
        durable.write_among_others(path, "".join(f"{line}\n" for line in lines).encode(), mode)
        # Where services have users of their own, one of them reads it by its group.
        if before is not None and os.geteuid() == 0:
            os.chown(path, before.st_uid, before.st_gid)
    except OSError as error:
        raise _unwritten(where, error) from error


def _unwritten(where: home.Home, error: OSError) -> errors.SetupError:
    return errors.SetupError(
        f"{where.approved_releases_file} could not be written: {error.strerror}. Mend that and try again."
    )


def check(where: home.Home, pin: release_pin.Pin) -> None:
    """Return if a release may be run here. Raises SetupError."""
    if pin.digest not in approved(where):
        raise errors.SetupError(
            f"Release {pin} is pinned, and nobody has approved it on this machine, or a newer one has served since and it is "
            "not installed any more. If it is one that you mean, approve it as the "
            f"user that runs Council, by the key of whoever makes it: `council approve-release {pin.folder} --key FINGERPRINT`."
        )
