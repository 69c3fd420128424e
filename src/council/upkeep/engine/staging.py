"""Makes a new generation of the live one and a patch: all of it or nothing, beneath the folder of generations.

The order is the crash model. The files go to a folder of another name, each synced. Then git gets the commit, on no branch:
its name, which is the generation's, follows from the live commit, the files, the patch's title and when it came, so that to
stage the same patch again gives the same. Then the folder is read back and compared with the commit, file by file. Last it is
renamed. Whoever is killed leaves a folder that nothing reads, which the next `stage`, `discard` or `prune` removes.

What did not change is copied, not linked. A hard link would make two generations one: a write through either, as by whoever
mends a file by hand, would change the one that serves and the one to return to. And a file with a second name is what the
supervisor leaves alone when it gives files to services' users, and what `kit.beneath` refuses to read.

Nothing here moves the link `current` or the branch.
"""

import contextlib
import errno
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from council.domain import errors, home, patches, release_pin
from council.kit import beneath, commits
from council.upkeep.engine import blueprint, changes, repository

_GENERATIONS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch that may be applied, as far as staging needs it.

    `document`, `signature` and `cosignatures` are the exact bytes that were sent, `base` the commit that it was made for,
    `title` the subject of the new commit, `at_s` when it came, in Unix seconds.
    """

    document: bytes
    signature: bytes
    base: str
    title: str
    at_s: int
    changes: tuple[patches.Change, ...]
    cosignatures: tuple[bytes, ...] = ()

    @property
    def digest(self) -> str:
        """What names the patch."""
        return patches.digest(self.document)


def stage(where: home.Home, patch: Patch) -> str:
    """Make the generation that the patch makes of the live one, beside it; return its commit.

    To do so again gives the same commit, and the folder that is there already stays. Raises StagingError, and then nothing has
    changed that is ever read.
    """
    changes.check(patch.changes, sum(map(len, (patch.document, patch.signature, *patch.cosignatures))))
    with _locked(where):
        live = blueprint.current(where)
        _check_base(where, patch.base, live)
        with beneath.held(where.generations) as generations:
            _remove_partials(generations)
            partial = _partial(patch.digest)
            with _removed_on_error(generations, partial):
                wanted = _write(where, generations, partial, patch, live)
                made = repository.add_commit(where, live, wanted, patch.title, patch.at_s)
                repository.sync_objects(where, made, live)
                _check_whole(where, generations, partial, made)
                if made in generations.names(_GENERATIONS_MAX):
                    _check_whole(where, generations, made, made)
                    generations.remove(partial)
                else:
                    generations.rename(partial, made)
                generations.sync()
    return made


def discard(where: home.Home, digest: str, made: str = "") -> None:
    """Remove what the patch of this digest has made, in whole or in part: `made`, or whatever of it lies there.

    The generation that serves stays, and each that it came from. Idempotent. Raises StagingError.
    """
    if made and not commits.is_commit(made):
        raise changes.refusal(
            changes.Reason.PATH_REFUSED, f"{made[:100]!r} is no commit. Say which generation to remove."
        )
    with _locked(where):
        live = blueprint.current(where)
        with beneath.held(where.generations) as generations:
            _remove_partials(generations)
            if made and repository.is_ancestor(where, made, live):
                raise changes.refusal(
                    changes.Reason.IN_USE,
                    f"Generation {made[:8]} serves, or the one that serves came from it. Roll back first.",
                )
            there = generations.names(_GENERATIONS_MAX)
            for name in [made] if made else _made_by(where, generations, there, digest, live):
                if name in there:
                    _remove(generations, name)
            generations.sync()


def prune(where: home.Home, used: Collection[str], kept: int, releases: int = 100) -> list[str]:
    """Remove the generations that nobody needs; return their names.

    Those stay that are `used`, the one that serves with the newest `kept` that it came from, of these as many as pin no more
    than `releases` different releases, and what git could not give back: `blueprint.materialise` writes each that is gone
    anew. Idempotent, and whoever is killed leaves none in part. Raises StagingError.
    """
    assert kept >= 1, "one is there to return to"
    with _locked(where):
        live = blueprint.current(where)
        with beneath.held(where.generations) as generations:
            _remove_partials(generations)
            there = [name for name in generations.names(_GENERATIONS_MAX) if commits.is_commit(name)]
            if len(there) <= min(kept, releases) + 1:
                return []
            line = repository.line_of(where, live, kept + 1)
            needed = {live, *used, *_of_few_releases(where, line, releases)}
            gone = [name for name in there if name not in needed and repository.tree_of(where, name) is not None]
            for name in gone:
                _remove(generations, name)
            generations.sync()
    return gone


def _of_few_releases(where: home.Home, line: Iterable[str], most: int) -> Iterator[str]:
    """Yield the newest generations of a line for as long as they pin at most `most` releases: each holds an environment."""
    pins: set[bytes] = set()
    for name in line:
        with contextlib.suppress(OSError):
            pins.add((where.generations / name / release_pin.FILE).read_bytes())
        if len(pins) > most:
            return
        yield name


def verify(where: home.Home, made: str) -> None:
    """Compare a generation on disk with its commit, file by file. Raises StagingError with `staged_altered`."""
    with _told(), beneath.held(where.generations) as generations:
        _check_whole(where, generations, made, made)


def _check_base(where: home.Home, base: str, live: str) -> None:
    if base == live:
        return
    known = repository.tree_of(where, base) if commits.is_commit(base) else None
    if known is None or known != repository.tree_of(where, live):
        raise changes.refusal(
            changes.Reason.STALE_BASE,
            f"The patch was made for generation {base[:8]!r}, but {live[:8]} is live and differs. Make the patch anew.",
        )


def _write(
    where: home.Home, generations: beneath.Folder, partial: str, patch: Patch, live: str
) -> dict[str, repository.File | None]:
    """Write the files under another name, all synced; return what the commit has to change, the pair included."""
    before = {entry.path: entry for entry in repository.entries(where, live)}
    with generations.inner(live) as source:
        with _altered_live(live):
            _check_listing(source, before)
            touched = (one.path for one in patch.changes if one.path in before)
            found = {path: _read(source, before[path], live) for path in touched}
        changes.check_found(patch.changes, found)
        there = (path for path in before if not changes.is_of_pair(path))
        after = changes.paths_after(there, patch.changes, len(patch.cosignatures))
        wanted = _wanted(before, patch)
        generations.make_folder(partial)
        with generations.inner(partial) as target:
            for path in sorted(after - wanted.keys()):
                with _altered_live(live):
                    kept = _read(source, before[path], live)
                target.write(path, kept.content, blueprint.mode_of(kept.executable))
            for path, file in wanted.items():
                if file is not None:
                    target.write(path, file.content, blueprint.mode_of(file.executable))
            target.sync()
    return wanted


def _wanted(before: Mapping[str, repository.Entry], patch: Patch) -> dict[str, repository.File | None]:
    wanted: dict[str, repository.File | None] = {
        one.path: None if one.content is None else repository.File(one.content, one.executable) for one in patch.changes
    }
    # What lies beside the pair that made the live generation belongs to that one.
    wanted |= {path: None for path in before if changes.is_of_pair(path)}
    wanted[changes.DOCUMENT] = repository.File(patch.document)
    wanted[changes.SIGNATURE] = repository.File(patch.signature)
    for number, raw in enumerate(patch.cosignatures, 1):
        wanted[changes.cosignature(number)] = repository.File(raw)
    return wanted


def _check_whole(where: home.Home, generations: beneath.Folder, name: str, made: str) -> None:
    """Raise StagingError unless the folder of this name holds just what the commit holds."""
    expected = {entry.path: entry for entry in repository.entries(where, made)}
    with generations.inner(name) as folder:
        _check_listing(folder, expected)
        for entry in expected.values():
            _read(folder, entry, made)


def _check_listing(folder: beneath.Folder, expected: Mapping[str, repository.Entry]) -> None:
    listing = folder.listing(repository.ENTRIES_MAX)
    folders = {path[:at] for path in expected for at, letter in enumerate(path) if letter == "/"}
    for wanted, found in ((set(expected), listing.files), (folders, listing.folders)):
        if different := wanted ^ found:
            path = min(different)
            raise beneath.NotPlainError(path, "is missing" if path in wanted else "was added")


def _read(folder: beneath.Folder, entry: repository.Entry, made: str) -> beneath.Plain:
    """Return a file of a generation if it is what the commit `made` says. Raises NotPlainError."""
    try:
        found = folder.read(entry.path, entry.size_bytes)
    except FileNotFoundError as error:
        raise beneath.NotPlainError(entry.path, "is missing") from error
    if repository.blob_name(found.content, made) != entry.digest:
        raise beneath.NotPlainError(entry.path, "has another content")
    if found.executable != entry.executable:
        raise beneath.NotPlainError(entry.path, "has another mode")
    return found


def _made_by(where: home.Home, generations: beneath.Folder, names: list[str], digest: str, live: str) -> Iterator[str]:
    """Yield the generations that carry this patch and that the live one did not come from. Raises OSError.

    One that the disk will not show is not passed over: it may be the one that is to go.
    """
    for name in filter(commits.is_commit, names):
        try:
            with generations.inner(name) as folder:
                document = folder.read(changes.DOCUMENT, changes.BYTES_MAX).content
        except (FileNotFoundError, beneath.NotPlainError):
            continue
        if patches.digest(document) == digest and not repository.is_ancestor(where, name, live):
            yield name


def _partial(name: str) -> str:
    return f".{name}.partial"


def _remove(generations: beneath.Folder, name: str) -> None:
    """Remove a generation first by name, in one step: no half of it may be taken for the whole."""
    generations.rename(name, _partial(name))
    generations.sync()
    generations.remove(_partial(name))


def _remove_partials(generations: beneath.Folder) -> None:
    """Remove what whoever was killed has left: nobody else writes while this process holds the lock."""
    for name in generations.names(_GENERATIONS_MAX):
        if name.startswith(".") and name.endswith(".partial"):
            generations.remove(name)


@contextlib.contextmanager
def _removed_on_error(generations: beneath.Folder, partial: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # Best effort: the first error matters more, and what is left the next call removes.
        with contextlib.suppress(OSError, beneath.NotPlainError):
            generations.remove(partial)
        raise


@contextlib.contextmanager
def _altered_live(live: str) -> Iterator[None]:
    try:
        yield
    except (beneath.NotPlainError, FileNotFoundError) as error:
        raise changes.refusal(
            changes.Reason.LIVE_ALTERED,
            f"The folder of the live generation {live[:8]} is not what its commit says: {error}. Find out who wrote there, "
            "move the folder away, and run `council init`, which writes it anew.",
        ) from error


_REASONS = {
    errno.ENOSPC: changes.Reason.NO_SPACE,
    errno.EDQUOT: changes.Reason.NO_SPACE,
    errno.ENOSYS: changes.Reason.KERNEL_TOO_OLD,
}
# As the system says it, and as git does.
_FULL = (os.strerror(errno.ENOSPC), "Out of diskspace")


@contextlib.contextmanager
def _locked(where: home.Home) -> Iterator[None]:
    # Within, so that the lock does not take errors of the disk for its own; and without, for those that are.
    with _told(), blueprint.locked(where), _told():
        yield


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise whatever else goes wrong as StagingError."""
    try:
        yield
    except errors.StagingError:
        raise
    except beneath.NotPlainError as error:
        raise changes.refusal(
            changes.Reason.STAGED_ALTERED,
            f"Somebody else changed what was being written under the home: {error}. None of it serves. Find out who it was, "
            "then submit the patch again.",
        ) from error
    except OSError as error:
        raise changes.refusal(_reason(error), f"{error}. Nothing has changed; mend that and try again.") from error
    except errors.BlueprintError as error:
        # What is not found is git itself.
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            reason = _reason(error.__cause__)
        else:
            full = any(words in error.message for words in _FULL)
            reason = changes.Reason.NO_SPACE if full else changes.Reason.REPOSITORY_FAILED
        raise changes.refusal(reason, error.message, error.detail) from error


def _reason(error: OSError) -> changes.Reason:
    return _REASONS.get(error.errno or 0, changes.Reason.DISK_FAILED)
