"""What Council remembers of a user: facts that they stated, and the turns of their conversations."""

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """A fact has subject, attribute and value; a turn is what the user said, as they said it."""

    FACT = "fact"
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Memory:
    """One thing remembered of one user.

    `source` says where it came from: the request's id, or `import`. `superseded_by` is the id of the fact that took its
    place, "" while it holds. Times in microseconds.
    """

    id: str
    user_id: str
    session_id: str
    kind: Kind
    subject: str
    attribute: str
    value: str
    text: str
    source: str
    confidence: float
    at_us: int
    superseded_by: str = ""
    superseded_us: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact as it stands in the user's own words, before it is anybody's memory.

    A `single` attribute has one value at a time, so a new value takes the old one's place.
    """

    subject: str
    attribute: str
    value: str
    text: str
    confidence: float
    single: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A memory that fits a query. `score` is 0 to 1, of `similarity` (cosine) and `coverage` (words of the query)."""

    memory: Memory
    score: float
    similarity: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is known for a question: facts that answer it, what fits it, and what was said lately in its session.

    `complete` is False while the user's memories are still being read.
    """

    facts: tuple[Memory, ...] = ()
    found: tuple[Found, ...] = ()
    session: tuple[Memory, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of a user's memories are meant. None and "" mean any; `after` resumes a list after a memory of that id."""

    session_id: str | None = None
    kind: Kind | None = None
    ids: tuple[str, ...] | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of texts, float32 in this machine's order, each of `width` numbers; and the tokens that were read."""

    vectors: tuple[bytes, ...]
    width: int
    tokens: int
