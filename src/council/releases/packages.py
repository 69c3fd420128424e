"""Wheel and source archive, read in memory and never unpacked: no name in them leads elsewhere, and both tell the same.

Pure.
"""

import base64
import csv
import email.message
import email.parser
import hashlib
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import IO, NoReturn

from council.releases import folder

FILES_MAX = 20_000
CONTENT_BYTES_MAX = 256 * 1024 * 1024
_READ_AT_ONCE = 1024 * 1024
_NAME = "council-cloud"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a package says of itself, in the words of its metadata."""

    name: str
    version: str
    requires: tuple[str, ...]
    requires_python: str


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel or source archive: its files' contents by path, and what it says of itself."""

    files: Mapping[str, bytes]
    metadata: Metadata


def check_same(wheel: Package, archive: Package, version: str) -> None:
    """Return if both are Council of this version and require the same. Raises ReleaseRefusedError."""
    for what, found in (("wheel", wheel.metadata), ("source archive", archive.metadata)):
        if (found.name, found.version) != (_NAME, version):
            folder.refuse(
                folder.Reason.VERSION_DIFFERS,
                f"The {what} is of {found.name[:64]} {found.version[:64]}, not of {_NAME} {version} as its name says.",
            )
    if wheel.metadata != archive.metadata:
        folder.refuse(folder.Reason.DEPENDENCY_DIFFERS, "Wheel and source archive do not require the same packages.")


# The wheel


def read_wheel(raw: bytes, version: str) -> Package:
    """Return what a wheel holds: files of Council and their metadata, as its RECORD says. Raises ReleaseRefusedError."""
    about = f"council_cloud-{version}.dist-info"
    files = wheel_files(raw)
    _check_places("wheel", files, {"council", about})
    for name in ("METADATA", "RECORD", "WHEEL"):
        if f"{about}/{name}" not in files:
            folder.refuse(folder.Reason.PACKAGE_MALFORMED, f"The wheel has no {about}/{name}.")
    _check_record(files, f"{about}/RECORD")
    kind = _parsed(files[f"{about}/WHEEL"])
    if (kind.get("Root-Is-Purelib"), kind.get_all("Tag")) != ("true", ["py3-none-any"]):
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, "The wheel is not one for every machine, as its name says.")
    return Package(files, _metadata(files[f"{about}/METADATA"]))


def wheel_files(raw: bytes) -> dict[str, bytes]:
    """Return the files in a wheel by path; each is plain and stays beneath it. Raises ReleaseRefusedError."""
    files: dict[str, bytes] = {}
    left = CONTENT_BYTES_MAX
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as opened:
            members = opened.infolist()
            _check_count("wheel", len(members))
            for member in members:
                # What the reader made of a name may be another than what stands there.
                if member.orig_filename != member.filename:
                    _unsafe("wheel", member.orig_filename)
                if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
                    _unsafe("wheel", member.filename)
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    folder.refuse(folder.Reason.PACKAGE_MALFORMED, "The wheel is packed in a way that wheels are not.")
                with opened.open(member) as content:
                    files[member.filename] = _bounded("wheel", content, left)
                left -= len(files[member.filename])
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, "The wheel is no archive that can be read whole.", error)
    _check_names("wheel", [one.filename for one in members])
    return files


def _check_record(files: Mapping[str, bytes], record: str) -> None:
    """What installs goes by RECORD, and what is not in it nobody removes again."""
    try:
        rows = [row for row in csv.reader(io.StringIO(files[record].decode())) if row]
        listed = {name: (digest, size) for name, digest, size in rows}
    except (ValueError, csv.Error) as error:
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, "The wheel's RECORD cannot be read.", error)
    if listed.keys() != files.keys() or len(listed) != len(rows):
        odd = sorted(listed.keys() ^ files.keys()) or ["a name that is there twice"]
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, f"The wheel and its RECORD differ in {folder.shown(odd)}.")
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if name != record and listed[name] != (f"sha256={digest}", str(len(content))):
            folder.refuse(folder.Reason.PACKAGE_MALFORMED, f"{folder.shown([name])} is not as the wheel's RECORD says.")


# The source archive


def read_archive(raw: bytes, version: str) -> Package:
    """Return what a source archive holds. Raises ReleaseRefusedError."""
    top = f"council_cloud-{version}"
    files = archive_files(raw)
    _check_places("source archive", files, {top})
    about = f"{top}/PKG-INFO"
    if about not in files:
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, f"The source archive has no {about}.")
    return Package(files, _metadata(files[about]))


def archive_files(raw: bytes) -> dict[str, bytes]:
    """Return the files in a source archive by path; each is plain and stays beneath it. Raises ReleaseRefusedError."""
    files: dict[str, bytes] = {}
    names: list[str] = []
    left = CONTENT_BYTES_MAX
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r|gz") as opened:
            for member in opened:
                names.append(member.name)
                _check_count("source archive", len(names))
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.mode & 0o7000:
                    _unsafe("source archive", member.name)
                content = opened.extractfile(member)
                assert content is not None
                files[member.name] = _bounded("source archive", content, left)
                left -= len(files[member.name])
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, "The source archive cannot be read whole.", error)
    _check_names("source archive", names)
    return files


# Both


def _bounded(what: str, content: IO[bytes], left: int) -> bytes:
    parts: list[bytes] = []
    while part := content.read(_READ_AT_ONCE):
        parts.append(part)
        left -= len(part)
        if left < 0:
            folder.refuse(
                folder.Reason.PACKAGE_MALFORMED, f"The {what} would unpack to more than {CONTENT_BYTES_MAX >> 20} MiB."
            )
    return b"".join(parts)


def _check_count(what: str, count: int) -> None:
    if count > FILES_MAX:
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, f"The {what} holds more than {FILES_MAX} files.")


def _check_names(what: str, names: Collection[str]) -> None:
    seen: set[str] = set()
    for name in names:
        parts = name.split("/")
        if not name.isascii() or not name.isprintable() or "\\" in name or ":" in name or {"", ".", ".."} & set(parts):
            _unsafe(what, name)
        if name.casefold() in seen:
            folder.refuse(folder.Reason.PATH_UNSAFE, f"The {what} holds {folder.shown([name])} twice, or but for case.")
        seen.add(name.casefold())
    folders = {name[:place] for name in seen for place, letter in enumerate(name) if letter == "/"}
    if both := folders & seen:
        _unsafe(what, min(both))


def _check_places(what: str, names: Collection[str], tops: set[str]) -> None:
    """Return if all lies in these folders: an installer would put anything else beside Council, or run it at every start."""
    for name in names:
        if name.partition("/")[0] not in tops or "/" not in name:
            _unsafe(what, name)


def _unsafe(what: str, name: str) -> NoReturn:
    folder.refuse(
        folder.Reason.PATH_UNSAFE, f"The {what} holds {name[:120]!r}, which is no plain file at a place of its own."
    )


def _metadata(raw: bytes) -> Metadata:
    told = _parsed(raw)
    single = {key: told.get_all(key, []) for key in ("Name", "Version", "Requires-Python")}
    if any(len(values) != 1 for values in single.values()):
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, "A package must tell its name, version and Python once.")
    requires = tuple(sorted(str(one) for one in told.get_all("Requires-Dist", [])))
    name, version, python = (str(values[0]).strip() for values in single.values())
    return Metadata(name, version, requires, python)


def _parsed(raw: bytes) -> email.message.Message:
    try:
        return email.parser.Parser().parsestr(raw.decode(), headersonly=True)
    except ValueError as error:
        folder.refuse(folder.Reason.PACKAGE_MALFORMED, "A package's metadata are no text.", error)
