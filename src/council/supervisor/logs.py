"""Keeps the log files from growing for ever, without those who write them knowing."""

import logging
import os
from pathlib import Path

from council.domain import home as home_module

_log = logging.getLogger(__name__)

_BLOCK_BYTES = 1024 * 1024
_LAST_LINE_BYTES = 4096
# What the command prints before the reason, see `cli.main`.
_MARK = "council: "


def own(home: home_module.Home) -> Path:
    """Return where a supervisor in the background writes."""
    return home.logs / "supervisor.log"


def turn_over(path: Path, bytes_max: int) -> bool:
    """If the file is over `bytes_max`, keep its last `bytes_max` bytes as `.1` and empty it.

    Children keep their descriptor and append at the new end. What they write between the copy and the cut is lost; that
    is the price of not needing their help. Returns whether the file was turned over; a full disk is logged.
    """
    try:
        size = path.stat().st_size
        if size <= bytes_max:
            return False
        older = path.with_name(path.name + ".1")
        with path.open("rb") as source, older.open("wb") as target:
            older.chmod(0o600)
            source.seek(size - bytes_max)
            missing = bytes_max
            while missing and (block := source.read(min(missing, _BLOCK_BYTES))):
                target.write(block)
                missing -= len(block)
    except FileNotFoundError:
        return False
    except OSError:
        # Emptied all the same below: on a full disk it is the log that must give way.
        _log.warning("an older log could not be kept", exc_info=True, extra={"path": str(path)})
    os.truncate(path, 0)
    return True


def last_error(path: Path, chars_max: int) -> str:
    """Return the error with which a process ended, from the last line of its log; "" where it ended otherwise."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LAST_LINE_BYTES))
            lines = file.read(_LAST_LINE_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return ""
    last = lines[-1] if lines else ""
    return last.removeprefix(_MARK)[:chars_max] if last.startswith(_MARK) else ""
