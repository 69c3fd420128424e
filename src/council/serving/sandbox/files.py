"""The files of the audit trail's folder: their names, the note of what is on disk, the lock, careful writing."""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from council.kit import chain

HEAD = "head.json"
LOCK = "lock"
LOCK_WAIT_S = 2.0

_NAME = re.compile(r"audit-([0-9]{8,12})\.jsonl\Z")
_SEQ_MAX = 1 << 53


def file_name(number: int) -> str:
    """Return the name of a file of the trail."""
    return f"audit-{number:08d}.jsonl"


def file_numbers(folder: Path) -> list[int]:
    """Return the numbers of the trail's files, in order."""
    return sorted(int(found.group(1)) for name in os.listdir(folder) if (found := _NAME.match(name)))  # noqa: PTH208


def read_head(folder: Path) -> chain.Point:
    """Return the last point that was brought to disk. Raises ChainError when the note is missing or damaged."""
    try:
        note = orjson.loads((folder / HEAD).read_bytes())
        seq, digest = int(note["seq"]), str(note["digest"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise chain.ChainError(f"{HEAD} is missing or damaged") from error
    if not 0 <= seq < _SEQ_MAX:
        raise chain.ChainError(f"{HEAD} is missing or damaged")
    return chain.Point(seq, digest)


@contextlib.contextmanager
def locked(descriptor: int, operation: int) -> Iterator[None]:
    """Hold the folder's lock. Raises OSError when another process does not let go of it in good time."""
    deadline_s = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.0005)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def end_of_last_line(file: BinaryIO, size: int) -> int:
    """Return the offset behind the last newline, 0 where there is none."""
    end = size
    while end:
        begin = max(0, end - chain.LINE_BYTES_MAX)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def save(path: Path, content: bytes) -> None:
    """Write a file that only this user may read, and bring it to disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(content)
        file.flush()
        os.fsync(descriptor)
