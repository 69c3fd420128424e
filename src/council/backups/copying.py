"""A copy of a home in a folder, made while everything runs, such that a Council could go on with it.

    records -> store -> forge -> library, audit, keys -> blueprint and journal

What was acknowledged before the copy began is in it. Of parts that know of each other the one that is told first comes last:
the records and the store know of changes of the blueprint, so the journal is copied after them and has all that they know of;
git knows of records of the journal, and both are copied at a moment at which neither changes. The store is copied as its
append-only file stands, which has what it answered for; a rewrite of that file meanwhile has it copied anew.

Nothing is locked for longer than git needs for a commit, and nothing is written but the copy.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from council.domain import backup, errors, home
from council.patching import situation
from council.upkeep.engine import blueprint
from council.upkeep.patchctl import history

# What is copied of a file at once.
_CHUNK_BYTES = 1 << 20
# A file that grows or is replaced while it is read is read again.
_TRIES = 5
_QUIET_PAUSE_S = 0.25
# How long a patch on its way is waited for: it bakes for less. After that it is copied as a crash would find it.
QUIET_S = 180.0
FILES_MAX = 1_000_000
# Beside what the copy takes, so that the service itself does not run out.
ROOM_SPARE_BYTES = 256 * 1024 * 1024
_APPEND_ONLY = "appendonlydir"
# What others gave, and can give again: a copy of them that gets lost would be spent or signed with.
OTHERS = ("providers", "notify", "bots", "forge.token", "forge_accounts", "forge.webhook", "tracing.headers")
# What opens the snapshots must not lie in them alone, and what opens the place where they lie could remove them.
NEVER = "backup."


@dataclass(slots=True)
class Copy:
    """What was copied. `left_out` names what was not, for people."""

    folder: Path
    generation: str = ""
    left_out: list[str] = field(default_factory=list)
    files: int = 0

    def file(self, source: Path, to: str) -> None:
        """Copy a plain file that nobody else changes in place; one that has gone meanwhile is passed over.

        What is no plain file is left out and named: what there must be the checks of the copy miss.
        """
        self._count()
        try:
            with _opened(source) as descriptor:
                _copy_whole(descriptor, self.folder / to)
        except FileNotFoundError:
            return
        except _LeftOutError as error:
            self.left_out.append(f"{to}, {error}")

    def tree(self, source: Path, to: str, skip: Callable[[str], bool] = lambda _: False) -> None:
        """Copy what a folder holds, plain files and folders alone; `skip` says which names to pass over."""
        target = self.folder / to
        if not source.is_dir() or source.is_symlink():
            return
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        # By descriptors, since the library's owner may put a link where a folder was.
        for place, folders, files, descriptor in os.fwalk(source, follow_symlinks=False):
            inner = target / Path(place).relative_to(source)
            folders[:] = sorted(name for name in folders if not skip(name))
            for name in [*folders]:
                if stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                    folders.remove(name)
                    self.left_out.append(f"{(Path(to) / Path(place).relative_to(source) / name).as_posix()}, a link")
                    continue
                (inner / name).mkdir(mode=0o700, exist_ok=True)
            for name in sorted(files):
                if not skip(name):
                    self._entry(descriptor, name, inner / name)

    def _entry(self, folder: int, name: str, target: Path) -> None:
        self._count()
        shown = target.relative_to(self.folder).as_posix()
        try:
            with _opened(name, folder) as descriptor:
                _copy_whole(descriptor, target)
        except FileNotFoundError:
            return
        except _LeftOutError as error:
            self.left_out.append(f"{shown}, {error}")

    def _count(self) -> None:
        self.files += 1
        if self.files > FILES_MAX:
            raise errors.BackupError(
                f"The home holds over {FILES_MAX} files, more than a snapshot takes. Move some out of the library.",
                reason=backup.Reason.UNREADABLE,
            )


class _LeftOutError(Exception):
    """It is not copied; the message says why, as in "no plain file"."""


_NO_FILE = "no plain file"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the parts of a home are. `copy_records` puts them all into one file that is not there yet."""

    where: home.Home
    copy_records: Callable[[Path], None]
    has_store: bool
    others_keys: bool


def make(sources: Sources, folder: Path, quiet_s: float = QUIET_S) -> Copy:
    """Copy a home into an empty folder. Raises BackupError, and what records and blueprint raise."""
    where, copy = sources.where, Copy(folder)
    with told(where):
        (folder / "records").mkdir(mode=0o700)
        sources.copy_records(folder / "records" / "council.db")
        if sources.has_store:
            _copy_store(where, copy)
        else:
            copy.left_out.append("the store, which is elsewhere and can be made anew")
        with _unpacked(where.forge):
            _copy_git(copy, where.forge, "forge.git")
        copy.tree(where.library, "library")
        copy.tree(where.sandbox, "sandbox")
        copy.file(where.token_file, "token")
        # Who restores in the middle of an incident has nothing change by itself that did not when it was copied.
        copy.tree(where.autonomy, where.autonomy.name, lambda name: name == where.wanted_repairs.name)
        _copy_keys(sources, copy)
        _copy_changes(where, copy, quiet_s)
    return copy


def check_room(where: home.Home, folder: Path, more_bytes: int = 0) -> None:
    """Raise BackupError where the disk of `folder` has no room for a copy of the home."""
    needed = more_bytes + sum(
        _size_bytes(part)
        for part in (
            where.records,
            where.store,
            where.forge,
            where.library,
            where.sandbox,
            where.blueprint,
            where.lineage,
        )
    )
    free = shutil.disk_usage(folder).free
    if free < needed + ROOM_SPARE_BYTES:
        raise errors.BackupError(
            f"The copy takes about {needed / 1e6:,.0f} MB and {ROOM_SPARE_BYTES / 1e6:,.0f} MB must stay free, but {folder} "
            f"has {free / 1e6:,.0f} MB. Free some and try again; the snapshots that there are stay as they are.",
            reason=backup.Reason.NO_ROOM,
        )


def _size_bytes(folder: Path) -> int:
    size_bytes = 0
    for _, _, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                size_bytes += os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_size
    return size_bytes


@contextlib.contextmanager
def told(where: home.Home) -> Iterator[None]:
    """Turn the disk's errors into ours."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        next_step = "Free some space" if full else "Mend that"
        raise errors.BackupError(
            f"The home {where.root} could not be copied: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}. {next_step} and try again; the snapshots that there are stay "
            "as they are.",
            reason=backup.Reason.NO_ROOM if full else backup.Reason.UNREADABLE,
        ) from error


def _copy_store(where: home.Home, copy: Copy) -> None:
    """Copy the append-only file in its parts, which belong together as long as its manifest says the same."""
    source, target = where.store / _APPEND_ONLY, copy.folder / "store" / _APPEND_ONLY
    for _ in range(_TRIES):
        before = _manifests(source)
        shutil.rmtree(target, ignore_errors=True)
        copy.tree(source, f"store/{_APPEND_ONLY}")
        if _manifests(source) == before:
            return
    raise errors.BackupError(
        "The store writes its file anew all the time, so it cannot be copied. Try again.", reason=backup.Reason.BUSY
    )


def _manifests(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.manifest"))} if folder.is_dir() else {}


def _copy_git(copy: Copy, source: Path, to: str) -> None:
    """Copy a bare repository: what names lead to is there before the names are, and so is copied after them."""
    if not source.is_dir():
        return
    first = ("HEAD", "config", "packed-refs")
    # Before loose names: one that is packed meanwhile is gone from there, and then in here.
    copy.tree(source / "refs", f"{to}/refs", _is_passing)
    for name in first:
        copy.file(source / name, f"{to}/{name}")
    copy.tree(source, to, lambda name: name in (*first, "refs", "incoming") or _is_passing(name))
    (copy.folder / to / "objects").mkdir(mode=0o700, exist_ok=True)


def _unpacked(repository: Path) -> contextlib.AbstractContextManager[None]:
    """Keep the forge from being packed meanwhile, which would take away packs that were listed; others go on writing it."""
    # Where nothing is there, or no plain file, the copy itself tells of it.
    return _shared(repository / "HEAD", OSError)


def _is_passing(name: str) -> bool:
    return name.endswith(".lock") or name.startswith("tmp_")


def _copy_keys(sources: Sources, copy: Copy) -> None:
    secrets = sources.where.secrets
    (copy.folder / "secrets").mkdir(mode=0o700)
    for path in sorted(secrets.iterdir()):
        name = path.name
        if name.startswith(NEVER) or name.endswith(".partial"):
            continue
        if name in OTHERS and not sources.others_keys:
            inner = sorted(one.name for one in path.iterdir()) if path.is_dir() else [""]
            copy.left_out += [f"secrets/{name}/{one}".rstrip("/") for one in inner]
        elif path.is_dir():
            copy.tree(path, f"secrets/{name}")
        else:
            copy.file(path, f"secrets/{name}")


def _copy_changes(where: home.Home, copy: Copy, quiet_s: float) -> None:
    """Copy blueprint and journal as they were at one moment, if it can be had at one at which no patch is on its way."""
    deadline_s = time.monotonic() + quiet_s
    while True:
        before = situation.entries(where)
        is_quiet = all(row.outcome for row in history.rows(one.record for one in before))
        if is_quiet or time.monotonic() >= deadline_s:
            with _still(where):
                live = blueprint.current(where)
                for part in ("blueprint.git", "lineage"):
                    shutil.rmtree(copy.folder / part, ignore_errors=True)
                _copy_git(copy, where.blueprint, "blueprint.git")
                copy.tree(where.lineage, "lineage", _is_passing)
                if situation.entries(where) == before and blueprint.current(where) == live:
                    copy.generation = live
                    return
        if time.monotonic() >= deadline_s + quiet_s:
            raise errors.BackupError(
                "Patches came one after the other, so blueprint and journal could not be copied at one moment. Try again when "
                "`council patch history` shows none on its way.",
                reason=backup.Reason.BUSY,
            )
        time.sleep(_QUIET_PAUSE_S)


def _still(where: home.Home) -> contextlib.AbstractContextManager[None]:
    """Keep everybody from committing to the blueprint: `blueprint.locked` waits for it. Writes nothing."""
    # Where nobody has committed yet there is none.
    return _shared(where.lineage / "blueprint.lock", FileNotFoundError)


@contextlib.contextmanager
def _shared(path: Path, missing: type[OSError]) -> Iterator[None]:
    """Hold the lock of a file beside others who only look; hold nothing where it is `missing`, as this error tells."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except missing:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _opened(path: Path | str, folder: int | None = None) -> Iterator[int]:
    """Open a plain file for reading, by whatever name it has there, and no link."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _LeftOutError(_NO_FILE) from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _LeftOutError(_NO_FILE)
        yield descriptor
    finally:
        os.close(descriptor)


def _copy_whole(source: int, target: Path) -> None:
    """Copy a file once it was the same before and after; one that only grows, up to where it was.

    Raises _LeftOutError for one that never was.
    """
    for _ in range(_TRIES):
        before = os.fstat(source)
        target.unlink(missing_ok=True)
        made = os.open(
            target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IMODE(before.st_mode) & 0o777 | 0o600
        )
        try:
            _copy_bytes(source, made, before.st_size)
        finally:
            os.close(made)
        after = os.fstat(source)
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return
        if after.st_size > before.st_size:
            # What is appended to has had all that was acknowledged before.
            return
    target.unlink(missing_ok=True)
    raise _LeftOutError("which changed each time while it was read")


def _copy_bytes(source: int, target: int, size_bytes: int) -> None:
    offset = 0
    while offset < size_bytes:
        wanted = min(size_bytes - offset, _CHUNK_BYTES)
        try:
            copied = os.copy_file_range(source, target, wanted, offset)
        except OSError as error:
            # Not every two file systems can do it among themselves.
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            copied = os.write(target, os.pread(source, wanted, offset))
        if not copied:
            return
        offset += copied


def clear(folder: Path) -> None:
    """Have an empty folder there, whatever a killed run left in it. Raises OSError."""
    remove(folder)
    folder.mkdir(mode=0o700, parents=True)


def remove(folder: Path) -> None:
    """Remove a folder of ours, as far as that is possible."""
    shutil.rmtree(folder, ignore_errors=True)


def left_out_words(left_out: Sequence[str], most: int = 20) -> str:
    """Return what is not in a snapshot, in one line."""
    more = len(left_out) - most
    return ", ".join(left_out[:most]) + (f" and {more} more" if more > 0 else "")
