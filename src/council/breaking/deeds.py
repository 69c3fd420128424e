"""What each fault does to processes, to the store, to the records, to the disk and to the model.

A deed writes down what undoes it before it does anything (`Stage.undone_by`), and returns once the fault is in.
"""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import socket
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

from council.backends.store import bundled
from council.breaking import inside as files
from council.breaking import stage as stages
from council.breaking import undo
from council.upkeep.chaos import catalogue, stand_ins, undoing

Deed = Callable[[stages.Stage, str], Awaitable[None]]

_POLL_S = 0.02
# Of a second, how long what is slow stands still.
_STILL_SHARE = 0.9
_FILE_BYTES = 4096
_DESCRIPTORS_PER_S, _LEAK_MB_PER_S, _AHEAD_S = 400, 2, 300
_FILLER = "chaos/filler"
# In chunks, since a chunk fails as a whole; others may give a few pages back at once.
_CHUNK_BYTES, _PAGE_BYTES, _PAGES_LEFT = 64 << 20, 4096, 16
_VALUE_BYTES = 256 * 1024
_VALUES_MAX = 4096
_WRONG = "Wrong."


async def kill(stage: stages.Stage, service: str) -> None:
    """Kill a service."""
    os.kill(stage.process(service)[0], signal.SIGKILL)


def killed(service: str) -> Deed:
    """Return the deed that kills this service, whichever is named."""
    return lambda stage, _: kill(stage, service)


async def stop(stage: stages.Stage, service: str) -> None:
    """Stop a service."""
    pid, ticks = stage.process(service)
    stage.undone_by(undoing.Resume(pid, ticks))
    os.kill(pid, signal.SIGSTOP)
    stage.still_in = lambda: undo.is_alive(pid, ticks) and state(pid) == "T"


def state(pid: int) -> str:
    """Return the letter that the kernel has for a process's state, "" where there is none."""
    try:
        text = Path("/proc", str(pid), "stat").read_text(errors="replace")
    except OSError:
        return ""
    return text[text.rindex(")") + 2]


def inside(sort: str, amount: float = 0.0, *, at_signal: bool = False) -> Deed:
    """Return the deed that has a child with such a fault stand in for a service; `at_signal`: it waits to be told."""

    async def deed(stage: stages.Stage, service: str) -> None:
        assert stage.note is not None
        service = service or "model"
        old, _ = stage.process(service)
        stage.undone_by(undoing.Remove(f"chaos/{stand_ins.FILE}"))
        stand_ins.write(stage.where.chaos, stand_ins.StandIn(service, sort, amount, stage.note.pending.until_s))
        await stage.runtime.restart(service)
        await stage.replaced(service, old)
        pid, ticks = stage.process(service)
        stage.undone_by(undoing.End(pid, ticks))
        # Whoever starts the service from now on starts a healthy one.
        (stage.where.chaos / stand_ins.FILE).unlink(missing_ok=True)
        if at_signal:
            os.kill(pid, signal.SIGALRM)
        else:
            stage.gently(lambda: stage.runtime.restart(service))
        stage.still_in = lambda: undo.is_alive(pid, ticks)

    return deed


async def kill_tree(stage: stages.Stage, _: str) -> None:
    """Kill the supervisor, then all that it had started."""
    found = stage.tree()
    if (again := stage.manager.again()) is not None:
        if not all(_is_ours(root) for root in found[:1]):
            raise stages.CannotError("Council runs as another user, and we would start it again as this one")
        stage.undone_by(again)
    stage.manager.begin()
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _is_ours(pid: int) -> bool:
    return Path("/proc", str(pid)).stat().st_uid == os.geteuid()


async def take_port(stage: stages.Stage, service: str) -> None:
    """Kill everything, and be there first."""
    await kill_tree(stage, service)
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    stage.hold(taken)
    while True:
        try:
            taken.bind(("127.0.0.1", stage.config.port))
            break
        except OSError:
            await asyncio.sleep(_POLL_S)
    taken.listen()


# Store, records, disk, model


def slow(service: str) -> Deed:
    """Return the deed that stops a service most of the time."""

    async def deed(stage: stages.Stage, _: str) -> None:
        pid, ticks = stage.process(service)
        stage.undone_by(undoing.Resume(pid, ticks))
        stage.go_on(_stutter(stage, pid, ticks))

    return deed


async def _stutter(stage: stages.Stage, pid: int, ticks: int) -> None:
    try:
        while undo.is_alive(pid, ticks):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(_STILL_SHARE)
            os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(1 - _STILL_SHARE)
    except ProcessLookupError:
        stage.remark("it was started again meanwhile")


async def fill_store(stage: stages.Stage, _: str) -> None:
    """Write keys that expire at the limit, as whoever may use the store, until it takes no more."""
    if stage.config.store.url:
        raise stages.CannotError("the store is an outside server")
    fault = catalogue.BY_NAME["store-full"]
    reader, writer = await asyncio.open_unix_connection(str(bundled.socket(stage.where)))
    try:
        for number in range(_VALUES_MAX):
            key, value, lasts = f"council:chaos:{number}", b"x" * _VALUE_BYTES, str(round(fault.limit_s))
            writer.write(_command(b"SET", key.encode(), value, b"EX", lasts.encode()))
            await writer.drain()
            if not (await reader.readline()).startswith(b"+OK"):
                stage.remark(f"{number * _VALUE_BYTES >> 20} MB were written")
                break
    finally:
        writer.close()
    stage.go_on(_empty_store_at_end(stage))


async def _empty_store_at_end(stage: stages.Stage) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        reader, writer = await asyncio.open_unix_connection(str(bundled.socket(stage.where)))
        writer.write(_command(b"UNLINK", *(f"council:chaos:{number}".encode() for number in range(_VALUES_MAX))))
        await writer.drain()
        await reader.readline()
        writer.close()


def _command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def _database(stage: stages.Stage) -> sqlite3.Connection:
    if stage.config.records.url:
        raise stages.CannotError("the records are in an outside server")
    path = stage.where.records / "council.db"
    return sqlite3.connect(path, timeout=stages.LOCK_S, isolation_level=None, check_same_thread=False)


async def lock_records(stage: stages.Stage, _: str) -> None:
    """Hold the lock for writing; it ends with the connection, and that with this process."""
    held = _database(stage)
    stage.hold(held)
    await asyncio.to_thread(_begin, held)


def _begin(held: sqlite3.Connection) -> None:
    try:
        held.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise stages.CannotError(f"the records cannot be locked: {error}") from error


async def slow_records(stage: stages.Stage, _: str) -> None:
    """Hold the lock for half of the time."""
    held = _database(stage)
    stage.hold(held)

    async def stutter() -> None:
        while True:
            await asyncio.to_thread(held.execute, "BEGIN IMMEDIATE")
            await asyncio.sleep(0.5)
            await asyncio.to_thread(held.execute, "ROLLBACK")
            await asyncio.sleep(0.5)

    stage.go_on(stutter())


async def limit_records(stage: stages.Stage, _: str) -> None:
    """Let the gateway write no file beyond a size that the records have passed."""
    pid, ticks = stage.process("gateway")
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    stage.undone_by(undoing.Limit(pid, ticks, resource.RLIMIT_FSIZE, soft, hard))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (_FILE_BYTES, hard))
    stage.still_in = lambda: undo.is_alive(pid, ticks)


async def fill_disk(stage: stages.Stage, _: str) -> None:
    """Fill the disk of the home."""
    if not stage.small_disk:
        raise stages.CannotError("the home lies on a disk that others use")
    stage.undone_by(undoing.Remove(_FILLER))
    await asyncio.to_thread(_fill, stage)


def _fill(stage: stages.Stage) -> None:
    try:
        with files.opened(stage.where, _FILLER, os.O_WRONLY | os.O_CREAT) as file:
            fill(file.fileno())
    except (OSError, ValueError) as error:
        raise stages.CannotError(f"the disk cannot be filled: {error}") from error


def fill(descriptor: int) -> None:
    """Have a file take what is left of its disk, also where others write meanwhile. Raises CannotError, OSError."""
    size, chunk = 0, _CHUNK_BYTES
    while chunk >= _PAGE_BYTES:
        try:
            os.posix_fallocate(descriptor, size, chunk)
            size += chunk
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            # What did not fit as a whole may have been taken in part.
            size, chunk = max(size, os.fstat(descriptor).st_size), chunk // 2
    found = os.fstatvfs(descriptor)
    if found.f_bavail * found.f_frsize >= _PAGE_BYTES * _PAGES_LEFT:
        raise stages.CannotError(f"the disk did not get full: {found.f_bavail * found.f_frsize} bytes are left")


async def kill_model(stage: stages.Stage, _: str) -> None:
    """Kill the model as often as it is started."""
    await kill(stage, "model")

    async def again() -> None:
        while True:
            stage.signal("model", signal.SIGKILL)
            await asyncio.sleep(_POLL_S)

    stage.go_on(again())


async def wrong_model(stage: stages.Stage, service: str) -> None:
    """Have the model say something else, and see that no such answer is called verified."""
    await inside("wrong")(stage, service)

    async def ask() -> None:
        wrong = verified = 0
        while True:
            body = {"model": "council", "messages": [{"role": "user", "content": "Say a kind word."}], "max_tokens": 8}
            told = await stage.asker.post("/v1/chat/completions", body)
            if not isinstance(told, str):
                is_wrong = _WRONG in str(told["choices"][0]["message"]["content"])
                wrong += is_wrong
                verified += is_wrong and bool(told["council"]["verified"])
                stage.remarks[:] = [f"{wrong} wrong answers, {verified} called verified"]
                if verified:
                    stage.remark("OBEYED: a wrong answer was called verified")
            await asyncio.sleep(1)

    stage.go_on(ask())


DEEDS: dict[str, Deed] = {
    "process-killed": kill,
    "process-stopped": stop,
    "memory-leak": inside("memory", _LEAK_MB_PER_S),
    "descriptor-leak": inside("descriptors", _DESCRIPTORS_PER_S),
    "spinning": inside("spin", at_signal=True),
    "deadlocked": inside("deadlock", at_signal=True),
    "clock-stepped": inside("clock", _AHEAD_S),
    "tree-killed": kill_tree,
    "port-taken": take_port,
    "store-killed": killed("store"),
    "store-slow": slow("store"),
    "store-full": fill_store,
    "records-locked": lock_records,
    "records-slow": slow_records,
    "records-full": limit_records,
    "disk-full": fill_disk,
    "model-dead": kill_model,
    "model-slow": slow("model"),
    "model-wrong": wrong_model,
}
# What they put in is in only once the service has been started with it.
PLANTED = frozenset({"memory-leak", "descriptor-leak", "spinning", "deadlocked", "clock-stepped", "model-wrong"})
