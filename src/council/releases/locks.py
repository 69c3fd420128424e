"""A lock as data: each version of each package, for which machines it is, and the digests of its files. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from packaging import markers, requirements, utils, version

from council.releases import folder

# What Council runs on (decision 27).
_PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_MACHINES = ("x86_64", "aarch64")
_BYTES_MAX = 4 * 1024 * 1024
_HEAD = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+]+)(?: ; (?P<marker>[^\\]+))? \\\Z")
_HASH = re.compile(r"    --hash=sha256:(?P<digest>[0-9a-f]{64})(?P<goes_on> \\)?\Z")


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of one package. `marker` is empty where it is for every machine; `digests` are SHA-256 of its files."""

    name: str
    version: str
    marker: str
    digests: frozenset[str]


@dataclass(frozen=True, slots=True)
class Machine:
    """A Python on a machine, as markers ask about it."""

    python: str
    machine: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.machine}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The values of the markers' variables."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.99",
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.99",
            "platform_python_implementation": "CPython",
            "platform_machine": self.machine,
            "platform_system": "Linux",
            "sys_platform": "linux",
            "os_name": "posix",
        }


MACHINES = tuple(Machine(python, machine) for python in _PYTHONS for machine in _MACHINES)


def read(raw: bytes) -> tuple[Pin, ...]:
    """Return the pins of a lock. It may hold nothing else: no option, address or package without digests.

    Raises ReleaseRefusedError.
    """
    if len(raw) > _BYTES_MAX:
        folder.refuse(folder.Reason.LOCK_MALFORMED, f"The lock is over {_BYTES_MAX} bytes.")
    lines = raw.decode("utf-8", "replace").splitlines()
    pins = tuple(_pins(lines))
    seen = {(one.name, one.version) for one in pins}
    if not pins or len(seen) != len(pins):
        folder.refuse(folder.Reason.LOCK_MALFORMED, "The lock is empty, or names one version twice.")
    return pins


def _pins(lines: Sequence[str]) -> Iterator[Pin]:
    place = 0
    while place < len(lines):
        head = _HEAD.match(lines[place])
        if head is None:
            _malformed(place, lines)
        first = place
        digests: set[str] = set()
        goes_on = True
        while goes_on:
            place += 1
            found = _HASH.match(lines[place]) if place < len(lines) else None
            if found is None:
                _malformed(min(place, len(lines) - 1), lines)
            digests.add(found["digest"])
            goes_on = found["goes_on"] is not None
        place += 1
        marker = head["marker"] or ""
        try:
            normal = utils.canonicalize_name(head["name"])
            version.Version(head["version"])
            if marker:
                markers.Marker(marker)
        except ValueError:
            _malformed(first, lines)
        yield Pin(normal, head["version"], marker, frozenset(digests))


def _malformed(place: int, lines: Sequence[str]) -> NoReturn:
    line = lines[place] if lines else ""
    folder.refuse(
        folder.Reason.LOCK_MALFORMED,
        f"Line {place + 1} of the lock is no package with its version and digests: {line[:80]!r}.",
    )


def check_satisfies(pins: Sequence[Pin], wanted: Sequence[str], extras: Sequence[str]) -> None:
    """Return if the lock gives each requirement one version that fits, on every machine that Council runs on.

    `wanted` as a package's metadata has them, `extras` those that the lock covers. Raises ReleaseRefusedError.
    """
    for text in wanted:
        try:
            requirement = requirements.Requirement(text)
        except ValueError as error:
            folder.refuse(
                folder.Reason.PACKAGE_MALFORMED, f"The wheel requires what cannot be read: {text[:80]!r}.", error
            )
        if requirement.url:
            folder.refuse(
                folder.Reason.DEPENDENCY_DIFFERS,
                f"The wheel would fetch {requirement.name} from an address, not as the lock pins it.",
            )
        for machine in MACHINES:
            if _applies(requirement.marker, machine, ("", *extras)):
                _check(pins, requirement, machine)


def _check(pins: Sequence[Pin], requirement: requirements.Requirement, machine: Machine) -> None:
    name = utils.canonicalize_name(requirement.name)
    given = [
        one.version
        for one in pins
        if one.name == name and (not one.marker or _applies(markers.Marker(one.marker), machine, ("",)))
    ]
    if len(given) != 1:
        what = "no version" if not given else f"{len(given)} versions"
        folder.refuse(
            folder.Reason.DEPENDENCY_DIFFERS,
            f"The wheel requires {requirement.name}, of which the lock has {what} for {machine}.",
        )
    if not requirement.specifier.contains(given[0], prereleases=True):
        folder.refuse(
            folder.Reason.DEPENDENCY_DIFFERS,
            f"The wheel requires {requirement.name}{requirement.specifier}, and the lock pins {given[0]} for {machine}.",
        )


def _applies(marker: markers.Marker | None, machine: Machine, extras: Sequence[str]) -> bool:
    return marker is None or any(marker.evaluate({**machine.environment, "extra": extra}) for extra in extras)
