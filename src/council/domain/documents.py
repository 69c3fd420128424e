"""Documents of the library, as far as those see them who do not read them: names, sizes, and how reading went. Pure."""

import enum
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from council.domain import errors

# The folder of the library that documents are put into over the API. What its owner has put there is theirs all the same.
UPLOADS = "uploads"
NAME_BYTES_MAX = 200
# Of one folder; more is a person's to put there.
COUNT_MAX = 1_000
BYTES_MAX = 1024 * 1024 * 1024


class State(enum.StrEnum):
    """How far a document is read: `partly` and `left_out` come with a reason."""

    INDEXED = "indexed"
    PARTLY = "partly"
    LEFT_OUT = "left_out"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `name` is its path within the library, `at_us` when it was last changed.

    `removable` is what was put there over the API, and may be deleted and replaced so.
    """

    name: str
    bytes: int
    at_us: int
    state: State
    passages: int = 0
    reason: str = ""
    removable: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Documents by name; `more` is how many there are that are not listed."""

    documents: tuple[Document, ...]
    more: int = 0


def state_of(passages: int, reason: str) -> State:
    """Return how far a document is read of which so much is in the index."""
    if reason:
        return State.PARTLY if passages else State.LEFT_OUT
    return State.INDEXED


def checked_name(name: str, kinds: Collection[str]) -> str:
    """Return the name of a file as it is kept, of one of the `kinds` such as `.md`. Raises InvalidRequestError."""
    kept = unicodedata.normalize("NFC", name)
    safe = kept.isprintable() and kept == kept.strip() and not kept.startswith(".") and not set(kept) & set("/\\")
    if not kept or not safe or len(kept.encode("utf-8", "replace")) > NAME_BYTES_MAX:
        raise errors.InvalidRequestError(
            f"That is no name for a document: one line of up to {NAME_BYTES_MAX} bytes, without slashes, and no dot at its "
            "beginning. Give it another name.",
            parameter="file",
        )
    if PurePosixPath(kept).suffix.lower() not in kinds:
        raise errors.InvalidRequestError(
            f"Documents of this kind are not read. Save it as one of {', '.join(sorted(kinds))}.", parameter="file"
        )
    return kept
