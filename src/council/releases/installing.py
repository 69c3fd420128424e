"""Installs a pinned release into an empty folder: what its lock pins, by digests, then the wheel, and nothing else.

The release is read once and held in memory: what was verified is what is installed, whatever happens to its folder meanwhile.
Wheels alone, no build: of a package no code runs but for a `.pth` file, so its lock is to be trusted as the release is.
"""

import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from packaging import specifiers

from council.domain import errors, release_pin
from council.kit import process
from council.releases import checking, folder, packages

# Measured: an environment of what the lock pins takes 700 MiB, on Python 3.11 and x86-64. Meanwhile pip holds each wheel, too.
FREE_BYTES_MIN = 2 * 1024**3
_STEP_S = 7200.0
_TAIL_CHARS = 600
_WORK = ".install"
_HIDDEN = "****"
# Up to the last @, since a password that is not encoded may hold one, and a slash.
_USER_OF_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s'\"]*@", re.IGNORECASE)
_PIP = ("-I", "-m", "pip", "install", "--no-input", "--progress-bar", "off", "--quiet", "--no-cache-dir", "--no-deps")
_LOCKED = ("--require-hashes", "--only-binary", ":all:", "-r")


@dataclass(frozen=True, slots=True)
class Checked:
    """A release that is the pinned one, and is as it should be."""

    release: folder.Release


def check(pin: release_pin.Pin, now: float) -> Checked:
    """Return the release that is pinned, if it lies in its folder and this Python can run it. `now` in Unix seconds.

    Raises ReleaseRefusedError, InvalidRequestError, SetupError.
    """
    release = folder.read(Path(pin.folder))
    found = hashlib.sha256(release.sums).hexdigest()
    if found != pin.digest:
        folder.refuse(
            folder.Reason.DIGEST_WRONG,
            f"In {pin.folder} lies a release whose {folder.SUMS} has the SHA-256 {found[:16]}..., and {pin.digest[:16]}... is "
            "pinned.",
        )
    if release.version != pin.version:
        folder.refuse(
            folder.Reason.VERSION_DIFFERS, f"It is of version {release.version}, and {pin.version} is pinned."
        )
    checking.look_at(release, "", None, "", now)
    wanted = packages.read_wheel(release.wheel, release.version).metadata.requires_python
    check_python(wanted, platform.python_version())
    return Checked(release)


def check_python(wanted: str, have: str) -> None:
    """Return if a Python of version `have` is among those that a release is for. Raises SetupError, ReleaseRefusedError."""
    try:
        fits = specifiers.SpecifierSet(wanted).contains(have, prereleases=True)
    except specifiers.InvalidSpecifier as error:
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, f"The wheel is for a Python {wanted[:80]!r}.", error)
    if not fits:
        raise errors.SetupError(
            f"The release is for Python {wanted}, and this is {have}. Start Council with such a Python, then pin it again."
        )


def check_room(target: Path, free_bytes_min: int = FREE_BYTES_MIN) -> None:
    """Return if the disk under `target` has room for an environment. Raises SetupError."""
    free = shutil.disk_usage(target).free
    if free < free_bytes_min:
        raise errors.SetupError(
            f"{target.parent} has {free >> 20} MiB free, and an environment of a release needs {free_bytes_min >> 20}. Free "
            "some, or have fewer generations kept (`patch.kept_generations`)."
        )


def install(checked: Checked, target: Path) -> None:
    """Fill the empty folder `target`, in minutes; whoever is killed leaves one to be emptied. Raises SetupError."""
    try:
        _install(checked.release, target)
    except OSError as error:
        raise errors.SetupError(f"The release is not installed: {error}. Mend that and try again.") from error


def _install(release: folder.Release, target: Path) -> None:
    work = target / _WORK
    work.mkdir(mode=0o700)
    wheel, lock = work / folder.wheel_name(release.version), work / folder.LOCK
    wheel.write_bytes(release.wheel)
    lock.write_bytes(release.lock)
    python = str(target / "bin" / "python")
    around = _environment(os.environ, work)
    _run((sys.executable, "-I", "-m", "venv", "--without-pip", str(target)), around, "the environment cannot be made")
    _run((python, "-I", "-m", "ensurepip", "--default-pip"), around, "pip cannot be put into its environment")
    _run((python, *_PIP, *_LOCKED, str(lock)), around, "what its lock pins cannot be installed")
    # Whatever place pip's settings name, it comes from here.
    _run((python, *_PIP, "--no-index", str(wheel)), around, "its wheel cannot be installed")
    said = _run((python, "-I", "-m", "council", "--version"), around, "it does not start")
    if said.split()[-1:] != [release.version]:
        _failed("it does not tell its version", said)
    shutil.rmtree(work)


def _environment(surrounding: Mapping[str, str], work: Path) -> dict[str, str]:
    plain = {name: value for name, value in surrounding.items() if not name.startswith(("PYTHON", "COUNCIL_"))}
    return plain | {"TMPDIR": str(work), "LC_ALL": "C.UTF-8"}


def _run(command: Sequence[str], environment: Mapping[str, str], what: str) -> str:
    try:
        # Ended with us, whoever ends us and how: pip goes on for hours where an index does not answer.
        done = subprocess.run(
            command, cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=_STEP_S, check=False,
            preexec_fn=lambda: process.set_parent_death_signal(signal.SIGKILL),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.SetupError(f"The release is not installed: {what} ({error}). Mend that and try again.") from error
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        _failed(what, _without_secrets(said, environment))
    return said


def _without_secrets(said: str, environment: Mapping[str, str]) -> str:
    """Return what pip said without what its settings may hold: it is told on, at last to where a patch came from.

    pip itself hides passwords only in addresses that it can read.
    """
    named = (value for name, value in environment.items() if name.lower().startswith("pip_") or _is_of_proxy(name))
    words = {word for value in named for word in value.split() if "@" in word}
    for word in sorted(words, key=len, reverse=True):
        said = said.replace(word, _HIDDEN)
    return _USER_OF_URL.sub(rf"\1{_HIDDEN}@", said)


def _is_of_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy")


def _failed(what: str, said: str) -> NoReturn:
    # One line: the last one of a log is what the supervisor tells on. What pip says of why comes before where it was.
    _, mark, after = said.partition("ERROR:")
    tail = " ".join((after[:_TAIL_CHARS] if mark else said[-_TAIL_CHARS:]).split())
    raise errors.SetupError(f"The release is not installed: {what}. Mend that and try again. It said: {tail}")
