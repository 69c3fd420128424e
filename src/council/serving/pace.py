"""Holds escalations to a share of the questions, and spends that share where the doubt is greatest.

Each question earns `share_max` of an escalation, and an escalation costs one, so that the share holds over any stretch but for
a small reserve. Questions that are in doubt at the same moment may overdraw it; that is paid back before the next. Which doubts
are worth one is not known in advance: a doubt is escalated where it is among the deepest of those lately seen, as many of them
as the share will pay for, some more where much is saved up, some less where little is. Kept in memory, for each gateway process
by itself.
"""

import collections

# The reserve lets a service that has seen little escalate what it doubts most.
RESERVE = 3.0
# An hour without the local model is not to be paid for with a day without escalations.
DEBT_MAX = 32.0
_SEEN = 256
_SEEN_MIN = 16
# For each escalation more or less than half of what can be saved up, so much more or less is payable. Without it a tenth of the
# share is never spent, since what is earned beyond the reserve is lost while shallow doubts come in.
_LEAN = 0.25


class Pace:
    """Counts questions and doubts; pure but for what it has seen."""

    def __init__(self, share_max: float, reserve: float = RESERVE):
        """A `share_max` of 1 or more bounds nothing."""
        self._share_max = share_max
        self._reserve = reserve
        self._credit = reserve
        self._questions = 0
        self._doubts: collections.deque[tuple[int, float]] = collections.deque(maxlen=_SEEN)

    def question(self) -> None:
        """Note that a question came in, whoever answers it."""
        self._questions += 1
        self._credit = min(self._credit + self._share_max, self._reserve + 1.0)

    def doubt_below(self) -> float:
        """Return the confidence below which an answer is worth one of the escalations that are left; 0 where none is."""
        if self._share_max >= 1.0:
            return 1.0
        if self._credit < 1.0:
            return 0.0
        if len(self._doubts) < _SEEN_MIN:
            return 1.0
        questions = max(1, self._questions - self._doubts[0][0])
        lean = 1.0 + _LEAN * (self._credit - (self._reserve + 1.0) / 2.0)
        payable = round(self._share_max * questions * lean)
        ordered = sorted(confidence for _, confidence in self._doubts)
        return ordered[payable] if payable < len(ordered) else 1.0

    def seen(self, confidence: float) -> None:
        """Note how confident the local model was in an answer, whoever gave it in the end."""
        self._doubts.append((self._questions, confidence))

    def spent(self) -> None:
        """Note that a question was escalated."""
        self._credit = max(-DEBT_MAX, self._credit - 1.0)
