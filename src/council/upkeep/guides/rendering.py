"""Makes a page of a document's text: CommonMark with tables, task lists, footnotes and coloured code, then sanitised. Pure.

Documents of the library are untrusted, and so is what the Markdown library makes of them: what goes through is what the lists
here name, and everything else is taken out, last, by `nh3`. A page runs nothing, loads nothing (pictures give way to their
text), asks for nothing (no forms), carries no style but classes from a closed set, and has ids that begin with `guide-`.

It may still take long over a text that was made for it, so it runs in a process of its own, see `services/renderer.py`.
"""

import functools
import itertools
import re
import urllib.parse
from collections.abc import Sequence
from typing import Any

import nh3
import pygments
import pygments.formatters
import pygments.lexer
import pygments.lexers
import pygments.token
import pygments.util
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins import footnote, tasklists

from council.domain import guides

HTML_CHARS_MAX = 4 * 1024 * 1024
_HEADINGS_MAX = 500
_HEADING_CHARS_MAX = 200
# Longer code is shown without colours.
_CODE_CHARS_MAX = 20_000
_PREFIX = "guide-"
_ALIGNMENTS = frozenset({"left", "right", "center"})
_DOCUMENT = re.compile(r"(?:[^?#]*/)?(?P<name>[^/?#]+)\.(?:md|markdown)(?:#(?P<anchor>[^#]*))?", re.IGNORECASE)

_TAGS = frozenset(
    "a abbr b blockquote br caption code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s samp "
    "section small span strong sub summary sup table tbody td tfoot th thead tr u ul var wbr".split()
)
# Their text is nothing for readers either.
_GONE = frozenset({"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math", "textarea"})
_WITH_ID = ("a", "h1", "h2", "h3", "h4", "h5", "h6", "li", "sup", "section", "span", "div", "p")
_CODE_CLASSES = frozenset(filter(None, pygments.token.STANDARD_TYPES.values()))


def render(text: str) -> guides.Page:
    """Return the page of a document without its front matter. Raises FaultyError for one that would be too large."""
    made = _markdown()
    environment: dict[str, Any] = {}
    tokens = made.parse(text, environment)
    headings = _headings(tokens)
    _plain_out(tokens)
    html = made.renderer.render(tokens, made.options, environment)
    if len(html) > HTML_CHARS_MAX:
        raise guides.FaultyError(f"its page would be over {HTML_CHARS_MAX:,} characters. Split it.")
    return guides.Page(sanitised(html), headings)


def sanitised(html: str) -> str:
    """Return what of HTML is safe to show."""
    return _cleaner().clean(html)


@functools.cache
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True, "highlight": _highlighted}).enable(["table", "strikethrough"])
    return made.use(footnote.footnote_plugin).use(tasklists.tasklists_plugin)


@functools.cache
def _cleaner() -> nh3.Cleaner:
    ids = {tag: {"id"} for tag in _WITH_ID}
    cells = {"colspan", "rowspan"}
    return nh3.Cleaner(
        tags=set(_TAGS),
        clean_content_tags=set(_GONE),
        attributes=ids
        | {
            "a": {"id", "href", "title"},
            "abbr": {"title"},
            "ol": {"start"},
            "td": cells,
            "th": cells,
            "details": {"open"},
        },
        attribute_filter=_filtered,
        tag_attribute_values={"td": {"align": set(_ALIGNMENTS)}, "th": {"align": set(_ALIGNMENTS)}},
        allowed_classes={
            "span": set(_CODE_CLASSES) | {"task"},
            "ul": {"contains-task-list"},
            "li": {"task-list-item", "footnote-item"},
            "section": {"footnotes"},
            "ol": {"footnotes-list"},
            "sup": {"footnote-ref"},
            "a": {"footnote-backref"},
        },
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        id_prefix=_PREFIX,
        strip_comments=True,
    )


def _filtered(tag: str, attribute: str, value: str) -> str | None:
    """Return the value that an attribute is to have, None for no such attribute."""
    if attribute == "id":
        return value if value and len(value) <= _HEADING_CHARS_MAX and not re.search(r"\s", value) else None
    return _address(value) if tag == "a" and attribute == "href" else value


def _address(value: str) -> str | None:
    """Return where a link is to lead; one to another document of the guidebook leads to the guide of that name."""
    value = value.strip()
    # No scheme, and no other server's path: browsers take `\\` for `/`, and pass over what they do not print.
    if re.match(r"[a-z][a-z0-9+.-]*:", value, re.IGNORECASE):
        return value
    if not value.isprintable() or re.match(r"[/\\]{2}", value):
        return None
    if value.startswith("#"):
        return f"#{_PREFIX}{value[1:]}" if len(value) > 1 else value
    document = _DOCUMENT.fullmatch(value)
    if document is None:
        return value
    slug = guides.slug_of(urllib.parse.unquote(document["name"]))
    return slug + (f"#{_PREFIX}{document['anchor']}" if document["anchor"] else "")


def _headings(tokens: Sequence[Token]) -> tuple[guides.Heading, ...]:
    """Give each heading an id, as GitHub does; return the headings."""
    found: list[guides.Heading] = []
    taken: set[str] = set()
    for token, inner in itertools.pairwise(tokens):
        if token.type != "heading_open" or len(found) >= _HEADINGS_MAX:
            continue
        text = " ".join(_said(inner.children or ()).split())[:_HEADING_CHARS_MAX]
        words = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") or "section"
        anchor, number = words, 0
        while anchor in taken:
            number += 1
            anchor = f"{words}-{number}"
        taken.add(anchor)
        token.attrSet("id", anchor)
        found.append(guides.Heading(int(token.tag[1]), text, _PREFIX + anchor))
    return tuple(found)


def _said(children: Sequence[Token]) -> str:
    """Return the text of inline tokens as it is read."""
    return "".join(
        _said(child.children or ())
        if child.type == "image"
        else " "
        if child.type in ("softbreak", "hardbreak")
        else child.content
        for child in children
        if child.type in ("text", "code_inline", "image", "softbreak", "hardbreak")
    )


def _plain_out(tokens: Sequence[Token]) -> None:
    """Put what the sanitiser would take out into words: pictures, boxes to tick, alignment."""
    for token in tokens:
        style = str(token.attrs.pop("style", ""))
        alignment = style.removeprefix("text-align:")
        if alignment in _ALIGNMENTS:
            token.attrs["align"] = alignment
        for child in token.children or ():
            if child.type == "image":
                child.content, child.type = _said(child.children or ()), "text"
            elif child.type == "html_inline" and "task-list-item-checkbox" in child.content:
                done = 'checked="checked"' in child.content
                child.content = f'<span class="task">{"☑" if done else "☐"}</span>'


def _highlighted(code: str, language: str, _: str) -> str:
    lexer = _lexer(language.lower()) if language and len(code) <= _CODE_CHARS_MAX else None
    return pygments.highlight(code, lexer, _formatter()) if lexer is not None else ""


@functools.cache
def _formatter() -> Any:
    return pygments.formatters.HtmlFormatter(nowrap=True)


@functools.lru_cache(maxsize=256)
def _lexer(language: str) -> Any:
    try:
        return pygments.lexers.get_lexer_by_name(language, stripnl=False)
    except pygments.util.ClassNotFound:
        return None
