"""Writes the bill of materials of a release to standard output: CycloneDX 1.6, JSON, the same bytes for the same commit.

    python tools/release_sbom.py COMMIT TIME_S      within the folder of the commit's files, in the environment that builds

What is listed is what requirements.lock pins, each package with the digests of all its files. Licences are what the packages
say of themselves, as requirements-licences.json has it: not every package of a lock for many Pythons is installed in one.
Those that the project names itself hang from its own entry; of the others the lock does not tell who wants them.
"""

import json
import platform
import re
import sys
import tomllib
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Any fixed one: the number of a bill must follow from the commit.
_NAMESPACE = uuid.UUID("6f0dd0b2-3b0c-5f0e-9d55-4c1a3a1c7e42")
_PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==([^\s;]+)(?: ; ([^\n\\]+?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


class Pin(NamedTuple):
    """One version of one package in the lock."""

    name: str
    version: str
    marker: str
    digests: tuple[str, ...]


def main() -> None:
    """Print the bill."""
    commit, time_s = sys.argv[1], int(sys.argv[2])
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    pins = list(_pins(Path("requirements.lock").read_text()))
    licences = json.loads(Path("requirements-licences.json").read_text())
    sys.stdout.write(JsonV1Dot6(_bill(project, pins, licences, commit, time_s)).output_as_string(indent=2) + "\n")


def _pins(lock: str) -> Iterator[Pin]:
    for name, version, marker, hashes in _PIN.findall(lock):
        yield Pin(canonicalize_name(name), version, marker, tuple(re.findall(r"[0-9a-f]{64}", hashes)))


def _bill(project: dict, pins: list[Pin], licences: dict[str, str], commit: str, time_s: int) -> Bom:  # type: ignore[type-arg]
    name, version = str(project["name"]), str(project["version"])
    own = _component(Pin(name, version, "", ()), str(project["license"]), ComponentType.APPLICATION)
    own.description = str(project["description"])
    built = {
        "council:commit": commit,
        "council:built-with:python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "council:built-with:implementation": platform.python_implementation(),
        "council:built-with:zlib": zlib.ZLIB_RUNTIME_VERSION,
    }
    own.properties.update(Property(name=key, value=value) for key, value in built.items())
    bill = Bom(serial_number=uuid.uuid5(_NAMESPACE, f"{name} {version} {commit}"))
    bill.metadata.timestamp = datetime.fromtimestamp(time_s, UTC)
    bill.metadata.component = own
    wanted = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    direct = {canonicalize_name(Requirement(one).name) for one in wanted}
    parts = {
        pin: _component(pin, licences.get(f"{pin.name}=={pin.version}", ""), ComponentType.LIBRARY) for pin in pins
    }
    bill.components.update(parts.values())
    bill.register_dependency(own, [part for pin, part in parts.items() if pin.name in direct])
    return bill


def _component(pin: Pin, licence: str, kind: ComponentType) -> Component:
    purl = PackageURL("pypi", None, pin.name, pin.version)
    return Component(
        name=pin.name,
        version=pin.version,
        type=kind,
        purl=purl,
        bom_ref=str(purl),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in pin.digests],
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        properties=[Property(name="council:marker", value=pin.marker)] if pin.marker else [],
    )


if __name__ == "__main__":
    main()
