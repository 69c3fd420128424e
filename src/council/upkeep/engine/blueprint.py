"""The blueprint as a bare git repository, and its commits as immutable trees on disk.

`commit` is the one way in: it makes a commit, writes its tree, and moves the `current` link, in that order, each step synced,
so that a crash at any point leaves the old generation live and a later call finishes the work. Trees are written by own code
beneath a directory descriptor: git's checkout would follow attributes and links.
"""

import dataclasses
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from council.domain import errors, home

BRANCH = "refs/heads/main"
_FILES_MAX = 10_000
_FILE_BYTES_MAX = 16 * 1024 * 1024
_MODES = frozenset({"100644", "100755"})
_COMMIT = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")
_GIT_TIMEOUT_S = 60.0
# A line of git's about an object that it is asked for by commit and path.
_HEADER_BYTES_MAX = 8192
# By default git leaves loose objects to the kernel, and a power cut would leave them empty behind a live branch.
_GIT = ("git", "-c", "core.fsync=committed,reference", "-c", "core.fsyncMethod=fsync")


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    digest: str
    size_bytes: int
    path: str


def commit(where: home.Home, changes: Mapping[str, bytes | None], reason: str) -> str:
    """Write `changes` (path to content, None removes) as a new generation and make it live; return its commit.

    Creates the repository when there is none. Changing nothing returns the live commit. Raises BlueprintError.
    """
    for path in changes:
        _check_path(path)
    with _locked(where):
        if not (where.blueprint / "HEAD").exists():
            _create(where.blueprint)
        parent = _head(where)
        tree = _write_tree(where, parent, changes)
        if parent is not None and tree == _git(where, "rev-parse", f"{parent}^{{tree}}").decode().strip():
            made = parent
        else:
            arguments = ["commit-tree", tree, "-m", reason] + (["-p", parent] if parent else [])
            made = _git(where, *arguments).decode().strip()
            _move_branch(where, made, parent)
        materialise(where, made)
        switch(where, made)
    return made


def current(where: home.Home) -> str:
    """Return the live generation's commit. Raises BlueprintError."""
    try:
        name = where.current.readlink().name
    except OSError as error:
        raise errors.BlueprintError(f"There is no live generation under {where.root}. Run `council init`.") from error
    if not _COMMIT.match(name) or not (where.generations / name).is_dir():
        raise errors.BlueprintError(
            f"The link `current` under {where.root} leads nowhere. Run `council init` to repair it."
        )
    return name


def repair(where: home.Home) -> str | None:
    """Finish what a crash interrupted: make the branch's head live. None if there is no blueprint yet.

    A live generation that comes after the head stays: a patch is live for a while before it is kept for good.
    """
    if not (where.blueprint / "HEAD").exists():
        return None
    with _locked(where):
        head = _head(where)
        if head is None:
            return None
        live = _live_after(where, head)
        materialise(where, live)
        switch(where, live)
        return live


def _live_after(where: home.Home, head: str) -> str:
    """Return the live generation if it comes after the head, else the head."""
    try:
        live = current(where)
    except errors.BlueprintError:
        return head
    arguments = ["merge-base", head, live]
    base = _run([*_GIT, "-C", str(where.blueprint), *arguments], b"", {}, allowed=(0, 1, 128))
    return live if base.decode().strip() == head else head


def written(where: home.Home, reasons: Collection[str]) -> dict[str, bytes | None]:
    """Return what the commits for these reasons wrote, the newest last: path to content, None where one removed a file.

    Raises BlueprintError.
    """
    found: dict[str, bytes | None] = {}
    history = _git(where, "log", "--reverse", "--format=%H %s", BRANCH).decode(errors="replace")
    for line in history.splitlines():
        made, _, reason = line.partition(" ")
        if reason in reasons:
            listing = _git(where, "diff-tree", "--root", "--no-commit-id", "-r", "-z", "--name-only", made)
            paths = [path for path in listing.decode("utf-8", "surrogateescape").split("\0") if path]
            found |= zip(paths, _contents_at(where, made, paths), strict=True)
    return found


def _contents_at(where: home.Home, made: str, paths: Sequence[str]) -> Iterator[bytes | None]:
    """Yield what each path holds in a commit, None where there is no such file."""
    asked = "".join(f"{made}:{path}\n" for path in paths).encode("utf-8", "surrogateescape")
    said = memoryview(_git(where, "cat-file", "--batch", stdin=asked))
    for _ in paths:
        header, _, _ = bytes(said[:_HEADER_BYTES_MAX]).partition(b"\n")
        said = said[len(header) + 1 :]
        if header.endswith(b" missing"):
            yield None
            continue
        size_bytes = int(header.rpartition(b" ")[2])
        yield bytes(said[:size_bytes])
        said = said[size_bytes + 1 :]


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
        for few in _batches(_entries(where, made)):
            for entry, content in zip(few, _contents(where, few), strict=True):
                _write_file(root, entry.path, content, 0o500 if entry.mode == "100755" else 0o400)
    finally:
        os.close(root)
    for folder, _, _ in os.walk(partial):
        _sync_folder(Path(folder))
    partial.rename(target)
    _sync_folder(where.generations)
    return target


def switch(where: home.Home, made: str) -> None:
    """Point `current` at a materialised generation, atomically."""
    wanted = Path("generations") / made
    if where.current.is_symlink() and where.current.readlink() == wanted:
        return
    partial = where.root / ".current.partial"
    partial.unlink(missing_ok=True)
    partial.symlink_to(wanted)
    partial.rename(where.current)
    _sync_folder(where.root)


def _create(repository: Path) -> None:
    repository.mkdir(parents=True, exist_ok=True, mode=0o700)
    _run([*_GIT, "init", "--quiet", "--bare", "--initial-branch=main", str(repository)], b"", {})


def _head(where: home.Home) -> str | None:
    """Return the branch's commit; a branch that is lost or unreadable is put back to the live generation's."""
    head = _commit_at(where, BRANCH)
    if head is not None:
        return head
    try:
        lived = current(where)
    except errors.BlueprintError:
        lived = None
    if lived is None or _commit_at(where, lived) is None:
        if (where.blueprint / BRANCH).exists():
            raise errors.BlueprintError(
                f"The branch of {where.blueprint} is unreadable, and no live generation says what it was. "
                "Put a copy of that folder in its place, or move it away and run `council init`."
            )
        return None
    # git does not write over a branch that it cannot read.
    (where.blueprint / BRANCH).unlink(missing_ok=True)
    _move_branch(where, lived, None)
    return lived


def _commit_at(where: home.Home, name: str) -> str | None:
    """Return the commit that a name leads to, None if there is none or it cannot be read."""
    arguments = ["rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"]
    found = _run([*_GIT, "-C", str(where.blueprint), *arguments], b"", {}, allowed=(0, 1, 128))
    return found.decode().strip() or None


def _move_branch(where: home.Home, made: str, parent: str | None) -> None:
    """Point the branch at a commit. git syncs files, not the names of new ones in their folders."""
    for folder, _, _ in os.walk(where.blueprint / "objects"):
        _sync_folder(Path(folder))
    _git(where, "update-ref", BRANCH, made, parent or "0" * 40)
    _sync_folder((where.blueprint / BRANCH).parent)


def _write_tree(where: home.Home, parent: str | None, changes: Mapping[str, bytes | None]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        if parent is not None:
            _git(where, "read-tree", parent, extra=index)
        before = _git(where, "ls-files", "-z", extra=index)
        lines: list[str] = []
        for path, content in changes.items():
            if content is None:
                lines.append(f"0 {'0' * 40}\t{path}")
            else:
                digest = _git(where, "hash-object", "-w", "--stdin", stdin=content).decode().strip()
                lines.append(f"100644 {digest}\t{path}")
        _git(where, "update-index", "-z", "--index-info", stdin=("\0".join(lines) + "\0").encode(), extra=index)
        _check_only(changes, before, _git(where, "ls-files", "-z", extra=index))
        return _git(where, "write-tree", extra=index).decode().strip()


def _check_only(changes: Mapping[str, bytes | None], before: bytes, after: bytes) -> None:
    """Raise BlueprintError if git took out more than was asked: it drops a file where a folder of that name comes."""
    expected = {path for path in before.split(b"\0") if path}
    for path, content in changes.items():
        if content is None:
            expected.discard(path.encode())
        else:
            expected.add(path.encode())
    if lost := expected - {path for path in after.split(b"\0") if path}:
        raise errors.BlueprintError(f"{min(lost).decode(errors='replace')!r} cannot be both a file and a folder.")


def _entries(where: home.Home, made: str) -> Iterator[_Entry]:
    # A name that is not UTF-8 comes out with lone surrogates, which `_check_path` refuses.
    listing = _git(where, "ls-tree", "-r", "-z", "-l", "--full-tree", made).decode("utf-8", "surrogateescape")
    rows = [row for row in listing.split("\0") if row]
    if len(rows) > _FILES_MAX:
        raise errors.BlueprintError(f"The blueprint has {len(rows)} files; the limit is {_FILES_MAX}.")
    for row in rows:
        meta, path = row.split("\t", 1)
        mode, kind, digest, size = meta.split()
        if kind != "blob" or mode not in _MODES:
            raise errors.BlueprintError(
                f"`{path}` in the blueprint is a link or submodule; only plain files are allowed."
            )
        _check_path(path)
        if not size.isdigit():
            raise _unreadable(where, path)
        if int(size) > _FILE_BYTES_MAX:
            raise errors.BlueprintError(f"`{path}` is {size} bytes; the limit is {_FILE_BYTES_MAX}.")
        yield _Entry(mode, digest, int(size), path)


def _batches(entries: Iterable[_Entry]) -> Iterator[list[_Entry]]:
    """Yield the entries in order, as many at a time as may be in memory together."""
    few: list[_Entry] = []
    size_bytes = 0
    for entry in entries:
        size_bytes += entry.size_bytes
        if few and size_bytes > _FILE_BYTES_MAX:
            yield few
            few, size_bytes = [], entry.size_bytes
        few.append(entry)
    if few:
        yield few


def _contents(where: home.Home, entries: Sequence[_Entry]) -> Iterator[bytes]:
    """Yield the content of each, all read by one git: a process a file takes most of the time of a commit."""
    asked = "".join(f"{entry.digest}\n" for entry in entries).encode()
    said = memoryview(_git(where, "cat-file", "--batch", stdin=asked))
    for entry in entries:
        header = f"{entry.digest} blob {entry.size_bytes}\n".encode()
        end = len(header) + entry.size_bytes
        if bytes(said[: len(header)]) != header or bytes(said[end : end + 1]) != b"\n":
            raise _unreadable(where, entry.path)
        yield bytes(said[len(header) : end])
        said = said[end + 1 :]


def _unreadable(where: home.Home, path: str) -> errors.BlueprintError:
    return errors.BlueprintError(
        f"`{path}` cannot be read from {where.blueprint}: its object is missing or broken. "
        "Put a copy of that folder in its place and run `council init`."
    )


def _check_path(path: str) -> None:
    parts = PurePosixPath(path).parts
    plain = path and not path.startswith("/") and path.isprintable() and path == "/".join(parts)
    if not plain or any(part in (".", "..") or part.lower() == ".git" for part in parts):
        raise errors.BlueprintError(f"{path!r} is not a plain path inside the blueprint.")


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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(where: home.Home) -> Iterator[None]:
    try:
        where.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (where.root / ".blueprint.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise errors.BlueprintError(
            f"The blueprint under {where.root} could not be written: {error.strerror or error}. "
            "Nothing changed; mend that and try again."
        ) from error


def _git(where: home.Home, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None) -> bytes:
    return _run([*_GIT, "-C", str(where.blueprint), *arguments], stdin, extra or {})


def _run(command: list[str], stdin: bytes, extra: Mapping[str, str], allowed: tuple[int, ...] = (0,)) -> bytes:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Council",
        "GIT_AUTHOR_EMAIL": "council@localhost",
        "GIT_COMMITTER_NAME": "Council",
        "GIT_COMMITTER_EMAIL": "council@localhost",
        "LC_ALL": "C",
        **extra,
    }
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, env=environment, timeout=_GIT_TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        raise errors.BlueprintError(
            "git is not installed. Install it, for example with `apt-get install git`."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise errors.BlueprintError("git did not finish in time. Look for a stuck disk and try again.") from error
    if done.returncode not in allowed:
        detail = done.stderr.decode(errors="replace")[:500]
        raise errors.BlueprintError(f"git refused: {detail.strip()}. Run `council doctor`.", detail=detail)
    return done.stdout
