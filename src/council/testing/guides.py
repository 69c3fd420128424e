"""Guides in memory, and pages made in this process."""

from collections.abc import Sequence

from council.domain import errors, guides


class InlineGuidebook:
    """Implements care_ports.Guidebook. `away` has it fail; `swaps` are all that were made."""

    def __init__(self, *shown: guides.Guide, faults: Sequence[guides.Fault] = ()):
        self.shown = {guide.entry.slug: guide for guide in shown}
        self.faults = tuple(faults)
        self.swaps: list[guides.Swap] = []
        self.away = False

    async def swap(self, swap: guides.Swap) -> None:
        """Put new guides into their places."""
        self._check()
        self.swaps.append(swap)
        kept = {slug: guide for slug, guide in self.shown.items() if slug not in swap.gone}
        self.shown = kept | {guide.entry.slug: guide for guide in swap.changed}
        self.faults = swap.faults

    async def listing(self) -> guides.Listing:
        """Return all guides."""
        self._check()
        return guides.Listing(tuple(guide.entry for guide in self.shown.values()), self.faults)

    async def guide(self, slug: str) -> guides.Guide | None:
        """Return a guide."""
        self._check()
        return self.shown.get(slug)

    async def close(self) -> None:
        """Do nothing."""

    def _check(self) -> None:
        if self.away:
            raise errors.StoreUnavailableError("The store is away. Try again.")
