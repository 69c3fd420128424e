"""Rules over the newest figures: a share of a limit, at it or soon, and something that is there for too long."""

from council.domain import gates, sentinels
from council.upkeep.sentinels import findings, line

# What is foretold has risen for so long already, by so much of the whole: read each two and a half seconds, and each five.
_EVEN = {"step_least": 0.4, "step_most": 2.0, "late_least": 0.7}
_RISES = (
    line.Form(6, covered_min_s=12.0, window_s=17.0, **_EVEN),
    line.Form(6, covered_min_s=24.0, window_s=27.0, **_EVEN),
)
_RISEN_S = 12.0
_RISE_MIN_PERCENT = 10.0


class ShareWatch:
    """Judges a part of a whole, and how soon it is the whole where it rises in a line."""

    def __init__(self, rule: sentinels.Share, what: str):
        """`what` says of what it is a part."""
        self._rule, self._what = rule, what
        self._line = line.Line()
        self._uncounted: float | None = None

    def judge(self, time_s: float, part: float, whole: float, uncounted: float | None = 0.0) -> findings.Said:
        """Take a sample; `uncounted` of the part are left out of what rises. None: nobody knows, and it is as before."""
        self._uncounted = self._uncounted if uncounted is None else uncounted
        if whole <= 0:
            return findings.Said(gates.Verdict.UNKNOWN, None, f"The limit for {self._what} is {whole:g}.")
        percent, told = 100 * part / whole, f"{part:g} of {whole:g} {self._what} are in use"
        if self._uncounted is not None:
            self._line.add(time_s, 100 * (part - self._uncounted) / whole)
        if percent >= self._rule.red:
            return findings.Said(gates.Verdict.RED, percent, f"{told}.")
        if (left_s := self._left_s(percent)) is not None:
            reason = f"{told}, and all of them in {left_s:.0f} s at the pace of now."
            return findings.Said(gates.Verdict.RED, percent, reason, held_s=_RISEN_S)
        is_amber = percent >= self._rule.amber
        return findings.Said(gates.Verdict.AMBER if is_amber else gates.Verdict.GREEN, percent, f"{told}.")

    def _left_s(self, percent: float) -> float | None:
        """Return in how many seconds it is the whole, None where that is not soon or not sure."""
        if not self._rule.soon_s:
            return None
        a_second = max(self._line.a_second(form) or 0.0 for form in _RISES)
        if a_second * _RISEN_S < _RISE_MIN_PERCENT:
            return None
        left_s = (100 - percent) / a_second
        return left_s if left_s <= self._rule.soon_s else None


class LastingWatch:
    """Judges what may be there for a moment, as a child that has ended and waits to be collected, but not for long."""

    def __init__(self, rule: sentinels.Lasting):
        self._rule = rule
        self._first_s: float | None = None

    def judge(self, time_s: float, count: float) -> findings.Said:
        """Take a sample."""
        if count < self._rule.amber:
            self._first_s = None
            return findings.Said(gates.Verdict.GREEN, count, f"{count:g} now.")
        self._first_s = time_s if self._first_s is None else self._first_s
        if time_s - self._first_s < self._rule.for_s:
            return findings.Said(gates.Verdict.GREEN, count, f"{count:g}, for less than {self._rule.for_s:g} s.")
        verdict = gates.Verdict.RED if count >= self._rule.red else gates.Verdict.AMBER
        return findings.Said(
            verdict, count, f"{count:g}, and never fewer than {self._rule.amber:g} for {self._rule.for_s:g} s."
        )
