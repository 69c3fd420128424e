"""The folder of a release as it lies on disk: the files that it must hold and no others, each as SHA256SUMS says."""

import enum
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from council.domain import errors

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.asc"
LOCK = "requirements.lock"
FILE_BYTES_MAX = 64 * 1024 * 1024
_SUMS_BYTES_MAX = 16 * 1024
_ENTRIES_MAX = 64
_SHOWN_MAX = 5
_WHEEL = re.compile(r"council_cloud-([0-9][0-9A-Za-z.]{0,63})-py3-none-any\.whl\Z")
_SUM = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_.-]{1,128})\Z")
AGAIN = "Do not install it; get the release anew from whoever makes it."


class Reason(enum.StrEnum):
    """Why a release is refused."""

    FILES_MISSING = "files_missing"
    FILES_EXTRA = "files_extra"
    FILE_UNREADABLE = "file_unreadable"
    SUMS_MALFORMED = "sums_malformed"
    DIGEST_WRONG = "digest_wrong"
    NOT_SIGNED = "not_signed"
    SIGNATURE_OF_ANOTHER = "signature_of_another"
    SIGNATURE_WRONG = "signature_wrong"
    LOCK_MALFORMED = "lock_malformed"
    BILL_MALFORMED = "bill_malformed"
    BILL_DIFFERS = "bill_differs"
    PACKAGE_MALFORMED = "package_malformed"
    PATH_UNSAFE = "path_unsafe"
    VERSION_DIFFERS = "version_differs"
    DEPENDENCY_DIFFERS = "dependency_differs"
    SOURCE_LACKING = "source_lacking"
    REBUILD_FAILED = "rebuild_failed"
    REBUILD_DIFFERS = "rebuild_differs"


@dataclass(frozen=True, slots=True)
class Release:
    """What a folder holds. `signature` is None where there is none; `files` are those that SHA256SUMS covers, by name."""

    version: str
    sums: bytes
    signature: bytes | None
    files: Mapping[str, bytes]

    @property
    def wheel(self) -> bytes:
        """What is installed."""
        return self.files[wheel_name(self.version)]

    @property
    def archive(self) -> bytes:
        """What it was built from."""
        return self.files[archive_name(self.version)]

    @property
    def lock(self) -> bytes:
        """What must be installed before it."""
        return self.files[LOCK]

    @property
    def bill(self) -> bytes:
        """Its bill of materials."""
        return self.files[bill_name(self.version)]


def wheel_name(version: str) -> str:
    """Return the name of the wheel of a version."""
    return f"council_cloud-{version}-py3-none-any.whl"


def archive_name(version: str) -> str:
    """Return the name of the source archive of a version."""
    return f"council_cloud-{version}.tar.gz"


def bill_name(version: str) -> str:
    """Return the name of the bill of materials of a version."""
    return f"council-cloud-{version}.cdx.json"


def read(folder: Path) -> Release:
    """Return what a folder holds; digests are not looked at. Raises ReleaseRefusedError, InvalidRequestError."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry, _ in zip(entries, range(_ENTRIES_MAX + 1), strict=False))
    except OSError as error:
        raise errors.InvalidRequestError(
            f"{folder} is no folder that can be read ({error.strerror}). Name the folder of a release, as dist/0.1.0."
        ) from error
    versions = [found.group(1) for name in names if (found := _WHEEL.match(name))]
    if len(versions) != 1:
        what = "no wheel of Council" if not versions else f"{len(versions)} wheels of Council, not one"
        refuse(Reason.FILES_MISSING if not versions else Reason.FILES_EXTRA, f"{folder} holds {what}.")
    version = versions[0]
    covered = {wheel_name(version), archive_name(version), bill_name(version), LOCK}
    if missing := sorted((covered | {SUMS}) - set(names)):
        refuse(Reason.FILES_MISSING, f"The release lacks {shown(missing)}.")
    if extra := sorted(set(names) - covered - {SUMS, SIGNATURE}):
        refuse(Reason.FILES_EXTRA, f"The release holds what is no part of one: {shown(extra)}.")
    sums = _read(folder / SUMS, _SUMS_BYTES_MAX)
    signature = _read(folder / SIGNATURE, _SUMS_BYTES_MAX) if SIGNATURE in names else None
    files = {name: _read(folder / name, FILE_BYTES_MAX) for name in sorted(covered)}
    return Release(version, sums, signature, files)


def _read(path: Path, bytes_max: int) -> bytes:
    try:
        # Neither a link, nor a pipe that would keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            is_plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
            content = opened.read(bytes_max + 1) if is_plain else b""
    except OSError as error:
        refuse(Reason.FILE_UNREADABLE, f"{path.name} cannot be read as a plain file ({error.strerror}).", error)
    if not is_plain:
        refuse(Reason.FILE_UNREADABLE, f"{path.name} is no plain file.")
    if len(content) > bytes_max:
        refuse(Reason.FILE_UNREADABLE, f"{path.name} is over {bytes_max} bytes.")
    return content


def check_digests(release: Release) -> None:
    """Return if each file is as SHA256SUMS says, and SHA256SUMS names each. Pure. Raises ReleaseRefusedError."""
    *lines, rest = release.sums.decode("ascii", "replace").split("\n")
    found = [_SUM.match(line) for line in lines]
    told = {one.group(2): one.group(1) for one in found if one}
    if None in found or len(told) != len(lines) or rest:
        refuse(Reason.SUMS_MALFORMED, f"{SUMS} is not a list of digests with names, each name once.")
    if missing := sorted(release.files.keys() - told.keys()):
        refuse(Reason.FILES_EXTRA, f"{SUMS} does not name {shown(missing)}.")
    if gone := sorted(told.keys() - release.files.keys()):
        refuse(Reason.FILES_MISSING, f"{SUMS} names what is not there: {shown(gone)}.")
    altered = [name for name, content in release.files.items() if hashlib.sha256(content).hexdigest() != told[name]]
    if altered:
        refuse(Reason.DIGEST_WRONG, f"Not as {SUMS} says: {shown(altered)}.")


def shown(names: list[str]) -> str:
    """Return names as they may be shown to a person, a few of many."""
    some = [repr(name) if not name.isprintable() or " " in name else name for name in names[:_SHOWN_MAX]]
    return ", ".join(some) + (f" and {len(names) - _SHOWN_MAX} more" if len(names) > _SHOWN_MAX else "")


def refuse(reason: Reason, what: str, cause: BaseException | None = None) -> NoReturn:
    """Raise ReleaseRefusedError."""
    raise errors.ReleaseRefusedError(f"{what} {AGAIN}", reason=reason) from cause
