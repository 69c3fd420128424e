"""The live generation as a folder, by the pointer that says which it is."""

from collections.abc import Mapping
from pathlib import Path

from council.domain import authz, errors, inputs, providers

_FILES = (inputs.SETTINGS, providers.FILE, authz.FILE)
_BYTES_MAX = 1024 * 1024


class FolderBlueprint:
    """Implements dashboard_ports.Blueprint."""

    def __init__(self, current: Path):
        self._current = current

    def look(self) -> tuple[str, Mapping[str, bytes]]:
        """Return the commit, and those of the settings files that there are. Raises BlueprintError."""
        try:
            # Once, so that all files are of one generation.
            folder = self._current.resolve(strict=True)
            found = {name: _read(folder / name) for name in _FILES if (folder / name).is_file()}
        except OSError as error:
            raise errors.BlueprintError(
                "The live generation cannot be read. `council doctor` says more.", detail=str(error)
            ) from error
        return folder.name, found


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(_BYTES_MAX + 1)
    if len(raw) > _BYTES_MAX:
        raise errors.BlueprintError(f"`{path.name}` is over {_BYTES_MAX} bytes. Make it smaller.")
    return raw
