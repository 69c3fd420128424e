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


# So many of the newest changes are kept.
CHANGES_MAX = 20_000


class Did(enum.StrEnum):
    """What was done to memories."""

    KEPT = "kept"
    IMPORTED = "imported"
    FORGOT = "forgot"
    REBUILT = "rebuilt"


@dataclass(frozen=True, slots=True)
class Noted:
    """What is noted of a change, in the same transaction. `source` is the request's id, or why an index was rebuilt."""

    at_us: int
    user_id: str
    did: Did
    source: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the change log: how many memories of a user, "" for all users', and never what they said."""

    at_us: int
    user_id: str
    did: Did
    count: int
    source: str


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
