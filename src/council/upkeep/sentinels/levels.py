"""Rules over the newest figure: a share of a limit, and something that is there for too long."""

from council.domain import gates, sentinels
from council.upkeep.sentinels import findings


def share(rule: sentinels.Share, what: str, part: float, whole: float) -> findings.Said:
    """Judge a part of a whole, said at the first sample."""
    if whole <= 0:
        return findings.Said(gates.Verdict.UNKNOWN, None, f"The limit for {what} is {whole:g}.")
    percent = 100 * part / whole
    verdict = gates.Verdict.GREEN
    if percent >= rule.amber:
        verdict = gates.Verdict.RED if percent >= rule.red else gates.Verdict.AMBER
    return findings.Said(verdict, percent, f"{part:g} of {whole:g} {what} are in use.")


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
