"""One digest of all files in folders, by which it is known whether anything in them is another than before."""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
# Made of the rest, where it is there at all: the built dashboard.
_MADE = "dashboard"
_MADE_HERE = "src/council/dashboard"
# What a test can tell the difference of, in a checkout.
_TESTED = ("config", "docs", "pyproject.toml", "src", "tests")


def of_code() -> str:
    """Return the digest of the code that runs, "" where it cannot be read."""
    return digest(_PACKAGE, ("",), (_MADE,))


def of_checkout(root: Path) -> str:
    """Return the digest of what tests of a checkout can tell the difference of, "" where it cannot be read."""
    return digest(root, _TESTED, (_MADE_HERE,))


def digest(root: Path, names: Iterable[str], but: Collection[str] = ()) -> str:
    """Return the SHA-256 of names and contents of these files and folders of `root`, "" where one cannot be read.

    Left out are the paths in `but`, hidden ones, caches of bytecode, and what is no regular file.
    """
    whole = hashlib.sha256()
    try:
        for path in sorted(_files(root, names, but)):
            content = (root / path).read_bytes()
            whole.update(f"{len(path.encode())} {path} {len(content)} ".encode() + content)
    except OSError:
        return ""
    return whole.hexdigest()


def _files(root: Path, names: Iterable[str], but: Collection[str]) -> Iterator[str]:
    for name in names:
        if not (root / name).is_dir():
            yield name
            continue
        for folder, inner, files in os.walk(root / name, onerror=_raise):
            at = Path(folder).relative_to(root)
            inner[:] = [one for one in inner if _counts(one) and (at / one).as_posix() not in but]
            for one in files:
                if _counts(one) and stat.S_ISREG((root / at / one).lstat().st_mode):
                    yield (at / one).as_posix()


def _counts(name: str) -> bool:
    return not (name.startswith(".") or name == "__pycache__" or name.endswith(".egg-info"))


def _raise(error: OSError) -> None:
    raise error
