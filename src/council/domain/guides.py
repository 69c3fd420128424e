"""Guides: what a document of a guidebook says of itself, and what is made of it. Pure.

A guide is a Markdown document below `guidebook/` of the blueprint or of the library. It may begin with front matter: a block of
YAML between two lines of `---`. Its fields are those of `FrontMatter`; `schema/guide.schema.json` says the same to other
programs.
"""

import dataclasses
import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council.domain.options import option

FOLDER = "guidebook"
SUFFIXES = frozenset({".md", ".markdown"})
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SLUG_CHARS_MAX = 80
TITLE_CHARS_MAX = 200
DESCRIPTION_CHARS_MAX = 500
TAGS_MAX = 20
TAG_CHARS_MAX = 40
ORDER_MAX = 1_000_000
# The index of all guides stands in the store under a key that a guide of this name would have.
RESERVED = frozenset({"index"})

# By which rules pages are made. Counted up when the same document would give another page: then all are made anew.
FORM = "2"

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class GuidesConfig:
    """Guides: the documents below `guidebook/` of the blueprint and of the library, as people read them."""

    poll_s: float = option(
        5.0, "How often the guidebooks are looked at, where no event tells of a change, seconds.", low=0.1, high=3600
    )
    files_max: int = option(2000, "Most guides; what goes beyond is named and left out.", low=1, high=100_000)
    file_bytes_max: int = option(
        _MIB, "Largest guide, bytes; larger ones are named and left out.", low=1024, high=16 * _MIB
    )
    bytes_max: int = option(
        24 * _MIB,
        "What all guides may take in the store, text and HTML together, bytes; what goes beyond is left out.",
        low=_MIB,
        high=1 << 32,
    )


class FaultyError(Exception):
    """A document that is no guide: the message says why and what helps, `line` where, from 1; 0 for the whole of it."""

    def __init__(self, reason: str, line: int = 0):
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What a document says of itself; "" for what it does not."""

    slug: str = ""
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    order: int = 0


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the text, 1 to 6, and the anchor by which the HTML has it."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Page:
    """What is made of a document's text: HTML that is safe to show, and its headings."""

    html: str
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A guide as it stands in a list.

    `root` is `blueprint` or `library`, `source` the document's path there. `heading` is the first of its text, "" without
    one. `digest` is the SHA-256 of the document, `form` says by which rules the page was made, `timestamp` when, in Unix
    seconds. `size_bytes` is what document and HTML take together.
    """

    slug: str
    title: str
    description: str
    tags: tuple[str, ...]
    order: int
    root: str
    source: str
    heading: str
    digest: str
    form: str
    timestamp: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide with its document, `raw`, and its page."""

    entry: Entry
    raw: str
    page: Page


@dataclass(frozen=True, slots=True)
class Fault:
    """A document that could not be taken as it stands. `kept` says that its last good version is shown on."""

    root: str
    source: str
    line: int
    reason: str
    kept: bool = False

    @property
    def place(self) -> str:
        """The document, with the line where it is one."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Listing:
    """All guides of one moment, in no order, and what was wrong then."""

    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Swap:
    """One step from what is shown to what is to be shown: new guides, slugs that go, and all that is wrong after it."""

    changed: tuple[Guide, ...]
    gone: frozenset[str]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Synced:
    """One sync: how many documents were read, how many of all have a fault, and how long it took."""

    processed: int
    errors: int
    duration_s: float


def ordered(entries: Sequence[Entry]) -> list[Entry]:
    """Return guides as they are listed: by `order`, then by title."""
    return sorted(entries, key=lambda entry: (entry.order, entry.title.casefold(), entry.slug))


def slug_of(name: str) -> str:
    """Return the slug of a file's name without its ending, "" where nothing in it can be part of one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_CHARS_MAX].strip("-")


def parted(text: str) -> tuple[str, str]:
    """Return the front matter of a document, "" without any, and the rest with as many lines before it. Raises FaultyError."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return "", text
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() in ("---", "..."):
            return "\n".join(lines[1:number]), "\n" * (number + 1) + "\n".join(lines[number + 1 :])
    raise FaultyError("the front matter that begins here has no end. Close it with a line of `---`.", 1)


def front_matter(given: Mapping[str, Any], lines: Mapping[str, int]) -> FrontMatter:
    """Return what front matter says; `lines` has the line of each of its keys. Raises FaultyError."""
    known = {item.name for item in dataclasses.fields(FrontMatter)}
    for key, value in given.items():
        if key not in known:
            raise FaultyError(f"unknown key `{key:.60}`.{_nearest(key, known)}", lines.get(key, 1))
        if problem := _CHECKS[key](value):
            raise FaultyError(f"`{key}` {problem}.", lines.get(key, 1))
    return FrontMatter(**{key: _plain(value) for key, value in given.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    return tuple(one.strip() for one in value) if isinstance(value, list) else value


def _nearest(key: str, known: set[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f" Did you mean `{close[0]}`?" if close else f" There are {', '.join(sorted(known))}."


def _slug_problem(value: Any) -> str:
    if not isinstance(value, str) or len(value) > SLUG_CHARS_MAX or not SLUG.fullmatch(value):
        return (
            f"must be up to {SLUG_CHARS_MAX} small letters and digits, with single hyphens between, not {value!r:.60}"
        )
    return f"may not be `{value}`, which is the name of the index. Choose another" if value in RESERVED else ""


def _line_problem(chars_max: int) -> Callable[[Any], str]:
    def problem(value: Any) -> str:
        if isinstance(value, str) and 0 < len(value.strip()) <= chars_max and value.strip().isprintable():
            return ""
        hint = "" if isinstance(value, str) else "; put it into quotation marks"
        return f"must be a line of 1 to {chars_max} characters that can be seen, not {value!r:.60}{hint}"

    return problem


def _tags_problem(value: Any) -> str:
    if not isinstance(value, list) or len(value) > TAGS_MAX:
        return f"must be a list of up to {TAGS_MAX} words, as `[a, b]`, not {value!r:.60}"
    return next(filter(None, map(_line_problem(TAG_CHARS_MAX), value)), "")


def _order_problem(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > ORDER_MAX:
        return f"must be a whole number between {-ORDER_MAX:,} and {ORDER_MAX:,}, not {value!r:.60}"
    return ""


_CHECKS: Mapping[str, Callable[[Any], str]] = {
    "slug": _slug_problem,
    "title": _line_problem(TITLE_CHARS_MAX),
    "description": _line_problem(DESCRIPTION_CHARS_MAX),
    "tags": _tags_problem,
    "order": _order_problem,
}
