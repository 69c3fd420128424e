"""How many patches of a day were spent, counted from the journal's records and nothing else.

A patch counts from its record `staging` on, which carries `at` (Unix seconds), `signer` and `kind`; it stops counting when it
ends as refused, and goes on counting when it ends as applied or rolled back. A record `{"override": N, "at": ...}` that a
person's key stood behind raises every limit by N for the rest of its day.

Days are UTC. The day is never before that of any record: a clock that is set back gives no quota back. One that ran ahead
uses up days that have not come, until they come or a person overrides.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from council.domain import authz, errors, patches
from council.upkeep.patchctl import steps

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Used:
    """What counts on one day; `extra` is by how much a person raised the limits."""

    day: int
    by_signer: Counter[str] = field(default_factory=Counter)
    bots: int = 0
    extra: int = 0


def used(records: Iterable[Mapping[str, Any]], now: float, apart_from: str = "") -> Used:
    """Return what counts now; `apart_from` is the digest of a patch that does not, being the one that is looked at."""
    rows = list(records)
    day = max([int(now) // DAY_S, *(_day(row) for row in rows if "at" in row)])
    begun: dict[str, Mapping[str, Any]] = {}
    extra = 0
    for row in rows:
        if "override" in row:
            extra += int(row["override"]) if _day(row) == day else 0
        elif row.get("phase") == steps.Phase.STAGING and _day(row) == day:
            begun[str(row["patch"])] = row
        elif row.get("outcome") == steps.Outcome.REFUSED:
            begun.pop(str(row["patch"]), None)
    begun.pop(apart_from, None)
    return Used(
        day=day,
        by_signer=Counter(str(row["signer"]) for row in begun.values()),
        bots=sum(row["kind"] == authz.Kind.BOT for row in begun.values()),
        extra=extra,
    )


def check(found: Used, signer: authz.Signer, policy: authz.Policy, now: float) -> None:
    """Return if one more patch of `signer` is within the limits. Raises PatchRefusedError: `quota`."""
    wait_s = max(1, (found.day + 1) * DAY_S - int(now))
    own = found.by_signer[signer.fingerprint]
    if signer.daily_max is not None and own >= signer.daily_max + found.extra:
        raise _spent(f"{signer.name} has had {own} patches today, and {signer.daily_max + found.extra} are", wait_s)
    if signer.kind is authz.Kind.BOT and found.bots >= policy.bots_daily + found.extra:
        raise _spent(f"Bots have had {found.bots} patches today, and {policy.bots_daily + found.extra} are", wait_s)


def _day(row: Mapping[str, Any]) -> int:
    return int(row["at"]) // DAY_S


def _spent(what: str, wait_s: int) -> errors.PatchRefusedError:
    return errors.PatchRefusedError(
        f"{what} allowed. Wait until midnight UTC, or have a person run `council quota override`.",
        reason=patches.Reason.QUOTA,
        retry_after_s=wait_s,
    )
