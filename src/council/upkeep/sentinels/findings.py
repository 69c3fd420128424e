"""What a sentinel says: one form for all of them, and how long it has been so."""

from dataclasses import dataclass
from typing import Literal

from council.domain import gates, watching

# A warning is for whoever looks; a page asks somebody to come now.
Urgency = Literal["none", "warning", "page"]
_BAD = frozenset({gates.Verdict.AMBER, gates.Verdict.RED})


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says of one sample. `value` is None where nothing is known.

    `held_s`: for so long it has been so when it is said first, where the rule has looked at more than a moment.
    """

    verdict: gates.Verdict
    value: float | None
    reason: str
    held_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentinel's word on one service. `since_s` is when the verdict began; `held_s` as in `Said`."""

    sentinel: str
    service: str
    verdict: gates.Verdict
    value: float | None
    unit: str
    reason: str
    since_s: float
    look_next: str
    urgency: Urgency
    held_s: float = 0.0


def shown(one: Finding) -> watching.Finding:
    """Return a finding as it is shown."""
    return watching.Finding(
        one.sentinel, one.service, one.verdict, one.value, one.unit, one.reason, one.since_s, one.look_next
    )


class Since:
    """Remembers since when a verdict holds, and turns that into how urgent it is."""

    def __init__(self, sentinel: str, service: str, unit: str, look_next: str, page_after_s: float):
        """Red becomes a page once it has held for `page_after_s`; amber stays a warning."""
        self._sentinel, self._service, self._unit, self._look_next = sentinel, service, unit, look_next
        self._page_after_s = page_after_s
        self._verdict: gates.Verdict | None = None
        # Whether the last that was known was amber or red: what cannot be read for a moment says nothing else.
        self.was_bad = False
        self._since_s = 0.0

    def say(self, time_s: float, said: Said) -> Finding:
        """Return the finding."""
        if said.verdict != self._verdict:
            self._verdict, self._since_s = said.verdict, time_s
        if said.verdict is not gates.Verdict.UNKNOWN:
            self.was_bad = said.verdict in _BAD
        urgency: Urgency = "none"
        if said.verdict in _BAD:
            is_page = said.verdict is gates.Verdict.RED and time_s - self._since_s >= self._page_after_s
            urgency = "page" if is_page else "warning"
        return Finding(
            self._sentinel,
            self._service,
            said.verdict,
            said.value,
            self._unit,
            said.reason,
            self._since_s,
            self._look_next if urgency != "none" else "",
            urgency,
            said.held_s,
        )
