"""How many patches of a day were spent, counted from the journal's records and nothing else.

A patch counts from its record `staging` on, which carries `at` (Unix seconds), `signer` and `kind`; it stops counting when it
ends as refused, and goes on counting when it ends as applied or rolled back. A trial, whose record says `"trial": true`, never
counts. A record `{"override": N, "at": ...}` that a person's key stood behind raises every limit by N for the rest of its
day.

Days are UTC. The day is never before that of any record, and what comes after a record belongs to its day at the earliest,
whatever its own clock said: a clock that is set back gives no quota back. One that ran ahead uses up days that have not come,
until they come or a person overrides.
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


class Tally:
    """What the records come to, each added once and in order. It keeps those of the latest day alone: no other can matter."""

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()):
        self._day = 0
        self._begun: dict[str, Mapping[str, Any]] = {}
        self._extra = 0
        for record in records:
            self.add(record)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in what the journal has just synced."""
        day = int(record["at"]) // DAY_S if "at" in record else 0
        if day > self._day:
            self._day, self._begun, self._extra = day, {}, 0
        if "override" in record:
            self._extra += int(record["override"])
        elif record.get("phase") == steps.Phase.STAGING and not record.get("trial"):
            self._begun.setdefault(str(record["patch"]), record)
        elif record.get("outcome") == steps.Outcome.REFUSED:
            self._begun.pop(str(record["patch"]), None)

    def used(self, now: float, apart_from: str = "") -> Used:
        """Return what counts now; `apart_from` is the digest of a patch that does not, being the one that is looked at."""
        day = int(now) // DAY_S
        if day > self._day:
            return Used(day)
        rows = [row for digest, row in self._begun.items() if digest != apart_from]
        return Used(
            day=self._day,
            by_signer=Counter(str(row["signer"]) for row in rows),
            bots=sum(row["kind"] == authz.Kind.BOT for row in rows),
            extra=self._extra,
        )


def check(found: Used, signer: authz.Signer, policy: authz.Policy, now: float) -> None:
    """Return if one more patch of `signer` is within the limits. Raises PatchRefusedError: `quota`."""
    wait_s = max(1, (found.day + 1) * DAY_S - int(now))
    own = found.by_signer[signer.fingerprint]
    if signer.daily_max is not None and own >= signer.daily_max + found.extra:
        raise _spent(f"{signer.name} has had {own} patches today, and {signer.daily_max + found.extra} are", wait_s)
    if signer.kind is authz.Kind.BOT and found.bots >= policy.bots_daily + found.extra:
        raise _spent(f"Bots have had {found.bots} patches today, and {policy.bots_daily + found.extra} are", wait_s)


def _spent(what: str, wait_s: int) -> errors.PatchRefusedError:
    return errors.PatchRefusedError(
        f"{what} allowed. Wait until midnight UTC, or have a person run `council quota override`.",
        reason=patches.Reason.QUOTA,
        retry_after_s=wait_s,
    )
