"""Writes HTML of a document's text: CommonMark with tables, task lists, footnotes and struck text. Pure.

pulldown-cmark reads the text, in Rust and in time that grows with its length alone; it tells what it reads as events, and what
is made of each stands here. The HTML is not safe to show: a document's own HTML goes through as it is, and so does any address
of a link. `rendering` sanitises it.

What the sanitiser would take out is put into words: a picture's text stands for it, a character for a box to tick, an attribute
for alignment.
"""

import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, ClassVar

import pyromark

from council.domain import guides

HTML_CHARS_MAX = 4 * 1024 * 1024
HEADING_CHARS_MAX = 200
PREFIX = "guide-"
_HEADINGS_MAX = 500
# Lists in lists, quotations in quotations, and all else that may stand in its like. A list's item with paragraphs is three.
_DEPTH_MAX = 100
_EXTENSIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
)
# What may stand in an address as it is; a `%` only before two hexadecimal digits.
_ADDRESS_PLAIN = "!#$%&'()*+,-./:;=?@_~"
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

# Gives code of a language its colours, as HTML, or "" where it knows none.
Colour = Callable[[str, str], str]


def write(text: str, colour: Colour) -> tuple[str, tuple[guides.Heading, ...]]:
    """Return the HTML of a text, and its headings. Raises FaultyError for one too large, or nested too deep."""
    writer = _Writer(colour)
    writer.follow(pyromark.events(text, options=_EXTENSIONS))
    return writer.finished(), tuple(writer.headings)


def check(chars: int) -> None:
    """Raise FaultyError for a page of so many characters that it is too large."""
    if chars > HTML_CHARS_MAX:
        raise guides.FaultyError(f"its page would be over {HTML_CHARS_MAX:,} characters. Split it.")


@dataclass(slots=True)
class _Note:
    """A footnote: its number in the order of what refers to it, how often that is, and its HTML once that is known."""

    number: int = 0
    uses: int = 0
    pieces: list[str] | None = None


@dataclass(slots=True)
class _Writer:
    """Writes events down, one after the other."""

    colour: Colour
    headings: list[guides.Heading] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _chars: int = 0
    # What ends each thing that has begun: HTML, or something to do.
    _ends: list[str | Callable[[], None]] = field(default_factory=list)
    _pictures: int = 0
    # The text of what has begun, where it is needed: of a heading, of code.
    _said: list[str] | None = None
    _code: list[str] | None = None
    _anchors: set[str] = field(default_factory=set)
    # Where in `_pieces` the lists and the items begin that have begun.
    _lists: list[int] = field(default_factory=list)
    _items: list[int] = field(default_factory=list)
    _alignments: tuple[str, ...] = ()
    _column: int = 0
    _cell: str = "td"
    _has_body: bool = False
    _notes: dict[str, _Note] = field(default_factory=dict)
    _used_notes: list[_Note] = field(default_factory=list)

    def follow(self, events: Iterable[Any]) -> None:
        """Write what the events tell."""
        for event in events:
            if isinstance(event, str):
                self._mark(event)
            else:
                [(kind, value)] = event.items()
                self._KINDS[kind](self, value)

    def finished(self) -> str:
        """Return the HTML, footnotes last."""
        written = [note for note in self._used_notes if note.pieces is not None]
        if written:
            self._fresh()
            self._put('<hr />\n<section class="footnotes">\n<ol class="footnotes-list">\n')
            for note in written:
                self._note(note)
            self._put("</ol>\n</section>\n")
        check(self._chars)
        return "".join(self._pieces)

    def _put(self, piece: str) -> None:
        if piece:
            self._pieces.append(piece)
            self._chars += len(piece)

    def _fresh(self) -> None:
        """Begin a line, unless one has just begun."""
        if self._pieces and not self._pieces[-1].endswith("\n"):
            self._put("\n")

    def _text(self, text: str) -> None:
        if self._code is not None:
            self._code.append(text)
            return
        if self._said is not None:
            self._said.append(text)
        self._put(escape(text, quote=False))

    def _inline_code(self, text: str) -> None:
        if self._said is not None:
            self._said.append(text)
        said = escape(text, quote=False)
        self._put(said if self._pictures else f"<code>{said}</code>")

    def _html(self, html: str) -> None:
        if not self._pictures:
            self._put(html)

    def _mark(self, event: str) -> None:
        if event == "Rule":
            self._fresh()
            self._put("<hr />\n")
            return
        if self._said is not None:
            self._said.append(" ")
        if self._pictures:
            self._put(" ")
        else:
            self._put("<br />\n" if event == "HardBreak" else "\n")

    def _task(self, done: bool) -> None:
        item = self._items[-1]
        self._pieces[item] = '<li class="task-list-item">'
        place = self._lists[-1]
        if self._pieces[place] == "<ul>\n":
            self._pieces[place] = '<ul class="contains-task-list">\n'
        self._put(f'<span class="task">{"☑" if done else "☐"}</span> ')

    def _reference(self, label: str) -> None:
        if self._pictures:
            return
        note = self._noted(label)
        if not note.number:
            self._used_notes.append(note)
            note.number = len(self._used_notes)
        note.uses += 1
        number, again = note.number, f":{note.uses - 1}" if note.uses > 1 else ""
        self._put(
            f'<sup class="footnote-ref"><a href="#fn{number}" id="fnref{number}{again}">[{number}{again}]</a></sup>'
        )

    def _noted(self, label: str) -> _Note:
        return self._notes.setdefault(" ".join(label.split()).casefold(), _Note())

    def _note(self, note: _Note) -> None:
        """Write a footnote, with ways back to what refers to it."""
        assert note.pieces is not None
        number = note.number
        back = "".join(
            f' <a href="#fnref{number}{f":{use}" if use else ""}" class="footnote-backref">\u21a9\ufe0e</a>'
            for use in range(note.uses)
        )
        html = "".join(note.pieces)
        if html.endswith("</p>\n"):
            html = html.removesuffix("</p>\n") + f"{back}</p>\n"
        else:
            html += back
        self._put(f'<li id="fn{number}" class="footnote-item">{html}</li>\n')

    def _start(self, tag: Any) -> None:
        """Begin something. `tag` is its name, or a mapping of that to what is to know of it."""
        if len(self._ends) >= _DEPTH_MAX:
            raise guides.FaultyError("it is nested too deep. Make its lists or quotations flatter.")
        check(self._chars)
        if isinstance(tag, str):
            name, about = tag, None
        else:
            [(name, about)] = tag.items()
        if name == "Image":
            self._pictures += 1
            self._ends.append(self._end_picture)
        elif self._pictures:
            self._ends.append("")
        elif (simple := _SIMPLE.get(name)) is not None:
            begin, end, is_block = simple
            if is_block:
                self._fresh()
            self._put(begin)
            self._ends.append(end)
        else:
            self._STARTS[name](self, about)

    def _end(self, _: Any) -> None:
        # Events nest, so that what ends is what began last.
        end = self._ends.pop()
        if isinstance(end, str):
            self._put(end)
        else:
            end()

    def _end_picture(self) -> None:
        self._pictures -= 1

    def _heading(self, about: Mapping[str, Any]) -> None:
        level = int(about["level"][1])
        self._fresh()
        place = len(self._pieces)
        self._put(f"<h{level}>")
        self._said = []

        def end() -> None:
            said, self._said = self._said or [], None
            if len(self.headings) < _HEADINGS_MAX:
                text = " ".join("".join(said).split())[:HEADING_CHARS_MAX]
                anchor = self._anchor(text)
                self.headings.append(guides.Heading(level, text, PREFIX + anchor))
                self._pieces[place] = f'<h{level} id="{escape(anchor)}">'
            self._put(f"</h{level}>\n")

        self._ends.append(end)

    def _anchor(self, text: str) -> str:
        """Return the id of a heading, as GitHub makes it."""
        words = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") or "section"
        anchor, number = words, 0
        while anchor in self._anchors:
            number += 1
            anchor = f"{words}-{number}"
        self._anchors.add(anchor)
        return anchor

    def _code_block(self, about: Any) -> None:
        said = about["Fenced"].split(maxsplit=1) if isinstance(about, dict) else []
        language = said[0] if said else ""
        self._fresh()
        self._code = []

        def end() -> None:
            code, self._code = "".join(self._code or ()), None
            html = (self.colour(code, language) if language else "") or escape(code, quote=False)
            self._put(f"<pre><code>{html}</code></pre>\n")

        self._ends.append(end)

    def _list(self, first: int | None) -> None:
        self._fresh()
        self._lists.append(len(self._pieces))
        if first is None:
            self._put("<ul>\n")
        else:
            self._put("<ol>\n" if first == 1 else f'<ol start="{first}">\n')
        end = "</ul>\n" if first is None else "</ol>\n"

        def ended() -> None:
            self._lists.pop()
            self._put(end)

        self._ends.append(ended)

    def _item(self, _: Any) -> None:
        self._fresh()
        self._items.append(len(self._pieces))
        self._put("<li>")

        def end() -> None:
            self._items.pop()
            self._put("</li>\n")

        self._ends.append(end)

    def _link(self, about: Mapping[str, Any]) -> None:
        address = about["dest_url"]
        if about["link_type"] == "Email":
            address = f"mailto:{address}"
        title = f' title="{escape(about["title"])}"' if about["title"] else ""
        self._put(f'<a href="{escape(_address(address))}"{title}>')
        self._ends.append("</a>")

    def _definition(self, label: str) -> None:
        note, outside = self._noted(label), self._pieces
        self._pieces = []

        def end() -> None:
            # The first of several counts, as with links.
            if note.pieces is None:
                note.pieces = self._pieces
            self._pieces = outside

        self._ends.append(end)

    def _table(self, alignments: tuple[str, ...]) -> None:
        self._fresh()
        self._alignments, self._has_body = alignments, False
        self._put("<table>\n")
        self._ends.append(self._end_table)

    def _end_table(self) -> None:
        self._put("</tbody>\n</table>\n" if self._has_body else "</table>\n")

    def _table_head(self, _: Any) -> None:
        self._column, self._cell = 0, "th"
        self._put("<thead>\n<tr>\n")
        self._ends.append("</tr>\n</thead>\n")

    def _table_row(self, _: Any) -> None:
        self._column, self._cell = 0, "td"
        if not self._has_body:
            self._has_body = True
            self._put("<tbody>\n")
        self._put("<tr>\n")
        self._ends.append("</tr>\n")

    def _table_cell(self, _: Any) -> None:
        alignment = self._alignments[self._column]
        self._column += 1
        self._put(f"<{self._cell}>" if alignment == "None" else f'<{self._cell} align="{alignment.lower()}">')
        self._ends.append(f"</{self._cell}>\n")

    _KINDS: ClassVar[Mapping[str, Callable[["_Writer", Any], None]]] = {
        "Start": _start,
        "End": _end,
        "Text": _text,
        "Code": _inline_code,
        "Html": _html,
        "InlineHtml": _html,
        "FootnoteReference": _reference,
        "TaskListMarker": _task,
    }
    _STARTS: ClassVar[Mapping[str, Callable[["_Writer", Any], None]]] = {
        "Heading": _heading,
        "CodeBlock": _code_block,
        "List": _list,
        "Item": _item,
        "Link": _link,
        "FootnoteDefinition": _definition,
        "Table": _table,
        "TableHead": _table_head,
        "TableRow": _table_row,
        "TableCell": _table_cell,
    }


# How what has nothing to be known of it begins and ends, and whether it begins a line.
_SIMPLE: Mapping[str, tuple[str, str, bool]] = {
    "Paragraph": ("<p>", "</p>\n", True),
    "BlockQuote": ("<blockquote>\n", "</blockquote>\n", True),
    "HtmlBlock": ("", "", True),
    "Emphasis": ("<em>", "</em>", False),
    "Strong": ("<strong>", "</strong>", False),
    "Strikethrough": ("<s>", "</s>", False),
}


def _address(written: str) -> str:
    return _LONE_PERCENT.sub("%25", urllib.parse.quote(written, safe=_ADDRESS_PLAIN))
