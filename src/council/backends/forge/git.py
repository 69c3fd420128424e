"""A bare git repository that several processes write, some of them less trusted than who reads it.

git is asked for objects and refs by their names and never for files, as `kit/quiet_git.py` starts it. What the repository says
of itself is looked at before each call: settings that Council did not write may name programs, and who runs git may be root.

The order of each writing is the crash model: objects, their folders, then the ref that leads to them, if it leads where it did.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from council.domain import errors, forge
from council.kit import durable, process, quiet_git

BRANCHES = "refs/heads"
_MAIN = f"{BRANCHES}/{forge.MAIN}"
_TIMEOUT_S = 60.0
_LOCK_WAIT_S = 10.0
_LOCK_PAUSE_S = 0.005
# Less than others wait for the lock.
_TIDY_S = 8.0
# Objects that nothing leads to are kept until they are so old, since who pushes with git alone may be about to have something
# lead there. git goes by the age of the object, and cannot tell when the last thing led there.
_UNUSED = "14.days.ago"
_PACKING = (
    "-c",
    "pack.threads=1",
    "-c",
    "repack.writeBitmaps=false",
    "-c",
    "core.fsync=committed,pack-metadata,reference",
)
# Each time: first it is packed beside what is there, then what is in the pack goes. The loose objects come before all, since
# that is soon done and stays done where there is no time for the rest.
_TIDYING = (
    ("repack", "-q", "-n", "-l"),
    ("prune-packed", "-q"),
    ("repack", "-q", "-n", "-l", "-a"),
    ("repack", "-q", "-n", "-l", "-A", "-d", f"--unpack-unreachable={_UNUSED}"),
    ("prune", f"--expire={_UNUSED}"),
)
# A pack that was being written, by its name and age: whoever was at it is gone.
_HALF_DONE = (".tmp-*", "tmp_*")
_LEFT_S = 600.0
_LOCK, _WORK = "council.lock", "council-work"
_BYTES_MAX = 64 * 1024 * 1024
# The reason of an error of git's own.
_REFUSED = "git_refused"
_PLAIN, _EXECUTABLE = "100644", "100755"
_AUTHOR = re.compile(r"(?P<name>.*?) ?<[^>]*> (?P<at_s>\d+) [+-]\d{4}")
_OPTIONS = (*quiet_git.OPTIONS, "-c", "gc.auto=0")
_SETTINGS = re.compile(
    r"""(\[core\]
(\t(repositoryformatversion = [01]|bare = true|(filemode|ignorecase|precomposeunicode|symlinks) = (true|false))
)+|\[extensions\]
\tobjectformat = sha(1|256)
)+"""
)
_SETTINGS_BYTES_MAX = 4096
# By these objects and settings come from elsewhere.
_LEADING_ELSEWHERE = ("commondir", "config.worktree", "objects/info/alternates", "objects/info/http-alternates")


class Repository:
    """The repository in a folder. Blocking. Every method raises ForgeUnavailableError; what writes wants to be `locked`."""

    def __init__(self, folder: Path):
        self.folder = folder
        # Locks are a thread's, and what it starts holds them too.
        self._held = threading.local()

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return (self.folder / "HEAD").exists()

    def create(self) -> None:
        """Make it, with no commit in it. Idempotent."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise errors.ForgeUnavailableError(
                f"The forge's folder {self.folder} is gone and cannot be made here ({error.strerror}). Run `council down` and "
                "`council up`, which make it."
            ) from error
        self._run(
            ["git", *_OPTIONS, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(self.folder)]
        )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one of us who writes. A git at work holds the lock too, should this process be killed meanwhile."""
        with self._told():
            descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                _wait_for(descriptor)
                shutil.rmtree(self.folder / _WORK, ignore_errors=True)
                (self.folder / _WORK).mkdir(mode=0o700)
                self._held.locks = (descriptor,)
                yield
            finally:
                self._held.locks = ()
                shutil.rmtree(self.folder / _WORK, ignore_errors=True)
                os.close(descriptor)

    def ref(self, name: str) -> str | None:
        """Return the commit that a ref leads to."""
        return self.refs(name).get(name)

    def refs(self, *patterns: str) -> dict[str, str]:
        """Return the refs of these names or beneath them, and what each leads to."""
        said = self.git("for-each-ref", "--format=%(objectname) %(refname)", *patterns).decode(errors="replace")
        return {name: made for made, name in (line.split(" ", 1) for line in said.splitlines())}

    def commit(self, name: str) -> forge.Commit | None:
        """Return a commit by its full name, None if there is none here."""
        found = self.contents([f"{name}^{{commit}}"])[0]
        return None if found is None else _commit(name, found)

    def entries(self, made: str) -> dict[str, forge.Entry]:
        """Return what a commit holds. Raises InvalidRequestError for more than plain files."""
        rows = self.git("ls-tree", "-r", "-z", "-l", "--full-tree", made).decode("utf-8", "surrogateescape").split("\0")
        if len(rows) > forge.FILES_MAX + 1:
            raise errors.InvalidRequestError(
                f"The commit {made[:8]} holds more than {forge.FILES_MAX} files. Remove some."
            )
        found = {}
        for row in filter(None, rows):
            meta, path = row.split("\t", 1)
            mode, _, digest, size = meta.split()
            if mode not in (_PLAIN, _EXECUTABLE):
                raise errors.InvalidRequestError(
                    f"{path!r} in the commit {made[:8]} is a link or submodule; only plain files are allowed. Remove it."
                )
            if not size.isdigit():
                raise self.unreadable(path)
            found[path] = forge.Entry(digest, mode == _EXECUTABLE, int(size))
        return found

    def contents(self, names: Sequence[str]) -> list[bytes | None]:
        """Return what each name leads to, None where nothing; all read by one git, and not more than may be in memory."""
        asked = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
        sizes = self.git("cat-file", "--batch-check=%(objectsize)", stdin=asked).split(b"\n")
        if sum(int(size) for size in sizes if size.isdigit()) > _BYTES_MAX:
            raise errors.InvalidRequestError(f"More than {_BYTES_MAX} bytes were asked for at once. Ask for less.")
        said = memoryview(self.git("cat-file", "--batch", stdin=asked))
        found: list[bytes | None] = []
        for name in names:
            header, _, _ = bytes(said[:8192]).partition(b"\n")
            said = said[len(header) + 1 :]
            if header.endswith((b" missing", b" ambiguous")):
                found.append(None)
                continue
            size = header.rpartition(b" ")[2]
            if not size.isdigit() or len(said) < int(size):
                raise self.unreadable(name)
            found.append(bytes(said[: int(size)]))
            said = said[int(size) + 1 :]
        return found

    def is_ancestor(self, made: str, of: str) -> bool:
        """Return whether the commit `of` is `made` or came from it."""
        return self.fork_point(made, of) == made

    def fork_point(self, one: str, other: str) -> str | None:
        """Return the newest commit that both came from, None if there is none."""
        return self.git("merge-base", one, other, allowed=(0, 1, 128)).decode().strip() or None

    def add_commit(
        self, base: str, changes: Mapping[str, forge.Change], words: forge.Words, *, whole: bool = False
    ) -> str:
        """Add a commit upon `base`, "" for none, on no branch: with these changes, or if `whole` with these files alone.

        Raises InvalidRequestError.
        """
        index = self._empty_index()
        if base and not whole:
            self.git("read-tree", base, extra=index)
        before = self._paths(index)
        if absent := sorted(path for path, file in changes.items() if file is None and path not in before):
            raise errors.InvalidRequestError(f"{absent[0]!r} is not there and cannot be removed. Leave it out.")
        files = {path: file for path, file in changes.items() if file is not None}
        new = {path: file for path, file in files.items() if isinstance(file, forge.File)}
        blobs = dict(zip(new, self._add_blobs([file.content for file in new.values()]), strict=True))
        blobs |= {path: file.digest for path, file in files.items() if isinstance(file, forge.Entry)}
        nothing = "0" * len(base or next(iter(blobs.values()), ""))
        lines = [
            f"0 {nothing}\t{path}" if file is None else f"{_mode(file)} {blobs[path]}\t{path}"
            for path, file in changes.items()
        ]
        self.git("update-index", "-z", "--index-info", stdin=("\0".join(lines) + "\0").encode(), extra=index)
        if lost := ((before - changes.keys()) | files.keys()) - self._paths(index):
            raise errors.InvalidRequestError(f"{min(lost)!r} cannot be both a file and a folder. Choose another path.")
        return self.add_commit_of(self.git("write-tree", extra=index).decode().strip(), [base] if base else [], words)

    def add_commit_of(self, tree: str, parents: Sequence[str], words: forge.Words) -> str:
        """Add a commit of a tree that is there; the same arguments give the same commit."""
        who = f"{words.author} <{words.email}> {words.at_s} +0000"
        lines = [
            f"tree {tree}",
            *(f"parent {one}" for one in parents),
            f"author {who}",
            f"committer {who}",
            "",
            words.message,
        ]
        return (
            self.git("hash-object", "-t", "commit", "-w", "--stdin", stdin="\n".join(lines).encode()).decode().strip()
        )

    def add_tree(self, files: Mapping[str, bytes]) -> str:
        """Add a tree of files without folders."""
        blobs = self._add_blobs(list(files.values()))
        rows = [f"{_PLAIN} blob {blob}\t{name}\0" for name, blob in zip(files, blobs, strict=True)]
        return self.git("mktree", "-z", stdin="".join(rows).encode()).decode().strip()

    def merged_tree(self, fork_point: str, ours: str, theirs: str) -> str | None:
        """Return the tree of both sides' changes; None where both changed one file, whatever they changed in it."""
        index = self._empty_index()
        try:
            self.git("read-tree", "-i", "-m", "--aggressive", fork_point, ours, theirs, extra=index)
            if self.git("ls-files", "--unmerged", extra=index):
                return None
            return self.git("write-tree", extra=index).decode().strip()
        except errors.ForgeUnavailableError as error:
            if error.reason != _REFUSED:
                raise
            return None

    def swap(self, ref: str, made: str | None, before: str | None) -> bool:
        """Have a ref lead to a commit (None: remove it) if it leads where it did before; return whether it did.

        The commit and all that it needs are on disk first, the ref when this returns.
        """
        if made is not None:
            self._sync(made, before)
        where = ["-d", ref] if made is None else [ref, made]
        arguments = ("update-ref", "--no-deref", *where, before or "0" * len(made or ""))
        try:
            self.git(*arguments)
        except errors.ForgeUnavailableError:
            if self.ref(ref) != before:
                return False
            if not self._unlock(ref):
                raise
            self.git(*arguments)
        self._sync_ref(ref)
        return True

    def loose(self) -> int:
        """Return how many objects have a file of their own."""
        with self._told():
            return sum(1 for _ in (self.folder / "objects").glob("[0-9a-f][0-9a-f]/*"))

    def tidy(self) -> bool:
        """Pack all objects, and drop those older than 14 days that nothing leads to; give up where that takes too long.

        Killed at any moment it has lost nothing: each file goes only once what was in it is on disk in another. Return False,
        with nothing done, where somebody copies the repository, see `backups/copying`. Wants to be `locked`.
        """
        until_s, packs = time.monotonic() + _TIDY_S, self.folder / "objects" / "pack"
        with self._told(), (self.folder / "HEAD").open("rb") as head:
            try:
                fcntl.flock(head, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            held = getattr(self._held, "locks", ())
            self._held.locks = (*held, head.fileno())
            try:
                _sweep(packs)
                for arguments in _TIDYING:
                    command = ["git", *_OPTIONS, *_PACKING, f"--git-dir={self.folder}", *arguments]
                    self._run(command, timeout_s=max(0.1, until_s - time.monotonic()), with_all=True)
                    durable.sync_folder(packs)
            finally:
                self._held.locks = held
        return True

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        extra: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (0,),
    ) -> bytes:
        """Run git on the repository and return what it says."""
        return self._run(["git", *_OPTIONS, f"--git-dir={self.folder}", *arguments], stdin, extra, allowed)

    def unreadable(self, name: str) -> errors.ForgeUnavailableError:
        """Return the error that says so."""
        return errors.ForgeUnavailableError(
            f"{name!r} cannot be read from {self.folder}. See what `git -C {self.folder} fsck` says of it."
        )

    def _empty_index(self) -> dict[str, str]:
        file = self.folder / _WORK / "index"
        file.unlink(missing_ok=True)
        return {"GIT_INDEX_FILE": str(file)}

    def _paths(self, index: Mapping[str, str]) -> set[str]:
        return set(filter(None, self.git("ls-files", "-z", extra=index).decode("utf-8", "surrogateescape").split("\0")))

    def _add_blobs(self, contents: Sequence[bytes]) -> list[str]:
        files = [self.folder / _WORK / f"blob-{number}" for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        asked = "".join(f"{file}\n" for file in files).encode()
        return self.git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=asked).decode().split()

    def _sync(self, made: str, before: str | None) -> None:
        """Have on disk under which names lies what a commit adds; git synced what is in it."""
        objects = self.folder / "objects"
        # All that main has is on disk since main was moved there.
        known = [f"^{before}"] if before else []
        listed = self.git("rev-list", "--objects", "--ignore-missing", made, *known, f"^{_MAIN}").decode().splitlines()
        for folder in sorted({objects / line[:2] for line in listed}):
            if folder.is_dir():
                durable.sync_folder(folder)
        durable.sync_folder(objects)

    def _sync_ref(self, ref: str) -> None:
        for folder in (self.folder / ref).parents:
            if folder == self.folder.parent:
                return
            if folder.is_dir():
                durable.sync_folder(folder)

    def _unlock(self, ref: str) -> bool:
        """Remove locks that git waited for in vain: one that lives holds them for a moment. Return whether there were any."""
        places = [self.folder / f"{name}.lock" for name in ("HEAD", ref, "packed-refs")]
        locks = [path for path in places if path.exists()]
        for path in locks:
            path.unlink(missing_ok=True)
        return bool(locks)

    def _run(
        self,
        command: list[str],
        stdin: bytes = b"",
        extra: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (0,),
        timeout_s: float = _TIMEOUT_S,
        with_all: bool = False,
    ) -> bytes:
        with self._told():
            self._check_settings()
            done = _ended(
                command, stdin, timeout_s, quiet_git.environment(extra), getattr(self._held, "locks", ()), with_all
            )
        if done.returncode not in allowed:
            said = done.stderr.decode(errors="replace")[:500]
            raise errors.ForgeUnavailableError(
                f"git refused in {self.folder}: {' '.join(said.split())} Run `council doctor`.",
                reason=_REFUSED,
                detail=said,
            )
        return done.stdout

    def _check_settings(self) -> None:
        """Raise ForgeForbiddenError where the repository says more of itself than `create` had git write.

        Between this look and git's own it may change; what is known to start programs is switched off besides.
        """
        strange = [name for name in _LEADING_ELSEWHERE if (self.folder / name).exists()]
        try:
            with (self.folder / "config").open("rb") as file:
                said = file.read(_SETTINGS_BYTES_MAX + 1).decode(errors="replace")
        except FileNotFoundError:
            said = ""
        if said and not _SETTINGS.fullmatch(said):
            strange.append("config")
        if strange:
            raise errors.ForgeForbiddenError(
                f"`{strange[0]}` in {self.folder} is not what Council wrote, and could have git run somebody's programs. Find "
                "out who wrote it, and take it out; `council up` makes the folder anew where it is gone."
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            missing = "git is not installed. Install it, for example with `apt-get install git`."
            gone = f"There is no folder {self.folder}. Start Council: its steward makes the forge."
            raise errors.ForgeUnavailableError(missing if error.filename == "git" else gone) from error
        except subprocess.TimeoutExpired as error:
            raise errors.ForgeUnavailableError(
                f"git did not finish within {error.timeout:.0f} s in {self.folder}. Look for a stuck disk and try again."
            ) from error
        except PermissionError as error:
            raise errors.ForgeForbiddenError(
                f"{self.folder} belongs to somebody else. Run this as its owner, or give it to who runs this."
            ) from error
        except OSError as error:
            raise errors.ForgeUnavailableError(
                f"The forge in {self.folder} cannot be read or written: {error.strerror or error}. Mend that and try again."
            ) from error


def _ended(
    command: list[str],
    stdin: bytes,
    timeout_s: float,
    environment: Mapping[str, str],
    locks: Sequence[int],
    with_all: bool,
) -> subprocess.CompletedProcess[bytes]:
    """Run a git to its end, or have it killed when its time is up, `with_all` that it started where it does so.

    What it started holds the locks as it does itself, and would keep them from everybody.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        pass_fds=locks,
        process_group=0 if with_all else None,
    ) as started:
        try:
            said, complained = started.communicate(stdin, timeout_s)
        except BaseException:
            if with_all:
                process.signal_group(started.pid, signal.SIGKILL)
            started.kill()
            raise
    return subprocess.CompletedProcess(command, started.returncode, said, complained)


def _sweep(packs: Path) -> None:
    """Remove what those left who were killed while they packed; git itself leaves it for two weeks, or for ever."""
    before_s = time.time() - _LEFT_S
    for one in [path for form in _HALF_DONE for path in packs.glob(form)]:
        with contextlib.suppress(FileNotFoundError):
            if one.lstat().st_mtime < before_s:
                one.unlink()


def _wait_for(descriptor: int) -> None:
    until_s = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= until_s:
                raise errors.ForgeUnavailableError(
                    "Another process writes the forge. Nothing has changed; try again when it has ended."
                ) from error
        time.sleep(_LOCK_PAUSE_S)


def _mode(file: forge.File | forge.Entry) -> str:
    return _EXECUTABLE if file.executable else _PLAIN


def _commit(name: str, raw: bytes) -> forge.Commit:
    """Read a commit object (git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    head, _, message = raw.decode("utf-8", "replace").partition("\n\n")
    rows: Iterable[tuple[str, str]] = [
        (key, value) for key, _, value in (line.partition(" ") for line in head.split("\n"))
    ]
    said: dict[str, list[str]] = {}
    for key, value in rows:
        said.setdefault(key, []).append(value)
    author = _AUTHOR.fullmatch(said.get("author", [""])[0])
    committer = _AUTHOR.fullmatch(said.get("committer", [""])[0])
    return forge.Commit(
        commit=name,
        tree=said["tree"][0],
        parents=tuple(said.get("parent", [])),
        message=message,
        author=author["name"] if author else "",
        at_s=int(committer["at_s"]) if committer else 0,
    )
