"""What a sentinel says: one form for all of them, and how long it has been so."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["unknown", "green", "amber", "red"]
# A warning is for whoever looks; a page asks somebody to come now.
Urgency = Literal["none", "warning", "page"]

PAGE_AFTER_S = 300.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentinel's word on one service. `value` is None where nothing is known; `since_s` is when the verdict began."""

    sentinel: str
    service: str
    verdict: Verdict
    value: float | None
    unit: str
    reason: str
    since_s: float
    look_next: str
    urgency: Urgency


class Since:
    """Remembers since when a verdict holds, and turns that into how urgent it is."""

    def __init__(self, sentinel: str, service: str, unit: str, look_next: str):
        self._sentinel, self._service, self._unit, self._look_next = sentinel, service, unit, look_next
        self._verdict: Verdict | None = None
        self._since_s = 0.0

    def say(
        self, time_s: float, verdict: Verdict, value: float | None, reason: str, page_after_s: float = PAGE_AFTER_S
    ) -> Finding:
        """Return the finding. Red becomes a page once it has held for `page_after_s`; amber stays a warning."""
        if verdict != self._verdict:
            self._verdict, self._since_s = verdict, time_s
        urgency: Urgency = "none"
        if verdict in ("amber", "red"):
            urgency = "page" if verdict == "red" and time_s - self._since_s >= page_after_s else "warning"
        look_next = self._look_next if urgency != "none" else ""
        return Finding(
            self._sentinel, self._service, verdict, value, self._unit, reason, self._since_s, look_next, urgency
        )
