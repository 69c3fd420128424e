"""How reading or computing a quantity can stop. Neither leaves the package: `solve` turns both into results."""

from council.domain import ways


class PassOnError(Exception):
    """Not wholly in the grammar, read in two ways, or without a check that held; `reason` is for people."""

    def __init__(self, reason: str, why: ways.Why = ways.Why.UNREAD):
        super().__init__(reason)
        self.reason = reason
        self.why = why


class RefusedError(Exception):
    """Read, and without an answer: undefined, too large, ambiguous beyond doubt. `reason` ends with what to say instead."""

    def __init__(self, reason: str, reading: str = ""):
        super().__init__(reason)
        self.reason = reason
        self.reading = reading


def require(held: bool, what: str) -> None:
    """Pass on where an independent check did not hold."""
    if not held:
        raise PassOnError(f"the check did not hold: {what}", ways.Why.UNDECIDED)
