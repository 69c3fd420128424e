"""The bill of materials of a Council that runs from no release: of what is installed, CycloneDX 1.6 in JSON.

A release has its own, made where it was built, with the digests of every file. Here nothing says which files came from where,
so none stand in it. Pure.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NAME = "council-cloud"
# Any fixed one: of the same packages the number of the bill is the same.
_NAMESPACE = uuid.UUID("6f0dd0b2-3b0c-5f0e-9d55-4c1a3a1c7e42")


@dataclass(frozen=True, slots=True)
class Installed:
    """One package; `licence` is what it says of itself as an SPDX expression, "" where it does not."""

    name: str
    version: str
    licence: str = ""


def bill(version: str, packages: Sequence[Installed], at: str, generation: str) -> dict[str, Any]:
    """Return the bill. `at` is its time in RFC 3339, `generation` what serves."""
    listed = sorted(packages, key=lambda one: one.name)
    number = uuid.uuid5(_NAMESPACE, "\n".join([version, generation, *(f"{one.name}=={one.version}" for one in listed)]))
    own = _component(Installed(NAME, version), "application")
    own["properties"] = [{"name": "council:generation", "value": generation}]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {"timestamp": at, "component": own},
        "components": [_component(one, "library") for one in listed],
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": [_purl(one) for one in listed]}],
    }


def _component(one: Installed, kind: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": kind,
        "bom-ref": _purl(one),
        "name": one.name,
        "version": one.version,
        "purl": _purl(one),
    }
    return row | ({"licenses": [{"expression": one.licence}]} if one.licence else {})


def _purl(one: Installed) -> str:
    return f"pkg:pypi/{one.name}@{one.version}"
