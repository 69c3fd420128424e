"""The release pin: which release of Council a generation runs, as `release.yaml` of the blueprint says. Pure.

A release is named by the SHA-256 of its `SHA256SUMS`, which holds the digests of all else in it. Without the file a generation
runs whichever release `council up` was called of.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from council.domain import errors, sections

FILE = "release.yaml"
KEY = "release"
_KEYS = ("version", "sums_sha256", "folder")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.]{0,63}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_FOLDER_CHARS_MAX = 1024


@dataclass(frozen=True, slots=True)
class Pin:
    """A release by the digest of its SHA256SUMS, with the folder on this machine that it is installed from."""

    version: str
    digest: str
    folder: str

    def __str__(self) -> str:
        return f"{self.version} ({self.digest[:16]})"


def is_digest(text: str) -> bool:
    """Return whether a text may name a release."""
    return _DIGEST.match(text) is not None


def build(file: Mapping[str, Any]) -> Pin:
    """Return the pin of a parsed `release.yaml`. Raises ConfigError."""
    if unknown := [key for key in file if key != KEY]:
        raise errors.ConfigError(f"Unknown key `{unknown[0]}` in {FILE}. It holds `{KEY}`.")
    given = sections.section(file.get(KEY), KEY, FILE)
    if "index" in given:
        raise errors.ConfigError(
            f"`{KEY}.index` in {FILE} would name an index, and releases are installed from a folder of this machine alone. Get "
            f"the six files of the release from there, and name the folder that they are in: `{KEY}.folder`."
        )
    sections.only(given, _KEYS, KEY)
    # Quoted or not: YAML makes a number of 1.2, and of a digest that has digits alone.
    version, digest, folder = (given.get(key) for key in _KEYS)
    if not isinstance(version, str) or not _VERSION.match(version):
        raise errors.ConfigError(f"`{KEY}.version` must be the version of the release in quotes, as '0.2.0'.")
    if not isinstance(digest, str) or not _DIGEST.match(digest):
        raise errors.ConfigError(
            f"`{KEY}.sums_sha256` must be the 64 lower-case hex digits, in quotes, that `sha256sum SHA256SUMS` prints in the "
            "folder of the release."
        )
    if not isinstance(folder, str) or not _is_plain(folder):
        raise errors.ConfigError(
            f"`{KEY}.folder` must be the absolute path of the folder with the release, without `..`."
        )
    return Pin(version, digest, folder)


def _is_plain(folder: str) -> bool:
    path = PurePosixPath(folder)
    return folder.isprintable() and len(folder) <= _FOLDER_CHARS_MAX and path.is_absolute() and ".." not in path.parts
