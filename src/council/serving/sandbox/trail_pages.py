"""A page of the audit trail for people who look, newest first. What is damaged is left out here; `verify` is what judges.

Numbers only grow along the trail, so where a page begins is found by halving, and not by reading all that is newer.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from council.domain import sandbox
from council.kit import chain
from council.serving.sandbox import files

_CHUNK_BYTES = 64 * 1024
# Read of one file for one page that has a record already; until it has one, all that the files hold may be read.
_READ_BYTES_MAX = 4 * 1024 * 1024
_TEXTS = ("caller", "request_id", "session", "language", "status", "limit", "reason")


def page(folder: Path, limit: int, before: int = 0) -> sandbox.Page:
    """Return up to `limit` records, newest first; only those of lower numbers than `before`, if any. Raises OSError.

    There may be fewer than that before the end, where those are long or lie among much damage.
    """
    found: list[sandbox.Record] = []
    for number in reversed(files.file_numbers(folder)):
        read_bytes = 0
        try:
            file = (folder / files.file_name(number)).open("rb")
        except FileNotFoundError:
            # The oldest, which has just been removed.
            continue
        with file:
            for line in _backward(file, _end(file, before)):
                record = _record(line)
                if record is not None:
                    if before and record.id >= before:
                        continue
                    # There is one more than was asked for, so this page is not the last.
                    if len(found) == limit:
                        return sandbox.Page(found, found[-1].id)
                    found.append(record)
                # Without a record there is nothing for the next page to go on from, and this one goes on.
                read_bytes += len(line) if found else 0
                if read_bytes > _READ_BYTES_MAX:
                    return sandbox.Page(found, found[-1].id)
    return sandbox.Page(found)


def _end(file: BinaryIO, before: int) -> int:
    """Return the offset behind the last line that may be of a lower number than `before`, all of them for 0."""
    size = file.seek(0, 2)
    low, high = 0, size
    while before and high - low > _CHUNK_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(chain.LINE_BYTES_MAX + 1)
        record = _record(file.readline(chain.LINE_BYTES_MAX + 1))
        if record is None:
            break
        low, high = (low, middle) if record.id >= before else (middle, high)
    # The line in which `high` lies may still be of them.
    return files.end_of_last_line(file, min(size, high + 2 * chain.LINE_BYTES_MAX))


def _backward(file: BinaryIO, end: int) -> Iterator[bytes]:
    """Yield the whole lines before `end`, the last first."""
    rest = b""
    while end > 0:
        begin = max(0, end - _CHUNK_BYTES)
        file.seek(begin)
        lines = (file.read(end - begin) + rest).split(b"\n")
        rest, end = lines[0], begin
        yield from (line for line in reversed(lines[1:]) if line)
        if len(rest) > chain.LINE_BYTES_MAX:
            # No line of ours is so long, so this is damage; what stands before it is not.
            yield rest
            rest = b""
    if rest:
        yield rest


def _record(line: bytes) -> sandbox.Record | None:
    """Return what people are shown of a line, None of one that is no record."""
    try:
        said = orjson.loads(line)
        told: dict[str, Any] = {name: str(said.get(name) or "") for name in _TEXTS}
        return sandbox.Record(
            id=int(said["seq"]),
            at_us=int(said.get("at_us") or 0),
            event=str(said.get("event") or ""),
            **told,
            exit_code=_whole(said, "exit_code"),
            wall_s=_seconds(said, "wall_us"),
            cpu_s=_seconds(said, "cpu_us"),
            memory_peak_bytes=_whole(said, "memory_peak_bytes"),
            blocked={str(kind): int(count) for kind, count in (said.get("blocked") or {}).items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _whole(said: Mapping[str, Any], name: str) -> int | None:
    found = said.get(name)
    return None if found is None else int(found)


def _seconds(said: Mapping[str, Any], name: str) -> float | None:
    found = _whole(said, name)
    return None if found is None else found / 1_000_000
