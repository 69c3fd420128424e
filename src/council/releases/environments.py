"""Where the environments of pinned releases lie in a home, which of them are whole, and which nobody needs any more.

HOME/releases/DIGEST/         a Python environment with one release in it and what its lock pins
HOME/releases/DIGEST.json     its stamp, written last: without it the folder is what somebody who was killed has left
"""

import contextlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from council import homes
from council.domain import errors, home, release_pin
from council.kit import durable

_log = logging.getLogger(__name__)

_STAMP_BYTES_MAX = 4096
_ENTRIES_MAX = 10_000
# By which a pinned release finds its way back to the one that it was called of: that runs what pins none.
OWN = "COUNCIL_OWN_PYTHON"
_INSTALL = "`council up` installs it, where its folder is still there."


def own_python(environment: Mapping[str, str]) -> str:
    """Return the interpreter of the release that `council up` was called of."""
    return environment.get(OWN) or sys.executable


def folder(where: home.Home, digest: str) -> Path:
    """Return where the environment of a release lies, if it is there."""
    assert release_pin.is_digest(digest), digest
    return where.releases / digest


def python(where: home.Home, digest: str) -> Path | None:
    """Return the interpreter of a release's environment, None where it is not there whole."""
    stamp = _stamp(where, digest)
    found = folder(where, digest) / "bin" / "python"
    # What it leads to belongs to the system, which may have got another Python since.
    return found if stamp is not None and os.access(found, os.X_OK) else None


def interpreter(where: home.Home, generation: str, own: str) -> str:
    """Return the interpreter that runs a generation's services: `own` where it pins no release.

    Raises ConfigError, SetupError where the environment is not there.
    """
    pin = homes.load_pin(where, generation)
    if pin is None:
        return own
    found = python(where, pin.digest)
    if found is None:
        raise errors.SetupError(f"Release {pin}, which the blueprint pins, is not installed. {_INSTALL}")
    return str(found)


def stamp(where: home.Home, pin: release_pin.Pin) -> None:
    """Say that the environment of a release is whole; on disk when this returns. Raises OSError."""
    content = json.dumps({"version": pin.version, "digest": pin.digest, "from": pin.folder})
    durable.write_whole(_stamp_file(where, pin.digest), content.encode(), 0o644)


def clear(where: home.Home, digest: str) -> Path:
    """Make an empty folder for a release's environment, in the place of whatever lies there. Raises OSError."""
    where.releases.mkdir(mode=0o755, parents=True, exist_ok=True)
    remove(where, digest)
    made = folder(where, digest)
    made.mkdir(mode=0o755)
    return made


def remove(where: home.Home, digest: str) -> None:
    """Remove a release's environment, its stamp first: no half of it may be taken for the whole. Raises OSError."""
    _stamp_file(where, digest).unlink(missing_ok=True)
    if where.releases.is_dir():
        durable.sync_folder(where.releases)
    if folder(where, digest).exists():
        shutil.rmtree(folder(where, digest))


def lacks(where: home.Home, digest: str, package: str) -> bool:
    """Return whether a package that Council uses if it is there is not in a release's environment. Nothing of it is run."""
    assert package.isidentifier(), package
    return not any(folder(where, digest).glob(f"lib/python*/site-packages/{package}/"))


def knows(where: home.Home, digest: str, module: str) -> bool:
    """Return whether a release has a module of Council, named with dots. Nothing of it is run."""
    assert all(map(str.isidentifier, module.split("."))), module
    return any(folder(where, digest).glob(f"lib/python*/site-packages/{module.replace('.', '/')}.py"))


def there(where: home.Home) -> set[str]:
    """Return the digests of which anything lies there, whole or not."""
    try:
        with os.scandir(where.releases) as entries:
            names = [one.name for one, _ in zip(entries, range(_ENTRIES_MAX), strict=False)]
    except FileNotFoundError:
        return set()
    return {name.partition(".")[0] for name in names if release_pin.is_digest(name.partition(".")[0])}


def sweep(where: home.Home, kept: Collection[Path]) -> list[str]:
    """Remove the environments that no generation on disk pins, but for those in which a folder of `kept` lies; return them.

    Where a pin cannot be read none is removed, and the last one takes the folder of all with it. One that does not go is
    logged, and left for another time.
    """
    try:
        wanted = {pin.digest for pin in homes.pins(where) if pin is not None}
    except errors.ConfigError as error:
        _log.warning("no release was removed", extra={"reason": error.message})
        return []
    gone = []
    in_use = [path.resolve() for path in kept]
    for digest in sorted(there(where) - wanted):
        own = folder(where, digest).resolve()
        if not any(path.is_relative_to(own) for path in in_use):
            try:
                remove(where, digest)
            except OSError as error:
                _log.warning("a release could not be removed", extra={"release": digest, "reason": str(error)})
                continue
            gone.append(digest)
    with contextlib.suppress(OSError):
        # Stays while it holds anything.
        where.releases.rmdir()
    return gone


def _stamp(where: home.Home, digest: str) -> dict[str, str] | None:
    try:
        with _stamp_file(where, digest).open("rb") as opened:
            found = json.loads(opened.read(_STAMP_BYTES_MAX))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("digest") == digest else None


def _stamp_file(where: home.Home, digest: str) -> Path:
    return where.releases / f"{digest}.json"
