"""Raises today's quota: a small document that a listed person signed, good for one UTC day and once.

{"schema": "council.override/1", "day": "2026-11-29", "count": 3, "reason": "..."}
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from council.domain import authz, errors, patches
from council.patching import situation
from council.upkeep.patchctl import gpgv
from council.upkeep.patchctl.core import judging, signature, strict_json

SCHEMA = "council.override/1"
COUNT_MAX = 100
REASON_CHARS_MAX = 500
BYTES_MAX = 4096
_KEYS = {"schema", "day", "count", "reason"}


@dataclass(frozen=True, slots=True)
class Override:
    """By how much every limit is raised on a day (UTC, as 2026-11-29), why, and whose key stands behind it."""

    day: str
    count: int
    reason: str
    signer: str = ""
    digest: str = ""


def day_of(now: float) -> str:
    """Return the UTC day of a time in Unix seconds."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")


def document(wanted: Override) -> bytes:
    """Return the bytes to be signed."""
    return json.dumps(
        {"schema": SCHEMA, "day": wanted.day, "count": wanted.count, "reason": wanted.reason}, ensure_ascii=False
    ).encode()


def judge(raw: bytes, signed: bytes, at: judging.Situation, records: Iterable[Mapping[str, Any]]) -> Override:
    """Return what a person's statement raises, of which nothing is read before its signature is proven.

    Raises PatchRefusedError.
    """
    if not 0 < len(raw) <= BYTES_MAX:
        raise _refused(patches.Reason.TOO_LARGE, f"The statement has {len(raw)} bytes; {BYTES_MAX} are read.")
    listed = {name: one for name, one in at.certificates.items() if name in at.policy.signers}
    name = signature.check(raw, signed, listed, at.policy.revoked, at.now)
    if at.policy.signers[name].kind is not authz.Kind.HUMAN:
        raise _refused(patches.Reason.PROTECTED, "Only a person's key may raise the quota. Have a person sign it.")
    wanted = _read(raw)
    if wanted.day != day_of(at.now):
        raise _refused(
            patches.Reason.EXPIRED, f"It is for {wanted.day}, and this is {day_of(at.now)} (UTC). Sign one for today."
        )
    digest = patches.digest(raw)
    if any(one.get("statement") == digest for one in records):
        raise _refused(patches.Reason.REPLAYED, "This statement has been used. Sign one with another reason.")
    return Override(wanted.day, wanted.count, wanted.reason, name, digest)


async def ask_second(raw: bytes, signed: bytes, found: Override, seen: situation.Sight) -> None:
    """Return if gpgv agrees. Raises SetupError, PatchRefusedError."""
    await gpgv.check(raw, signed, found.signer, seen.packets[found.signer])


def record(found: Override) -> dict[str, Any]:
    """Return what the journal keeps, as `core/quota.Tally` reads it; without the time."""
    return {"override": found.count, "signer": found.signer, "said": found.reason, "statement": found.digest}


def _read(raw: bytes) -> Override:
    told = strict_json.read(raw)
    sound = (
        told.keys() == _KEYS
        and told["schema"] == SCHEMA
        and isinstance(told["day"], str)
        and type(told["count"]) is int
        and 1 <= told["count"] <= COUNT_MAX
        and isinstance(told["reason"], str)
        and 0 < len(told["reason"].strip()) <= REASON_CHARS_MAX
        and told["reason"].isprintable()
    )
    if not sound:
        raise _refused(
            patches.Reason.DOCUMENT_INVALID,
            f"It is no statement of {SCHEMA} with a count of 1 to {COUNT_MAX}. Make it with `council quota override`.",
        )
    return Override(told["day"], told["count"], told["reason"])


def _refused(reason: patches.Reason, message: str) -> errors.PatchRefusedError:
    return errors.PatchRefusedError(message, reason=reason)
