"""A home out of a snapshot: all of it elsewhere first, checked, and then in its place by one renaming.

It works in a folder of its own beside the place, `.NAME.restoring-` and some letters, and removes no other. A restore that is
killed leaves that, with nothing in it that a Council would take for a home.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from council import care_ports
from council.backups import copying, facts
from council.domain import backup, errors, home
from council.kit import durable
from council.upkeep.engine import blueprint

_CONTENT = "content"
Tell = Callable[[str], None]
Count = Callable[[Path], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Restored:
    """A home that was made of a snapshot."""

    snapshot: backup.Snapshot
    manifest: backup.Manifest


def chosen(snapshots: list[backup.Snapshot], wanted: str) -> backup.Snapshot:
    """Return the snapshot of this id, or of an id that begins so; the newest for `latest`. Raises BackupError."""
    homes = sorted({one.home for one in snapshots})
    if wanted == "latest" and len(homes) > 1:
        raise errors.BackupError(
            f"There are snapshots of {len(homes)} homes here, {', '.join(homes)[:300]}. Name one of their snapshots with "
            "`--snapshot`: `council backup list` shows them.",
            reason=backup.Reason.NONE,
        )
    found = snapshots[:1] if wanted == "latest" else [one for one in snapshots if wanted and one.id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    why = "There is no snapshot yet" if not snapshots else f"{wanted[:80]!r} names {len(found)} snapshots"
    raise errors.BackupError(f"{why}. `council backup list` shows those that there are.", reason=backup.Reason.NONE)


def restore(
    vault: care_ports.Vault, wanted: str, to: Path, count: Count, tell: Tell, fill: Callable[[Path], None] | None = None
) -> Restored:
    """Make the home `to` of a snapshot; it must not be there, or be empty. Raises BackupError, BackupUnavailableError.

    `fill` puts the records into a server, of a file; without it the home has them in its own database.
    """
    check_place(to)
    one = chosen(vault.snapshots(), wanted)
    with beside(to) as partial:
        content = partial / _CONTENT
        with copying.told(home.Home(to)):
            content.mkdir(mode=0o700)
        tell(f"restores snapshot {one.id}")
        manifest = unpack(vault, one.id, content, count)
        if fill is not None:
            tell("puts the records into the database")
            fill(content / "records" / "council.db")
            # Two that could go on by themselves would part.
            (content / "records" / "council.db").rename(content / "records" / "council.db.restored")
        with copying.told(home.Home(to)):
            # All of it, before it has the name by which it counts.
            os.sync()
            content.rename(to)
            durable.sync_folder(to.parent)
    return Restored(one, manifest)


@contextlib.contextmanager
def beside(to: Path) -> Iterator[Path]:
    """Have a new folder beside `to` for as long as the context lasts. Raises BackupError."""
    with copying.told(home.Home(to)):
        to.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{to.name}.restoring-", dir=to.parent))
    try:
        yield made
    finally:
        copying.remove(made)


def check_place(to: Path) -> None:
    """Raise BackupError where a home would be put over something."""
    try:
        is_free = not os.path.lexists(to) or (to.is_dir() and not to.is_symlink() and not any(to.iterdir()))
    except OSError as error:
        raise errors.BackupError(
            f"{to} cannot be looked at: {error.strerror}. Give another place.", reason=backup.Reason.NOT_EMPTY
        ) from error
    if not is_free:
        raise errors.BackupError(
            f"There is something at {to}, and a snapshot is put over nothing. Move that away, or give another place.",
            reason=backup.Reason.NOT_EMPTY,
        )


def unpack(vault: care_ports.Vault, identifier: str, folder: Path, count: Count) -> backup.Manifest:
    """Make a checked home of a snapshot in an empty folder; return what the snapshot says of itself. Raises BackupError."""
    vault.restore(identifier, folder)
    manifest = facts.read(folder)
    facts.check_files(folder, manifest)
    where = home.Home(folder)
    try:
        counts = count(folder / "records" / "council.db")
        blueprint.materialise(where, manifest.generation)
        blueprint.switch(where, manifest.generation)
    except (errors.RecordsUnavailableError, errors.BlueprintError) as error:
        raise errors.BackupError(
            f"The snapshot does not hold a whole home: {error.message} Restore another: `council backup list` shows them.",
            reason=backup.Reason.DAMAGED,
            detail=error.detail,
        ) from error
    except OSError:
        with copying.told(where):
            raise
    facts.check_home(where, counts, manifest)
    _close_to_others(folder)
    return manifest


def _close_to_others(folder: Path) -> None:
    """Have folders be their owner's alone, but for the library and what is paused, as `council init` makes them."""
    for path in (folder, *folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755 if path.name in ("library", "autonomy") else 0o700)
    token = folder / "token"
    if token.exists():
        token.chmod(stat.S_IMODE(token.stat().st_mode) & 0o600)
