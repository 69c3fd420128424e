"""Which days may be asked for."""

import datetime

from council.domain import errors

# Two days after moments begin to be counted: what is asked for lies before a day, too.
_FIRST = datetime.date(1970, 1, 3)


def check(day: datetime.date) -> None:
    """Return for a day that moments can be counted for. Raises InvalidRequestError."""
    if not _FIRST <= day < datetime.date.max - datetime.timedelta(days=2):
        raise errors.InvalidRequestError(f"Nothing is known of {day}. Give a day since {_FIRST}.")
