"""The blueprint as a bare git repository, and its commits as immutable trees on disk.

`commit` is the one way in: it makes a commit, writes its tree, and moves the `current` link, in that order, each step synced,
so that a crash at any point leaves the old generation live and a later call finishes the work. Trees are written by own code
beneath a directory descriptor: git's checkout would follow attributes and links.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from council.domain import errors, home, patches
from council.kit import beneath, commits, durable, permissions
from council.upkeep.engine import changes as changes_module
from council.upkeep.engine import repository

_LEFT_OUT = "Leave out the patch that made the generation before"


def commit(where: home.Home, changes: Mapping[str, bytes | None], reason: str) -> str:
    """Write `changes` (path to content, None removes) as a new generation and make it live; return its commit.

    Creates the repository when there is none. Changing nothing returns the live commit. Raises BlueprintError.
    """
    for path in changes:
        repository.check_path(path)
    with locked(where):
        if not repository.exists(where):
            repository.create(where)
        head = _head(where)
        if _last(where, head) != head:
            # What is committed upon it would stay when the patch is taken back, and the patch with it.
            raise errors.BlueprintError(
                "A patch is on its way, and what it made serves without having proved itself. Nothing has changed; try again "
                "when it has ended: `council patch history` (with Council stopped: after `council up`)."
            )
        files = {path: None if content is None else repository.File(content) for path, content in changes.items()}
        made = repository.add_commit(where, head, files, reason)
        if made != head:
            made = _without_pair(where, head, files, reason) or made
            repository.move_branch(where, made, head)
        materialise(where, made)
        switch(where, made)
    return made


def _without_pair(
    where: home.Home, head: str | None, files: Mapping[str, repository.File | None], reason: str
) -> str | None:
    """Add the commit of an owner so that it does not carry on the pair of a patch, which made the one before; None without."""
    pair = {} if head is None else _pair(where, head)
    return repository.add_commit(where, head, {**files, **dict.fromkeys(pair)}, reason) if pair else None


def _pair(where: home.Home, made: str) -> dict[str, str]:
    """Return what lies where a commit carries the pair that made it, path to git's name for the content."""
    return {one.path: one.digest for one in repository.entries(where, made) if changes_module.is_of_pair(one.path)}


def current(where: home.Home) -> str:
    """Return the live generation's commit. Raises BlueprintError."""
    try:
        name = where.current.readlink().name
    except OSError as error:
        raise errors.BlueprintError(f"There is no live generation under {where.root}. Run `council init`.") from error
    if not commits.is_commit(name) or not (where.generations / name).is_dir():
        raise errors.BlueprintError(
            f"The link `current` under {where.root} leads nowhere. Run `council init` to repair it."
        )
    return name


def repair(where: home.Home) -> str | None:
    """Finish what a crash interrupted: make the branch's head live. None if there is no blueprint yet.

    What is live stays if it came from the head: a patch that serves and is not on the branch yet (`adopt`). A head that was
    pushed upon what a patch made carries on its pair, and gets a commit that leaves that out.
    """
    if not repository.exists(where):
        return None
    with locked(where):
        head = _head(where)
        last = _last(where, head)
        if last is None:
            return None
        if last == head and _carries_on(where, last):
            last = _without_pair(where, last, {}, _LEFT_OUT) or last
            repository.move_branch(where, last, head)
        materialise(where, last)
        switch(where, last)
        return last


def _carries_on(where: home.Home, made: str) -> bool:
    """Return whether the pair in a commit is that of the commit before."""
    document = _pair(where, made).get(changes_module.DOCUMENT)
    before = repository.parent_of(where, made) if document else None
    return before is not None and _pair(where, before).get(changes_module.DOCUMENT) == document


def cid_of(where: home.Home, made: str) -> str | None:
    """Return the CID of the patch that made a generation on disk, None where none did: by the document that it carries.

    Raises BlueprintError.
    """
    try:
        with beneath.held(where.generations / made) as folder:
            try:
                document = folder.read(changes_module.DOCUMENT, changes_module.BYTES_MAX).content
            except FileNotFoundError:
                return None
    except (OSError, beneath.NotPlainError) as error:
        raise errors.BlueprintError(
            f"Which patch made generation {made[:8]} cannot be read: {error}. Move its folder away and run `council init`, "
            "which writes the live one anew."
        ) from error
    return patches.cid(patches.digest(document))


def materialise(where: home.Home, made: str) -> Path:
    """Write the tree of a commit to `generations/<commit>`, once; return the folder."""
    target = where.generations / made
    if target.is_dir():
        return target
    where.generations.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = where.generations / f".{made}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    root = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for few in repository.batches(repository.entries(where, made)):
            for entry, content in zip(few, repository.contents(where, few), strict=True):
                _write_file(root, entry.path, content, mode_of(entry.executable))
    finally:
        os.close(root)
    for folder, _, _ in os.walk(partial):
        durable.sync_folder(Path(folder))
    partial.rename(target)
    durable.sync_folder(where.generations)
    return target


def mode_of(executable: bool) -> int:
    """Return the mode of a generation's file: nobody writes to it, and only its owner reads it."""
    return 0o500 if executable else 0o400


def switch(where: home.Home, made: str) -> None:
    """Point `current` at a materialised generation, atomically."""
    wanted = Path("generations") / made
    if where.current.is_symlink() and where.current.readlink() == wanted:
        # Whoever moved it may have been killed before that was on disk.
        durable.sync_folder(where.root)
        return
    partial = where.root / ".current.partial"
    partial.unlink(missing_ok=True)
    partial.symlink_to(wanted)
    partial.rename(where.current)
    durable.sync_folder(where.root)


def _head(where: home.Home) -> str | None:
    """Return the branch's commit; a branch that is lost or unreadable is put back to the live generation's."""
    head = repository.commit_at(where, repository.BRANCH)
    if head is not None:
        return head
    try:
        lived = current(where)
    except errors.BlueprintError:
        lived = None
    if lived is None or repository.commit_at(where, lived) is None:
        if (where.blueprint / repository.BRANCH).exists():
            raise errors.BlueprintError(
                f"The branch of {where.blueprint} is unreadable, and no live generation says what it was. "
                "Put a copy of that folder in its place, or move it away and run `council init`."
            )
        return None
    # git does not write over a branch that it cannot read.
    (where.blueprint / repository.BRANCH).unlink(missing_ok=True)
    repository.move_branch(where, lived, None)
    return lived


def adopt(where: home.Home, made: str) -> None:
    """Have the branch end in a generation that came from its end, as once a patch is applied. Idempotent.

    A branch that has gone on from the generation stays. Raises BlueprintError, with the reason `stale_base` where the branch
    ends elsewhere: somebody else moved it.
    """
    with locked(where):
        head = _head(where)
        if head is not None and repository.is_ancestor(where, made, head):
            return
        if head is None or not repository.is_ancestor(where, head, made):
            raise errors.BlueprintError(
                f"Generation {made[:8]} did not come from the end of the branch, {(head or 'which has none')[:8]}: somebody "
                "else moved it. Nothing has changed; `council down` and `council up` have the branch's end serve.",
                reason=patches.Reason.STALE_BASE,
            )
        repository.move_branch(where, made, head)


def may_follow(where: home.Home, made: str) -> bool:
    """Return whether a generation comes right after the one that serves, in which the branch ends. Only while `locked`.

    Then nobody has committed or pushed since it was made. Raises BlueprintError.
    """
    return repository.parent_of(where, made) == current(where) == _head(where)


def is_awaited(where: home.Home, made: str) -> bool:
    """Return whether the branch ends in what a generation was made of, or holds that already. Raises BlueprintError."""
    with locked(where):
        head = _head(where)
        if head is None or repository.tree_of(where, made) is None:
            return False
        return head == repository.parent_of(where, made) or repository.is_ancestor(where, made, head)


def ends_in(where: home.Home, made: str) -> bool:
    """Return whether the branch ends in a generation, or in one from which it came. Raises BlueprintError."""
    with locked(where):
        head = _head(where)
    return head is not None and repository.is_ancestor(where, head, made)


def holds(where: home.Home, made: str) -> bool:
    """Return whether the branch leads to a commit. Raises BlueprintError."""
    with locked(where):
        head = _head(where)
    return head is not None and repository.is_ancestor(where, made, head)


def revert(where: home.Home, made: str, at_s: int) -> str:
    """Make the generation that takes back a patch which the branch holds; return its commit, which restores the tree before.

    It comes from the one that serves, so that the branch only ever goes on. Neither that one nor the branch has changed when
    this returns: have it serve, then `adopt` it. The same `at_s`, in Unix seconds, gives the same commit, also once it serves.

    Raises BlueprintError, also where what serves is not what the patch made.
    """
    with locked(where):
        live, head, before = current(where), _head(where), None
        if commits.is_commit(made) and head is not None and repository.is_ancestor(where, made, head):
            before = repository.parent_of(where, made)
        if before is None or head is None or not repository.is_ancestor(where, head, live):
            raise errors.BlueprintError(
                f"Generation {made[:8]!r} is no patch that the branch holds, so nothing can be taken back. "
                "`council lineage list` shows which are."
            )
        tree = repository.tree_of(where, before)
        # The one that serves may be what this made before.
        parent = repository.parent_of(where, live) if repository.tree_of(where, live) == tree else live
        if tree is None or parent is None or repository.tree_of(where, parent) != repository.tree_of(where, made):
            raise errors.BlueprintError(
                f"Generation {live[:8]} serves, and is not what {made[:8]} made: others came after it, or it was taken back. "
                "Roll back those that came after it first."
            )
        reason = f'Revert "{repository.subject_of(where, made)}"\n\nThis takes back {made}.'
        reverted = repository.commit_tree(where, tree, parent, reason, at_s)
        if live not in (parent, reverted):
            raise errors.BlueprintError(
                f"Generation {made[:8]} was taken back already. `council lineage list` shows when."
            )
        repository.sync_objects(where, reverted, parent)
        materialise(where, reverted)
    return reverted


def _last(where: home.Home, head: str | None) -> str | None:
    """Return the live generation if it came from the branch's head, else the head."""
    try:
        live = current(where)
    except errors.BlueprintError:
        return head
    known = head is not None and live != head and repository.commit_at(where, live) is not None
    return live if head is not None and known and repository.is_ancestor(where, head, live) else head


def _write_file(root: int, path: str, content: bytes, mode: int) -> None:
    *folders, name = path.split("/")
    held = os.dup(root)
    try:
        for folder in folders:
            try:
                os.mkdir(folder, 0o700, dir_fd=held)
            except FileExistsError:
                pass
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=held)
            os.close(held)
            held = inner
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=held)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.fsync(held)
    finally:
        os.close(held)


@contextmanager
def locked(where: home.Home) -> Iterator[None]:
    """Be the only one who writes the blueprint and its generations. Raises BlueprintError, also for an OSError within."""
    try:
        where.lineage.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (where.lineage / "blueprint.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
            for folder in (where.blueprint, where.generations, where.lineage):
                permissions.follow_owner(folder)
    except OSError as error:
        raise errors.BlueprintError(
            f"The blueprint under {where.root} could not be written: {error.strerror or error}. "
            "Nothing changed; mend that and try again."
        ) from error
