"""Whether the journal is what was written: checkpoints signed by the journal's own key, and heads kept elsewhere. Pure.

The chain shows what was edited, moved or taken out of the middle, but whoever may write the files can make a whole new chain,
or leave out its end. A *checkpoint* is a record that signs the point before it, so that a new chain up to there needs the key.
An *anchor* is a point that was told to somebody else, as the commit of a generation or the store: the chain must still lead
through it, so an end that was taken off after it is seen.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council.kit import chain
from council.upkeep.patchctl import journal

# So many records may stand after the last checkpoint before another is due.
RECORDS_BETWEEN = 64
KIND = "checkpoint"

_STATEMENT = re.compile(rb"council lineage 1\n([1-9][0-9]{0,17})\n([0-9a-f]{64})\n")

# Whether a signature over a statement is by the journal's key.
Check = Callable[[bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the journal found. `problems` is empty where it is what was written, as far as anybody can tell."""

    records: int
    head: chain.Point
    checkpoints: int
    # Records after the last checkpoint: these alone could be written anew without the key.
    unsigned: int
    problems: Sequence[str]


def statement(point: chain.Point) -> bytes:
    """Return the bytes that a checkpoint signs."""
    return f"council lineage 1\n{point.seq}\n{point.digest}\n".encode()


def point_of(statement: bytes) -> chain.Point:
    """Return the point that `statement` made this of. Raises ValueError for anything else, the beginning included."""
    found = _STATEMENT.fullmatch(statement)
    if found is None:
        raise ValueError("no point of a journal")
    return chain.Point(int(found[1]), found[2].decode())


def checkpoint(point: chain.Point, signature: bytes) -> dict[str, Any]:
    """Return the record that signs the point before it."""
    return {"kind": KIND, "signature": base64.b64encode(signature).decode()}


def is_checkpoint(entry: journal.Entry) -> bool:
    """Whether a record is a checkpoint, by whomever."""
    return entry.record.get("kind") == KIND


def is_due(entries: Sequence[journal.Entry]) -> bool:
    """Whether enough stands after the last checkpoint for another."""
    return _since_checkpoint(entries) >= RECORDS_BETWEEN


def look(entries: Sequence[journal.Entry], check: Check, anchors: Mapping[str, chain.Point]) -> Found:
    """Return what is found in records whose chain holds. `anchors` are points by the name of whoever keeps them."""
    problems = []
    before = chain.Point()
    checkpoints = 0
    for one in entries:
        if is_checkpoint(one):
            checkpoints += 1
            if not check(statement(before), _signature(one.record)):
                problems.append(f"The checkpoint in record {one.point.seq} is not by the journal's key.")
        before = one.point
    points = {one.point for one in entries} | {chain.Point()}
    for keeper, point in sorted(anchors.items()):
        if point in points:
            continue
        if point.seq > before.seq:
            problems.append(f"{keeper} knows of record {point.seq}, and the journal ends with record {before.seq}.")
        else:
            problems.append(f"{keeper} knows record {point.seq} as another one than stands in the journal.")
    return Found(len(entries), before, checkpoints, _since_checkpoint(entries), problems)


def _since_checkpoint(entries: Sequence[journal.Entry]) -> int:
    for place, one in enumerate(reversed(entries)):
        if is_checkpoint(one):
            return place
    return len(entries)


def _signature(record: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(record.get("signature", "")), validate=True)
    except ValueError:
        return b""
