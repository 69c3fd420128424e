"""A home with a live generation, a patch for it, and what a look at them shows."""

import hashlib
import stat
from pathlib import Path

from council.domain import home, patches
from council.upkeep.engine import blueprint, staging

FILES = {
    "council.yaml": b"port: 8000\n",
    "prompts/general.md": b"Be brief.\n",
    "prompts/code.md": b"Be exact.\n",
    "knowledge/deep/er/about.md": b"About.\n",
}
AT_S = 1_800_000_000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def begin(root: Path) -> home.Home:
    """Make a home whose live generation holds FILES."""
    where = home.Home(root)
    blueprint.commit(where, FILES, "Start")
    return where


def put(path: str, content: bytes, before: bytes | None = None, executable: bool = False) -> patches.Change:
    mode = patches.Mode.EXECUTABLE if executable else patches.Mode.PLAIN
    return patches.Change(path, patches.Action.PUT, content, None if before is None else sha256(before), mode)


def drop(path: str, before: bytes | None) -> patches.Change:
    return patches.Change(path, patches.Action.DELETE, None, None if before is None else sha256(before))


def patch(base: str, *made: patches.Change, number: int = 0) -> staging.Patch:
    return staging.Patch(b'{"number":%d}' % number, b"signature", base, "Be polite", AT_S, made)


def usual(base: str) -> staging.Patch:
    """Return a patch that changes, adds and removes."""
    return patch(
        base,
        put("prompts/general.md", b"Be polite.\n", FILES["prompts/general.md"]),
        put("guidebook/new/page.md", b"New.\n"),
        drop("knowledge/deep/er/about.md", FILES["knowledge/deep/er/about.md"]),
    )


AFTER = {
    "council.yaml": FILES["council.yaml"],
    "prompts/general.md": b"Be polite.\n",
    "prompts/code.md": FILES["prompts/code.md"],
    "guidebook/new/page.md": b"New.\n",
    ".council/patch.json": b'{"number":0}',
    ".council/patch.sig": b"signature",
}


def tree(folder: Path) -> dict[str, bytes]:
    """Return path to content of the plain files of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def look(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return path to mode, number of names, and content or target, of all that a folder holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = b""
        if stat.S_ISLNK(status.st_mode):
            content = str(path.readlink()).encode()
        elif stat.S_ISREG(status.st_mode):
            content = path.read_bytes()
        links = 0 if stat.S_ISDIR(status.st_mode) else status.st_nlink
        found[str(path.relative_to(folder))] = (status.st_mode, links, content)
    return found


def generations(where: home.Home) -> set[str]:
    return {path.name for path in where.generations.iterdir()}
