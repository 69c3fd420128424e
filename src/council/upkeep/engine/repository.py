"""The bare git repository of the blueprint: every call of git, and what is written into it beside git.

git is asked for commits, trees and branches by their names, as `kit/quiet_git.py` starts it: root reads this repository, and
patchctl may write it. It is never asked to write files: its checkout follows attributes and links.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import os
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from council.domain import errors, home
from council.kit import beneath, durable, quiet_git

BRANCH = "refs/heads/main"
# Leads to a few bytes that somebody else is to remember: the head of the journal.
ANCHOR = "refs/council/lineage"
_ANCHOR_BYTES_MAX = 4096
FILES_MAX = 10_000
# Files and folders of a generation together.
ENTRIES_MAX = 4 * FILES_MAX
FILE_BYTES_MAX = 16 * 1024 * 1024
_PLAIN, _EXECUTABLE = "100644", "100755"
_MODES = frozenset({_PLAIN, _EXECUTABLE})
_GIT_TIMEOUT_S = 60.0
_SAID_CHARS_MAX = 500
# A line of git's about an object that it is asked for by commit and path.
_HEADER_BYTES_MAX = 8192
# A folder of ours within the repository, for objects that are not yet whole.
_INCOMING = "incoming"
# Objects that are open and wait to be synced. A process may have 1,024 files by default.
_OPEN_MAX = 256
_GIT = ("git", *quiet_git.OPTIONS)
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Council",
    "GIT_AUTHOR_EMAIL": "council@localhost",
    "GIT_COMMITTER_NAME": "Council",
    "GIT_COMMITTER_EMAIL": "council@localhost",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit. `digest` is git's name for its content (`blob_name`)."""

    mode: str
    digest: str
    size_bytes: int
    path: str

    @property
    def executable(self) -> bool:
        """Whether its owner may execute it."""
        return self.mode == _EXECUTABLE


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """A file as a commit is to hold it."""

    content: bytes
    executable: bool = False


def create(where: home.Home) -> None:
    """Make the repository, with no commit in it. Idempotent."""
    where.blueprint.mkdir(parents=True, exist_ok=True, mode=0o700)
    _run([*_GIT, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(where.blueprint)])


def exists(where: home.Home) -> bool:
    """Return whether there is a repository."""
    return (where.blueprint / "HEAD").exists()


def commit_at(where: home.Home, name: str) -> str | None:
    """Return the commit that a name leads to, None if there is none or it cannot be read."""
    return _named(where, f"{name}^{{commit}}")


def tree_of(where: home.Home, made: str) -> str | None:
    """Return the tree of a commit, by which two of them can be compared; None if there is no such commit here."""
    return _named(where, f"{made}^{{tree}}")


def parent_of(where: home.Home, made: str) -> str | None:
    """Return the commit that one came from, the first if there are several; None if it is the first or not here."""
    return _named(where, f"{made}^1^{{commit}}")


def line(where: home.Home, made: str, limit: int) -> list[tuple[str, str]]:
    """Return a commit and up to `limit` less one that it came from, newest first, each with its tree. Raises BlueprintError."""
    said = _git(where, "log", "--first-parent", f"--max-count={limit}", "--format=%H %T", made).decode()
    return [(name, tree) for name, _, tree in (row.partition(" ") for row in said.splitlines())]


def line_of(where: home.Home, made: str, commits_max: int) -> list[str]:
    """Return a commit and those before it, each the first parent of the one after, newest first. Raises BlueprintError."""
    return _git(where, "rev-list", "--first-parent", f"--max-count={commits_max}", made).decode().split()


def subject_of(where: home.Home, made: str) -> str:
    """Return the first line of what a commit says of itself. Raises BlueprintError."""
    return _git(where, "log", "-1", "--format=%s", made).decode(errors="replace").strip()


def _named(where: home.Home, name: str) -> str | None:
    return _git(where, "rev-parse", "--quiet", "--verify", name, allowed=(0, 1, 128)).decode().strip() or None


def is_ancestor(where: home.Home, made: str, of: str) -> bool:
    """Return whether the commit `of` is `made` or came from it.

    Raises BlueprintError where git cannot tell: one of the two is not there, or a commit between them.
    """
    done = _done([*_GIT, "-C", str(where.blueprint), "merge-base", "--is-ancestor", made, of])
    # Over a hole in the history git, as of 2.39, says no, and names what it could not read beside it.
    if done.returncode not in (0, 1) or (done.returncode == 1 and done.stderr):
        raise errors.BlueprintError(
            f"Whether {of[:8]} came from {made[:8]} cannot be read from {where.blueprint}: a commit is missing or broken. "
            "Put a copy of that folder in its place and run `council init`.",
            detail=_said(done),
        )
    return done.returncode == 0


def add_commit(
    where: home.Home, parent: str | None, changes: Mapping[str, File | None], reason: str, at_s: int | None = None
) -> str:
    """Add a commit that changes `parent` and is on no branch; return it, or `parent` if its tree would be the same.

    The same arguments with the same `at_s`, in Unix seconds, give the same commit. It may be lost until `sync_objects`. Raises
    BlueprintError, OSError.
    """
    tree = _write_tree(where, parent, changes)
    if parent is not None and tree == tree_of(where, parent):
        return parent
    return commit_tree(where, tree, parent, reason, at_s)


def commit_tree(where: home.Home, tree: str, parent: str | None, reason: str, at_s: int | None = None) -> str:
    """Add a commit of a tree that is there, as `add_commit` does of one that it makes."""
    date = {} if at_s is None else {"GIT_AUTHOR_DATE": f"@{at_s} +0000", "GIT_COMMITTER_DATE": f"@{at_s} +0000"}
    arguments = ["commit-tree", tree, "-m", reason] + (["-p", parent] if parent else [])
    return _git(where, *arguments, extra=date).decode().strip()


def move_branch(where: home.Home, made: str, parent: str | None) -> None:
    """Point the branch at a commit."""
    sync_objects(where, made, parent)
    _update_ref(where, BRANCH, made, parent)
    durable.sync_folder((where.blueprint / BRANCH).parent)


def anchor(where: home.Home, content: bytes) -> None:
    """Have the ref ANCHOR lead to a few bytes, in the place of what it led to; on disk when this returns. Idempotent.

    Raises BlueprintError, OSError.
    """
    made = _git(where, "hash-object", "-w", "--stdin", stdin=content).decode().strip()
    objects = where.blueprint / "objects"
    for folder in (objects / made[:2], objects):
        if folder.is_dir():
            durable.sync_folder(folder)
    _update_ref(where, ANCHOR, made, _named(where, ANCHOR))
    for folder in ((where.blueprint / ANCHOR).parent, where.blueprint / "refs"):
        durable.sync_folder(folder)


def anchored(where: home.Home) -> bytes | None:
    """Return what the ref ANCHOR leads to, None where there is no such ref. Raises BlueprintError."""
    name = _named(where, ANCHOR)
    if name is None:
        if (where.blueprint / ANCHOR).exists():
            raise errors.BlueprintError(f"`{ANCHOR}` in {where.blueprint} leads nowhere. Find out who wrote it.")
        return None
    if int(_git(where, "cat-file", "-s", name)) > _ANCHOR_BYTES_MAX:
        raise errors.BlueprintError(f"`{ANCHOR}` in {where.blueprint} leads to too much. Find out who wrote it.")
    return _git(where, "cat-file", "blob", name)


def _update_ref(where: home.Home, ref: str, made: str, before: str | None) -> None:
    """Have a ref lead elsewhere, if it leads where it did before."""
    arguments = ("update-ref", ref, made, before or "0" * len(made))
    try:
        _git(where, *arguments)
    except errors.BlueprintError:
        if not _unlock(where, ref):
            raise
        _git(where, *arguments)


def _unlock(where: home.Home, ref: str) -> bool:
    """Remove the locks of a ref and of HEAD, for which git has waited in vain: one that lives holds them for a moment only.

    Return whether there were any.
    """
    locks = [path for name in ("HEAD", ref) if (path := where.blueprint / f"{name}.lock").exists()]
    for path in locks:
        path.unlink(missing_ok=True)
    return bool(locks)


def sync_objects(where: home.Home, made: str, parent: str | None) -> None:
    """Have on disk what a commit adds to its parent. Files are, but not their names in their folders."""
    new = _git(where, "rev-list", "--objects", made, *([f"^{parent}"] if parent else [])).decode().splitlines()
    objects = where.blueprint / "objects"
    for folder in sorted({objects / line[:2] for line in new}):
        # One that is missing has all its objects in a pack.
        if folder.is_dir():
            durable.sync_folder(folder)
    durable.sync_folder(objects)


def _write_tree(where: home.Home, parent: str | None, changes: Mapping[str, File | None]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        if parent is not None:
            _git(where, "read-tree", parent, extra=index)
        before = _git(where, "ls-files", "-z", extra=index)
        files = {path: file for path, file in changes.items() if file is not None}
        like = parent or _git(where, "hash-object", "-t", "tree", os.devnull).decode().strip()
        names = dict(zip(files, _write_blobs(where, like, (file.content for file in files.values())), strict=True))
        lines = [
            f"0 {'0' * len(like)}\t{path}"
            if file is None
            else f"{_EXECUTABLE if file.executable else _PLAIN} {names[path]}\t{path}"
            for path, file in changes.items()
        ]
        _git(where, "update-index", "-z", "--index-info", stdin=("\0".join(lines) + "\0").encode(), extra=index)
        _check_only(changes, before, _git(where, "ls-files", "-z", extra=index))
        return _git(where, "write-tree", extra=index).decode().strip()


def _write_blobs(where: home.Home, commit_name: str, contents: Iterable[bytes]) -> list[str]:
    """Add contents to the repository; return git's name for each.

    By own code, in the form of git's loose objects (git-scm.com/book/en/v2/Git-Internals-Git-Objects): a git for each takes
    most of the time of a commit, and none syncs many together.
    """
    incoming, objects = where.blueprint / _INCOMING, where.blueprint / "objects"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(mode=0o700)
    names: list[str] = []
    waiting = iter(contents)
    try:
        while few := [(blob_name(content, commit_name), content) for content in itertools.islice(waiting, _OPEN_MAX)]:
            names += [name for name, _ in few]
            new = {name: content for name, content in few if not _object(objects, name).exists()}
            _write_objects(incoming, new)
            for name in new:
                _object(objects, name).parent.mkdir(exist_ok=True)
                (incoming / name).rename(_object(objects, name))
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return names


def _write_objects(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write blobs under their names, then sync them."""
    with contextlib.ExitStack() as stack:
        descriptors = []
        for name, content in contents.items():
            file = stack.enter_context((folder / name).open("xb"))
            file.write(zlib.compress(_blob(content), level=1))
            file.flush()
            os.fchmod(file.fileno(), 0o444)
            beneath.begin_writing(file.fileno())
            descriptors.append(file.fileno())
        for descriptor in descriptors:
            os.fsync(descriptor)


def _object(objects: Path, name: str) -> Path:
    return objects / name[:2] / name[2:]


def _check_only(changes: Mapping[str, File | None], before: bytes, after: bytes) -> None:
    """Raise BlueprintError if git took out more than was asked: it drops a file where a folder of that name comes."""
    expected = {path for path in before.split(b"\0") if path}
    for path, content in changes.items():
        if content is None:
            expected.discard(path.encode())
        else:
            expected.add(path.encode())
    if lost := expected - {path for path in after.split(b"\0") if path}:
        raise errors.BlueprintError(f"{min(lost).decode(errors='replace')!r} cannot be both a file and a folder.")


def entries(where: home.Home, made: str) -> Iterator[Entry]:
    """Yield the files of a commit. Raises BlueprintError, also for one that holds more than plain files."""
    # A name that is not UTF-8 comes out with lone surrogates, which `check_path` refuses.
    listing = _git(where, "ls-tree", "-r", "-z", "-l", "--full-tree", made).decode("utf-8", "surrogateescape")
    rows = [row for row in listing.split("\0") if row]
    if len(rows) > FILES_MAX:
        raise errors.BlueprintError(f"The blueprint has {len(rows)} files; the limit is {FILES_MAX}.")
    for row in rows:
        meta, path = row.split("\t", 1)
        mode, kind, digest, size = meta.split()
        if kind != "blob" or mode not in _MODES:
            raise errors.BlueprintError(
                f"`{path}` in the blueprint is a link or submodule; only plain files are allowed."
            )
        check_path(path)
        if not size.isdigit():
            raise _unreadable(where, path)
        if int(size) > FILE_BYTES_MAX:
            raise errors.BlueprintError(f"`{path}` is {size} bytes; the limit is {FILE_BYTES_MAX}.")
        yield Entry(mode, digest, int(size), path)


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


def differences(where: home.Home, base: str, target: str, without: str) -> bytes:
    """Return what one commit has other than another, as git shows it, without the folder `without`. Raises BlueprintError."""
    quiet = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--src-prefix=a/", "--dst-prefix=b/")
    return _git(where, "diff-tree", "-r", "-p", *quiet, base, target, "--", ".", f":(exclude){without}")


def content_at(where: home.Home, made: str, path: str) -> bytes | None:
    """Return what a path holds in a commit, None where there is no such file. Raises BlueprintError."""
    return next(iter(_contents_at(where, made, [path])))


def batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries in order, as many at a time as may be in memory together."""
    few: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        size_bytes += entry.size_bytes
        if few and size_bytes > FILE_BYTES_MAX:
            yield few
            few, size_bytes = [], entry.size_bytes
        few.append(entry)
    if few:
        yield few


def contents(where: home.Home, entries: Sequence[Entry]) -> Iterator[bytes]:
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


def check_path(path: str) -> None:
    """Raise BlueprintError for what no file of the blueprint may be named."""
    parts = PurePosixPath(path).parts
    plain = path and not path.startswith("/") and path.isprintable() and path == "/".join(parts)
    if not plain or any(part in (".", "..") or part.lower() == ".git" for part in parts):
        raise errors.BlueprintError(f"{path!r} is not a plain path inside the blueprint.")


def blob_name(content: bytes, commit_name: str) -> str:
    """Return git's name for a content, in the hash that `commit_name` is of.

    git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    kind = hashlib.sha256 if len(commit_name) == 64 else _sha1
    return kind(_blob(content)).hexdigest()


def _blob(content: bytes) -> bytes:
    return b"blob %d\0" % len(content) + content


def _sha1(content: bytes) -> "hashlib._Hash":
    return hashlib.sha1(content, usedforsecurity=False)


def _git(
    where: home.Home,
    *arguments: str,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
    allowed: tuple[int, ...] = (0,),
) -> bytes:
    return _run([*_GIT, "-C", str(where.blueprint), *arguments], stdin, extra or {}, allowed)


def _run(
    command: list[str], stdin: bytes = b"", extra: Mapping[str, str] | None = None, allowed: tuple[int, ...] = (0,)
) -> bytes:
    done = _done(command, stdin, extra)
    if done.returncode not in allowed:
        detail = _said(done)
        raise errors.BlueprintError(f"git refused: {detail.strip()}. Run `council doctor`.", detail=detail)
    return done.stdout


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    return done.stderr.decode(errors="replace")[:_SAID_CHARS_MAX]


def _done(
    command: list[str], stdin: bytes = b"", extra: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    environment = quiet_git.environment(_AUTHOR | dict(extra or {}))
    try:
        return subprocess.run(
            command, input=stdin, capture_output=True, env=environment, timeout=_GIT_TIMEOUT_S, check=False
        )
    except FileNotFoundError as error:
        raise errors.BlueprintError(
            "git is not installed. Install it, for example with `apt-get install git`."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise errors.BlueprintError("git did not finish in time. Look for a stuck disk and try again.") from error
