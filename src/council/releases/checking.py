"""A release looked at, step by step; the first step that says no ends it. It changes nothing."""

from dataclasses import dataclass
from pathlib import Path

from council.releases import bills, folder, locks, packages, rebuilding, signing

# What the lock holds beside what every Council needs; the other extras are installed by whoever wants them.
_EXTRAS = ("local",)


@dataclass(frozen=True, slots=True)
class Found:
    """A release that is what was released, as far as it was looked at.

    `signer` is empty where no key was named, whether it `is_signed` or not.
    """

    version: str
    commit: str
    is_signed: bool
    signer: str
    files: int
    pins: int
    wheel_files: int
    is_rebuilt: bool


def look(place: Path, key: str, checkout: Path | None, python: str, now: float) -> Found:
    """Return what was found. `key` and `python` may be empty, see `signing` and `rebuilding`; `now` in Unix seconds.

    Raises ReleaseRefusedError, InvalidRequestError, ConfigError, SetupError.
    """
    return look_at(folder.read(place), key, checkout, python, now)


def look_at(release: folder.Release, key: str, checkout: Path | None, python: str, now: float) -> Found:
    """Return what was found of a release that has been read, as `look` does."""
    # First of all: whatever else is read, is what the signer meant.
    signer = signing.check(release, key, now) if key else ""
    folder.check_digests(release)
    pins = locks.read(release.lock)
    origin = bills.check(release.bill, release.version, pins)
    wheel = packages.read_wheel(release.wheel, release.version)
    archive = packages.read_archive(release.archive, release.version)
    packages.check_same(wheel, archive, release.version)
    locks.check_satisfies(pins, wheel.metadata.requires, _EXTRAS)
    if checkout is not None:
        rebuilding.check(release, origin, checkout.resolve(), python)
    return Found(
        release.version,
        origin.commit,
        release.signature is not None,
        signer,
        len(release.files),
        len(pins),
        len(wheel.files),
        checkout is not None,
    )
