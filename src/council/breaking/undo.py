"""Carries out what undoes a fault, and keeps the note of it: whoever put it in, its guard, or the next start of Council."""

import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import resource
import shutil
import signal
import time
import urllib.request
from collections.abc import Iterator
from typing import assert_never

from council import app, homes
from council.breaking import inside, managers
from council.domain import errors
from council.domain import home as home_module
from council.kit import durable, process
from council.upkeep.chaos import mark, sealed, stand_ins, undoing

_log = logging.getLogger(__name__)

_FILE = "pending.json"
_BYTES_MAX = 256 * 1024
_UPSTREAM_S = 3.0
_START_S, _POLL_S = 60.0, 0.1


class Note:
    """What is in now, on disk before it is in. One at a time: a second fault is refused."""

    def __init__(self, where: home_module.Home, fault: str, service: str, until_s: float):
        """Raises UnavailableError where another fault is in."""
        self._where = where
        ours = process.stat(os.getpid())
        assert ours is not None
        self.pending = undoing.Pending(fault, service, until_s, process.boot_id(), ours.pid, ours.start_ticks)
        first = where.chaos / f"{_FILE}.first"
        durable.write_whole(first, undoing.encoded(self.pending), 0o600)
        try:
            os.link(first, where.chaos / _FILE)
        except FileExistsError as error:
            raise _another() from error
        finally:
            first.unlink(missing_ok=True)

    def add(self, step: undoing.Step) -> None:
        """Write down what undoes the next thing that is done. Raises UnavailableError where the note is another's by now."""
        self._write(dataclasses.replace(self.pending, steps=(step, *self.pending.steps)))

    def last(self, until_s: float) -> None:
        """Let it be in until then, once it is in: what brings it in may take longer than it lasts."""
        later = dataclasses.replace(self.pending, until_s=until_s)
        try:
            self._write(later)
        except OSError as error:
            # Where the fault itself keeps us from writing. The guard goes by the end that is there.
            _log.warning("the end of a fault could not be written down", extra={"reason": str(error)})
            self.pending = later

    def _write(self, pending: undoing.Pending) -> None:
        if not _is_of(self._where, pending):
            raise _another()
        durable.write_whole(self._where.chaos / _FILE, undoing.encoded(pending), 0o600)
        self.pending = pending

    def close(self) -> list[str]:
        """Undo everything and forget it; return what could not be undone, which stays written down."""
        return _carry_out(self._where, self.pending, starts=True)


def _another() -> errors.UnavailableError:
    return errors.UnavailableError(
        "Another fault is in, or was left by a command that was killed. `council chaos undo` takes it out."
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Left:
    """What was left in: the fault, "" where none was; what could not be undone; and why a note was not believed."""

    fault: str = ""
    failed: tuple[str, ...] = ()
    unbelieved: str = ""


@contextlib.contextmanager
def alone(where: home_module.Home) -> Iterator[None]:
    """Be the only command that breaks this home. Raises UnavailableError where another does."""
    with sealed.folder(where.chaos) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise errors.UnavailableError(
                f"Another command breaks the Council in {where.root} now. Wait for its end, or end it with Ctrl-C."
            ) from error
        yield


def until_s(where: home_module.Home) -> float | None:
    """Return when what is in is due to be undone, epoch seconds, None where nothing is in that we believe."""
    found = _believed(where)
    return None if found is None else found.until_s


def is_minded(where: home_module.Home) -> bool:
    """Return whether a command that is alive looks after what is in: one that has killed everything waits for our start."""
    pending = _believed(where)
    return pending is not None and pending.boot_id == process.boot_id() and is_alive(pending.pid, pending.start_ticks)


def left(where: home_module.Home, *, starts: bool = True, unmarks: bool = False) -> Left:
    """Undo what somebody left in. A note that is not believed is set aside, or left where the home is not marked.

    Without `starts` Council is not started again, for who does so anyway; `unmarks` takes the mark away before anything else.
    Raises SetupError where the mark cannot be taken away, and nothing else.
    """
    pending, unbelieved = None, ""
    try:
        pending = _read(where)
    except FileNotFoundError:
        pass
    except errors.ForbiddenError as error:
        unbelieved = f"{error}. Mark it (`council chaos allow`), then `council chaos undo`"
    except (OSError, errors.CouncilError) as error:
        unbelieved = _set_aside(where, str(error))
    if unmarks:
        mark.remove(where.chaos)
    if pending is None:
        return Left(unbelieved=unbelieved)
    return Left(pending.fault, tuple(_carry_out(where, pending, starts=starts)))


def _set_aside(where: home_module.Home, why: str) -> str:
    aside = sealed.set_aside(where.chaos / _FILE)
    return f"{why.rstrip('.')}. " + (f"It is {aside} now" if aside else f"Look at {where.chaos / _FILE}")


def _read(where: home_module.Home) -> undoing.Pending:
    """Return the note. Raises FileNotFoundError, ForbiddenError where the home is not marked, OSError, SetupError."""
    raw = sealed.read(where.chaos / _FILE, _BYTES_MAX)
    if mark.read(where.chaos) is None:
        raise errors.ForbiddenError(f"the home of {where.chaos / _FILE} is not marked")
    return undoing.decoded(raw)


def _believed(where: home_module.Home) -> undoing.Pending | None:
    try:
        return _read(where)
    except (OSError, errors.CouncilError):
        return None


def _is_of(where: home_module.Home, pending: undoing.Pending) -> bool:
    """Return whether the note on disk is of the same fault of the same command, or there is none."""
    try:
        found = undoing.decoded(sealed.read(where.chaos / _FILE, _BYTES_MAX))
    except FileNotFoundError:
        return True
    except (OSError, errors.CouncilError):
        return False
    return (found.fault, found.boot_id, found.pid, found.start_ticks) == (
        *(pending.fault, pending.boot_id, pending.pid, pending.start_ticks),
    )


def _carry_out(where: home_module.Home, pending: undoing.Pending, *, starts: bool) -> list[str]:
    """Undo each step, however the others fare; what failed stays in the note, so that nothing is forgotten."""
    failed, kept = [], []
    for step in pending.steps:
        if isinstance(step, undoing.StartAgain) and not starts:
            continue
        try:
            _undo(where, step, same_boot=pending.boot_id == process.boot_id())
        except (OSError, ValueError, errors.CouncilError) as error:
            _log.error("a step of a fault could not be undone", extra={"step": str(step), "reason": str(error)})
            failed.append(f"{type(step).__name__.lower()}: {error}")
            kept.append(step)
    try:
        _forget(where, pending, kept)
    except OSError as error:
        # It stays as it was; every step can be carried out twice.
        failed.append(f"note: {error}")
    return failed


def _forget(where: home_module.Home, pending: undoing.Pending, kept: list[undoing.Step]) -> None:
    if not _is_of(where, pending):
        return
    (where.chaos / stand_ins.FILE).unlink(missing_ok=True)
    path = where.chaos / _FILE
    if not kept:
        path.unlink(missing_ok=True)
    elif path.exists():
        durable.write_whole(path, undoing.encoded(dataclasses.replace(pending, steps=kept)), 0o600)


def _undo(where: home_module.Home, step: undoing.Step, *, same_boot: bool) -> None:
    match step:
        case undoing.Resume() | undoing.End() | undoing.Limit():
            if same_boot and is_alive(step.pid, step.start_ticks):
                _undo_process(step)
        case undoing.Remove(path):
            inside.remove(where, path)
        case undoing.RemoveDamaged(path, size_bytes, digest):
            if inside.head_digest(where, path, size_bytes) == digest:
                inside.remove(where, path)
        case undoing.Restore(path, copy):
            _restore(where, path, copy)
        case undoing.Cut(path, size_bytes, appended):
            _cut(where, path, size_bytes, appended.encode())
        case undoing.Behave(url, key):
            behave(url, key, {})
        case undoing.Revoke(token_id):
            _revoke(where, token_id)
        case undoing.StartAgain(port):
            _start_again(where, port)
        case _:
            assert_never(step)


def is_alive(pid: int, start_ticks: int) -> bool:
    """Return whether a pid is still that process."""
    found = process.stat(pid)
    return found is not None and found.start_ticks == start_ticks


def _undo_process(step: undoing.Resume | undoing.End | undoing.Limit) -> None:
    with contextlib.suppress(ProcessLookupError):
        match step:
            case undoing.Resume(pid):
                os.kill(pid, signal.SIGCONT)
            case undoing.End(pid):
                os.kill(pid, signal.SIGKILL)
            case undoing.Limit(pid, _, number, soft, hard):
                resource.prlimit(pid, number, (soft, hard))
            case _:
                assert_never(step)


def _restore(where: home_module.Home, path: str, copy: str) -> None:
    if not inside.head_digest(where, copy, 1):
        return
    with inside.opened(where, copy) as source:
        try:
            # Into the file that is there, which keeps its owner.
            with inside.writable(where, path) as file:
                shutil.copyfileobj(source, file)
                file.truncate()
        except FileNotFoundError:
            with inside.opened(where, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644) as file:
                shutil.copyfileobj(source, file)
    inside.remove(where, copy)


def _cut(where: home_module.Home, path: str, size_bytes: int, appended: bytes) -> None:
    with inside.opened(where, path, os.O_RDWR) as file:
        file.seek(size_bytes)
        if file.read(len(appended) + 1) == appended:
            file.truncate(size_bytes)


def _start_again(where: home_module.Home, port: int) -> None:
    if managers.runs(where):
        return
    managers.start(where, port)
    deadline_s = time.monotonic() + _START_S
    while not managers.runs(where):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"Council did not come back within {_START_S:g} s. Start it: `council up`")
        time.sleep(_POLL_S)


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
