"""What the upstream billed: the truth that a ledger is held against.

A call is billed its prompt and each token that was generated until it ended, said or not understood, whatever the usage that
it reported. A call that was refused with an error status is billed nothing.
"""

import collections
import dataclasses
import enum
from typing import Any

ENTRIES_MAX = 1_000_000


class Outcome(enum.StrEnum):
    """How a call ended."""

    WHOLE = "whole"  # all that there was to say was written
    CUT = "cut"  # the upstream broke off
    ABORTED = "aborted"  # the caller left
    REFUSED = "refused"  # an error status, before anything was generated


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One call. `hop` is the header x-hop, else the number of calls before it with the same request id.

    `reported` is the usage that was written to the caller, None where none was.
    """

    request_id: str
    hop: int
    model: str
    api: str
    behaviour: str
    outcome: Outcome
    status: int
    prompt_tokens: int
    completion_tokens: int
    reported: tuple[Any, Any] | None


class Tally:
    """Every call that ended, in order, and their sums. Beyond ENTRIES_MAX only the sums go on, and `dropped` counts."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.sums: dict[str, collections.Counter[str]] = {}
        self.dropped = 0
        self._hops: collections.Counter[str] = collections.Counter()

    def hop(self, request_id: str) -> int:
        """Return the number of calls so far with this id, and count one more."""
        before = self._hops[request_id]
        if before or len(self._hops) < ENTRIES_MAX:
            self._hops[request_id] = before + 1
        return before

    def add(self, entry: Entry) -> None:
        """Keep a call that ended."""
        sums = self.sums.setdefault(entry.model, collections.Counter())
        sums["calls"] += 1
        sums[entry.outcome.value] += 1
        sums["prompt_tokens"] += entry.prompt_tokens
        sums["completion_tokens"] += entry.completion_tokens
        if len(self.entries) < ENTRIES_MAX:
            self.entries.append(entry)
        else:
            self.dropped += 1

    def total(self) -> dict[str, int]:
        """Return the sums over all models."""
        return dict(sum(self.sums.values(), collections.Counter()))

    def of(self, request_id: str) -> list[Entry]:
        """Return the calls with this id, in the order in which they ended."""
        return [entry for entry in self.entries if entry.request_id == request_id]

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self.sums.clear()
        self._hops.clear()
        self.dropped = 0

    def as_json(self, first: int, limit: int) -> dict[str, Any]:
        """Return the sums, and `limit` entries from number `first` on."""
        shown = self.entries[first : first + limit]
        return {
            "total": self.total(),
            "models": {name: dict(sums) for name, sums in self.sums.items()},
            "count": len(self.entries),
            "dropped": self.dropped,
            "first": first,
            "entries": [dataclasses.asdict(entry) for entry in shown],
        }
