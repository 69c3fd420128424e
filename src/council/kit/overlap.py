"""Reads of the same thing that overlap: one that began earlier may end later, and must not count any more then."""


class Overlap:
    """Numbers reads, and knows the newest that has counted."""

    def __init__(self) -> None:
        self._begun = 0
        self._newest = 0

    def begin(self) -> int:
        """Return the number of a read that begins now."""
        self._begun += 1
        return self._begun

    def counts(self, number: int) -> bool:
        """Return whether nothing that began later has counted yet."""
        return number > self._newest

    def take(self, number: int) -> bool:
        """Return whether a read counts; from then on those that began before it do not."""
        counts = self.counts(number)
        self._newest = max(self._newest, number)
        return counts
