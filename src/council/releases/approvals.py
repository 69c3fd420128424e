"""Which releases the owner of this machine has approved to be run, if the blueprint pins them.

The regime of users starts one process by a release's own Python as root, and `council up` goes on as it. What names it lies in
a generation, which patchctl writes; so the word of somebody stands beside it in a file that no service may write.

HOME/secrets/releases.approved    the digest of one release a line, with what it was called
"""

import os
import re
import stat

from council.domain import errors, home, release_pin
from council.kit import durable

_BYTES_MAX = 256 * 1024
_LINE = re.compile(r"([0-9a-f]{64})(?: .*)?\Z")


def approved(where: home.Home) -> frozenset[str]:
    """Return the digests of the releases that may be run. Raises SetupError where others could have written them."""
    path = where.approved_releases_file
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise errors.SetupError(f"{path} cannot be read: {error.strerror}. Mend that and try again.") from error
    with os.fdopen(descriptor, "rb") as opened:
        found = os.fstat(opened.fileno())
        if found.st_uid not in (0, os.geteuid()) or stat.S_IMODE(found.st_mode) & 0o022:
            raise errors.SetupError(
                f"{path} can be written by others than the user that runs Council, so nothing in it counts. Remove it, and "
                "approve the releases again: `council approve-release FOLDER`."
            )
        lines = opened.read(_BYTES_MAX).decode(errors="replace").splitlines()
    return frozenset(match[1] for line in lines if (match := _LINE.match(line)))


def approve(where: home.Home, digest: str, version: str) -> bool:
    """Have a release approved; return whether it was not yet. Raises SetupError."""
    assert release_pin.is_digest(digest), digest
    path = where.approved_releases_file
    if digest in approved(where):
        return False
    try:
        before = path.read_bytes() if path.exists() else b""
        durable.write_whole(path, before + f"{digest} {version}\n".encode(), 0o600)
    except OSError as error:
        raise errors.SetupError(f"{path} could not be written: {error.strerror}. Mend that and try again.") from error
    return True


def check(where: home.Home, pin: release_pin.Pin) -> None:
    """Return if a release may be run here. Raises SetupError."""
    if pin.digest not in approved(where):
        raise errors.SetupError(
            f"Release {pin} is pinned, and nobody has approved it on this machine. If it is one that you mean, do so as the "
            f"user that runs Council, by the key of whoever makes it: `council approve-release {pin.folder} --key FINGERPRINT`."
        )
