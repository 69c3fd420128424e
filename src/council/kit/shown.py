"""Times as people read them."""

import datetime


def clock(at_us: int) -> str:
    """Return a moment for people, UTC, to the second."""
    moment = datetime.datetime.fromtimestamp(at_us // 1_000_000, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Return a time span in its two largest units, the second left out where it is nothing."""
    if abs(seconds) < 60:
        return f"{seconds:.3g} s"
    whole, sign = round(abs(seconds)), "-" if seconds < 0 else ""
    for unit_s, unit, part_s, part in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit_s:
            rest = whole % unit_s // part_s
            return f"{sign}{whole // unit_s} {unit}" + (f" {rest} {part}" if rest else "")
    raise AssertionError("at least a minute")
