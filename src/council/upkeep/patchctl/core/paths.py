"""Which names a file of a patch may have.

ASCII letters, digits and `-_.` alone: then there is no second Unicode form, no look-alike, no control character, no
backslash, and every file system and every person reads the same name. Nothing begins with a dot, so `.git` and `.council`
cannot be named at any depth.
"""

from collections.abc import Sequence

from council.domain import errors, patches

LENGTH_MAX = 200
SEGMENTS_MAX = 12
SEGMENT_LENGTH_MAX = 100
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
# Devices to some systems, whatever follows after a dot. What the blueprint holds may be cloned there.
_DEVICES = frozenset({"con", "prn", "aux", "nul"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)})


def check(path: str) -> None:
    """Return if a patch may name `path`. Raises PatchRefusedError: `path_unsafe`."""
    if not path or len(path) > LENGTH_MAX:
        raise _unsafe(path, f"has {len(path)} characters; 1 to {LENGTH_MAX} are allowed")
    segments = path.split("/")
    if len(segments) > SEGMENTS_MAX:
        raise _unsafe(path, f"has {len(segments)} levels; {SEGMENTS_MAX} are allowed")
    for segment in segments:
        if not segment:
            raise _unsafe(path, "has an empty segment: no `/` at its ends and no two in a row")
        if not _LETTERS.issuperset(segment):
            raise _unsafe(path, "may hold ASCII letters, digits, `-`, `_` and `.` between its `/`, and nothing else")
        if len(segment) > SEGMENT_LENGTH_MAX:
            raise _unsafe(path, f"has a segment of {len(segment)} characters; {SEGMENT_LENGTH_MAX} are allowed")
        if segment[0] == "." or segment[-1] == ".":
            raise _unsafe(path, "has a segment that begins or ends with a dot")
        if segment[0] == "-":
            raise _unsafe(path, "has a segment that begins with `-`, which programs take for an option")
        if segment.split(".", 1)[0].lower() in _DEVICES:
            raise _unsafe(path, "has a segment that is the name of a device")


def check_together(names: Sequence[str]) -> None:
    """Return if no two of the names are the same but for case, and none lies below another. Raises PatchRefusedError."""
    files: dict[str, str] = {}
    for name in names:
        if name.lower() in files:
            raise _unsafe(name, f"and {files[name.lower()]!r} are one file, or two that differ in case alone")
        files[name.lower()] = name
    folders: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            if folder.lower() in files:
                raise _unsafe(name, f"needs a folder where {files[folder.lower()]!r} is a file of the same patch")
            if folders.setdefault(folder.lower(), folder) != folder:
                raise _unsafe(name, f"lies in a folder that differs from {folders[folder.lower()]!r} in case alone")


def _unsafe(path: str, what: str) -> errors.PatchRefusedError:
    shown = ascii(path[:80]) + ("..." if len(path) > 80 else "")
    return errors.PatchRefusedError(
        f"The path {shown} {what}. Give the file another name.", reason=patches.Reason.PATH_UNSAFE
    )
