"""How much went on without a person: operations by kind, and which of them needed one. Pure.

An operation is an incident that began, a patch that came to its end, or a scheduled job. An incident needed a person where one
was called, or where people were paged of it and nothing has ended it for long; a patch where one took it back. A job that
failed needed none as long as a later one of its kind went well; one that nothing made good, as a day that was never told of or
archived, is counted as if it had. What people did that belongs to no operation of the span (a quota raised, a freeze lifted, a
repair asked for) counts beside, as one operation each that did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from council.domain import evidence, incidents, repairs

INCIDENTS, PATCHES, JOBS = KINDS = ("incidents", "patches", "jobs")
DECIDED = ("applied", "refused", "rolled back")
# A page that goes on for so long is one that Council did not end by itself: repairs are promised within 90 s.
OPEN_S = 600.0
_BESIDE = frozenset(
    {repairs.InterventionKind.OVERRIDE, repairs.InterventionKind.UNFREEZE, repairs.InterventionKind.RESTART}
)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many operations there were, and how many of them needed a person."""

    count: int
    needed: int

    @property
    def alone(self) -> int:
        """How many needed nobody."""
        return self.count - self.needed


@dataclass(frozen=True, slots=True)
class Operations:
    """Those of a span by kind; `beside` is what people did beside them."""

    kinds: Mapping[str, Tally]
    beside: int

    @property
    def whole(self) -> Tally:
        """All of them: what was done beside counts as needed, as far as there are operations for it."""
        count = sum(one.count for one in self.kinds.values())
        return Tally(count, min(count, self.beside + sum(one.needed for one in self.kinds.values())))


def operations(found: evidence.Evidence) -> Operations:
    """Return the operations of the span."""
    began, rows = begun(found), decided(found)
    called = {one.incident_id for one in found.repairs if one.outcome is repairs.Outcome.CALLED}
    needed = called | {one.id for one in left_open(found)}
    kinds = {
        INCIDENTS: Tally(len(began), sum(one.id in needed for one in began)),
        PATCHES: Tally(len(rows), sum(row.returned_by not in ("", repairs.HEALER) for row in rows)),
        JOBS: Tally(len(found.jobs), len(undone(found.jobs))),
    }
    return Operations(kinds, sum(one.kind in _BESIDE for one in found.interventions))


def begun(found: evidence.Evidence) -> list[incidents.Incident]:
    """Return the incidents that began within the span, oldest first."""
    return sorted(
        (one for one in found.incidents if found.span.holds(one.began_us / 1e6)), key=lambda one: one.began_us
    )


def left_open(found: evidence.Evidence) -> list[incidents.Incident]:
    """Return the incidents of which people were paged, and that were open `OPEN_S` later and at the end of the span."""
    return [
        one
        for one in begun(found)
        if one.standing is incidents.Standing.OPEN
        and one.severity is incidents.Severity.PAGE
        and one.told_us
        and found.span.end_s - one.told_us / 1e6 >= OPEN_S
    ]


def decided(found: evidence.Evidence) -> list[evidence.PatchRow]:
    """Return the patches that came to their end within the span."""
    rows = [row for row in found.patches if row.outcome in DECIDED and not row.trial]
    return [row for row in rows if found.span.holds(row.ended_s or row.at_s)]


def undone(jobs: Sequence[evidence.Job]) -> list[evidence.Job]:
    """Return the jobs that failed and that no later one of their kind made good; nothing does that for a missed day."""
    good_s: dict[str, float] = {}
    for one in jobs:
        if one.went_well:
            good_s[one.kind] = max(one.at_s, good_s.get(one.kind, one.at_s))
    failed = [one for one in jobs if not one.went_well]
    return [one for one in failed if one.is_missed or one.at_s >= good_s.get(one.kind, float("-inf"))]
