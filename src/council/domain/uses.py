"""When tokens and providers were last used. Pure."""

import enum
from dataclasses import dataclass

TOLD_CHARS_MAX = 200
# A use that is no more than this newer than the one that is kept is not kept by itself.
APART_US = 60_000_000


class Kind(enum.StrEnum):
    """What was used: a token; or a provider, which answered or failed."""

    TOKEN = "token"  # noqa: S105 - the word for it
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Use:
    """The newest of its kind and name. `told` says of a failure how it ended."""

    kind: Kind
    name: str
    at_us: int
    told: str = ""
