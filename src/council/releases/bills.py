"""A bill of materials, CycloneDX 1.6 in JSON, held against the lock that it must tell of. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pydantic

from council.releases import folder, locks

_BYTES_MAX = 8 * 1024 * 1024
_NAME = "council-cloud"
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


class _Hash(pydantic.BaseModel):
    alg: str
    content: str


class _Property(pydantic.BaseModel):
    name: str
    value: str = ""


class _Component(pydantic.BaseModel):
    name: str
    version: str
    purl: str
    hashes: list[_Hash] = []
    properties: list[_Property] = []


class _Metadata(pydantic.BaseModel):
    component: _Component


class _Bill(pydantic.BaseModel):
    form: Literal["CycloneDX"] = pydantic.Field(alias="bomFormat")
    spec: Literal["1.6"] = pydantic.Field(alias="specVersion")
    metadata: _Metadata
    components: list[_Component]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a bill says of how the release came to be. `python` and `zlib` are the versions that built it."""

    commit: str
    python: str
    zlib: str


def check(raw: bytes, version: str, pins: Sequence[locks.Pin]) -> Origin:
    """Return the origin if the bill is of this version and lists exactly the pins. Raises ReleaseRefusedError."""
    bill = _read(raw)
    own = bill.metadata.component
    if (own.name, own.version, own.purl) != (_NAME, version, f"pkg:pypi/{_NAME}@{version}"):
        folder.refuse(
            folder.Reason.VERSION_DIFFERS,
            f"The bill of materials is of {own.name[:64]} {own.version[:64]}, not of {version}.",
        )
    listed = {(one.name, one.version): one for one in bill.components}
    pinned = {(one.name, one.version): one for one in pins}
    if len(listed) != len(bill.components):
        folder.refuse(folder.Reason.BILL_DIFFERS, "The bill of materials lists one version of a package twice.")
    if missing := sorted(pinned.keys() - listed.keys()):
        folder.refuse(
            folder.Reason.BILL_DIFFERS, f"The bill of materials lacks {_shown(missing)}, which the lock pins."
        )
    if extra := sorted(listed.keys() - pinned.keys()):
        folder.refuse(
            folder.Reason.BILL_DIFFERS, f"The bill of materials lists {_shown(extra)}, which the lock does not pin."
        )
    for key, pin in pinned.items():
        _check_component(listed[key], pin)
    told = {one.name: one.value for one in own.properties}
    commit = told.get("council:commit", "")
    if not _COMMIT.match(commit):
        folder.refuse(
            folder.Reason.BILL_MALFORMED, "The bill of materials does not say which commit the release is of."
        )
    return Origin(commit, told.get("council:built-with:python", ""), told.get("council:built-with:zlib", ""))


def _read(raw: bytes) -> _Bill:
    if len(raw) > _BYTES_MAX:
        folder.refuse(folder.Reason.BILL_MALFORMED, f"The bill of materials is over {_BYTES_MAX} bytes.")
    try:
        return _Bill.model_validate_json(raw)
    except pydantic.ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])[:80]
        folder.refuse(
            folder.Reason.BILL_MALFORMED,
            f"The bill of materials is no CycloneDX 1.6 in JSON, at {where or 'its start'}.",
            error,
        )


def _check_component(listed: _Component, pin: locks.Pin) -> None:
    digests = {one.content for one in listed.hashes if one.alg == "SHA-256"}
    if digests != pin.digests or len(listed.hashes) != len(pin.digests):
        folder.refuse(
            folder.Reason.BILL_DIFFERS,
            f"The digests of {pin.name} {pin.version} are not the same in the lock and in the bill.",
        )
    marker = next((one.value for one in listed.properties if one.name == "council:marker"), "")
    if listed.purl != f"pkg:pypi/{pin.name}@{pin.version}" or marker != pin.marker:
        folder.refuse(
            folder.Reason.BILL_DIFFERS,
            f"The bill of materials tells otherwise of {pin.name} {pin.version} than the lock.",
        )


def _shown(keys: Sequence[tuple[str, str]]) -> str:
    return folder.shown([f"{name[:64]}=={version[:64]}" for name, version in keys])
