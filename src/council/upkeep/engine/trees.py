"""git's name of a tree, computed from plain files: for a folder of which nobody's git is to be believed.

Two folders with the same files have the same name, whatever commits, settings and filters a clone of either has.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from council.domain import errors
from council.upkeep.engine import repository

_APART = ".git"
_PLAIN, _EXECUTABLE, _FOLDER = b"100644", b"100755", b"40000"
# A name's length says by which hash it is made.
_SHA1, _SHA256 = "0" * 40, "0" * 64


def names_of(folder: Path) -> frozenset[str]:
    """Return the names of the tree that holds the files of `folder`, one by each hash that git may use.

    A `.git` at the top is no part of it, nor are folders without files, as in git. Raises BlueprintError for more than plain
    files.
    """
    files = _files(folder)
    return frozenset(name(files, like) for like in (_SHA1, _SHA256))


def name(files: Mapping[str, repository.File], like: str) -> str:
    """Return git's name of the tree that holds `files`, by path, in the hash that the name `like` is of."""
    return named({path: (repository.blob_name(one.content, like), one.executable) for path, one in files.items()}, like)


def named(files: Mapping[str, tuple[str, bool]], like: str) -> str:
    """Return git's name of a tree by git's names of its files' contents, and whether each is executable.

    git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    inner: dict[str, dict[str, tuple[str, bool]]] = {}
    rows: list[tuple[bytes, bytes, bytes]] = []
    for path, (digest, executable) in files.items():
        head, slash, rest = path.partition("/")
        if slash:
            inner.setdefault(head, {})[rest] = digest, executable
        else:
            rows.append((os.fsencode(head), _EXECUTABLE if executable else _PLAIN, bytes.fromhex(digest)))
    rows += [(os.fsencode(head), _FOLDER, bytes.fromhex(named(held, like))) for head, held in inner.items()]
    # git sorts a folder as if its name ended with a slash.
    rows.sort(key=lambda row: row[0] + (b"/" if row[1] == _FOLDER else b""))
    body = b"".join(mode + b" " + label + b"\0" + digest for label, mode, digest in rows)
    raw = b"tree %d\0" % len(body) + body
    return (hashlib.sha256(raw) if len(like) == len(_SHA256) else hashlib.sha1(raw, usedforsecurity=False)).hexdigest()


def _files(folder: Path) -> dict[str, repository.File]:
    found: dict[str, repository.File] = {}
    try:
        for above, folders, files in os.walk(folder, onerror=_raised):
            if Path(above) == folder and _APART in folders:
                folders.remove(_APART)
            for one in (Path(above, each) for each in (*files, *folders)):
                path = one.relative_to(folder).as_posix()
                status = one.lstat()
                if stat.S_ISDIR(status.st_mode) or path == _APART:
                    continue
                if not stat.S_ISREG(status.st_mode) or status.st_size > repository.FILE_BYTES_MAX:
                    raise errors.BlueprintError(
                        f"{path!a} is no plain file, or has over {repository.FILE_BYTES_MAX} bytes. Take it out."
                    )
                if len(found) >= repository.FILES_MAX:
                    raise errors.BlueprintError(
                        f"{folder} holds more than {repository.FILES_MAX} files. Name a folder with a blueprint's files."
                    )
                found[path] = repository.File(one.read_bytes(), bool(status.st_mode & stat.S_IXUSR))
    except OSError as error:
        raise errors.BlueprintError(
            f"{folder} cannot be read: {error.strerror}. Name a folder with a blueprint's files."
        ) from error
    return found


def _raised(error: OSError) -> None:
    raise error
