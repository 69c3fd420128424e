"""The kill switch: a file, so that it outlives restarts and holds for every front on the folder. So does a broken wall."""

import contextlib
import os
from pathlib import Path

import orjson

from council.domain import errors
from council.kit import durable
from council.serving.sandbox import files

NAME = "stopped.json"
UNREADABLE = "unknown: the switch's file cannot be read"

_BYTES_MAX = 4096


class KillSwitch:
    """Thrown while its file is there, whatever stands in it: what cannot be read has stopped everything too."""

    def __init__(self, folder: Path, name: str = NAME):
        self._path = folder / name
        self._unsaved_by = ""

    def stopped_by(self) -> str:
        """Return who threw it, and nothing while it is not thrown."""
        if self._unsaved_by:
            return self._unsaved_by
        try:
            with self._path.open("rb") as file:
                content = file.read(_BYTES_MAX)
        except FileNotFoundError:
            return ""
        except OSError:
            return UNREADABLE
        try:
            return str(orjson.loads(content)["by"]) or UNREADABLE
        except (ValueError, TypeError, KeyError):
            return UNREADABLE

    def reason(self) -> str:
        """Return why it was thrown, and nothing where nobody said or the file does not tell."""
        try:
            with self._path.open("rb") as file:
                return str(orjson.loads(file.read(_BYTES_MAX)).get("reason", ""))
        except (OSError, ValueError, AttributeError):
            return ""

    def throw(self, caller: str) -> None:
        """Stop this process at once, and others by an empty file, which needs no space on a full disk. Then `save`."""
        self._unsaved_by = caller or UNREADABLE
        with contextlib.suppress(OSError):
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def save(self, caller: str, at_us: int, reason: str = "") -> None:
        """Bring it to disk. Raises SandboxUnavailableError when it cannot; then this process is stopped all the same."""
        new = self._path.with_suffix(".new")
        try:
            files.save(new, orjson.dumps({"by": caller, "at_us": at_us, "reason": reason}))
            new.replace(self._path)
            durable.sync_folder(self._path.parent)
        except OSError as error:
            raise errors.SandboxUnavailableError(
                "The sandbox is stopped, but that could not be saved. Free some space on the disk, then stop it again.",
                detail=str(error),
            ) from error
        self._unsaved_by = ""

    def lift(self) -> None:
        """Let jobs run again; idempotent. Raises SandboxUnavailableError when the file cannot be removed."""
        try:
            self._path.unlink(missing_ok=True)
            durable.sync_folder(self._path.parent)
        except OSError as error:
            raise errors.SandboxUnavailableError(
                "The kill switch's file cannot be removed. Mend the rights of its folder, then lift it again.",
                detail=str(error),
            ) from error
        self._unsaved_by = ""
