"""Repairs that the owner of a home asks for: a file each in `HOME/autonomy/wanted`, which services may read and no more.

The records would be no place for it: whoever may write one of their tables may write all, and could have the healer restart
what it likes. What is in the folder was put there by the owner's command, which waits for what comes of it and takes the file
away. The healer leaves the file alone: by a repair of its id in the records it knows that it has seen to it.
"""

import os
import stat
from pathlib import Path

import orjson

from council.domain import home, repairs
from council.kit import durable, plain

# More than anybody waits for at once.
FILES_MAX = 20
_BYTES_MAX = 16 * 1024
_ENDING = ".json"


def put(where: home.Home, wanted: repairs.Repair) -> None:
    """Ask for a repair; on disk when this returns. Raises OSError."""
    assert wanted.outcome is repairs.Outcome.WANTED
    where.wanted_repairs.mkdir(mode=0o755, exist_ok=True)
    file = where.wanted_repairs / f"{wanted.id}{_ENDING}"
    durable.write_whole(file, orjson.dumps(wanted), 0o644)
    # Services of other users read it, whatever the umask of who writes it.
    where.wanted_repairs.chmod(0o755)
    file.chmod(0o644)


def take_back(where: home.Home, identifier: str) -> None:
    """Ask no more. Idempotent. Raises OSError."""
    (where.wanted_repairs / f"{identifier}{_ENDING}").unlink(missing_ok=True)


def standing(where: home.Home, now_us: int) -> list[repairs.Repair]:
    """Return what is asked for, the newest `FILES_MAX`; what cannot be read, or is long past, is passed over."""
    try:
        names = sorted(one.name for one in where.wanted_repairs.iterdir() if one.name.endswith(_ENDING))
    except OSError:
        return []
    found = (_read(where.wanted_repairs / name) for name in names[-FILES_MAX:])
    # Until it has failed for want of time, and a little longer: a clock that was set back must not bring up what is over.
    oldest_us = now_us - round(2 * repairs.WANTED_S * 1e6)
    return [one for one in found if one is not None and one.began_us >= oldest_us]


def _read(file: Path) -> repairs.Repair | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        made = plain.made(repairs.Repair, orjson.loads(os.read(descriptor, _BYTES_MAX)))
    except (OSError, ValueError):
        return None
    finally:
        os.close(descriptor)
    # It is nothing but a wish, and has the name under which it will be known.
    is_wish = made.outcome is repairs.Outcome.WANTED and not (made.acted_us or made.ended_us)
    return made if is_wish and file.name == f"{made.id}{_ENDING}" else None
