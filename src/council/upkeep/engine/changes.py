"""What a patch changes in the files of a generation, and when it may not. Pure.

Whether its author may is not asked here. A change names what it found: the SHA-256 of the file that was there, or that there
was none. So a patch changes what its author saw, or nothing.
"""

import enum
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from council.domain import errors, patches
from council.kit import beneath
from council.upkeep.engine import repository

FOLDER = ".council"
# The pair that made a generation lies in it. No patch lists it.
DOCUMENT, SIGNATURE = f"{FOLDER}/patch.json", f"{FOLDER}/patch.sig"
CHANGES_MAX = 1_000
# Of the pair, and of all contents together: they travelled in it.
BYTES_MAX = repository.FILE_BYTES_MAX


class Reason(enum.StrEnum):
    """Why no generation was made. Stable: `errors.StagingError.reason`."""

    STALE_BASE = "stale_base"
    DIGEST_DIFFERS = "digest_differs"
    TYPE_CHANGED = "type_changed"
    PATH_REFUSED = "path_refused"
    NAME_COLLIDES = "name_collides"
    NOTHING_CHANGED = "nothing_changed"
    TOO_MANY_FILES = "too_many_files"
    TOO_LARGE = "too_large"
    LIVE_ALTERED = "live_altered"
    STAGED_ALTERED = "staged_altered"
    IN_USE = "generation_in_use"
    NO_SPACE = "no_space"
    DISK_FAILED = "disk_failed"
    REPOSITORY_FAILED = "repository_failed"
    KERNEL_TOO_OLD = "kernel_too_old"


def cosignature(number: int) -> str:
    """Return where the signature of a further person lies, counted from 1 in the order in which they were sent."""
    return f"{FOLDER}/patch.{number}.sig"


def is_of_pair(path: str) -> bool:
    """Return whether a file of a generation lies where the pair that made it does."""
    return path.startswith(f"{FOLDER}/")


def refusal(reason: Reason, message: str, detail: str = "") -> errors.StagingError:
    """Return the error that says why; `message` ends with what to do next."""
    return errors.StagingError(message, reason=reason.value, detail=detail)


def check(changes: Sequence[patches.Change], pair_bytes: int = 0) -> None:
    """Look at a patch's changes by themselves, and at the size of its pair. Raises StagingError."""
    if len(changes) > CHANGES_MAX:
        raise refusal(
            Reason.TOO_MANY_FILES,
            f"The patch changes {len(changes)} files; the limit is {CHANGES_MAX}. Split it into smaller ones.",
        )
    size_bytes = max(pair_bytes, sum(len(one.content or b"") for one in changes))
    if size_bytes > BYTES_MAX:
        raise refusal(
            Reason.TOO_LARGE,
            f"The patch carries {size_bytes} bytes; the limit is {BYTES_MAX}. Split it into smaller ones.",
        )
    seen: set[str] = set()
    for one in changes:
        _check_path(one.path)
        if one.path in seen:
            raise refusal(Reason.PATH_REFUSED, f"The patch names {one.path!r} twice. Name each file once.")
        seen.add(one.path)


def _check_path(path: str) -> None:
    try:
        repository.check_path(path)
        beneath.check(path)
    except (errors.BlueprintError, beneath.NotPlainError) as error:
        raise refusal(Reason.PATH_REFUSED, f"{error} Correct the path.") from error
    if _spelling(path.partition("/")[0]) == FOLDER:
        raise refusal(
            Reason.PATH_REFUSED,
            f"{path!r} lies in `{FOLDER}`, where each generation keeps the patch that made it. Leave it out.",
        )


def check_found(changes: Iterable[patches.Change], found: Mapping[str, beneath.Plain]) -> None:
    """Compare what the changes expect with what the live generation holds at their paths. Raises StagingError."""
    changed = False
    for one in changes:
        there = found.get(one.path)
        digest = None if there is None else patches.digest(there.content)
        if digest != one.before or (there is None and one.content is None):
            raise refusal(Reason.DIGEST_DIFFERS, _difference(one, digest))
        if there is not None and one.content is not None and there.executable != one.executable:
            raise refusal(
                Reason.TYPE_CHANGED,
                f"`{one.path}` would become {'' if one.executable else 'not '}executable. "
                "Remove the file by one patch and add it by the next.",
            )
        changed = changed or there is None or there.content != one.content
    if not changed:
        raise refusal(
            Reason.NOTHING_CHANGED,
            "The live generation already is what the patch would make it. Nothing is left to do.",
        )


def _difference(one: patches.Change, digest: str | None) -> str:
    if digest is None:
        return (
            f"`{one.path}` is not in the live generation, though the patch changes or removes it. Make the patch anew."
        )
    if one.before is None:
        return f"`{one.path}` is in the live generation already, though the patch adds it. Make the patch anew."
    return (
        f"`{one.path}` has changed since the patch was made: its SHA-256 is {digest[:16]}..., not "
        f"{one.before[:16]}... Make the patch anew."
    )


def paths_after(before: Iterable[str], changes: Sequence[patches.Change], cosignatures: int = 0) -> frozenset[str]:
    """Return the paths of the files that the changes leave, the pair aside. Raises StagingError where these could not lie side
    by side, or be too many with the pair and so many cosignatures.
    """
    removed = {one.path for one in changes if one.content is None}
    added = {one.path for one in changes if one.content is not None}
    after = frozenset((set(before) - removed) | added)
    if len(after) > repository.FILES_MAX - len((DOCUMENT, SIGNATURE)) - cosignatures:
        raise refusal(
            Reason.TOO_MANY_FILES,
            f"The blueprint would have {len(after)} files; the limit is {repository.FILES_MAX}. Remove some first.",
        )
    folders = {folder for path in after for folder in _folders(path)}
    if both := after & folders:
        raise refusal(Reason.TYPE_CHANGED, f"{min(both)!r} cannot be both a file and a folder. Choose another path.")
    _check_spellings(added, after | folders)
    return after


def _check_spellings(added: Iterable[str], everything: Collection[str]) -> None:
    """Raise StagingError if an added path, or a folder of it, differs from another only in case or in form of Unicode."""
    spellings: dict[str, list[str]] = {}
    for path in everything:
        spellings.setdefault(_spelling(path), []).append(path)
    for path in sorted({step for one in added for step in (*_folders(one), one)}):
        others = [other for other in spellings[_spelling(path)] if other != path]
        if others:
            raise refusal(
                Reason.NAME_COLLIDES,
                f"{path!r} and {min(others)!r} differ only in how they are spelled. Choose another path.",
            )


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")
    for count in range(1, len(parts)):
        yield "/".join(parts[:count])


def _spelling(path: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
