"""The settings with which a generation was made, where its `council.yaml` on disk cannot be read any more.

A generation has the name of its commit, and its files never change: a `council.yaml` that is not what the commit holds was
damaged past Council. What the commit holds is checked against git's name of it. By it those go on who only look at what
happened (`config_of`), and it may be put back (`put_back`). Settings that can be read are left alone, whatever the commit says.
"""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from council import homes
from council.domain import config as config_module
from council.domain import errors, home
from council.kit import beneath, durable
from council.upkeep.engine import blueprint, repository

FILE = homes.CONFIG_FILE
# Damaged files that are kept, the oldest removed.
KEPT_MAX = 20
_PARTIAL = f".{FILE}.partial"


def fault(where: home.Home, generation: str, environment: Mapping[str, str]) -> str:
    """Return what is wrong with the settings of a generation on disk, "" where nothing is."""
    try:
        homes.load_config(where, generation, environment, {})
    except errors.ConfigError as error:
        return error.message
    return ""


def config_of(
    where: home.Home,
    generation: str | None,
    environment: Mapping[str, str],
    flags: Mapping[str, Any],
    *,
    defaults: bool = True,
) -> tuple[config_module.Config, str]:
    """Return the settings of a generation, the live one if None, and "", or what is wrong with its file and what it goes by.

    Of a damaged file those that the commit holds, or else, where `defaults` says so, the default ones. Raises ConfigError where
    it is not the file that is wrong, BlueprintError.
    """
    try:
        return homes.load_config(where, generation, environment, flags), ""
    except errors.ConfigError as error:
        wrong, made = error, generation or blueprint.current(where)
        if isinstance(error.__cause__, PermissionError) or not fault(where, made, {}):
            raise
    found = {f"the settings that generation {made[:8]} was made with": _content(where, made)}
    if defaults:
        found["the default settings"] = b""
    for told, content in found.items():
        with contextlib.suppress(errors.ConfigError):
            if content is not None:
                return config_module.build(homes.parse_yaml(content, FILE), environment, flags), _went(wrong, told)
    raise wrong


def _went(wrong: errors.ConfigError, told: str) -> str:
    return f"{wrong.message} This goes by {told} meanwhile."


def put_back(where: home.Home, environment: Mapping[str, str], generation: str | None = None) -> str:
    """Put back the settings with which a generation was made, the live one if None; return what was done, "" where they are as
    they were made.

    What lay there is kept under `damaged`. Raises InvalidRequestError for settings that can be read, BlueprintError.
    """
    with blueprint.locked(where):
        live = generation or blueprint.current(where)
        good = _content(where, live)
        damaged = _damaged(where, live)
        if good is not None and damaged == good:
            return ""
        if not fault(where, live, environment):
            raise errors.InvalidRequestError(
                f"`{FILE}` of generation {live[:8]} can be read, so it is left as it is. Change it by a patch, or with "
                "`council config set`."
            )
        if good is None or _is_bad(good, environment):
            raise errors.BlueprintError(
                f"What generation {live[:8]} was made with cannot be read from {where.blueprint} either. "
                "Put a copy of that folder in its place, and try again."
            )
        kept = _kept_aside(where, live, damaged)
        _write(where.generations / live, good)
    told = f"`{FILE}` of generation {live[:8]} is again as it was made"
    return f"{told}; what lay there is {kept.relative_to(where.root)}" if kept else f"{told}; it was missing"


def _content(where: home.Home, made: str) -> bytes | None:
    """Return what the commit holds, None where it cannot be read, or is not what git's name of it says."""
    try:
        entry = next((one for one in repository.entries(where, made) if one.path == FILE), None)
        if entry is None:
            return None
        content = next(repository.contents(where, [entry]))
    except errors.BlueprintError:
        return None
    return content if repository.blob_name(content, made) == entry.digest else None


def _is_bad(content: bytes, environment: Mapping[str, str]) -> bool:
    try:
        config_module.build(homes.parse_yaml(content, FILE), environment, {})
    except errors.ConfigError:
        return True
    return False


def _damaged(where: home.Home, live: str) -> bytes | None:
    """Return what lies in the place of the settings, None for nothing. Raises BlueprintError for what is no plain file."""
    try:
        with beneath.held(where.generations / live) as folder:
            return folder.read(FILE, repository.FILE_BYTES_MAX).content
    except FileNotFoundError:
        return None
    except beneath.NotPlainError as error:
        raise errors.BlueprintError(
            f"In generation {live[:8]} {error}. Find out who put it there, and take it away."
        ) from error


def _kept_aside(where: home.Home, live: str, damaged: bytes | None) -> Path | None:
    """Keep what lay there for whoever wants to know what happened; return where."""
    if damaged is None:
        return None
    folder = where.lineage / "damaged"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{live[:8]}-{hashlib.sha256(damaged).hexdigest()[:12]}-{FILE}"
    durable.write_among_others(file, damaged, 0o600)
    for old in sorted(folder.glob(f"*-{FILE}"), key=lambda one: one.stat().st_mtime)[:-KEPT_MAX]:
        old.unlink(missing_ok=True)
    return file


def _write(generation: Path, content: bytes) -> None:
    """Put the file in its place, whole or not at all, for whoever may read its folder."""
    with beneath.held(generation) as folder:
        status = os.fstat(folder.descriptor)
        # As `supervisor/files.py` gives generations to the services' users.
        mode = blueprint.mode_of(executable=False) | (0o040 if status.st_mode & stat.S_IRGRP else 0)
        folder.remove(_PARTIAL)
        folder.write(_PARTIAL, content, mode)
        try:
            os.chown(_PARTIAL, status.st_uid, status.st_gid, dir_fd=folder.descriptor, follow_symlinks=False)
        except PermissionError:
            raise OSError(errno.EPERM, "the settings cannot be given to whoever reads the generation") from None
        folder.rename(_PARTIAL, FILE)
        folder.sync()
