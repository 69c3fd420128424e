"""The folder of one job: files in, files out, and its removal.

The job may have put anything there: links, pipes, devices, a thousand folders in each other. Nothing here follows a link
or waits for a writer, and it is looked at only when the job has ended.
"""

import asyncio
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from council.domain import errors, sandbox
from council.kit import process

# Enough for any job within its limits; a count that stops here is over them.
_ENTRIES_MAX = 20_000
_REMOVE_S = 60.0
# Whose it is, by pid and start, so that a service which relieves another leaves the other's alone.
_NAME = re.compile(r"job-([0-9]{1,10})-([0-9]{1,20})-")


def make(inside: Path, job: sandbox.Job) -> Path:
    """Make a folder in `inside` with the job's files in it, all open to other users; `inside` keeps them out."""
    folder = None
    try:
        inside.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"job-{_owner()}-", dir=inside))
        folder.chmod(0o777)
        for name, content in {**job.files, sandbox.MAIN_FILES[job.language]: job.code.encode()}.items():
            path = folder / name
            _make_parents(folder, path)
            path.write_bytes(content)
            path.chmod(0o666)
    except OSError as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise errors.SandboxUnavailableError(
            f"The files of a job could not be written to {str(inside)!r}. Check that there is room.", detail=str(error)
        ) from error
    return folder


def abandoned(inside: Path) -> list[Path]:
    """Return the folders of jobs whose service is no more: it was killed before it could remove them."""
    if not inside.is_dir():
        return []
    return sorted(
        path for path in inside.iterdir() if (found := _NAME.match(path.name)) and not _is_alive(*found.groups())
    )


def _owner() -> str:
    own = process.stat(os.getpid())
    assert own is not None, "this process is there"
    return f"{own.pid}-{own.start_ticks}"


def _is_alive(pid: str, start_ticks: str) -> bool:
    found = process.stat(int(pid))
    return found is not None and found.start_ticks == int(start_ticks)


def _make_parents(folder: Path, path: Path) -> None:
    for parent in reversed(path.relative_to(folder).parents[:-1]):
        (folder / parent).mkdir(exist_ok=True)
        (folder / parent).chmod(0o777)


def used_bytes(folder: Path) -> int:
    """Return what lies in the folder, each file by what it takes on disk; infinite numbers of entries stop the count."""
    total, waiting, entries = 0, [folder], 0
    while waiting and entries < _ENTRIES_MAX:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
        except OSError:
            continue  # it went while we looked, or the job closed it to us
    return total


def collect(folder: Path, names: tuple[str, ...], room_bytes: int) -> sandbox.Result:
    """Return a result that holds only `files` and `not_collected`: regular files, `room_bytes` together at most."""
    files: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    for name in names:
        try:
            files[name] = _content(folder, name, room_bytes)
            room_bytes -= len(files[name])
        except OSError as error:
            refused[name] = _REASONS.get(error.errno or 0, os.strerror(error.errno or 0))
    return sandbox.Result(sandbox.Status.OK, files=files, not_collected=refused)


_REASONS: Mapping[int, str] = {
    errno.ENOENT: "not there",
    errno.ELOOP: "a link",
    errno.ENOTDIR: "not in a folder",
    errno.EINVAL: "not a regular file",
    errno.EFBIG: "larger than what is left of files_bytes",
    errno.ENXIO: "not a regular file",
}


def _content(folder: Path, name: str, room_bytes: int) -> bytes:
    parts = name.split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\0" in name:
        raise OSError(errno.ENOENT, "no such name in a job")
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            os.close(place)
            place = deeper
        # A look first: opening a device can do things. What is opened is looked at again.
        _need_regular(os.stat(parts[-1], dir_fd=place, follow_symlinks=False))
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        file = os.open(parts[-1], flags, dir_fd=place)
    finally:
        os.close(place)
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(file)
        _need_regular(found)
        if found.st_size > room_bytes:
            raise OSError(errno.EFBIG, "too large")
        return opened.read(found.st_size)


def _need_regular(found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "a link")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")


async def remove(folder: Path) -> None:
    """Remove the folder with all in it, however deep and whatever its permissions. Not cut short by a cancelled task."""
    removing = asyncio.ensure_future(_remove(folder))
    try:
        await asyncio.shield(removing)
    except asyncio.CancelledError:
        await asyncio.wait({removing})
        raise


async def _remove(folder: Path) -> None:
    for words in (("chmod", "-R", "u+rwX"), ("rm", "-rf", "--one-file-system")):
        # Neither follows links that it meets on its way, and neither recurses on a stack.
        program = await asyncio.create_subprocess_exec(
            *words, "--", folder, stdin=-3, stdout=-3, stderr=-3, env={"PATH": "/usr/bin:/bin"}
        )
        async with asyncio.timeout(_REMOVE_S):
            await program.wait()
    if await asyncio.to_thread(folder.exists):
        raise errors.SandboxUnavailableError("What a job left could not be removed.", detail=str(folder))
