"""What a copy of a home must be: written into it when it was made, and held against what comes out of a repository.

The repository says that it gives back what it was given. This says that what it was given is a home: records that open with as
many rows, a journal whose chain and checkpoints hold and which has all that git knows of, and a generation whose files are
those that were live.
"""

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

import council
from council.backups import copying
from council.domain import backup, errors, home
from council.kit import plain
from council.patching import anchoring, situation
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl import journal_key, lineage

# In the copy's folder, and later in the home that was made of it.
FILE = "snapshot.json"
_BYTES_MAX = 256 * 1024 * 1024
_CHUNK_BYTES = 1 << 20


def write(
    copy: copying.Copy, where: home.Home, counts: Mapping[str, int], at_s: float, sources: tuple[str, str]
) -> backup.Manifest:
    """Say in the copy's folder what it holds; return that. `sources` are of what kinds records and store were."""
    head = situation.entries(home.Home(copy.folder))
    with copying.told(where):
        made = backup.Manifest(
            form=backup.FORM,
            version=council.__version__,
            at_s=at_s,
            generation=copy.generation,
            tree_sha256=tree_sha256(where.generations / copy.generation),
            lineage_seq=head[-1].point.seq if head else 0,
            lineage_digest=head[-1].point.digest if head else "",
            records_from=sources[0],
            store_from=sources[1],
            counts=dict(counts),
            files=files_of(copy.folder),
            left_out=tuple(copy.left_out),
        )
        (copy.folder / FILE).write_bytes(orjson.dumps(made))
    return made


def read(folder: Path) -> backup.Manifest:
    """Return what a restored copy says that it holds. Raises BackupError."""
    try:
        with (folder / FILE).open("rb") as opened:
            told: Any = orjson.loads(opened.read(_BYTES_MAX))
        if told["form"] != backup.FORM:
            raise _wrong(
                f"it is of form {str(told['form'])[:20]}, and this release knows form {backup.FORM}: use a newer release"
            )
        return plain.made(backup.Manifest, told)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _wrong(f"it does not say what it holds ({error})") from error


def files_of(folder: Path) -> dict[str, backup.File]:
    """Return every file beneath a folder but the one that says it. Raises OSError."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name != FILE and path.is_file() and not path.is_symlink():
            status = path.stat()
            found[name] = backup.File(status.st_size, _sha256(path), stat.S_IMODE(status.st_mode) & 0o777)
    return found


def tree_sha256(folder: Path) -> str:
    """Return a digest of the files of a generation: paths, contents, and which may be executed. Raises OSError."""
    lines = (
        f"{path.relative_to(folder).as_posix()}\0{bool(path.stat().st_mode & 0o100):d}\0{_sha256(path)}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def check_files(folder: Path, wanted: backup.Manifest) -> None:
    """Return if a restored copy has exactly the files that it must. Raises BackupError."""
    with copying.told(home.Home(folder)):
        found = files_of(folder)
        strays = [one for one in folder.rglob("*") if one.is_symlink() or not (one.is_file() or one.is_dir())]
    if strays:
        raise _wrong(f"{strays[0].relative_to(folder).as_posix()[:200]} is no plain file, and none else was copied")
    if found == wanted.files:
        return
    changed = sorted(name for name in found.keys() | wanted.files.keys() if found.get(name) != wanted.files.get(name))
    raise _wrong(f"{len(changed)} files are not what was copied, {changed[0][:200]} first")


def check_home(where: home.Home, counts: Mapping[str, int], wanted: backup.Manifest) -> None:
    """Return if a home that was made of a copy is as the one that was copied; its generation is on disk. Raises BackupError.

    `counts` are of its records, which have been found sound.
    """
    if dict(counts) != dict(wanted.counts):
        raise _wrong(f"the records hold {dict(counts)}, and held {dict(wanted.counts)}")
    try:
        if blueprint.current(where) != wanted.generation:
            raise _wrong("another generation is live than was")
        if tree_sha256(where.generations / wanted.generation) != wanted.tree_sha256:
            raise _wrong(f"generation {wanted.generation[:8]} is not what was live")
        _check_journal(where, wanted)
        _check_store(where, wanted)
    except OSError as error:
        raise _wrong(f"it cannot be read ({error})") from error


def _check_journal(where: home.Home, wanted: backup.Manifest) -> None:
    try:
        entries = situation.entries(where)
        check = journal_key.checker(where.journal_certificate_file, where.journal_key_file)
        told = repository.anchored(where)
        points = {anchoring.GIT: lineage.point_of(told)} if told is not None else {}
        problems = lineage.look(entries, check, points).problems
    except (errors.BlueprintError, errors.SetupError, errors.ConfigError, ValueError) as error:
        raise _wrong(f"its journal of patches cannot be read: {error}") from error
    head = (entries[-1].point.seq, entries[-1].point.digest) if entries else (0, "")
    if problems or head != (wanted.lineage_seq, wanted.lineage_digest):
        raise _wrong(
            f"its journal of patches is not what was written: {problems[0] if problems else 'it ends elsewhere'}"
        )


def _check_store(where: home.Home, wanted: backup.Manifest) -> None:
    """Return if every part is there that the store's append-only file names."""
    for manifest in sorted((where.store / "appendonlydir").glob("*.manifest")):
        for line in manifest.read_text().splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "file" and not (manifest.parent / words[1]).is_file():
                raise _wrong(f"the store's file lacks {words[1][:80]!r}")


def _wrong(why: str) -> errors.BackupError:
    return errors.BackupError(
        f"The snapshot does not hold a whole home: {why}. Nothing was put in place. `council backup list` shows the others.",
        reason=backup.Reason.DAMAGED,
    )
