"""The pair of a patch as files carry it: the document, its signature, and those of further people beside it.

It is read in one way wherever it lies, within the ceilings that no policy lifts. What it says is judged elsewhere.
"""

from collections.abc import Iterable
from pathlib import Path

from council import care_ports
from council.domain import authz, errors, patches
from council.kit import beneath
from council.upkeep.engine import changes
from council.upkeep.patchctl.core import judging, signature

_NAMES_MAX = judging.COSIGNATURES_MAX + 2


def of_folder(head: Path) -> patches.Submission:
    """Return the pair that the files in a folder carry. Raises InvalidRequestError."""
    try:
        with beneath.held(head) as folder:
            with folder.inner(changes.FOLDER) as inner:
                ordered = _ordered(f"{changes.FOLDER}/{name}" for name in inner.names(_NAMES_MAX))
            return _submission([folder.read(path, _bytes_max(path)).content for path in ordered])
    except (OSError, beneath.NotPlainError) as error:
        raise errors.InvalidRequestError(
            f"The proposal's patch cannot be read: {error}. It must carry `{changes.DOCUMENT}` and `{changes.SIGNATURE}`."
        ) from error


async def of_commit(there: care_ports.Forge, commit: str) -> patches.Submission:
    """Return the pair that a commit of a forge carries. Raises InvalidRequestError, ForgeError."""
    entries = {path: one for path, one in (await there.files(commit)).items() if changes.is_of_pair(path)}
    ordered = _ordered(entries)
    if large := [path for path in ordered if entries[path].size_bytes > _bytes_max(path)]:
        raise errors.InvalidRequestError(
            f"`{large[0]}` has more bytes than any patch may. Split the patch into several."
        )
    return _submission([(await there.file(path, commit)).content for path in ordered])


def files_of(sent: patches.Submission) -> dict[str, bytes]:
    """Return the files that carry a pair, by path."""
    more = {changes.cosignature(number): raw for number, raw in enumerate(sent.cosignatures, 1)}
    return {changes.DOCUMENT: sent.document, changes.SIGNATURE: sent.signature, **more}


def _ordered(paths: Iterable[str]) -> list[str]:
    """Return the paths of a pair in their order. Raises InvalidRequestError for one that is missing, and for any other."""
    found = set(paths)
    further = len(found - {changes.DOCUMENT, changes.SIGNATURE})
    wanted = [changes.DOCUMENT, changes.SIGNATURE, *map(changes.cosignature, range(1, further + 1))]
    if missing := [path for path in wanted[:2] if path not in found]:
        raise errors.InvalidRequestError(f"There is no `{missing[0]}` in it. Propose it with `council propose`.")
    strange = sorted(found.difference(wanted[: judging.COSIGNATURES_MAX + 2]))
    if strange:
        raise errors.InvalidRequestError(
            f"`{changes.FOLDER}` holds a patch, its signature, and up to {judging.COSIGNATURES_MAX} further ones as "
            f"`{changes.cosignature(1)}` and on. Take out {strange[0]!a}."
        )
    return wanted


def _bytes_max(path: str) -> int:
    return authz.ceilings().patch_bytes if path == changes.DOCUMENT else signature.BYTES_MAX


def _submission(contents: list[bytes]) -> patches.Submission:
    return patches.Submission(contents[0], contents[1], tuple(contents[2:]))
