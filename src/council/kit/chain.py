"""Lines that hold on to each other: each record carries the digest of the one before it. Pure.

A line is `{"seq":N,...,"previous":"D","digest":"E"}`. E is the SHA-256 of the line's own bytes with `,"digest":"E"` taken
out and without the newline, D the E of the line before; so both can be checked without this program. There is no key: the
chain shows what was changed, removed or moved, but whoever may write the files can make the whole rest of it anew.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

LINE_BYTES_MAX = 64 * 1024

_END = re.compile(rb',"digest":"([0-9a-f]{64})"\}\n\Z')


class ChainError(Exception):
    """A line that is not what was written, or not where it was written. Its text says which."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a chain stands: number and digest of its last record, 0 and nothing before the first."""

    seq: int = 0
    digest: str = ""


def seal(record: Mapping[str, object], after: Point) -> tuple[bytes, Point]:
    """Return `record` as the line that follows `after`, and the point it makes."""
    assert not {"seq", "previous", "digest"} & record.keys(), record.keys()
    body = orjson.dumps({"seq": after.seq + 1, **record, "previous": after.digest})
    digest = hashlib.sha256(body).hexdigest()
    line = b'%s,"digest":"%s"}\n' % (body[:-1], digest.encode())
    assert len(line) <= LINE_BYTES_MAX, len(line)
    return line, Point(after.seq + 1, digest)


def read(line: bytes) -> tuple[dict[str, Any], Point]:
    """Return the record in a line, newline included, and its point. Raises ChainError when it is not as it was written."""
    end = _END.search(line)
    if end is None:
        raise ChainError("the line is not whole")
    body = line[: end.start()] + b"}"
    digest = end.group(1).decode()
    if hashlib.sha256(body).hexdigest() != digest:
        raise ChainError("the line was changed")
    try:
        record = orjson.loads(body)
        return record, Point(int(record["seq"]), digest)
    except (ValueError, TypeError, KeyError) as error:
        raise ChainError("the line is no record") from error


def check_follows(record: Mapping[str, object], after: Point | None) -> None:
    """Return if a record stands where it must: behind `after`, anywhere when that is None. Raises ChainError."""
    if after is not None and (record["seq"], record.get("previous")) != (after.seq + 1, after.digest):
        raise ChainError(f"record {record['seq']} does not follow record {after.seq}")
