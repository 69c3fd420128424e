"""What is kept so that the router can be fitted anew: how questions went, and what people thought of the answers.

No text is kept. What is kept of a question are the features that the router sees of it. What a person adds to their thumb in
words of their own is for people: it lies apart, and nothing that learns reads it.
"""

import enum
from dataclasses import dataclass

from council.domain import answers


class Verdict(enum.StrEnum):
    """What a person thought of an answer."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Row:
    """How one question went. `features` are packed as `serving/router/lessons.py` says; `passed_on` are those that declined."""

    request_id: str
    user_id: str
    at_us: int
    features: bytes
    specialist: answers.Route
    level: answers.Level
    confidence: float
    escalated: bool
    passed_on: tuple[answers.Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Thumb:
    """What the asker thought of an answer. `route` is where they say that the question belonged, None where they do not say."""

    request_id: str
    user_id: str
    at_us: int
    verdict: Verdict
    route: answers.Route | None = None


# The most characters of words beside a thumb.
WORDS_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Opinion:
    """A thumb with what its user said beside it, "" where nothing."""

    thumb: Thumb
    words: str = ""


class Taken(enum.StrEnum):
    """What a thumb changed: `new` where its user had said nothing or the other, `unknown` where it was not their request."""

    NEW = "new"
    SAME = "same"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept at most: nothing older than `before_us`, so many rows of one user, so many of all."""

    before_us: int
    rows_user_max: int
    rows_max: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one user. `oldest_us` is 0 where nothing is."""

    rows: int
    thumbs: int
    oldest_us: int
