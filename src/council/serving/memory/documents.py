"""Documents into passages: Markdown and plain text, cut at headings and paragraphs. Pure."""

import re
from dataclasses import dataclass

SUFFIXES = frozenset({".md", ".markdown", ".txt", ".rst"})

_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")


class UnreadableError(Exception):
    """The bytes are not text."""


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a document: the headings above it, outermost first, joined by " > ", and its text."""

    heading: str
    text: str


def split(raw: bytes, chars_max: int) -> list[Section]:
    """Return the passages of a document, each of about `chars_max` characters at most. Raises UnreadableError."""
    if b"\0" in raw:
        raise UnreadableError("binary data")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError("not UTF-8") from error
    sections: list[Section] = []
    for heading, body in _by_heading(text.replace("\r\n", "\n")):
        sections.extend(Section(heading, part) for part in _pieces(body, chars_max))
    return sections


def _by_heading(text: str) -> list[tuple[str, str]]:
    trail: list[str] = []
    found: list[tuple[str, list[str]]] = [("", [])]
    fenced = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading:
            depth = len(line) - len(line.lstrip("#"))
            trail = [*trail[: depth - 1], heading.group(1)]
            found.append((" > ".join(trail), []))
        else:
            found[-1][1].append(line)
    return [(heading, "\n".join(lines).strip()) for heading, lines in found]


def _pieces(body: str, chars_max: int) -> list[str]:
    """Join paragraphs up to the limit; a paragraph over it is cut at spaces."""
    pieces: list[str] = []
    current = ""
    for paragraph in re.split(r"\n\s*\n", body):
        for part in _cut(paragraph.strip("\n"), chars_max):
            if current and len(current) + len(part) + 2 > chars_max:
                pieces.append(current)
                current = ""
            current = f"{current}\n\n{part}" if current else part
    if current.strip():
        pieces.append(current)
    return pieces


def _cut(paragraph: str, chars_max: int) -> list[str]:
    parts: list[str] = []
    while len(paragraph) > chars_max:
        space = paragraph.rfind(" ", chars_max // 2, chars_max)
        end = space if space > 0 else chars_max
        parts.append(paragraph[:end])
        paragraph = paragraph[end:].lstrip()
    if paragraph.strip():
        parts.append(paragraph)
    return parts
