"""Documents into passages: Markdown and plain text, cut at headings and paragraphs. Pure. For other kinds see `reading`."""

import re
from dataclasses import dataclass

from council.kit import unseen

SUFFIXES = frozenset({".md", ".markdown", ".txt", ".rst"})
# What `reading` takes apart, in a process of its own.
TAKEN_APART_SUFFIXES = frozenset({".html", ".htm", ".xhtml", ".pdf", ".csv", ".tsv"})

# Documents are untrusted, so a pattern must not be able to go back over a long line again and again.
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_HEADING_CHARS_MAX = 200
_FENCE = re.compile(r"^\s*(```|~~~)")


class UnreadableError(Exception):
    """The bytes are no document of their kind; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a document: the headings above it, outermost first, joined by " > ", and its text."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document's passages in order. `note` says what of it was not read, and is empty where all was."""

    sections: list[Section]
    note: str = ""


_CODE_OR_COMMENT = re.compile(r"(^[ \t]*(```|~~~).*?(?:^[ \t]*\2|\Z))|<!--.*?(?:-->|\Z)", re.DOTALL | re.MULTILINE)
# A line of `---` that is only a rule is not followed by `key:` lines alone.
_FRONT_MATTER = re.compile(
    r"---[ \t]*\n(?:(?:[A-Za-z_][\w-]*:.*|[ \t].*|-[ \t].*|#.*|)\n){1,200}?(?:---|\.\.\.)[ \t]*(?:\n|\Z)"
)
_NOT_PROSE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL)


def split(raw: bytes, chars_max: int) -> list[Section]:
    """Return the passages of a document, each of about `chars_max` characters at most. Raises UnreadableError."""
    sections: list[Section] = []
    for heading, body in _by_heading(_without_comments(_without_front_matter(visible(decoded(raw))))):
        sections.extend(Section(heading, part) for part in pieces(body, chars_max))
    return sections


def _without_front_matter(text: str) -> str:
    """Return a text without the block of settings that it may begin with: they are for programs, and answer nothing."""
    found = _FRONT_MATTER.match(text)
    return text[found.end() :] if found else text


def decoded(raw: bytes) -> str:
    """Return the text of bytes that are one. Raises UnreadableError."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in raw:
        raise UnreadableError("binary data")
    else:
        encoding = "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableError("not UTF-8; save it as UTF-8") from error


def visible(text: str) -> str:
    """Return a text without characters that nobody sees; every kind of line end is one."""
    return unseen.removed("\n".join(text.splitlines()))


def _without_comments(text: str) -> str:
    """Return Markdown without comments, which no reader of the page sees; in code they stay."""
    return _CODE_OR_COMMENT.sub(lambda match: match.group(1) or "", text)


def prose(text: str) -> str:
    """Return a passage without code blocks and comments: an example question in them is no answer to that question."""
    return _NOT_PROSE.sub(" ", text)


def _by_heading(text: str) -> list[tuple[str, str]]:
    trail: list[tuple[int, str]] = []
    found: list[tuple[str, list[str]]] = [("", [])]
    fenced = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading:
            depth = len(heading.group(1))
            trail = [*(above for above in trail if above[0] < depth), (depth, _title(heading.group(2)))]
            found.append((" > ".join(title for _, title in trail), []))
        else:
            found[-1][1].append(line)
    return [(heading, "\n".join(lines).strip()) for heading, lines in found]


def _title(text: str) -> str:
    """Return a heading's text without the closing `#`s that Markdown allows after a space."""
    text = text.rstrip()
    bare = text.rstrip("#")
    return (bare.rstrip() if not bare or bare[-1].isspace() else text)[:_HEADING_CHARS_MAX]


def pieces(body: str, chars_max: int) -> list[str]:
    """Return paragraphs joined up to the limit; a paragraph over it is cut at spaces."""
    found: list[str] = []
    current = ""
    for paragraph in re.split(r"\n\s*\n", body):
        for part in _cut(paragraph.strip("\n"), chars_max):
            if current and len(current) + len(part) + 2 > chars_max:
                found.append(current)
                current = ""
            current = f"{current}\n\n{part}" if current else part
    if current.strip():
        found.append(current)
    return found


def _cut(paragraph: str, chars_max: int) -> list[str]:
    parts: list[str] = []
    begin, length = 0, len(paragraph)
    while length - begin > chars_max:
        end = _place_to_cut(paragraph, begin + chars_max // 2, begin + chars_max)
        parts.append(paragraph[begin:end])
        # By place, not by cutting off the front: a file may be one paragraph of megabytes.
        begin = end
        while begin < length and paragraph[begin].isspace():
            begin += 1
    if paragraph[begin:].strip():
        parts.append(paragraph[begin:])
    return parts


def _place_to_cut(paragraph: str, first: int, last: int) -> int:
    """Return where to cut between two places: at a line's end, so that tables keep their rows, else at a space."""
    for separator in ("\n", " "):
        found = paragraph.rfind(separator, first, last)
        if found >= 0:
            return found
    return last
