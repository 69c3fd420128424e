"""Reads what tells the files of a generation apart, as `domain.inputs` wants it."""

import hashlib
from pathlib import Path

from council.domain import errors
from council.kit import beneath
from council.upkeep.engine import repository


def read(generation: Path) -> dict[str, str]:
    """Return each path of a generation's folder with the SHA-256 of its content, marked where it may be executed.

    Raises BlueprintError.
    """
    found: dict[str, str] = {}
    try:
        with beneath.held(generation) as folder:
            for path in folder.listing(repository.ENTRIES_MAX).files:
                plain = folder.read(path, repository.FILE_BYTES_MAX)
                found[path] = hashlib.sha256(plain.content).hexdigest() + ("x" if plain.executable else "")
    except (OSError, beneath.NotPlainError) as error:
        raise errors.BlueprintError(
            f"The files of generation {generation.name[:8]} cannot be told apart: {error}. Move its folder away and run "
            "`council init`, which writes the live one anew."
        ) from error
    return found
