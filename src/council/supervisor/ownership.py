"""What makes a supervisor the only one of its home, and able to clear up after one that was killed.

In `<home>/run`: `supervisor.lock` (flock, holds the pid), `children.json` (who was started), `targets.json` (whom
Prometheus asks), `regime.json` (which regime of users holds). All of them are gone when nothing runs.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from council.domain import errors
from council.domain import home as home_module
from council.kit import process
from council.supervisor import users

_log = logging.getLogger(__name__)

_CHILDREN_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Lock:
    """A held lock; it is lost with the process, however that ends."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Let the next supervisor have the home."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def lock(home: home_module.Home) -> Lock:
    """Take the home's lock. Raises SetupError if a supervisor holds it."""
    home.run.mkdir(parents=True, exist_ok=True)
    path = home.run / "supervisor.lock"
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise errors.SetupError(
                f"Council already runs in {home.root} (supervisor pid {holder or 'unknown'}). "
                "`council status` shows it, `council down` stops it."
            ) from None
        # A holder that let go in between has also unlinked this file, and the next one would lock a new one.
        if _is_same_file(descriptor, path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            return Lock(path, descriptor)
        os.close(descriptor)


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def note_children(home: home_module.Home, children: Iterable[tuple[str, int, int]]) -> None:
    """Write down the live children as (service, pid, start ticks). A full disk is logged and otherwise ignored."""
    entries = [{"service": name, "pid": pid, "start_ticks": ticks} for name, pid, ticks in children]
    _write(home.run / "children.json", {"boot_id": process.boot_id(), "children": entries})


def note_targets(home: home_module.Home, targets: Sequence[Mapping[str, Any]]) -> None:
    """Write Prometheus' file_sd list."""
    _write(home.targets_file, list(targets))


def note_regime(home: home_module.Home, regime: users.Regime) -> None:
    """Write down which regime holds while we run."""
    _write(home.run / "regime.json", {"name": regime.name, "reason": regime.reason})


def noted_regime(home: home_module.Home) -> users.Regime | None:
    """Return the regime of the running supervisor, without its users; None if nothing runs or it cannot be read."""
    try:
        noted = json.loads((home.run / "regime.json").read_text())
        name = noted["name"]
        return users.Regime(name, str(noted["reason"])) if name in ("users", "landlock") else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, value: Any) -> None:
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(json.dumps(value))
        temporary.chmod(0o600)
        temporary.replace(path)
    except OSError:
        # Only what clears up after a kill, or what monitoring reads, is stale; serving goes on.
        _log.warning("cannot write", exc_info=True, extra={"path": str(path)})


def end_leftovers(home: home_module.Home, wait_s: float) -> list[int]:
    """End what a killed supervisor left running; return the pids. Blocks at most `wait_s` and a few seconds."""
    identities = [(pid, ticks) for _, pid, ticks in noted_children(home)]
    return process.end_all(identities, wait_s)


def noted_children(home: home_module.Home) -> list[tuple[str, int, int]]:
    """Return who was started as (service, pid, start ticks), nothing of another boot or where it cannot be read."""
    path = home.run / "children.json"
    try:
        if path.stat().st_size > _CHILDREN_BYTES_MAX:
            return []
        noted = json.loads(path.read_text())
        # Start times count from the boot, so those of another boot mean nothing.
        if noted["boot_id"] != process.boot_id():
            return []
        return [(str(one["service"]), int(one["pid"]), int(one["start_ticks"])) for one in noted["children"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        _log.warning("the list of children is damaged and not used", extra={"path": str(path)})
        return []


def forget(home: home_module.Home) -> None:
    """Remove the notes of a supervisor that has stopped everything."""
    for name in ("children.json", "targets.json", "regime.json"):
        (home.run / name).unlink(missing_ok=True)
