"""Carries out what undoes a fault, and keeps the note of it: whoever put it in, its guard, or the next start of Council."""

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import resource
import shutil
import signal
import time
import urllib.request
from pathlib import Path
from typing import assert_never

from council import app, homes
from council.domain import errors
from council.domain import home as home_module
from council.kit import durable, process
from council.upkeep.chaos import stand_ins, undoing

_log = logging.getLogger(__name__)

_FILE = "pending.json"
_BYTES_MAX = 256 * 1024
_UPSTREAM_S = 3.0


class Note:
    """What is in now, on disk before it is in. One at a time: a second fault is refused."""

    def __init__(self, where: home_module.Home, fault: str, service: str, until_s: float):
        """Raises UnavailableError where another fault is in."""
        self._where = where
        ours = process.stat(os.getpid())
        assert ours is not None
        self.pending = undoing.Pending(fault, service, until_s, process.boot_id(), ours.pid, ours.start_ticks)
        path = where.chaos / _FILE
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError as error:
            raise errors.UnavailableError(
                "Another fault is in, or was left by a command that was killed. `council chaos undo` takes it out."
            ) from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(undoing.encoded(self.pending))

    def add(self, step: undoing.Step) -> None:
        """Write down what undoes the next thing that is done."""
        self._write(dataclasses.replace(self.pending, steps=(step, *self.pending.steps)))

    def last(self, until_s: float) -> None:
        """Let it be in until then, once it is in: what brings it in may take longer than it lasts."""
        self._write(dataclasses.replace(self.pending, until_s=until_s))

    def _write(self, pending: undoing.Pending) -> None:
        self.pending = pending
        durable.write_whole(self._where.chaos / _FILE, undoing.encoded(self.pending), 0o600)

    def close(self) -> list[str]:
        """Undo everything and forget it; return what could not be undone."""
        return _carry_out(self._where, self.pending)


def until_s(where: home_module.Home) -> float | None:
    """Return when what is in is due to be undone, epoch seconds, None where nothing is in."""
    try:
        return _read(where).until_s
    except FileNotFoundError:
        return None
    except errors.SetupError:
        return 0.0


def is_minded(where: home_module.Home) -> bool:
    """Return whether a command that is alive looks after what is in: one that has killed everything waits for our start."""
    try:
        return (pending := _read(where)).boot_id == process.boot_id() and is_alive(pending.pid, pending.start_ticks)
    except (FileNotFoundError, errors.SetupError):
        return False


def left(where: home_module.Home) -> list[str]:
    """Undo what somebody left in; return the fault, then what could not be undone, nothing where nothing was in."""
    try:
        pending = _read(where)
    except FileNotFoundError:
        return []
    return [pending.fault, *_carry_out(where, pending)]


def _read(where: home_module.Home) -> undoing.Pending:
    with (where.chaos / _FILE).open("rb") as file:
        return undoing.decoded(file.read(_BYTES_MAX))


def _carry_out(where: home_module.Home, pending: undoing.Pending) -> list[str]:
    """Undo each step, however the others fare; the note goes last, so that nothing is forgotten."""
    failed = []
    for step in pending.steps:
        try:
            _undo(where, step, same_boot=pending.boot_id == process.boot_id())
        except (OSError, ValueError, errors.CouncilError) as error:
            _log.error("a step of a fault could not be undone", extra={"step": str(step), "reason": str(error)})
            failed.append(f"{type(step).__name__.lower()}: {error}")
    (where.chaos / stand_ins.FILE).unlink(missing_ok=True)
    (where.chaos / _FILE).unlink(missing_ok=True)
    return failed


def _undo(where: home_module.Home, step: undoing.Step, *, same_boot: bool) -> None:
    match step:
        case undoing.Resume(pid, ticks):
            _signal(pid, ticks, signal.SIGCONT, same_boot=same_boot)
        case undoing.End(pid, ticks):
            _signal(pid, ticks, signal.SIGKILL, same_boot=same_boot)
        case undoing.Limit(pid, ticks, number, soft, hard):
            if same_boot and is_alive(pid, ticks):
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(pid, number, (soft, hard))
        case undoing.Remove(path):
            inside(where, path).unlink(missing_ok=True)
        case undoing.RemoveDamaged(path, size_bytes, digest):
            if head_digest(inside(where, path), size_bytes) == digest:
                inside(where, path).unlink(missing_ok=True)
        case undoing.Restore(path, copy):
            _restore(inside(where, path), inside(where, copy))
        case undoing.Cut(path, size_bytes, appended):
            _cut(inside(where, path), size_bytes, appended.encode())
        case undoing.Behave(url, key):
            behave(url, key, {})
        case undoing.Revoke(token_id):
            _revoke(where, token_id)
        case _:
            assert_never(step)


def is_alive(pid: int, start_ticks: int) -> bool:
    """Return whether a pid is still that process."""
    found = process.stat(pid)
    return found is not None and found.start_ticks == start_ticks


def _signal(pid: int, ticks: int, number: signal.Signals, *, same_boot: bool) -> None:
    if same_boot and is_alive(pid, ticks):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def inside(where: home_module.Home, path: str) -> Path:
    """Return a path in the home. Raises ValueError for one that leads out of it."""
    found = where.root / path
    if ".." in Path(path).parts or Path(path).is_absolute():
        raise ValueError(f"{path} leads out of the home")
    return found


def head_digest(path: Path, size_bytes: int) -> str:
    """Return the SHA-256 of a file's first bytes, "" where there is no file."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(size_bytes)).hexdigest()
    except FileNotFoundError:
        return ""


def _restore(path: Path, copy: Path) -> None:
    if not copy.exists():
        return
    mode = path.stat().st_mode if path.exists() else None
    if mode is not None:
        path.chmod(mode | 0o200)
    # Into the file that is there, which keeps its owner.
    shutil.copyfile(copy, path)
    if mode is not None:
        path.chmod(mode)
    copy.unlink()


def _cut(path: Path, size_bytes: int, appended: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(size_bytes)
        if file.read(len(appended) + 1) == appended:
            file.truncate(size_bytes)


def behave(url: str, key: str, models: dict[str, str]) -> None:
    """Have the scripted upstream's models behave so, the others well. Raises OSError."""
    body = json.dumps({"models": models}).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{url}/_script", body, headers, method="PUT")  # noqa: S310 - loopback, ours
    with urllib.request.urlopen(request, timeout=_UPSTREAM_S):  # noqa: S310
        pass


def _revoke(where: home_module.Home, token_id: str) -> None:
    config = homes.load_config(where, None, os.environ, {})
    records = app.records(config, where)
    try:
        records.revoke_token(token_id, time.time_ns() // 1_000)
    finally:
        records.close()
