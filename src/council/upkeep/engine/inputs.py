"""Reads what tells the files of a generation apart, as `domain.inputs` wants it."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from council.domain import errors, inputs
from council.kit import beneath
from council.upkeep.engine import repository

# Returns every setting by the text of `inputs.SETTINGS`. Raises ConfigError.
Parse = Callable[[bytes], Mapping[str, Any]]


def read(generation: Path, parse: Parse) -> dict[str, str]:
    """Return each path of a generation's folder with the SHA-256 of its content, marked where it may be executed.

    The settings are there one by one, see `inputs.parted`; where they cannot be parsed, as the file that they are.
    Raises BlueprintError.
    """
    found: dict[str, str] = {}
    try:
        with beneath.held(generation) as folder:
            for path in folder.listing(repository.ENTRIES_MAX).files:
                plain = folder.read(path, repository.FILE_BYTES_MAX)
                settings = _settings(plain.content, parse) if path == inputs.SETTINGS else None
                whole = {path: hashlib.sha256(plain.content).hexdigest() + ("x" if plain.executable else "")}
                found |= whole if settings is None else settings
    except (OSError, beneath.NotPlainError) as error:
        raise errors.BlueprintError(
            f"The files of generation {generation.name[:8]} cannot be told apart: {error}. Move its folder away and run "
            "`council init`, which writes the live one anew."
        ) from error
    return found


def _settings(content: bytes, parse: Parse) -> dict[str, str] | None:
    try:
        return inputs.parted(parse(content))
    except errors.ConfigError:
        return None
