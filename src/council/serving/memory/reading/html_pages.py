"""HTML: what a reader of the page would see, under its headings. Scripts, comments and hidden elements are left out.

Hidden is what the element's own attributes or a plain rule of the page's `<style>` hide on a screen: a rule for a tag, a
class, an id, or a tag with one class or id. A text in the colour of its ground, or one that a style sheet elsewhere hides, is
not known to be hidden.
"""

import codecs
import html.parser
import re

from council.serving.memory import documents

_DEPTH_MAX = 200
_TITLE_CHARS_MAX = 200
_UNSEEN = frozenset(
    "script style template noscript head svg math iframe object embed canvas audio video select textarea button nav "
    "datalist meter progress noembed noframes rp".split()
)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_BLOCKS = frozenset(
    "address article aside blockquote body caption dd details div dl dt fieldset figcaption figure footer form header hr main "
    "ol p pre section summary table tbody tfoot thead ul".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# End tags that people leave out: one of these ends where the next of its row begins.
_ROWS = {
    "li": ("li",), "tr": ("td", "th", "tr"), "td": ("td", "th"), "th": ("td", "th"), "p": ("p",), "dt": ("dt", "dd"),
    "dd": ("dt", "dd"),
}  # fmt: skip
_HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$|!)"
    r"|font-size\s*:\s*0|(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*(?:;|$|!)|clip(?:-path)?\s*:|text-indent\s*:\s*-\d{3,}"
    r"|(?:left|top|right)\s*:\s*-\d{3,}|color\s*:\s*transparent|transform\s*:\s*scale\(\s*0\s*\))",
    re.IGNORECASE,
)
_RULE = re.compile(r"([^{}]{1,500})\{([^{}]{0,2000})\}")
_SELECTOR = re.compile(r"\s*((?:[A-Za-z][\w-]{0,80})?(?:[.#][A-Za-z_-][\w-]{0,80})?)\s*")
_TAG = re.compile(r"^[A-Za-z][\w-]*")
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
# What such a rule hides is seen on a screen.
_FOR_PRINT = re.compile(
    r"@media[^{}]{0,100}\b(?:print|speech)\b[^{}]{0,100}\{(?:[^{}]{0,500}\{[^{}]{0,2000}\}){0,1000}\s*\}", re.IGNORECASE
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]{0,500}>(.{0,200000}?)</style", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title\b[^>]{0,500}>(.{0,2000}?)</title", re.IGNORECASE | re.DOTALL)
# What pages still come in; any other name is left to UTF-8, which says no where it does not fit.
_ENCODINGS = frozenset({"utf-8", "iso8859-1", "cp1252", "iso8859-15", "ascii"})


def read(raw: bytes, chars_max: int) -> documents.Document:
    """Return what is seen of a page as passages. Raises UnreadableError."""
    text = _decoded(raw)
    reader = _Reader(_hidden_by_rules(text), _title(text))
    reader.feed(text)
    reader.close()
    sections = [
        documents.Section(heading, part)
        for heading, body in reader.sections()
        for part in documents.pieces(documents.visible(body), chars_max)
    ]
    if not sections:
        raise documents.UnreadableError("no text that a reader of the page would see")
    return documents.Document(sections)


def _decoded(raw: bytes) -> str:
    found = _CHARSET.search(raw[:4096])
    try:
        name = codecs.lookup(found[1].decode()).name if found else "utf-8"
    except LookupError:
        name = "utf-8"
    if name in _ENCODINGS and name not in ("utf-8", "ascii") and b"\0" not in raw:
        # A page that says ISO 8859-1 is read as its superset by every browser.
        return raw.decode("cp1252" if name == "iso8859-1" else name, "replace")
    return documents.decoded(raw)


def _title(text: str) -> str:
    found = _TITLE.search(text[:65_536])
    return " ".join(html.unescape(found[1]).split())[:_TITLE_CHARS_MAX] if found else ""


def _hidden_by_rules(text: str) -> frozenset[str]:
    """Return the selectors that plain rules of the page's own style sheets hide, tags in small letters."""
    hidden: set[str] = set()
    for style in _STYLE.findall(_COMMENT.sub("", text)):
        for selectors, declarations in _RULE.findall(_FOR_PRINT.sub("", _CSS_COMMENT.sub("", style))):
            if _HIDING.search(declarations):
                found = (one[1] for part in selectors.split(",") if (one := _SELECTOR.fullmatch(part)))
                hidden.update(_TAG.sub(lambda tag: tag[0].lower(), one) for one in found if one)
    return frozenset(hidden)


class _Reader(html.parser.HTMLParser):
    """Collects text by heading. `_open` are the open elements, each with whether it hides what is in it."""

    def __init__(self, hidden: frozenset[str], title: str) -> None:
        super().__init__(convert_charrefs=True)
        self._hidden = hidden
        self._open: list[tuple[str, bool]] = []
        self._trail: list[tuple[int, str]] = [(0, title)] if title else []
        self._sections: list[tuple[str, list[str]]] = [(title, [])]
        self._heading: list[str] | None = None
        self._level = 0
        self._cells = 0

    def sections(self) -> list[tuple[str, str]]:
        """Return (headings, text) in order."""
        self._end_heading()
        return [(heading, _tidied("".join(parts))) for heading, parts in self._sections]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if tag in _BLOCKS or tag in _HEADINGS or tag == "body":
            # The end of the head is often left out, and so is that of a heading: it ends where the next block begins.
            self.handle_endtag("head")
            self._end_heading()
        for other in _ROWS.get(tag, ()):
            if self._open and self._open[-1][0] == other:
                self.handle_endtag(other)
        if tag == "br":
            self._put("\n")
        if tag in _VOID:
            return
        if len(self._open) >= _DEPTH_MAX:
            raise documents.UnreadableError(f"elements nested more than {_DEPTH_MAX} deep")
        self._open.append((tag, self._unseen or self._hides(tag, attrs)))
        if tag in _BLOCKS or tag in _HEADINGS:
            self._put("\n\n")
        elif tag == "li":
            self._put("\n- ")
        elif tag == "tr":
            self._cells = 0
            self._put("\n")
        elif tag in ("td", "th"):
            self._put(" | " if self._cells else "| ")
            self._cells += 1
        if tag in _HEADINGS and not self._unseen:
            self._heading, self._level = [], _HEADINGS[tag]

    def handle_endtag(self, tag: str) -> None:
        """Close an element, and those in it that were not closed."""
        if all(name != tag for name, _ in self._open):
            return
        closed = ""
        while closed != tag:
            if self._open[-1][0] in _HEADINGS:
                self._end_heading()
            closed, _ = self._open.pop()
            if closed == "tr" and self._cells:
                self._put(" |")
                self._cells = 0
        if tag in _BLOCKS:
            self._put("\n\n")

    def handle_data(self, data: str) -> None:
        """Keep what is seen."""
        inside = any(name == "pre" for name, _ in self._open)
        self._put(data if inside else re.sub(r"\s+", " ", data))

    @property
    def _unseen(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def _put(self, text: str) -> None:
        if not self._unseen:
            (self._sections[-1][1] if self._heading is None else self._heading).append(text)

    def _hides(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        found = {name: value or "" for name, value in attrs}
        marks = [f"#{found.get('id', '')}", *(f".{one}" for one in found.get("class", "").split())]
        names = {tag, *marks, *(tag + mark for mark in marks)}
        return (
            tag in _UNSEEN
            or "hidden" in found
            or found.get("aria-hidden", "").lower() == "true"
            or (tag == "dialog" and "open" not in found)
            or bool(_HIDING.search(_CSS_COMMENT.sub("", found.get("style", ""))))
            or bool(names & self._hidden)
        )

    def _end_heading(self) -> None:
        """Begin the section of the heading that is being read, if one is."""
        if self._heading is None:
            return
        whole = " ".join("".join(self._heading).split())
        self._heading = None
        if whole:
            heading = whole[:_TITLE_CHARS_MAX]
            self._trail = [*(above for above in self._trail if above[0] < self._level), (self._level, heading)]
            # A page may be one heading: what is too long for a title is text.
            rest = [whole, "\n\n"] if len(whole) > _TITLE_CHARS_MAX else []
            self._sections.append((" > ".join(title for _, title in self._trail), rest))


def _tidied(text: str) -> str:
    lines = [line.strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
