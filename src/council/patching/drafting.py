"""What a person has changed, as the document of a patch: files of a folder, or single ones, against the live generation.

The folder is read as it is: no link is followed, and what is neither file nor folder is an error rather than left out, so that
a patch holds what its author sees there. `.git` and `.council` at its top are not part of the blueprint.
"""

import os
import stat
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from council.domain import authz, errors, patches
from council.kit import beneath
from council.upkeep.engine import changes
from council.upkeep.patchctl.core import documents, judging, paths

_APART = frozenset({".git", ".council"})
_FILES_MAX = 10_000
_DEPTH_MAX = 32
_GIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Held:
    """One file as it lies somewhere."""

    content: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Words:
    """What a person says about a patch. Times in Unix seconds."""

    author: str
    title: str
    reason: str
    created: int
    expires: int
    ticket: int | None = None


def of_folder(live: Path, folder: Path, sizes: authz.Sizes, *, binary: bool = False) -> tuple[patches.Change, ...]:
    """Return how the files of `folder` differ from the generation in `live`, by path.

    Raises PatchRefusedError, InvalidRequestError.
    """
    before, after = _listing(live), _listing(folder)
    found = []
    for path in sorted(before.keys() | after.keys()):
        is_new_size = path in after and (path not in before or before[path].st_size != after[path].st_size)
        if is_new_size and after[path].st_size > sizes.file_bytes:
            raise _too_large(path, after[path].st_size, sizes)
        old, new = (_held(root / path) if path in rows else None for root, rows in ((live, before), (folder, after)))
        if old != new:
            found.append(_change(path, old, new, sizes, binary))
    return _staged(live, found, f"The files in {folder} are those of the live generation. Change one of them first.")


def difference(base: Path, head: Path, bytes_max: int) -> dict[str, Held | None]:
    """Return the files in `head` that are not as in `base`, by path, None for one that is only there; a pair aside.

    Of a file `bytes_max` and one more byte are read. Raises PatchRefusedError, InvalidRequestError.
    """
    before, after = _listing(base), _listing(head)
    found: dict[str, Held | None] = {}
    for path in sorted(before.keys() | after.keys()):
        old = _held(base / path, bytes_max + 1) if path in before else None
        new = _held(head / path, bytes_max + 1) if path in after else None
        if old != new:
            found[path] = new
    return found


def of_files(
    live: Path, puts: Mapping[str, Path], deletes: Iterable[str], sizes: authz.Sizes, *, binary: bool = False
) -> tuple[patches.Change, ...]:
    """Return what `puts` (path to the file with its new content) and `deletes` change of the generation in `live`.

    Raises PatchRefusedError, InvalidRequestError.
    """
    wanted: dict[str, Path | None] = {**puts, **dict.fromkeys(deletes)}
    if double := sorted(puts.keys() & set(deletes)):
        raise errors.InvalidRequestError(f"`{double[0]}` is both put and deleted. Name it once.")
    found = []
    for path, source in sorted(wanted.items()):
        # Before it is looked for: `..` would look elsewhere.
        paths.check(path)
        old = _held(live / path) if _is_plain(live / path) else None
        if source is None:
            if old is None:
                raise errors.InvalidRequestError(f"`{path}` is not in the live generation. Leave it out.")
            found.append(_change(path, old, None, sizes, binary))
            continue
        new = _held(source, sizes.file_bytes + 1)
        new = Held(new.content, new.executable if old is None else old.executable)
        if old != new:
            found.append(_change(path, old, new, sizes, binary))
    return _staged(live, found, "The files named are in the live generation as they are. Change one of them first.")


def check_stages(live: Path, given: Sequence[patches.Change]) -> None:
    """Return if staging would make a generation of these changes of the one in `live`: by its own checks.

    Raises PatchRefusedError with staging's reason.
    """
    there = {one.path: _held(live / one.path) for one in given if _is_plain(live / one.path)}
    try:
        changes.check(given)
        changes.check_found(given, {path: beneath.Plain(held.content, held.executable) for path, held in there.items()})
        changes.paths_after(_listing(live), given)
    except errors.StagingError as error:
        raise errors.PatchRefusedError(error.message, reason=error.reason) from error


def document(
    words: Words,
    base: str,
    given: tuple[patches.Change, ...],
    policy: authz.Policy,
    check_files: Callable[[Sequence[patches.Change]], None],
) -> bytes:
    """Return the bytes to be signed, in the form and with contents that patchctl takes. Raises PatchRefusedError."""
    lasts_s = words.expires - words.created
    if not 0 < lasts_s <= policy.lifetime_s_max:
        raise errors.PatchRefusedError(
            f"A patch may last for {policy.lifetime_s_max // 3600} hours at most. Give a shorter `--expires`.",
            reason=patches.Reason.LASTS_TOO_LONG,
        )
    raw = patches.dump(
        patches.Patch(
            author=words.author,
            created=words.created,
            expires=words.expires,
            base=base,
            title=words.title,
            reason=words.reason,
            changes=given,
            ticket=words.ticket,
        )
    )
    judging.check_contents(documents.parse(raw, policy.sizes), check_files)
    return raw


def write(output: Path, content: bytes, *, force: bool) -> None:
    """Write a file, over one that is there only with `force`: it may be the one that somebody has signed.

    Raises InvalidRequestError.
    """
    try:
        with output.open("wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise errors.InvalidRequestError(f"{output} is there already. Give another with `-o`, or `--force`.") from error
    except OSError as error:
        raise errors.InvalidRequestError(
            f"{output} cannot be written: {error.strerror}. Give another with `-o`."
        ) from error


def check_clone(folder: Path, live: str) -> None:
    """Return if a clone of the blueprint holds the live generation, and so nothing would be taken back that came since.

    A folder that is no clone passes: nobody can tell. Raises InvalidRequestError.
    """
    if not (folder / ".git").exists():
        return
    command = ["git", "-C", str(folder), "merge-base", "--is-ancestor", live, "HEAD"]
    # Its own settings alone: GIT_DIR and the like would have it look elsewhere.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {"LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, env=environment, timeout=_GIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise errors.SetupError("git could not look at the clone. Install it: `apt-get install git`.") from error
    if done.returncode:
        raise errors.InvalidRequestError(
            f"The clone in {folder} does not hold the live generation {live[:8]}, so the patch would undo what came since. "
            "Bring it up to date first: `git pull --rebase`."
        )


def _listing(folder: Path) -> dict[str, os.stat_result]:
    """Return the plain files below a folder by path."""
    found: dict[str, os.stat_result] = {}
    waiting = [("", 0)]
    while waiting:
        prefix, depth = waiting.pop()
        try:
            with os.scandir(folder / prefix) as entries:
                rows = [(prefix + one.name, one.stat(follow_symlinks=False)) for one in entries]
        except OSError as error:
            raise errors.InvalidRequestError(
                f"{folder / prefix} cannot be read: {error.strerror}. Name a folder with files of the blueprint."
            ) from error
        for path, status in rows:
            if path in _APART:
                continue
            if stat.S_ISDIR(status.st_mode) and depth < _DEPTH_MAX:
                waiting.append((f"{path}/", depth + 1))
            elif stat.S_ISREG(status.st_mode):
                found[path] = status
            else:
                raise errors.PatchRefusedError(
                    f"{path!a} is a link, or no plain file. A patch holds plain files alone: take it out.",
                    reason=patches.Reason.PATH_UNSAFE,
                )
        if len(found) > _FILES_MAX:
            raise errors.InvalidRequestError(
                f"{folder} holds more than {_FILES_MAX} files. Name a folder with files of the blueprint."
            )
    return found


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _held(path: Path, bytes_max: int = -1) -> Held:
    try:
        with path.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            return Held(opened.read(bytes_max), bool(mode & stat.S_IXUSR))
    except OSError as error:
        raise errors.InvalidRequestError(f"{path} cannot be read: {error.strerror}. Name a file that can.") from error


def _change(path: str, old: Held | None, new: Held | None, sizes: authz.Sizes, binary: bool) -> patches.Change:
    paths.check(path)
    before = None if old is None else patches.digest(old.content)
    if new is None:
        return patches.Change(path, patches.Action.DELETE, None, before)
    if len(new.content) > sizes.file_bytes:
        raise _too_large(path, len(new.content), sizes)
    if not binary and not patches.is_text(new.content):
        raise errors.InvalidRequestError(
            f"`{path}` is no text, so nobody sees what they sign. Take it out, or say that it belongs there with `--binary`."
        )
    mode = patches.Mode.EXECUTABLE if new.executable else patches.Mode.PLAIN
    return patches.Change(path, patches.Action.PUT, new.content, before, mode)


def _too_large(path: str, size_bytes: int, sizes: authz.Sizes) -> errors.PatchRefusedError:
    return errors.PatchRefusedError(
        f"{path!a} has {size_bytes} bytes or more; {sizes.file_bytes} are allowed. Make it smaller.",
        reason=patches.Reason.TOO_LARGE,
    )


def _staged(live: Path, found: list[patches.Change], otherwise: str) -> tuple[patches.Change, ...]:
    if not found:
        raise errors.InvalidRequestError(f"Nothing is changed. {otherwise}")
    check_stages(live, found)
    return tuple(found)
