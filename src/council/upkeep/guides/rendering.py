"""Makes a page of a document's text: HTML as `writing` writes it, with coloured code, then sanitised. Pure.

Documents of the library are untrusted, and so is the HTML that is written of them: what goes through is what the lists here
name, and everything else is taken out, last, by `nh3`. A page runs nothing, loads nothing (pictures give way to their text),
asks for nothing (no forms), carries no style but classes from a closed set, and has ids that begin with `guide-`.

It may still take long over a text that was made for it, so it runs in a process of its own, see `services/renderer.py`.
"""

import functools
import re
import urllib.parse
from typing import Any

import nh3
import pygments
import pygments.formatters
import pygments.lexer
import pygments.lexers
import pygments.token
import pygments.util

from council.domain import guides
from council.upkeep.guides import writing

# Longer code is shown without colours.
_CODE_CHARS_MAX = 20_000
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
    """Return the page of a document without its front matter. Raises FaultyError for one that no page can be made of."""
    html, headings = writing.write(text, _coloured)
    # HTML of the document's own may grow, as every tag that it left open is closed.
    html = sanitised(html)
    writing.check(len(html))
    return guides.Page(html, headings)


def sanitised(html: str) -> str:
    """Return what of HTML is safe to show."""
    return _cleaner().clean(html)


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
        id_prefix=writing.PREFIX,
        strip_comments=True,
    )


def _filtered(tag: str, attribute: str, value: str) -> str | None:
    """Return the value that an attribute is to have, None for no such attribute."""
    if attribute == "id":
        return value if value and len(value) <= writing.HEADING_CHARS_MAX and not re.search(r"\s", value) else None
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
        return f"#{writing.PREFIX}{value[1:]}" if len(value) > 1 else value
    document = _DOCUMENT.fullmatch(value)
    if document is None:
        return value
    slug = guides.slug_of(urllib.parse.unquote(document["name"]))
    return slug + (f"#{writing.PREFIX}{document['anchor']}" if document["anchor"] else "")


def _coloured(code: str, language: str) -> str:
    lexer = _lexer(language.lower()) if len(code) <= _CODE_CHARS_MAX else None
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
